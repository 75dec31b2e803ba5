//! The allocator beside the facts: each transition is told to both, and what the allocator says and is must follow from
//! the facts.

use super::decisions::Decisions;
use super::facts::{Facts, Live, Terms};
use super::laws::{self, Broken, Excesses, Law};
use super::sums::Sums;
use super::transition::{Transition, Wrong};
use super::turn::{Extent, Next};
use super::world::World;
use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::agent::{Agent, AgentState};
use twofold_allocator::allocator::Allocator;
use twofold_allocator::ask::{Demand, Shape};
use twofold_allocator::change::Change;
use twofold_allocator::id::{AgentId, OfferId, TaskId};
use twofold_allocator::offer::{Answer, Offer, Placement, Terms as OfferTerms};
use twofold_allocator::ports::Ports;
use twofold_allocator::resources::{Kind, Resources};
use twofold_allocator::settle::SettleError;
use twofold_allocator::tick::Timestamp;

pub(crate) struct Pair {
    pub(crate) world: World,
    pub(crate) facts: Facts,
    /// The sum over all decisions, for comparison with another run.
    pub(crate) decisions: Decisions,
    last: Option<Change>,
    /// Offers that were live once.
    past: Vec<OfferId>,
    /// What is made of each allocator before it is used, such as a bug to plant.
    prepare: Box<dyn Fn(&mut Allocator)>,
}

impl Pair {
    pub(crate) fn new(
        beginning: &[String],
        prepare: impl Fn(&mut Allocator) + 'static,
    ) -> (Self, Vec<Broken>) {
        let mut world = World::new();
        let (policy, told) = beginning.split_first().unwrap();
        world.run(policy);
        prepare(&mut world.allocator);
        let facts = Facts::new(world.allocator.policy().clone());
        let decisions = Decisions::default();
        let prepare = Box::new(prepare);
        let mut pair = Self { world, facts, decisions, last: None, past: Vec::new(), prepare };
        let mut broken = Vec::new();
        for command in told {
            broken.extend(pair.tell(command));
        }
        (pair, broken)
    }

    /// Lets one thing happen; the laws that it broke.
    pub(crate) fn step(&mut self, transition: &Transition) -> Vec<Broken> {
        let mut broken = self.happen(transition);
        broken.extend(self.world.allocator.check_touched().iter().map(|v| (laws::law_of(v), v.to_string())));
        broken.extend(laws::of_state(&self.world.allocator, &self.facts, &Sums::of(&self.facts)));
        broken
    }

    fn happen(&mut self, transition: &Transition) -> Vec<Broken> {
        match transition {
            Transition::Tell(command) => self.tell(command),
            Transition::State { pick, state } => self.change_agent(*pick, |agent| agent.state = *state),
            Transition::Resize { pick, cores } => {
                self.change_agent(*pick, |agent| agent.capacity.cpu_milli = u64::from(*cores) * 1000)
            }
            Transition::Running { pick, larger } => self.running(*pick, *larger),
            Transition::Ended { pick } => match self.task(*pick) {
                Some(task) => self.change(Change::HoldingGone(task)),
                None => Vec::new(),
            },
            Transition::Begin { millis } => {
                let now = self.world.tick.now.0.saturating_add_signed(*millis);
                self.begin(Timestamp(now));
                Vec::new()
            }
            Transition::Turn => self.turn().1,
            Transition::Cycle { take } => self.cycle(*take),
            Transition::Accept { pick, take, wrong } => match self.live(*pick) {
                Some(live) => self.accept(&live, *take, *wrong),
                None => Vec::new(),
            },
            Transition::Decline { pick, millis } => match self.live(*pick) {
                Some(live) => {
                    let until = millis.map(|millis| self.world.tick.now.plus_millis(millis));
                    self.decline(&live, until)
                }
                None => Vec::new(),
            },
            Transition::Stale { pick } => self.stale(*pick),
            Transition::Again => self.last.clone().map_or_else(Vec::new, |change| self.change(change)),
            Transition::Reorder(one, other) => self.reorder(one, other),
            Transition::Crash { order } => self.crash(*order),
        }
    }

