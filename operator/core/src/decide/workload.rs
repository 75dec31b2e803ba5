//! What the jobs that usually come take, for those that are packed by the fragmentation gradient: made when one of them
//! has a turn, and anew only where other shapes are declared than before.

use super::State;
use super::entry::Entry;
use crate::object::Key;
use std::collections::BTreeMap;
use twofold_allocator::score::{Typical, Workload};
use twofold_sdk::spec::Packing;
use twofold_sdk::workload::typical;

/// The workload and what it was made of.
#[derive(Clone, Debug)]
pub(super) struct Usual {
    typical: Vec<Typical>,
    workload: Workload,
}

impl Usual {
    pub(super) fn workload(&self) -> &Workload {
        &self.workload
    }
}

/// Sees to it that the workload is that of what is declared now.
pub(super) fn refresh(state: &mut State) {
    let now = of(&state.services);
    if state.usual.as_ref().is_none_or(|known| known.typical != now) {
        state.usual = Some(Usual { workload: Workload::new(&now), typical: now });
    }
}

fn of(services: &BTreeMap<Key, Entry>) -> Vec<Typical> {
    typical(services.values().filter_map(|entry| entry.translated.as_ref().ok()))
}

/// Whether a service is packed by it.
pub(super) fn looks_at_it(entry: &Entry) -> bool {
    match entry.translated.as_ref().map(|spec| spec.packing) {
        Ok(Packing::FragmentationGradient) => true,
        Ok(Packing::BestFit) | Err(_) => false,
    }
}
