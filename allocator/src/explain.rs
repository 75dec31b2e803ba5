//! Why an ask waits: for every agent the stage that said no and the amounts, for the role what holds it back, and
//! whether the ask could ever be served. Computed on demand; the hot path only counts.

mod fit;
pub mod hold;

use crate::allocator::Allocator;
use crate::ask::Member;
use crate::books::want::{Terms, Want, WantState, is_gang};
use crate::books::{AgentNo, Books, RoleNo, WantNo};
use crate::headroom::Block;
use crate::hold::NoHold;
use crate::id::{AgentId, AskId, FrameworkId, RolePath};
use crate::reclaim::{ClaimWord, NoReclaim};
use crate::resources::{Amounts, Kind, Resources};
use crate::tick::Timestamp;
use crate::view::Stage;
use alloc::vec::Vec;
pub use hold::{HoldPart, HoldWord};

/// Why an ask is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The role that is charged.
    pub role: RolePath,
    /// What decides at the moment.
    pub standing: Standing,
    /// For every member that is wanted, what every agent says.
    pub members: Vec<MemberWord>,
    /// How far one unit comes on what is free now, whatever was refused before.
    pub fit: Fit,
    /// Whether one unit could be placed if nothing ran, on agents that its constraints and its role's allow, draining
    /// and unreachable ones included.
    pub on_empty_cluster: Verdict,
    /// Whether one unit stays inside the limits if nothing else was charged; the limit that it passes.
    pub inside_limits: Result<(), Block>,
    /// Whether one unit leaves room for what others are guaranteed if nothing ran; what it would take from them.
    pub beside_guarantees: Result<(), Block>,
    /// What is held for a unit, or why nothing is.
    pub hold: Result<HoldWord, NoHold>,
    /// What is asked back for a unit, or why nothing is.
    pub reclaim: Result<ClaimWord, NoReclaim>,
    /// Roles whose own guarantee is not met, and what they miss.
    pub owed: Vec<(RolePath, Amounts)>,
}

/// What decides about an ask at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing of it is wanted any more.
    Done,
    /// Its framework is paused.
    Paused,
    /// A limit or the headroom does not hold one unit.
    Blocked(Block),
    /// What is free does not hold a unit.
    NoRoom,
    /// Its framework refused what there is.
    Refused,
    /// Its last turn ended without a valid answer; it has another once something changes.
    TurnLost,
    /// It may be offered something; this framework goes first, which may be the same one in another role.
    After {
        /// The framework.
        framework: FrameworkId,
        /// The role that it goes first in.
        role: RolePath,
    },
    /// It has the next turn.
    Next,
}

/// What the agents say about one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberWord {
    /// The member, by position.
    pub member: usize,
    /// For every agent, by name, the stage that says no; none where one of this member fits.
    pub agents: Vec<(AgentId, Option<Stage>)>,
}

/// How far one unit comes, placed member by member where it fits first, large members first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// How many members of the unit found a place.
    pub placed: u32,
    /// How many there are.
    pub wanted: u32,
    /// The first that found none; none when all did.
    pub miss: Option<Miss>,
}

/// A member that found no place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// The member, by position.
    pub member: usize,
    /// The agent that came nearest, and what is missing there; none when no agent may take it at all.
    pub nearest: Option<(AgentId, Amounts)>,
}

/// Whether something could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It could.
    Yes,
    /// It could not.
    No,
    /// Placing what fits first does not do it, and no count rules it out.
    Unknown,
}

