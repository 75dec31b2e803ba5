//! One attempt to place instances, one after the other, each on the best agent that is left.

use super::census::{Census, Domains, Standing};
use super::ground::{self, Ground};
use super::score::{Preference, Score, fit, taken};
use super::spot::{Against, Need, Spot, judge};
use super::{Room, placement};
use crate::admission::HostPort;
use crate::instance::InstanceId;
use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use twofold_allocator::agent::Agent;
use twofold_allocator::id::AgentId;
use twofold_allocator::offer::Placement;
use twofold_allocator::resources::Resources;

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
    room: &'a Room<'a>,
}

fn keep_better<'a>(best: &mut Option<Best<'a>>, other: Option<Best<'a>>) {
    let Some(other) = other else { return };
    let key = |one: &Best<'a>| (one.score, one.room.agent.id.clone());
    if best.as_ref().is_none_or(|best| key(&other) < key(best)) {
        *best = Some(other);
    }
}

impl<'g, 'a> Attempt<'g, 'a> {
    pub(super) fn new(ground: &'g Ground<'a>, census: Census, preference: Preference) -> Self {
        let (taken, placements, instances) = Default::default();
        Self { ground, preference, census, taken, placements, instances }
    }

    /// Places one instance on the best agent that it fits on; false when there is none.
    pub(super) fn place(&mut self, need: Need<'_>) -> bool {
        let Some(Best { room, .. }) = self.best(need) else {
            return false;
        };
        let Some(taken) = taken(need.pod_type, &self.spot(room).free) else {
            return false;
        };
        let agent = room.agent;
        self.census.place(&need.pod_type.name, agent);
        let sum = self.taken.entry(agent.id.clone()).or_default();
        sum.resources.add(&taken);
        sum.ports.extend(&need.pod_type.admission.host_ports);
        self.placements.push(Placement {
            task: self.ground.inquiry.spec.task(need.instance),
            member: need.member,
            agent: agent.id.clone(),
            resources: taken,
            devices: Vec::new(),
        });
        self.instances.push(need.instance.clone());
        true
    }

    /// The best of the agents that were given something already, of which each is judged anew, and of the others,
    /// which stand in the order of their fit: among those, the first that is crowded the least is the best.
    fn best(&self, need: Need<'_>) -> Option<Best<'a>> {
        let domains = self.ground.domains.get(&need.pod_type.name)?;
        let standing = self.census.standing(&need.pod_type.name, domains);
        let mut best: Option<Best<'a>> = None;
        for room in self.taken.keys().filter_map(|agent| self.room(need.member, agent)) {
            keep_better(&mut best, self.rated_anew(need, room, &standing));
        }
        let least = self.crowding(|| placement::least_crowding(&need.pod_type.rule, &standing));
        let mut against = Against::default();
        for choice in self.ground.eligible.get(need.member)? {
            if self.taken.contains_key(&choice.room.agent.id) {
                continue;
            }
            let spot = self.spot(choice.room);
            against.0.clear();
            placement::check(need, &spot, &standing, &mut against);
            if against.0.is_empty() {
                let crowding = self.crowding(|| placement::crowding(&need.pod_type.rule, &spot, &standing));
                let score = Score { elsewhere: choice.fit.elsewhere, crowding, fit: choice.fit };
                keep_better(&mut best, Some(Best { score, room: choice.room }));
                if crowding <= least {
                    break;
                }
            }
        }
        best
    }

    /// A room where something is placed already, if one more instance fits there.
    fn rated_anew(&self, need: Need<'_>, room: &'a Room<'a>, standing: &Standing<'_>) -> Option<Best<'a>> {
        let spot = self.spot(room);
        let mut against = Against::default();
        judge(need, &spot, standing, &mut against);
        if !against.0.is_empty() {
            return None;
        }
        let crowding = self.crowding(|| placement::crowding(&need.pod_type.rule, &spot, standing));
        let fit = fit(need, &spot, self.ground.scale, ground::gradient(&self.ground.inquiry))?;
        Some(Best { score: Score { elsewhere: fit.elsewhere, crowding, fit }, room })
    }

    fn crowding(&self, counted: impl FnOnce() -> u64) -> u64 {
        match self.preference {
            Preference::Spread => counted(),
            Preference::Tight => 0,
        }
    }

    /// An agent's room as a member is shown it.
    fn room(&self, member: usize, agent: &AgentId) -> Option<&'a Room<'a>> {
        let rooms = self.ground.inquiry.rooms.get(member)?;
        let at = rooms.binary_search_by(|room| room.agent.id.cmp(agent)).ok()?;
        rooms.get(at)
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
