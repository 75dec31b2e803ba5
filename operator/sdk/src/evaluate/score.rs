//! Which of the agents that fit is taken: an ordered struct of integers, the smallest first.

use super::packed::{Packed, packed};
use super::spot::{Need, Spot};
use super::{admits, gpu};
use crate::spec::PodType;
use twofold_allocator::counts::Counts;
use twofold_allocator::resources::Resources;
use twofold_allocator::score::Workload;

/// Parts of a million.
pub(super) const MILLION: u64 = 1_000_000;

/// What is looked at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preference {
    /// An even spread, then a tight fit.
    Spread,
    /// A tight fit alone, for when an even spread leaves no room.
    Tight,
}

/// How good a spot is. The agent's name ends ties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Score {
    /// Whether room is kept for the instance elsewhere: it comes back to that even where an even spread would not have it.
    pub(super) elsewhere: bool,
    /// How many stand there already that a spread would keep apart.
    pub(super) crowding: u64,
    /// How well the instance fits there.
    pub(super) fit: Fit,
}

/// How well an instance fits on an agent, whatever stands elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fit {
    pub(super) elsewhere: bool,
    avoided_taints: usize,
    packed: Packed,
    dominant_left: u64,
}

/// The largest amounts that any agent shown has free, which amounts are measured by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scale {
    cpu_milli: u64,
    memory_bytes: u64,
}

impl Scale {
    /// Takes another agent in.
    pub(super) fn widen(&mut self, free: &Resources) {
        self.cpu_milli = self.cpu_milli.max(free.cpu_milli);
        self.memory_bytes = self.memory_bytes.max(free.memory_bytes);
    }

    /// The larger of the two parts of the scale that these amounts are, in millionths.
    pub(super) fn dominant(&self, amounts: &Resources) -> u64 {
        self.cpu(amounts).max(self.memory(amounts))
    }

    /// What is left of the resource that the taken amounts are dominated by, in millionths of the scale. What else is
    /// left says nothing of how tight the fit is.
    fn dominant_left(&self, taken: &Resources, left: &Resources) -> u64 {
        if self.cpu(taken) >= self.memory(taken) { self.cpu(left) } else { self.memory(left) }
    }

    fn cpu(&self, amounts: &Resources) -> u64 {
        part(amounts.cpu_milli, self.cpu_milli)
    }

    fn memory(&self, amounts: &Resources) -> u64 {
        part(amounts.memory_bytes, self.memory_bytes)
    }
}

/// How well an instance fits on a spot that has the room for it.
pub(super) fn fit(need: Need<'_>, spot: &Spot<'_>, scale: Scale, gradient: Option<&Workload>) -> Option<Fit> {
    let taken = taken(need.pod_type, &spot.free)?;
    let mut left = spot.free.clone().into_owned();
    left.take(&taken).ok()?;
    let kept = need.seen.and_then(|seen| seen.kept.as_ref());
    Some(Fit {
        elsewhere: kept.is_some_and(|agent| *agent != spot.agent.id),
        avoided_taints: admits::avoided_taints(&need.pod_type.admission.tolerations, spot.facts),
        packed: packed(need.pod_type, &spot.free, &taken, gradient)?,
        dominant_left: scale.dominant_left(&taken, &left),
    })
}

/// What one instance takes of what is free, the model of its GPUs settled.
pub(super) fn taken(pod_type: &PodType, free: &Resources) -> Option<Resources> {
    let mut taken = pod_type.shape.base.clone();
    if let Some(request) = &pod_type.shape.gpu {
        taken.gpus = Counts::of(gpu::choose(request, &free.gpus)?.clone(), request.count);
    }
    Some(taken)
}

fn part(amount: u64, whole: u64) -> u64 {
    let part = u128::from(amount) * u128::from(MILLION) / u128::from(whole.max(1));
    u64::try_from(part).unwrap_or(u64::MAX)
}
