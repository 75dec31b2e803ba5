//! What was told and what was answered, folded into the last word on each object: the facts that everything else is
//! computed from. Nothing here is a sum.

use super::sums::Sums;
use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::agent::{Agent, AgentState};
use twofold_allocator::ask::{Ask, Demand, Member};
use twofold_allocator::change::Change;
use twofold_allocator::device::DeviceSet;
use twofold_allocator::framework::Framework;
use twofold_allocator::holding::{Holding, Owner};
use twofold_allocator::id::{AgentId, FrameworkId, OfferId, RolePath, TaskId, Word};
use twofold_allocator::offer::{Offer, Placement, Terms as OfferTerms};
use twofold_allocator::policy::Policy;
use twofold_allocator::resources::Resources;
use twofold_allocator::role::Role;
use twofold_allocator::tick::Timestamp;

/// Everything that is so.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) policy: Policy,
    /// The machines, counted by the devices that they show, and beside them their revocable room.
    pub(crate) agents: BTreeMap<AgentId, Agent>,
    /// How much revocable room machines have, known or not.
    pub(crate) revocable: BTreeMap<AgentId, Resources>,
    /// What they were told to have.
    pub(crate) capacities: BTreeMap<AgentId, Resources>,
    pub(crate) devices: BTreeMap<AgentId, DeviceSet>,
    pub(crate) roles: BTreeMap<RolePath, Role>,
    pub(crate) frameworks: BTreeMap<FrameworkId, Consumer>,
    /// The holdings, and whether each is a launch that was not seen yet.
    pub(crate) tasks: BTreeMap<TaskId, (Holding, bool)>,
    pub(crate) live: BTreeMap<OfferId, Live>,
    /// The offer that ends with its turn.
    pub(crate) current: Option<OfferId>,
    pub(crate) now: Timestamp,
    /// Whether anything changed since the last turn.
    pub(crate) changed: bool,
    /// The agents that are others than they were at the last turn, not only larger or smaller.
    pub(crate) others: BTreeSet<AgentId>,
    /// The turns that each role's own frameworks won, and those of it with all below it.
    pub(crate) won: BTreeMap<RolePath, (u64, u64)>,
}

/// A framework in one of its roles.
pub(crate) type Seat = (FrameworkId, RolePath);

/// A framework that is known.
#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    pub(crate) told: Framework,
    /// Whether it has no turns for now.
    pub(crate) paused: bool,
    /// What it wants in each role where it wants anything.
    pub(crate) wants: BTreeMap<RolePath, Vec<Want>>,
    pub(crate) avoid: BTreeMap<AgentId, Timestamp>,
}

/// An ask that is not done, or open demand with its least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Terms {
    Ask(Ask),
    Open(Resources),
}

#[derive(Clone, Debug)]
pub(crate) struct Want {
    pub(crate) terms: Terms,
    /// Whether it was offered anything.
    pub(crate) looked: bool,
    /// Whether its last turn ended without a valid answer, and nothing changed since.
    pub(crate) lost: bool,
    /// Whether it left the room that GPUs need when it refused.
    pub(crate) kept: bool,
    pub(crate) refused: BTreeMap<AgentId, Refusal>,
}

/// What an agent showed when it was refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) seen: Resources,
    pub(crate) until: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) offer: Offer,
    pub(crate) seat: Seat,
    /// Which of the wants there it is for.
    pub(crate) at: usize,
}

impl Want {
    pub(crate) fn new(terms: Terms) -> Self {
        Self { terms, looked: false, lost: false, kept: false, refused: BTreeMap::new() }
    }

    pub(crate) fn members(&self) -> &[Member] {
        match &self.terms {
            Terms::Ask(ask) => &ask.members,
            Terms::Open(_) => &[],
        }
    }

    pub(crate) fn is_revocable(&self) -> bool {
        matches!(&self.terms, Terms::Ask(ask) if ask.is_revocable())
    }

    pub(crate) fn is_gang(&self) -> bool {
        self.members().iter().any(|member| member.least > 0)
    }

