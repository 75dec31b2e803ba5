//! One attempt to place instances, one after the other, each on the best agent that is left.

use super::census::{Census, Domains};
use super::score::{Preference, Scale, Score, score};
use super::spot::{Against, Need, Spot, judge};
use super::{Inquiry, Room};
use crate::admission::HostPort;
use crate::instance::InstanceId;
use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use twofold_allocator::agent::Agent;
use twofold_allocator::id::{AgentId, Word};
use twofold_allocator::offer::Placement;
use twofold_allocator::resources::Resources;

/// What does not change from one attempt to the next.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) inquiry: Inquiry<'a>,
    /// The domains of each pod type that is to be placed.
    pub(super) domains: BTreeMap<Word, Domains>,
    /// For each member, the rooms that hold one instance while nothing is placed yet.
    pub(super) eligible: Vec<Vec<&'a Room<'a>>>,
    /// What amounts are measured by.
    pub(super) scale: Scale,
}

/// What is placed so far.
#[derive(Clone, Debug)]
pub(super) struct Attempt<'g, 'a> {
    ground: &'g Ground<'a>,
    preference: Preference,
    census: Census,
    taken: BTreeMap<AgentId, Taken>,
    pub(super) placements: Vec<Placement>,
    pub(super) instances: Vec<InstanceId>,
}

#[derive(Clone, Debug, Default)]
struct Taken {
    resources: Resources,
    ports: BTreeSet<HostPort>,
}

struct Best<'a> {
    score: Score,
    agent: &'a Agent,
    taken: Resources,
}

impl<'g, 'a> Attempt<'g, 'a> {
    pub(super) fn new(ground: &'g Ground<'a>, census: Census, preference: Preference) -> Self {
        let (taken, placements, instances) = Default::default();
        Self { ground, preference, census, taken, placements, instances }
    }

    /// Places one instance on the best agent that it fits on; false when there is none.
    pub(super) fn place(&mut self, need: Need<'_>) -> bool {
        let Some(Best { agent, taken, .. }) = self.best(need) else {
            return false;
        };
        self.census.place(&need.pod_type.name, agent);
        let sum = self.taken.entry(agent.id.clone()).or_default();
        sum.resources.add(&taken);
        sum.ports.extend(&need.pod_type.admission.host_ports);
        self.placements.push(Placement {
            task: self.ground.inquiry.spec.task(need.instance),
            member: need.member,
            agent: agent.id.clone(),
            resources: taken,
        });
        self.instances.push(need.instance.clone());
        true
    }

    fn best(&self, need: Need<'_>) -> Option<Best<'a>> {
        let domains = self.ground.domains.get(&need.pod_type.name)?;
        let standing = self.census.standing(&need.pod_type.name, domains);
        let mut against = Against::default();
        let mut best: Option<Best<'a>> = None;
        for room in self.ground.eligible.get(need.member)? {
            let spot = self.spot(room);
            judge(need, &spot, &standing, &mut against);
            if !against.0.is_empty() {
                continue;
            }
            let scored = score(need, &spot, &standing, self.ground.scale, self.preference);
            if let Some((score, taken)) = scored
                && best.as_ref().is_none_or(|best| score < best.score)
            {
                best = Some(Best { score, agent: room.agent, taken });
            }
        }
        best
    }

    /// What speaks against each agent that the instance is shown, after what is placed so far.
    pub(super) fn reasons(&self, need: Need<'_>) -> Vec<(&'a Agent, Against)> {
        let no_domains = Domains::default();
        let domains = self.ground.domains.get(&need.pod_type.name).unwrap_or(&no_domains);
        let standing = self.census.standing(&need.pod_type.name, domains);
        let rooms = self.ground.inquiry.rooms.get(need.member).map(Vec::as_slice).unwrap_or_default();
        let reasons = rooms.iter().map(|room| {
            let mut against = Against::default();
            judge(need, &self.spot(room), &standing, &mut against);
            (room.agent, against)
        });
        reasons.collect()
    }

    /// A room less what is placed there already.
    fn spot<'s>(&'s self, room: &'s Room<'a>) -> Spot<'s> {
        let taken = self.taken.get(&room.agent.id);
        let free = match taken {
            Some(taken) => {
                let mut left = room.free.clone().into_owned();
                // A member that is shown less than another has been given there finds nothing left.
                let fits = left.take(&taken.resources).is_ok();
                Cow::Owned(if fits { left } else { Resources::default() })
            }
            None => Cow::Borrowed(&*room.free),
        };
        Spot {
            agent: room.agent,
            facts: self.ground.inquiry.facts.get(&room.agent.id),
            free,
            ports: taken.map(|taken| &taken.ports),
        }
    }
}