    fn tell(&mut self, command: &str) -> Vec<Broken> {
        let change = self.world.change_of(command).unwrap();
        self.change(change)
    }

    /// Tells a change, twice: the second time it changes nothing.
    fn change(&mut self, change: Change) -> Vec<Broken> {
        let valid = self.facts.tell(&change);
        let taken = self.world.allocator.apply(change.clone()).is_ok();
        let changed = self.world.allocator.stats().changes;
        let again = self.world.allocator.apply(change.clone()).is_ok();
        let twice = again != taken || self.world.allocator.stats().changes != changed;
        let broken = twice.then(|| (Law::Duplicates, format!("told twice: {change:?}")));
        let total =
            (taken != valid).then(|| (Law::Total, format!("taken: {taken}, valid: {valid}: {change:?}")));
        self.last = Some(change);
        self.world.allocator.take_rescinded();
        broken.into_iter().chain(total).collect()
    }

    fn change_agent(&mut self, pick: u8, how: impl FnOnce(&mut Agent)) -> Vec<Broken> {
        let Some(mut agent) = nth(self.facts.agents.values(), pick).cloned() else { return Vec::new() };
        agent.capacity.clone_from(&self.facts.capacities[&agent.id]);
        how(&mut agent);
        self.change(Change::Agent(agent))
    }

    fn running(&mut self, pick: u8, larger: bool) -> Vec<Broken> {
        let launches = self.facts.tasks.values().filter(|(_, launch)| *launch);
        let Some((mut holding, _)) = nth(launches, pick).cloned() else { return Vec::new() };
        holding.resources.cpu_milli += if larger { 1000 } else { 0 };
        self.change(Change::Holding(holding))
    }

    fn task(&self, pick: u8) -> Option<TaskId> {
        nth(self.facts.tasks.keys(), pick).cloned()
    }

    fn live(&self, pick: u8) -> Option<Live> {
        nth(self.facts.live.values(), pick).cloned()
    }

    fn begin(&mut self, now: Timestamp) {
        self.world.tick.now = now;
        self.world.tick.cycle += 1;
        self.world.allocator.begin(self.world.tick);
        self.facts.begin(now);
        self.world.allocator.take_rescinded();
    }

    /// One turn: the offer, if there is one, is the one that the facts say.
    fn turn(&mut self) -> (Option<Live>, Vec<Broken>) {
        self.facts.end_turn();
        self.facts.look_around();
        let before = Excesses::of(&self.facts, &Sums::of(&self.facts));
        let offer = self.world.allocator.next_offer();
        let next = self.facts.next(offer.as_ref());
        offer.iter().for_each(|offer| self.decisions.offer(offer));
        let Some(offer) = offer else {
            return (
                None,
                next.map(|next| (Law::Starvation, format!("no offer, where {next:?}"))).into_iter().collect(),
            );
        };
        let seat = (offer.framework.clone(), offer.role.clone());
        let wants = self.facts.frameworks.get(&seat.0).and_then(|known| known.wants.get(&seat.1));
        let Some(at) = (0..wants.map_or(0, Vec::len)).find(|at| self.facts.is_to(&offer, &seat, *at)) else {
            return (None, vec![(Law::Bounded, format!("nobody wants {offer:?}"))]);
        };
        let mut broken = self.keeps_bounds(&offer, at, &before);
        match next {
            Some(next) => broken.extend(self.is_as_defined(&offer, &next)),
            None => broken.push((Law::Fairness, format!("nobody may have a turn, but {offer:?}"))),
        }
        if self.past.contains(&offer.id) {
            broken.push((Law::AnswerOnce, format!("offer {} was made before", offer.id.0)));
        }
        self.past.push(offer.id);
        self.facts.offered(&offer, at);
        (self.facts.live.get(&offer.id).cloned(), broken)
    }