impl Allocator {
    /// Explains an ask of a framework in one of its roles; none when it is not known, or for open demand, which has no
    /// asks. It looks at every agent, so it is for people who ask, not for every cycle.
    ///
    /// ```
    /// # use twofold_allocator::{agent::*, allocator::Allocator, ask::*, change::Change, framework::Framework};
    /// # use twofold_allocator::{policy::Policy, resources::Resources, tick::Timestamp};
    /// use twofold_allocator::explain::{Standing, Verdict};
    /// # let mut allocator = Allocator::new(Policy::default());
    /// # for (name, cores, state) in [("a", 2, AgentState::Active), ("b", 8, AgentState::Draining)] {
    /// #     let (attributes, capacity) = (Default::default(), Resources::new(cores * 1000, 0));
    /// #     let agent = Agent { id: name.into(), capacity, domain: None, attributes, state, gpu_room: GpuRoom::Kept };
    /// #     allocator.apply(Change::Agent(agent))?;
    /// # }
    /// # let framework = Framework { id: "job".into(), roles: vec!["ml".into()], priority: 0, since: Timestamp(0), region_aware: false };
    /// # allocator.apply(Change::Framework(framework))?;
    /// # let shape = Shape { base: Resources::new(3000, 0), gpu: None };
    /// # let members = vec![Member { shape, count: 1, least: 0, constraints: vec![], reservation: None }];
    /// # let ask = Ask { id: "task".into(), members, priority: 0, since: Timestamp(0), reclaimable: false };
    /// # let (framework, role, demand) = ("job".into(), "ml".into(), Demand::Asks(vec![ask]));
    /// # allocator.apply(Change::Demand { framework, role, demand })?;
    ///
    /// // One task of 3 cores; agent `a` has 2 cores, agent `b` has 8 and is draining.
    /// let why = allocator.explain(&"job".into(), &"ml".into(), &"task".into()).expect("the ask is known");
    /// assert_eq!(why.standing, Standing::NoRoom);
    /// let agents = why.members[0].agents.iter();
    /// let words: Vec<String> =
    ///     agents.filter_map(|(agent, stage)| Some(format!("{agent}: {}", stage.as_ref()?))).collect();
    /// assert_eq!(words, ["a: too little room: cpu 1 missing", "b: it is draining"]);
    /// // It is not hopeless: `b` could take it when empty and not drained.
    /// assert_eq!(why.on_empty_cluster, Verdict::Yes);
    /// assert_eq!((why.inside_limits, why.beside_guarantees), (Ok(()), Ok(())));
    /// # Ok::<(), twofold_allocator::refused::Refused>(())
    /// ```
    #[must_use]
    pub fn explain(&self, framework: &FrameworkId, role: &RolePath, ask: &AskId) -> Option<Explanation> {
        let framework = self.books.seat(framework, role)?;
        let book = self.books.frameworks.at(framework);
        let named = |want: &Want| matches!(&want.terms, Terms::Ask(one) if one.id == *ask);
        let at = book.wants.iter().position(named)?;
        let no = WantNo { framework, at };
        let mut explanation = self.books.explain(no, self.tick.now)?;
        explanation.reclaim = self.books.explain_claim(no, &self.inverse.units, self.tick.now);
        Some(explanation)
    }
}

impl Books {
    fn explain(&self, no: WantNo, now: Timestamp) -> Option<Explanation> {
        let (want, role) = (self.want(no)?, self.charged_role(no.framework));
        let mut explanation = Explanation {
            role: self.roles.at(role).path.clone(),
            standing: self.standing(no, want, role),
            members: self.member_words(no, want),
            fit: self.fit(no),
            on_empty_cluster: self.fits_when_empty(no),
            inside_limits: match self.inside_limits(role, want) {
                Some(block) if !want.revocable => Err(block),
                Some(_) | None => Ok(()),
            },
            beside_guarantees: match self.beside_guarantees(role, want) {
                Some(block) if !self.lends(no) && !want.revocable => Err(block),
                Some(_) | None => Ok(()),
            },
            hold: Err(NoHold::New),
            reclaim: Err(NoReclaim::Off),
            owed: self.owed(),
        };
        explanation.hold = self.explain_hold(no, &explanation, now);
        Some(explanation)
    }

    fn standing(&self, no: WantNo, want: &Want, role: RoleNo) -> Standing {
        let Some(unit) = &want.unit else { return Standing::Done };
        if self.frameworks.at(no.framework).paused {
            return Standing::Paused;
        }
        if let Some(block) = self.block_for(no, role, |kind| unit.amount(kind)) {
            return Standing::Blocked(block);
        }
        if !unit.is_within(&self.free_with_hold(no)) {
            return Standing::NoRoom;
        }
        match self.state(want) {
            WantState::Parked => return Standing::TurnLost,
            WantState::Asleep | WantState::Waiting => {}
        }
        let keeps = self.keeps_gpu_room(no);
        if !self.known_agents().any(|(agent, _)| self.has_room(no, agent, keeps)) {
            return if want.refused.is_empty() || self.fit(no).miss.is_some() {
                Standing::NoRoom
            } else {
                Standing::Refused
            };
        }
        match self.next_by_definition() {
            Some(choice) if choice.want != no => {
                let (framework, role) = self.seat_name(choice.want.framework);
                Standing::After { framework, role }
            }
            Some(_) | None => Standing::Next,
        }
    }

    fn member_words(&self, no: WantNo, want: &Want) -> Vec<MemberWord> {
        let keeps = self.keeps_gpu_room(no);
        let gang = matches!(&want.terms, Terms::Ask(ask) if is_gang(ask));
        let wanted =
            want.members().iter().enumerate().filter(|(_, m)| if gang { m.least > 0 } else { m.count > 0 });
        let words = wanted.map(|(at, member)| {
            // What is missing says more than that it was refused, and is the cause of most refusals.
            let word = |agent: AgentNo| {
                let barred = self.barred_but(no, member, agent, |stage| *stage == Stage::Refused);
                let lacks = || self.lacks(no, at, agent, keeps);
                barred.or_else(lacks).or_else(|| self.barred(no, Some(member), agent))
            };
            let agents = self.known_agents().map(|(agent, book)| (book.id.clone(), word(agent)));
            MemberWord { member: at, agents: agents.collect() }
        });
        words.collect()
    }