    /// Whether a unit has more than one member.
    pub(crate) fn is_of_many(&self) -> bool {
        self.members().iter().map(|member| u64::from(member.least)).sum::<u64>() > 1
    }

    fn start_anew(&mut self) {
        self.refused.clear();
        self.looked = false;
    }
}

impl Consumer {
    fn wants_mut(&mut self) -> impl Iterator<Item = &mut Want> {
        self.wants.values_mut().flatten()
    }
}

impl Facts {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Takes a change in; says whether it is valid.
    pub(crate) fn tell(&mut self, change: &Change) -> bool {
        match change {
            Change::Agent(agent) => {
                if agent.id.is_revocable() {
                    return false;
                }
                self.agent(agent);
                self.follow(&agent.id);
            }
            Change::AgentGone(id) => {
                self.agent_gone(id);
                self.follow(id);
            }
            Change::Revocable { agent, resources } => {
                let before = self.revocable.insert(agent.clone(), resources.clone());
                self.changed |= before.unwrap_or_default() != *resources;
                self.follow(agent);
            }
            Change::Role(role) => {
                let above = |(kind, least): (_, &u64)| role.limit.get(kind).is_some_and(|most| most < least);
                if role.weight == 0 || role.guarantee.iter().any(above) {
                    return false;
                }
                self.role(&role.path, Some(role));
            }
            Change::RoleGone(path) => self.role(path, None),
            Change::Framework(framework) if framework.roles.is_empty() => return false,
            Change::Framework(framework) => self.framework(framework),
            Change::FrameworkGone(id) => self.framework_gone(id),
            Change::Demand { framework, role, demand } => return self.demand(framework, role, demand),
            Change::Pause { framework, paused } => return self.pause(framework, *paused),
            Change::Devices(id, set) => self.devices_shown(id, set.as_ref()),
            Change::Holding(holding) => self.holding(holding),
            Change::HoldingGone(task) => self.holding_gone(task),
            // The model is told of none: properties of their own hold what is reserved.
            Change::Reservation(_) | Change::ReservationGone(_) => {}
            Change::LocalRegion(region) => self.local_region(region.as_ref()),
            Change::Avoid { framework, agent, until } => {
                let is_there = self.agents.contains_key(agent);
                let Some(known) = self.frameworks.get_mut(framework) else { return false };
                if is_there && known.avoid.insert(agent.clone(), *until) != Some(*until) {
                    self.changed = true;
                }
            }
        }
        self.forget_unused();
        true
    }

    pub(crate) fn wants_mut(&mut self) -> impl Iterator<Item = &mut Want> {
        self.frameworks.values_mut().flat_map(Consumer::wants_mut)
    }

    /// The revocable room of a machine is there while it is more than nothing, and the machine is.
    fn follow(&mut self, id: &AgentId) {
        let room = self.revocable.get(id).filter(|room| !room.is_zero()).cloned();
        match self.agents.get(id).cloned().zip(room) {
            Some((machine, capacity)) => self.agent(&Agent { id: id.revocable(), capacity, ..machine }),
            None => self.agent_gone(&id.revocable()),
        }
    }

    fn agent(&mut self, agent: &Agent) {
        self.capacities.insert(agent.id.clone(), agent.capacity.clone());
        let agent = self.counted(agent.clone());
        let before = self.agents.insert(agent.id.clone(), agent.clone());
        if before.as_ref() == Some(&agent) {
            return;
        }
        self.changed = true;
        let same = before.is_some_and(|b| {
            let gpus = b.capacity.gpus.is_empty() == agent.capacity.gpus.is_empty();
            gpus && Agent { capacity: agent.capacity.clone(), ..b } == agent
        });
        if !same {
            self.others.insert(agent.id.clone());
        }
        self.rescind_unseen();
    }

    fn agent_gone(&mut self, id: &AgentId) {
        self.capacities.remove(id);
        if self.agents.remove(id).is_some() {
            self.changed = true;
            self.others.remove(id);
            self.rescind(|live| live.names(id));
            self.wants_mut().for_each(|want| drop(want.refused.remove(id)));
            for known in self.frameworks.values_mut() {
                known.avoid.remove(id);
            }
        }
    }