    fn is_as_defined(&self, offer: &Offer, next: &Next) -> Vec<Broken> {
        let extent = match &offer.terms {
            OfferTerms::Units { units, .. } => Extent::Units(*units),
            OfferTerms::Parts { parts, .. } => Extent::Parts(parts.clone()),
        };
        let law = if next.guaranteed { Law::Guarantee } else { Law::Fairness };
        if !self.facts.is_to(offer, &next.seat, next.at) {
            return vec![(law, format!("{offer:?}, where {next:?}"))];
        }
        let within = match (&next.least, &extent, &next.most) {
            (Extent::Units(least), Extent::Units(units), Extent::Units(most)) => {
                (least..=most).contains(&units)
            }
            (Extent::Parts(least), Extent::Parts(parts), Extent::Parts(most)) => {
                parts.starts_with(least) && most.starts_with(parts)
            }
            _ => false,
        };
        if within {
            Vec::new()
        } else {
            vec![(law, format!("{offer:?} goes too far or not far enough: {next:?}"))]
        }
    }

    /// The allowance, were all of it taken, makes no excess larger.
    fn keeps_bounds(&self, offer: &Offer, at: usize, before: &Excesses) -> Vec<Broken> {
        let mut facts = self.facts.clone();
        facts.offered(offer, at);
        let sums = Sums::of(&facts);
        let OfferTerms::Units { units, .. } = &offer.terms else {
            return before.worse(&Excesses::of(&facts, &sums));
        };
        let seat = (offer.framework.clone(), offer.role.clone());
        let unit = super::sight::Unit::of(self.facts.want(&seat, at)).unwrap();
        let mut kinds = super::sums::bound_kinds(&facts, &offer.role);
        kinds.retain(|_| !self.facts.want(&seat, at).is_revocable());
        let amount = |kind: &Kind| unit.amount(kind) * u64::from(*units);
        let over = kinds.iter().filter(|kind| sums.holds_back(&facts, &offer.role, kind, amount(kind)));
        over.map(|kind| {
            let law = if sums.widens(&facts, &offer.role, kind, amount(kind)) {
                Law::Guarantee
            } else {
                Law::Limit
            };
            (law, format!("{offer:?} allows too much {kind}"))
        })
        .collect()
    }

    fn cycle(&mut self, take: u32) -> Vec<Broken> {
        self.begin(self.world.tick.now);
        let mut all = Vec::new();
        for _ in 0..200 {
            let (live, broken) = self.turn();
            all.extend(broken);
            let Some(live) = live.filter(|_| all.is_empty()) else { return all };
            all.extend(self.accept(&live, take, Wrong::Nothing));
        }
        all.push((Law::Starvation, "a cycle that does not end".into()));
        all
    }

    fn decline(&mut self, live: &Live, until: Option<Timestamp>) -> Vec<Broken> {
        let id = live.offer.id;
        self.facts.answered(id);
        let agents: Vec<AgentId> = match &live.offer.terms {
            OfferTerms::Units { .. } => self.facts.shown(&live.seat, live.at),
            OfferTerms::Parts { parts, .. } => parts.iter().map(|(agent, _)| agent.clone()).collect(),
        };
        self.facts.refused(live, &agents, until);
        let said = self.world.allocator.settle(id, Answer::Decline { until });
        self.decisions.said(&said);
        if said.is_ok() {
            Vec::new()
        } else {
            vec![(Law::AnswerOnce, format!("a decline of {id:?} was refused: {said:?}"))]
        }
    }

    fn accept(&mut self, live: &Live, take: u32, wrong: Wrong) -> Vec<Broken> {
        let Answer::Accept(mut placements) = self.world.first_fit(&live.offer, take) else {
            return self.decline(live, None);
        };
        self.spoil(&mut placements, wrong);
        let charged = self.charged();
        self.facts.answered(live.offer.id);
        // What was out and is taken back is no gift: it is compared with what is so without it.
        let before = Excesses::of(&self.facts, &Sums::of(&self.facts));
        let fits = self.fits(live, &placements);
        let said = self.world.allocator.settle(live.offer.id, Answer::Accept(placements.clone()));
        self.decisions.said(&said);
        let lacks = matches!(said, Err(SettleError::Devices { .. }))
            && self.facts.may_lack_devices(&self.shapes(live), &placements);
        let mut broken = Vec::new();
        if said.is_ok() {
            broken.extend(self.misplaced(live, &placements));
            let shapes = self.shapes(live);
            let wrong = self.facts.misgranted(&shapes, said.as_deref().unwrap_or_default());
            broken.extend(wrong.into_iter().map(|wrong| (Law::Devices, wrong)));
            let launched: Vec<Placement> =
                said.iter().flatten().map(|launch| launch.placement().clone()).collect();
            self.facts.launched(live, &launched);
        } else if let Some(want) = self.facts.want_mut(&live.seat, live.at) {
            want.lost = true;
        }
        let booked = self.charged();
        let mut must = charged;
        placements.iter().filter(|_| said.is_ok()).for_each(|placement| must.add(&placement.resources));
        if booked != must {
            broken.push((Law::Atomic, format!("charged {booked}, must be {must}, after {said:?}")));
        }
        if said.is_ok() != fits && !lacks {
            broken.push((Law::Atomic, format!("it fits: {fits}, but {said:?}")));
        }
        broken.extend(before.worse(&Excesses::of(&self.facts, &Sums::of(&self.facts))));
        broken
    }

