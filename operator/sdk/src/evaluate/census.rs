//! How many instances of each pod type stand in each domain, and what the least of them is.

use super::spot::Spot;
use crate::instance::InstanceId;
use crate::observed::{InstanceView, ServiceView, TaskState, View};
use crate::rule::Domain;
use alloc::collections::{BTreeMap, BTreeSet};
use twofold_allocator::agent::Agent;
use twofold_allocator::id::{AgentId, Word};

/// Counts of instances that have a place, those of this evaluation included.
#[derive(Clone, Debug, Default)]
pub(super) struct Census {
    by_type: BTreeMap<Word, Counts>,
}

#[derive(Clone, Debug, Default)]
struct Counts {
    agents: BTreeMap<AgentId, u32>,
    zones: BTreeMap<Word, u32>,
}

/// The domains that instances of a pod type could be spread over.
#[derive(Clone, Debug, Default)]
pub(super) struct Domains {
    pub(super) agents: BTreeSet<AgentId>,
    pub(super) zones: BTreeSet<Word>,
}

/// The counts of one pod type, ready for questions about many agents.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing<'a> {
    census: &'a Census,
    pod_type: &'a Word,
    least_agent: u32,
    least_zone: u32,
}

impl Census {
    /// Counts the instances that are not themselves to be placed. One that was lost still counts in the zone that
    /// its record binds it to, since it will come back there.
    pub(super) fn of(view: &ServiceView, is_to_be_placed: impl Fn(&InstanceId) -> bool) -> Self {
        let mut census = Self::default();
        for (id, seen) in view.instances.iter().filter(|(id, _)| !is_to_be_placed(id)) {
            let counts = census.by_type.entry(id.pod_type.clone()).or_default();
            let place = seen.place.as_ref().filter(|_| stands(seen));
            if let Some(place) = place {
                add(&mut counts.agents, &place.agent);
            }
            let zone = place.and_then(|place| place.domain.as_ref()).map(|domain| &domain.zone);
            if let Some(zone) = zone.or(seen.bound_zone.as_ref()) {
                add(&mut counts.zones, zone);
            }
        }
        census
    }

    /// Counts one more.
    pub(super) fn place(&mut self, pod_type: &Word, agent: &Agent) {
        let counts = self.by_type.entry(pod_type.clone()).or_default();
        add(&mut counts.agents, &agent.id);
        if let Some(domain) = &agent.domain {
            add(&mut counts.zones, &domain.zone);
        }
    }

    /// The counts of one pod type. The least is taken over the domains given and those in use; none are given where
    /// nothing is spread over them.
    pub(super) fn standing<'a>(&'a self, pod_type: &'a Word, domains: &Domains) -> Standing<'a> {
        let empty = Counts::default();
        let counts = self.by_type.get(pod_type).unwrap_or(&empty);
        let least_agent = least(&counts.agents, &domains.agents);
        let least_zone = least(&counts.zones, &domains.zones);
        Standing { census: self, pod_type, least_agent, least_zone }
    }
}

impl Standing<'_> {
    /// How many of a pod type stand in the agent's domain; none when the agent has no such domain.
    pub(super) fn count(&self, pod_type: &Word, domain: Domain, spot: &Spot<'_>) -> Option<u32> {
        let counts = self.census.by_type.get(pod_type);
        match domain {
            Domain::Agent => {
                Some(counts.and_then(|counts| counts.agents.get(&spot.agent.id)).copied().unwrap_or_default())
            }
            Domain::Zone => {
                let zone = spot.zone()?;
                Some(counts.and_then(|counts| counts.zones.get(zone)).copied().unwrap_or_default())
            }
        }
    }

    /// How many of this pod type stand in the agent's domain.
    pub(super) fn own_count(&self, domain: Domain, spot: &Spot<'_>) -> Option<u32> {
        self.count(self.pod_type, domain, spot)
    }

    /// The least count of this pod type over the named domains, or over all there are when none is named.
    pub(super) fn least(&self, domain: Domain, among: &BTreeSet<Word>) -> u32 {
        let counts = self.census.by_type.get(self.pod_type);
        match domain {
            Domain::Agent if among.is_empty() => self.least_agent,
            Domain::Zone if among.is_empty() => self.least_zone,
            Domain::Agent => {
                let count = |name: &Word| {
                    counts.and_then(|counts| counts.agents.get(&AgentId::from(name.as_str()))).copied()
                };
                among.iter().map(|name| count(name).unwrap_or_default()).min().unwrap_or_default()
            }
            Domain::Zone => {
                let count = |name: &Word| counts.and_then(|counts| counts.zones.get(name)).copied();
                among.iter().map(|name| count(name).unwrap_or_default()).min().unwrap_or_default()
            }
        }
    }

    /// Whether any instance of a pod type has a place in domains of this sort.
    pub(super) fn is_placed(&self, pod_type: &Word, domain: Domain) -> bool {
        self.census.by_type.get(pod_type).is_some_and(|counts| match domain {
            Domain::Agent => !counts.agents.is_empty(),
            Domain::Zone => !counts.zones.is_empty(),
        })
    }
}

/// Whether an instance takes up its place. One that cannot be seen does.
fn stands(seen: &InstanceView) -> bool {
    !matches!(seen.task, View::Known(TaskState::Absent | TaskState::Lost, _))
}

fn add<K: Ord + Clone>(counts: &mut BTreeMap<K, u32>, key: &K) {
    let count = counts.entry(key.clone()).or_default();
    *count = count.saturating_add(1);
}

fn least<K: Ord>(counts: &BTreeMap<K, u32>, domains: &BTreeSet<K>) -> u32 {
    let known = domains.iter().map(|name| counts.get(name).copied().unwrap_or_default());
    known.chain(counts.values().copied()).min().unwrap_or_default()
}