    fn role(&mut self, path: &RolePath, role: Option<&Role>) {
        let before = match role {
            Some(role) => self.roles.insert(path.clone(), role.clone()),
            None => self.roles.remove(path),
        };
        if before.as_ref() == role {
            return;
        }
        self.changed = true;
        let sees = |role: Option<&Role>| role.map(|role| role.agents.clone()).unwrap_or_default();
        if sees(before.as_ref()) != sees(role) {
            let all = self.frameworks.values_mut().flat_map(|known| &mut known.wants);
            let below = all.filter(|(role, _)| role.path().any(|above| above == *path));
            below.flat_map(|(_, wants)| wants).for_each(Want::start_anew);
            self.rescind_unseen();
        }
    }

    fn framework(&mut self, framework: &Framework) {
        let mut told = framework.clone();
        told.roles.sort();
        told.roles.dedup();
        let new =
            Consumer { told: told.clone(), paused: false, wants: BTreeMap::new(), avoid: BTreeMap::new() };
        let before = self.frameworks.get(&framework.id).map(|known| known.told.region_aware);
        let aware = before.is_some_and(|before| before != told.region_aware);
        match self.frameworks.get_mut(&framework.id) {
            None => drop(self.frameworks.insert(framework.id.clone(), new)),
            Some(known) if known.told == told => return,
            Some(known) => {
                known.wants.retain(|role, _| told.roles.contains(role));
                known.told = told.clone();
            }
        }
        self.changed = true;
        if aware {
            let known = self.frameworks.get_mut(&framework.id);
            known.into_iter().flat_map(Consumer::wants_mut).for_each(Want::start_anew);
            self.rescind_unseen();
        }
        self.rescind(|live| live.seat.0 == framework.id && !told.roles.contains(&live.seat.1));
    }

    fn local_region(&mut self, region: Option<&Word>) {
        if self.policy.local_region.as_ref() == region {
            return;
        }
        self.policy.local_region = region.cloned();
        self.changed = true;
        for known in self.frameworks.values_mut().filter(|known| !known.told.region_aware) {
            known.wants_mut().for_each(Want::start_anew);
        }
        self.rescind_unseen();
    }

    fn framework_gone(&mut self, id: &FrameworkId) {
        if self.frameworks.remove(id).is_some() {
            self.changed = true;
            self.rescind(|live| live.seat.0 == *id);
        }
    }

    fn pause(&mut self, id: &FrameworkId, paused: bool) -> bool {
        let Some(known) = self.frameworks.get_mut(id) else { return false };
        if std::mem::replace(&mut known.paused, paused) == paused {
            return true;
        }
        if paused {
            self.rescind(|live| live.seat.0 == *id);
        } else {
            known.wants_mut().for_each(Want::start_anew);
        }
        self.changed = true;
        true
    }

    fn demand(&mut self, id: &FrameworkId, role: &RolePath, demand: &Demand) -> bool {
        let terms: Vec<Terms> = match demand {
            Demand::None => Vec::new(),
            Demand::Asks(asks) => asks.iter().cloned().map(Terms::Ask).collect(),
            Demand::Open { least } => vec![Terms::Open(least.clone())],
        };
        let Some(known) = self.frameworks.get_mut(id).filter(|known| known.told.roles.contains(role)) else {
            return false;
        };
        let wants = known.wants.entry(role.clone()).or_default();
        if !terms.iter().eq(wants.iter().map(|want| &want.terms)) {
            let before = std::mem::take(wants);
            let kept = |terms: Terms| before.iter().find(|want| want.terms == terms).cloned();
            *wants = terms
                .into_iter()
                .map(|terms| kept(terms.clone()).unwrap_or_else(|| Want::new(terms)))
                .collect();
            self.changed = true;
            self.rescind(|live| live.seat == (id.clone(), role.clone()));
        }
        true
    }

    fn holding(&mut self, holding: &Holding) {
        let mut now = (holding.clone(), false);
        let before = self.tasks.get(&holding.task);
        if let Some((before, _)) = before.filter(|(before, _)| before.agent == holding.agent) {
            // What does not say which devices it has keeps those of its launch.
            if holding.devices.is_empty() {
                now.0.devices.clone_from(&before.devices);
            }
        }
        let before = self.tasks.insert(holding.task.clone(), now.clone());
        if before.as_ref() != Some(&now) {
            self.changed = true;
            before.iter().for_each(|(before, _)| self.devices_given_back(&before.agent));
        }
    }