    /// The shapes of the members that an offer is for; none for open demand.
    fn shapes(&self, live: &Live) -> Vec<&Shape> {
        let members = self.facts.want(&live.seat, live.at).members();
        members.iter().map(|member| &member.shape).collect()
    }

    /// Charged on all agents that are known.
    fn charged(&self) -> Resources {
        let mut sum = Resources::default();
        let agents = self.facts.agents.keys().filter_map(|id| self.world.allocator.agent(id));
        agents.for_each(|agent| sum.add(agent.charged));
        sum
    }

    fn spoil(&self, placements: &mut Vec<Placement>, wrong: Wrong) {
        let Some(first) = placements.first().cloned() else { return };
        match wrong {
            Wrong::Nothing => {}
            Wrong::Fewer => drop(placements.pop()),
            Wrong::More => placements.push(Placement { task: "one-more".into(), ..first }),
            Wrong::Elsewhere(pick) => {
                let agent = nth(self.facts.agents.keys(), pick).cloned().unwrap_or_else(|| "nowhere".into());
                placements[0].agent = agent;
            }
            Wrong::NameInUse(pick) => {
                placements[0].task = self.task(pick).unwrap_or_else(|| first.task.clone())
            }
            Wrong::Larger => placements[0].resources.cpu_milli += 1000,
            Wrong::Ports(port) => {
                let port = u16::from(port);
                let counts = placements[0].resources.other.counts().clone();
                placements[0].resources.other = counts.into();
                placements[0].resources.other.add_ports(&Ports::range(port, port));
            }
        }
    }

    /// Whether an accept is in order, by the definition.
    fn fits(&self, live: &Live, placements: &[Placement]) -> bool {
        let facts = &self.facts;
        let sums = Sums::of(facts);
        let names: BTreeSet<&TaskId> = placements.iter().map(|placement| &placement.task).collect();
        let named =
            names.len() == placements.len() && !names.iter().any(|name| facts.tasks.contains_key(*name));
        let mut by_agent: BTreeMap<&AgentId, Resources> = BTreeMap::new();
        let mut whole = Resources::default();
        for placement in placements {
            by_agent.entry(&placement.agent).or_default().add(&placement.resources);
            whole.add(&placement.resources);
        }
        let known = by_agent.keys().all(|id| facts.agents.contains_key(*id));
        let bound = super::sums::bound_kinds(facts, &live.offer.role)
            .into_iter()
            .any(|kind| sums.holds_back(facts, &live.offer.role, &kind, whole.amount(&kind)));
        let bound = bound && !facts.want(&live.seat, live.at).is_revocable();
        let within = match &live.offer.terms {
            OfferTerms::Parts { parts, .. } => by_agent
                .iter()
                .all(|(id, taken)| parts.iter().any(|(agent, part)| agent == *id && part.contains(taken))),
            OfferTerms::Units { units, .. } => self.in_units(live, *units, placements),
        };
        let room = |(id, taken): (&&AgentId, &Resources)| {
            facts.free_for(&sums, &live.seat, live.at, id).contains(taken)
        };
        !placements.is_empty() && named && known && !bound && within && by_agent.iter().all(room)
    }