    /// The stage of room that says no to one member on an agent.
    fn lacks(&self, no: WantNo, member: usize, agent: AgentNo, keeps: bool) -> Option<Stage> {
        let member = self.want(no)?.members().get(member)?;
        let shape = &member.shape;
        let missing = shape.on(&self.free_of(no, Some(member), agent, keeps)).err()?;
        if shape.fits(&self.counted_of(no, Some(member), agent, keeps)) {
            return self.lacks_devices(agent, shape).map(Stage::Devices);
        }
        if keeps && shape.on(&self.free_of(no, Some(member), agent, false)).is_ok() {
            return Some(Stage::GpuRoom(missing));
        }
        let mut all = self.room_of(no, Some(member), agent).into_owned();
        let holder = self.holder_on(agent).filter(|holder| *holder != no);
        all.add(holder.and_then(|holder| self.own_held(holder, agent)).unwrap_or(&Resources::default()));
        match holder.filter(|_| shape.fits(&all)) {
            Some(holder) => {
                let (by, role) = self.seat_name(holder.framework);
                Some(Stage::Held { by, role, missing })
            }
            None => Some(self.reserved_from(no, member, agent, &all, missing)),
        }
    }

    /// The stage of room where what is free, held and reserved for the member is `all` of an agent: whether what is
    /// reserved for others is what it lacks.
    fn reserved_from(
        &self,
        no: WantNo,
        member: &Member,
        agent: AgentNo,
        all: &Resources,
        missing: Amounts,
    ) -> Stage {
        let mut with = all.clone();
        let own = self.comes_back(no, member).map(|book| &book.reservation.id);
        let mut others = self.reservations.on(agent).filter(|book| Some(&book.reservation.id) != own);
        let mut first = None;
        others.by_ref().filter(|book| !book.idle.is_zero()).for_each(|book| {
            with.add(&book.idle);
            first.get_or_insert(&book.reservation.owner);
        });
        match first.filter(|_| member.shape.fits(&with)) {
            Some(by) => Stage::Reserved { by: by.clone(), missing },
            None => Stage::Room(missing),
        }
    }

    fn inside_limits(&self, role: RoleNo, want: &Want) -> Option<Block> {
        let unit = want.unit.as_ref()?;
        self.path(role).find_map(|(_, book)| {
            let (kind, limit) = book.limits().find(|(kind, limit)| unit.amount(kind) > *limit)?;
            let (role, kind) = (book.path.clone(), kind.clone());
            let unit = unit.amount(&kind);
            Some(Block::Limit { role, kind, limit, charged: 0, unit })
        })
    }

    fn beside_guarantees(&self, role: RoleNo, want: &Want) -> Option<Block> {
        let unit = want.unit.as_ref()?;
        self.roles.at(self.root).guarantee.iter().find_map(|(kind, need)| {
            let (taken, free) = (unit.amount(kind), self.capacity(kind));
            let after = self.need_when_empty(role, kind, taken).saturating_add(taken).saturating_sub(free);
            let worse = taken > 0 && after > need.saturating_sub(free);
            worse.then(|| Block::Headroom { kind: kind.clone(), need: *need, free, unit: taken })
        })
    }

    /// Capacity of one kind on all agents that take new work.
    fn capacity(&self, kind: &Kind) -> u64 {
        let active = self.known_agents().filter(|(_, book)| book.is_active() && !book.revocable);
        let amounts =
            active.filter_map(|(_, book)| book.agent.as_ref().map(|agent| agent.capacity.amount(kind)));
        amounts.fold(0, u64::saturating_add)
    }

    /// need(root) of one kind if only `taken` was charged, to this role.
    fn need_when_empty(&self, role: RoleNo, kind: &Kind, taken: u64) -> u64 {
        let amount = |amounts: &Amounts| amounts.get(kind).copied().unwrap_or_default();
        let mut below: Option<(u64, u64)> = None;
        for (_, book) in self.path(role) {
            let mut children = amount(&book.children_guarantee);
            if let Some((before, after)) = below {
                children = children.saturating_sub(before).saturating_add(after);
            }
            let guarantee = amount(&book.guarantee);
            below = Some((guarantee, guarantee.saturating_sub(taken).max(children)));
        }
        below.map_or(0, |(_, after)| after)
    }

    fn owed(&self) -> Vec<(RolePath, Amounts)> {
        let roles = self.role_names.values().map(|no| self.roles.at(*no));
        let owed = roles.map(|book| {
            let missing =
                |(kind, sum): (&Kind, u64)| (kind.clone(), sum.saturating_sub(book.charged.amount(kind)));
            let missing = book.own_guarantee().map(missing).filter(|(_, amount)| *amount > 0);
            (book.path.clone(), missing.collect::<Amounts>())
        });
        owed.filter(|(_, missing)| !missing.is_empty()).collect()
    }
}