    fn holding_gone(&mut self, task: &TaskId) {
        let Some((holding, _)) = self.tasks.remove(task) else { return };
        self.devices_given_back(&holding.agent);
        self.changed = true;
        let Owner::Framework { id, .. } = &holding.owner else { return };
        // Its own rules may have counted the task that is gone, in whatever role.
        for want in self.frameworks.get_mut(id).into_iter().flat_map(Consumer::wants_mut) {
            if want.refused.remove(&holding.agent).is_some() && want.is_of_many() {
                want.refused.clear();
            }
        }
    }

    /// Strikes out what nothing names any more.
    fn forget_unused(&mut self) {
        let paths = self.paths();
        self.won.retain(|path, _| paths.contains(path));
    }

    /// The roles that are declared or used, and those above them.
    pub(crate) fn paths(&self) -> BTreeSet<RolePath> {
        let charged = self.tasks.values().filter_map(|(holding, _)| match &holding.owner {
            Owner::Framework { role, .. } => Some(role),
            Owner::Foreign => None,
        });
        let used = self.frameworks.values().flat_map(|known| &known.told.roles);
        let all = charged.chain(used).chain(self.roles.keys()).flat_map(RolePath::path);
        all.chain([RolePath::root()]).collect()
    }

    /// Ends live offers from this side.
    pub(crate) fn rescind(&mut self, which: impl Fn(&Live) -> bool) {
        let ended: Vec<OfferId> =
            self.live.iter().filter(|(_, live)| which(live)).map(|(id, _)| *id).collect();
        for id in ended {
            self.live.remove(&id);
            self.changed = true;
            self.current = self.current.filter(|current| *current != id);
        }
    }

    /// Ends the live offers of agents that take no new work, or that the role may not see, any more.
    fn rescind_unseen(&mut self) {
        let hidden = |live: &Live, id: &AgentId| {
            let agent = &self.agents[id];
            agent.state != AgentState::Active || !self.suits(&live.seat, None, agent)
        };
        let unseen = |live: &&Live| live.parts().iter().any(|(id, _)| hidden(live, id));
        let ended: Vec<OfferId> = self.live.values().filter(unseen).map(|live| live.offer.id).collect();
        self.rescind(|live| ended.contains(&live.offer.id));
    }

    pub(crate) fn want_mut(&mut self, (id, role): &Seat, at: usize) -> Option<&mut Want> {
        self.frameworks.get_mut(id)?.wants.get_mut(role)?.get_mut(at)
    }

    /// A cycle begins: what ends by time ends.
    pub(crate) fn begin(&mut self, now: Timestamp) {
        self.now = now;
        self.rescind(|live| live.expires().is_some_and(|at| at <= now));
        for known in self.frameworks.values_mut() {
            let before = known.avoid.len();
            known.avoid.retain(|_, until| *until > now);
            let shown = known.avoid.len() < before;
            for want in known.wants.values_mut().flatten() {
                let before = want.refused.len();
                want.refused.retain(|_, refusal| refusal.until.is_none_or(|until| until > now));
                if shown || want.refused.len() < before {
                    self.changed = true;
                    if want.is_of_many() {
                        want.refused.clear();
                    }
                }
            }
        }
        self.forget_unused();
    }

    /// A turn ends: its offer, if it must be answered in it, is lost.
    pub(crate) fn end_turn(&mut self) {
        if let Some(live) = self.current.take().and_then(|id| self.live.remove(&id)) {
            if let Some(want) = self.want_mut(&live.seat, live.at) {
                want.lost = true;
            }
            self.forget_unused();
        }
    }