    fn in_units(&self, live: &Live, units: u32, placements: &[Placement]) -> bool {
        let want = self.facts.want(&live.seat, live.at);
        let count = |at: usize| placements.iter().filter(|p| p.member == at).count() as u64;
        let counts = want.members().iter().enumerate().all(|(at, member)| {
            if want.is_gang() {
                count(at) == u64::from(member.least)
            } else {
                count(at) <= u64::from(member.count)
            }
        });
        let shaped = |placement: &Placement| {
            want.members().get(placement.member).is_some_and(|member| {
                let taken = member.shape.on(&placement.resources);
                taken.as_ref() == Ok(&placement.resources)
                    && self.facts.shows(&live.seat, live.at, Some(member), &placement.agent)
            })
        };
        counts
            && (want.is_gang() || placements.len() as u64 <= u64::from(units))
            && placements.iter().all(shaped)
    }

    /// What was placed where role, ask or state of the agent does not want it.
    fn misplaced(&self, live: &Live, placements: &[Placement]) -> Vec<Broken> {
        let want = self.facts.want(&live.seat, live.at);
        let wrong = placements.iter().filter(|placement| {
            let member = want.members().get(placement.member);
            !self.facts.agents.get(&placement.agent).is_some_and(|agent| {
                agent.state == AgentState::Active && self.facts.suits(&live.seat, member, agent)
            })
        });
        let wrong = wrong.map(|placement| (Law::Domains, format!("placed against the rules: {placement:?}")));
        wrong.chain(self.ports_twice(placements)).collect()
    }

    /// What was given a port that its agent does not have, or that another task has there.
    fn ports_twice(&self, placements: &[Placement]) -> Vec<Broken> {
        let ports = |resources: &Resources| {
            let ranges: Vec<(u16, u16)> = resources.other.ports().ranges().collect();
            ranges.into_iter().flat_map(|(first, last)| first..=last)
        };
        let known = self.facts.tasks.values().map(|(holding, _)| (&holding.agent, &holding.resources));
        let mut taken: BTreeSet<(&AgentId, u16)> =
            known.flat_map(|(agent, resources)| ports(resources).map(move |port| (agent, port))).collect();
        let mut broken = Vec::new();
        for placement in placements {
            let agent = &self.facts.agents[&placement.agent];
            for port in ports(&placement.resources) {
                let there = ports(&agent.capacity).any(|known| known == port);
                if !taken.insert((&placement.agent, port)) || !there {
                    broken.push((Law::OverCommit, format!("port {port} was not free: {placement:?}")));
                }
            }
        }
        broken
    }

    /// An offer that is live no more is answered once more; nothing changes.
    fn stale(&mut self, pick: u8) -> Vec<Broken> {
        let past = self.past.iter().filter(|id| !self.facts.live.contains_key(id));
        let Some(id) = nth(past, pick).copied() else { return Vec::new() };
        let answer = match self.facts.agents.keys().next() {
            Some(agent) => Answer::Accept(vec![Placement {
                task: "stale".into(),
                member: 0,
                agent: agent.clone(),
                resources: Resources::default(),
                devices: Vec::new(),
            }]),
            None => Answer::Decline { until: None },
        };
        match self.world.allocator.settle(id, answer) {
            Err(SettleError::UnknownOffer(named)) if named == id => Vec::new(),
            said => vec![(Law::AnswerOnce, format!("{id:?} is live no more, but {said:?}"))],
        }
    }

    /// Tells two changes in both orders to two copies; the books of each must follow from the facts in its order. They
    /// may differ in live offers alone: what stands between the changes may end one.
    fn reorder(&mut self, one: &str, other: &str) -> Vec<Broken> {
        let [one, other] = [one, other].map(|command| self.world.change_of(command).unwrap());
        let (mut copy, mut facts) = (self.world.allocator.clone(), self.facts.clone());
        let (second, first) = (copy.apply(other.clone()).is_ok(), copy.apply(one.clone()).is_ok());
        facts.tell(&other);
        facts.tell(&one);
        let valid = (self.facts.tell(&one), self.facts.tell(&other));
        let taken = (self.world.allocator.apply(one).is_ok(), self.world.allocator.apply(other).is_ok());
        self.world.allocator.take_rescinded();
        let mut broken = laws::of_state(&copy, &facts, &Sums::of(&facts));
        if facts.live.keys().eq(self.facts.live.keys()) {
            broken.extend(laws::of_state(&copy, &self.facts, &Sums::of(&self.facts)));
        }
        broken.iter_mut().for_each(|(law, _)| *law = Law::Recovery);
        if (taken, (first, second)) != (valid, valid) {
            broken.push((
                Law::Recovery,
                format!("valid {valid:?}, taken {taken:?}, in the other order {first}, {second}"),
            ));
        }
        broken
    }

