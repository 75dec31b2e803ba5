//! Racks: which parts of the ring fail together. A rack is recorded at the first launch and never changes for an
//! instance that has started.

use super::names;
use std::collections::{BTreeMap, BTreeSet};
use twofold_crds::cassandra_service::RackFrom;
use twofold_crds::service_ledger::{InstanceState, LedgerRack};
use twofold_crds::{CassandraService, ServiceLedgerSpec};
use twofold_sdk::instance::InstanceId;

/// The rack of a ring that has only one.
pub const ONLY_RACK: &str = "rack1";

/// The racks that are settled: those on record, then those of the spec that are new.
#[must_use]
pub fn settled(resource: &CassandraService, ledger: Option<&ServiceLedgerSpec>) -> Vec<LedgerRack> {
    let mut racks = ledger.map(|ledger| ledger.racks.clone()).unwrap_or_default();
    for declared in &resource.spec.racks {
        if racks.iter().all(|rack| rack.name != declared.name) {
            racks.push(LedgerRack { name: declared.name.clone(), zone: declared.zone.clone() });
        }
    }
    racks
}

/// The zones of racks; empty where racks do not follow zones.
#[must_use]
pub fn zones(racks: &[LedgerRack]) -> BTreeSet<String> {
    racks.iter().filter_map(|rack| rack.zone.clone()).collect()
}

/// The rack of an instance that is launched on an agent: its recorded one once it has started, else the rack of the
/// agent's zone. None when the agent is in no rack of this ring: then nothing is launched there.
#[must_use]
pub fn of_launch(
    resource: &CassandraService,
    ledger: Option<&ServiceLedgerSpec>,
    instance: &InstanceId,
    agent_zone: Option<&String>,
) -> Option<LedgerRack> {
    let settled = settled(resource, ledger);
    if let Some(recorded) = ledger.and_then(|ledger| recorded(ledger, instance)) {
        return Some(recorded);
    }
    let only = LedgerRack { name: ONLY_RACK.to_owned(), zone: None };
    if !zones(&settled).is_empty() {
        return settled.into_iter().find(|rack| rack.zone.as_ref() == agent_zone);
    }
    match (resource.spec.fault_domains.rack_from, agent_zone) {
        (RackFrom::None, _) | (RackFrom::Zone, None) => Some(only),
        // Racks without zones are on record, so no agent had a zone when the ring began.
        (RackFrom::Zone, Some(_)) if !settled.is_empty() => Some(only),
        (RackFrom::Zone, Some(zone)) => Some(LedgerRack { name: zone.clone(), zone: Some(zone.clone()) }),
        (RackFrom::Explicit, _) => {
            let count = settled.len().max(1);
            settled.into_iter().nth(usize::try_from(instance.index).unwrap_or_default() % count)
        }
    }
}

/// The rack on record of an instance that has started.
#[must_use]
pub fn recorded(ledger: &ServiceLedgerSpec, instance: &InstanceId) -> Option<LedgerRack> {
    let name = instance.to_string();
    let entry = ledger.instances.iter().find(|entry| entry.name == name)?;
    if entry.state == InstanceState::Empty {
        return None;
    }
    let rack = entry.rack.as_ref()?;
    ledger.racks.iter().find(|known| known.name == *rack).cloned()
}

/// Whether no agent says in which zone it is, so that nothing is known of what fails together.
#[must_use]
pub fn are_unknown(resource: &CassandraService, ledger: Option<&ServiceLedgerSpec>) -> bool {
    let racks = settled(resource, ledger);
    resource.spec.fault_domains.rack_from == RackFrom::Zone && !racks.is_empty() && zones(&racks).is_empty()
}

/// The seeds: instance 0, which forms the ring, then the first of each other rack, then the next by index, up to the
/// wanted count. They come from the record alone, so a ring whose pods are all gone still has them.
#[must_use]
pub fn seeds(resource: &CassandraService, ledger: &ServiceLedgerSpec) -> Vec<InstanceId> {
    let mut instances: Vec<(InstanceId, Option<&String>)> = ledger
        .instances
        .iter()
        .filter_map(|entry| Some((names::instance(&entry.name)?, entry.rack.as_ref())))
        .collect();
    instances.sort();
    let mut firsts = BTreeMap::new();
    for (instance, rack) in &instances {
        firsts.entry(*rack).or_insert_with(|| instance.clone());
    }
    let is_first = |instance: &InstanceId| firsts.values().any(|first| first == instance);
    let (first, rest): (Vec<_>, Vec<_>) =
        instances.iter().map(|(instance, _)| instance.clone()).partition(is_first);
    let count = usize::try_from(resource.spec.seeds.count).unwrap_or(1).max(1);
    let mut seeds: Vec<_> = first.into_iter().chain(rest).take(count).collect();
    seeds.sort();
    seeds
}