    /// An offer was made.
    pub(crate) fn offered(&mut self, offer: &Offer, at: usize) {
        let seat = (offer.framework.clone(), offer.role.clone());
        let live = Live { offer: offer.clone(), seat: seat.clone(), at };
        if live.expires().is_none() {
            self.current = Some(offer.id);
        }
        self.live.insert(offer.id, live);
        if let Some(want) = self.want_mut(&seat, at) {
            want.looked = true;
        }
        for path in offer.role.path() {
            let (own, all) = self.won.entry(path.clone()).or_default();
            *own += u64::from(path == offer.role);
            *all += 1;
        }
    }

    /// An offer was answered: it is live no more.
    pub(crate) fn answered(&mut self, id: OfferId) -> Option<Live> {
        let live = self.live.remove(&id)?;
        let stayed_out = self.current.take_if(|current| *current == id).is_none();
        self.changed |= stayed_out;
        Some(live)
    }

    /// An accept was booked.
    pub(crate) fn launched(&mut self, live: &Live, placements: &[Placement]) {
        for placement in placements {
            let holding = Holding {
                task: placement.task.clone(),
                agent: placement.agent.clone(),
                owner: Owner::Framework { id: live.seat.0.clone(), role: live.seat.1.clone() },
                resources: placement.resources.clone(),
                finishing: false,
                unit: None,
                reservation: None,
                devices: placement.devices.clone(),
            };
            self.tasks.insert(placement.task.clone(), (holding, true));
        }
        let Some(want) = self.want_mut(&live.seat, live.at) else { return };
        let gang = want.is_gang();
        if let Terms::Ask(ask) = &mut want.terms {
            for (at, member) in ask.members.iter_mut().enumerate() {
                let placed = placements.iter().filter(|placement| placement.member == at).count();
                let placed = u32::try_from(placed).unwrap();
                (member.count, member.least) = (if gang { 0 } else { member.count - placed }, 0);
            }
        }
    }

    /// A want refused these agents as they are now; of singles nothing is, where no agent has room for any.
    pub(crate) fn refused(&mut self, live: &Live, agents: &[AgentId], until: Option<Timestamp>) {
        let sums = Sums::of(self);
        let keeps = self.keeps_gpu_room(&live.seat, live.at);
        let seen: Vec<Resources> = agents.iter().map(|agent| self.view(&sums, agent, keeps)).collect();
        let roomy = |id: &AgentId| self.has_room(&sums, &live.seat, live.at, id);
        let single = |want: &Want| matches!(want.terms, Terms::Ask(_)) && !want.is_of_many();
        let vain = single(self.want(&live.seat, live.at)) && !self.agents.keys().any(roomy);
        let Some(want) = self.want_mut(&live.seat, live.at) else { return };
        if std::mem::replace(&mut want.kept, keeps) != keeps {
            want.refused.clear();
        }
        for (agent, seen) in agents.iter().zip(seen).filter(|_| !vain) {
            want.refused.insert(agent.clone(), Refusal { seen, until });
        }
    }

    /// A new process: what is soft is lost, what the cluster shows is not.
    pub(crate) fn crash(&mut self) {
        self.live.clear();
        self.others.clear();
        self.current = None;
        self.changed = true;
        self.won.clear();
        self.now = Timestamp::default();
        for known in self.frameworks.values_mut() {
            known.avoid.clear();
            for wants in known.wants.values_mut() {
                wants.retain(|want| want.members().iter().any(|m| m.count > 0) || want.members().is_empty());
                *wants = wants.drain(..).map(|want| Want::new(want.terms)).collect();
            }
        }
        self.tasks.values_mut().for_each(|(_, launch)| *launch = false);
        self.forget_unused();
    }
}

impl Live {
    /// The parts of an offer to open demand.
    pub(crate) fn parts(&self) -> &[(AgentId, Resources)] {
        match &self.offer.terms {
            OfferTerms::Parts { parts, .. } => parts,
            OfferTerms::Units { .. } => &[],
        }
    }

    fn expires(&self) -> Option<Timestamp> {
        match &self.offer.terms {
            OfferTerms::Parts { expires, .. } => *expires,
            OfferTerms::Units { .. } => None,
        }
    }

    pub(crate) fn names(&self, agent: &AgentId) -> bool {
        self.parts().iter().any(|(named, _)| named == agent)
    }
}