    /// A new allocator is told what the cluster shows, in any order but frameworks before what they want.
    fn crash(&mut self, order: u64) -> Vec<Broken> {
        self.facts.crash();
        self.last = None;
        self.past.clear();
        self.world.allocator = Allocator::new(self.facts.policy.clone());
        (self.prepare)(&mut self.world.allocator);
        self.world.tick.now = Timestamp::default();
        let mut told = self.snapshot();
        shuffle(&mut told, order);
        let (demands, mut others): (Vec<_>, Vec<_>) =
            told.into_iter().partition(|c| matches!(c, Change::Demand { .. } | Change::Pause { .. }));
        others.extend(demands);
        let refused = others.into_iter().filter_map(|change| self.world.allocator.apply(change).err());
        let mut broken: Vec<Broken> = refused.map(|refused| (Law::Recovery, refused.to_string())).collect();
        let books = laws::of_state(&self.world.allocator, &self.facts, &Sums::of(&self.facts));
        broken.extend(books.into_iter().map(|(_, what)| (Law::Recovery, what)));
        broken
    }

    /// The facts as changes.
    fn snapshot(&self) -> Vec<Change> {
        let mut told = Vec::new();
        let capacity = |id| self.facts.capacities[id].clone();
        let machines = self.facts.agents.iter().filter(|(id, _)| !id.is_revocable());
        told.extend(
            machines.map(|(id, agent)| Change::Agent(Agent { capacity: capacity(id), ..agent.clone() })),
        );
        told.extend(self.facts.revocable.iter().map(|(agent, resources)| {
            let (agent, resources) = (agent.clone(), resources.clone());
            Change::Revocable { agent, resources }
        }));
        let devices = self.facts.devices.iter();
        told.extend(devices.map(|(id, set)| Change::Devices(id.clone(), Some(set.clone()))));
        told.extend(self.facts.roles.values().cloned().map(Change::Role));
        told.extend(self.facts.tasks.values().map(|(holding, _)| Change::Holding(holding.clone())));
        for (id, known) in &self.facts.frameworks {
            told.push(Change::Framework(known.told.clone()));
            told.extend(known.paused.then(|| Change::Pause { framework: id.clone(), paused: true }));
            for (role, wants) in &known.wants {
                let asks = wants.iter().filter_map(|want| match &want.terms {
                    Terms::Ask(ask) => Some(ask.clone()),
                    Terms::Open(_) => None,
                });
                let demand = match wants.first().map(|want| &want.terms) {
                    None => continue,
                    Some(Terms::Open(least)) => Demand::Open { least: least.clone() },
                    Some(Terms::Ask(_)) => Demand::Asks(asks.collect()),
                };
                told.push(Change::Demand { framework: id.clone(), role: role.clone(), demand });
            }
        }
        told
    }

    /// All laws, those that only the allocator can check of itself too.
    pub(crate) fn audit(&self) -> Vec<Broken> {
        self.world.allocator.audit().iter().map(|v| (laws::law_of(v), v.to_string())).collect()
    }
}

/// One of these, by number; none when there are none.
fn nth<T>(mut of: impl Iterator<Item = T> + Clone, pick: u8) -> Option<T> {
    let count = of.clone().count();
    if count == 0 { None } else { of.nth(usize::from(pick) % count) }
}

/// Another order for each number (Fisher and Yates, with a congruential generator).
fn shuffle<T>(list: &mut [T], order: u64) {
    let mut state = order;
    for at in (1..list.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        list.swap(at, (state >> 33) as usize % (at + 1));
    }
}
