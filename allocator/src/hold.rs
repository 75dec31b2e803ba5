//! Holds: room that is kept for a unit that waits, so that a stream of smaller work does not starve it. What ends makes
//! room; a hold takes it before others see it, until the unit is whole. Everything here is soft state: it follows from
//! the books, and is aimed anew when it is lost. The idea is the reservation of backfilling (Lifka, JSSPP 1995), with one
//! hold for each pool of like agents.
//!
//! Four cores in use by tasks that end, and a gang that needs all four: what comes free is held for it, and shown to
//! nobody else, until it is whole.
//!
//! ```
//! # use twofold_allocator::{agent::*, allocator::Allocator, ask::*, change::Change, framework::Framework};
//! # use twofold_allocator::{holding::*, offer::*, policy::Policy, resources::Resources, tick::*};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let core = || Resources::new(1000, 0);
//! # let mut allocator = Allocator::new(Policy::default());
//! # let (attributes, state, capacity) = (Default::default(), AgentState::Active, core().scaled(4));
//! # let agent = Agent { id: "m".into(), capacity, domain: None, attributes, state, gpu_room: GpuRoom::Kept };
//! # allocator.apply(Change::Agent(agent))?;
//! # for name in ["small", "gang"] {
//! #     let framework = Framework { id: name.into(), roles: vec![name.into()], priority: 0, since: Timestamp(0), region_aware: false };
//! #     allocator.apply(Change::Framework(framework))?;
//! # }
//! # let demand = |count, least| {
//! #     let shape = Shape { base: core(), gpu: None };
//! #     let members = vec![Member { shape, count, least, constraints: vec![], reservation: None }];
//! #     Demand::Asks(vec![Ask { id: "work".into(), members, priority: 0, since: Timestamp(0), reclaimable: false }])
//! # };
//! // `finishing` says that a task ends by itself: its room may be counted on.
//! for task in ["s0", "s1", "s2", "s3"] {
//!     let owner = Owner::Framework { id: "small".into(), role: "small".into() };
//!     allocator.apply(Change::Holding(Holding {
//!         task: task.into(),
//!         agent: "m".into(),
//!         owner,
//!         resources: Resources::new(1000, 0),
//!         finishing: true,
//!         unit: None,
//!         reservation: None,
//!         devices: vec![],
//!     }))?;
//! }
//! for (name, demand) in [("gang", demand(4, 4)), ("small", demand(9, 0))] {
//!     allocator.apply(Change::Demand { framework: name.into(), role: name.into(), demand })?;
//! }
//!
//! // Each has its first turn, in which nothing is free, and waits; the gang has a hold from here on.
//! allocator.begin(Tick { cycle: 1, now: Timestamp(0) });
//! while let Some(offer) = allocator.next_offer() {
//!     allocator.settle(offer.id, Answer::Decline { until: None })?;
//! }
//! for (cycle, task) in [(2, "s0"), (3, "s1"), (4, "s2")] {
//!     allocator.apply(Change::HoldingGone(task.into()))?;
//!     allocator.begin(Tick { cycle, now: Timestamp(0) });
//!     assert_eq!(allocator.next_offer(), None, "the small work sees nothing of what came free");
//! }
//! let (framework, _, _, hold) = allocator.holds().next().expect("there is a hold");
//! assert_eq!((framework.as_str(), hold.missing), ("gang", Resources::new(1000, 0)));
//!
//! // The last one ends, and the gang starts whole in its next turn.
//! allocator.apply(Change::HoldingGone("s3".into()))?;
//! allocator.begin(Tick { cycle: 5, now: Timestamp(0) });
//! let offer = allocator.next_offer().expect("the hold is complete");
//! let place = |at| Placement {
//!     task: format!("gang-{at}").into(),
//!     member: 0,
//!     agent: "m".into(),
//!     resources: Resources::new(1000, 0),
//!     devices: vec![],
//! };
//! let launches = allocator.settle(offer.id, Answer::Accept((0..4).map(place).collect()))?;
//! assert_eq!(launches.len(), 4);
//! # Ok(())
//! # }
//! ```

mod aim;
mod book;
mod queue;
mod target;

use crate::agent::Agent;
use crate::books::{AgentNo, WantNo};
use crate::headroom::Block;
use crate::id::{FrameworkId, ReservationId, RolePath, Word};
use crate::reclaim::Claim;
use crate::resources::{Amounts, Kind, Resources};
use crate::tick::Timestamp;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

/// What is held for one unit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hold {
    /// What is held where, by the agent's number.
    pub(crate) parts: Vec<Part>,
    /// All that is held.
    pub(crate) sum: Resources,
    /// What it wanted of agents that take no new work any more.
    lost: Resources,
    /// The least that it missed so far.
    least: Resources,
    /// When what it misses last shrank.
    shrank: Timestamp,
}

/// What a hold has of one agent, and what it wants of it.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) agent: AgentNo,
    pub(crate) target: Resources,
    pub(crate) held: Resources,
}

/// Until when an ask has no hold, as its last one was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) why: Dropped,
    pub(crate) until: Timestamp,
}

/// Why a hold was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dropped {
    /// What it missed did not shrink for as long as the policy has patience.
    Expired,
    /// It was complete, and its framework declined what it was offered.
    Declined,
    /// It was complete, and the answer was refused, or there was none.
    TurnLost,
    /// It was complete, and no agent was there to be shown.
    Unseen,
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "it expired, as what it missed did not shrink",
            Self::Declined => "it was complete, and its framework declined",
            Self::TurnLost => "it was complete, and its turn ended without a valid answer",
            Self::Unseen => "it was complete, and no agent could be shown",
        })
    }
}

/// Why an ask has no hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoHold {
    /// The policy is to hold nothing.
    Off,
    /// Nothing of it is wanted any more, or it is open demand, of which there are no units.
    NoUnit,
    /// It takes revocable room, which is not held.
    Revocable,
    /// Room is reserved for it already.
    Reserved(ReservationId),
    /// It had no turn yet.
    New,
    /// What is free holds a unit.
    Fits,
    /// No agent, empty, or not all of them together hold a unit.
    EmptyCluster,
    /// Its limits do not hold a unit, whatever else is charged.
    Limits(Block),
    /// The guarantees of others leave no room for a unit, whatever else runs.
    Guarantees(Block),
    /// Limits or guarantees hold no unit even once all that ends has ended.
    Blocked(Block),
    /// There is no room for a unit even once all that ends has ended.
    NothingEnds,
    /// The agents that it waits for are held for another.
    Taken {
        /// The agents.
        slot: Slot,
        /// Whose unit they are held for.
        by: FrameworkId,
        /// The role that is charged for it.
        role: RolePath,
    },
    /// Its last one was dropped, and others have their chance until then.
    Rests {
        /// Why it was dropped.
        why: Dropped,
        /// Until when.
        until: Timestamp,
    },
    /// It has one when holds are aimed next.
    Next,
}

impl fmt::Display for NoHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("the policy is to hold nothing"),
            Self::NoUnit => f.write_str("there is no unit to hold anything for"),
            Self::Revocable => f.write_str("revocable room is not held"),
            Self::Reserved(id) => write!(f, "reservation {id} keeps room for it"),
            Self::New => f.write_str("it had no turn yet"),
            Self::Fits => f.write_str("what is free holds a unit"),
            Self::EmptyCluster => f.write_str("a unit does not fit even on the empty cluster"),
            Self::Limits(block) => write!(f, "a unit does not fit inside its limits: {block}"),
            Self::Guarantees(block) => {
                write!(f, "a unit does not fit beside the guarantees of others: {block}")
            }
            Self::Blocked(block) => write!(f, "it would wait even once all that ends has ended: {block}"),
            Self::NothingEnds => f.write_str("nothing that ends makes room for a unit"),
            Self::Taken { slot, by, role } => write!(f, "{slot} are held for {by} in role {role}"),
            Self::Rests { why, until } => {
                write!(f, "its last one was dropped, {why}; none until {}", until.0)
            }
            Self::Next => f.write_str("it has one when holds are aimed next"),
        }
    }
}

/// A pool of like agents. One hold at a time may have agents of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// The agents without GPUs.
    WithoutGpus,
    /// The agents with GPUs of this model.
    Model(Word),
}

impl Slot {
    /// The pools that an agent is in.
    pub(crate) fn of(agent: &Agent) -> impl Iterator<Item = Self> {
        let none = agent.capacity.gpus.is_empty().then_some(Self::WithoutGpus);
        none.into_iter().chain(agent.capacity.gpus.iter().map(|(model, _)| Self::Model(model.clone())))
    }

    fn has(&self, agent: &Agent) -> bool {
        match self {
            Self::WithoutGpus => agent.capacity.gpus.is_empty(),
            Self::Model(model) => agent.capacity.gpus.count(model) > 0,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WithoutGpus => f.write_str("agents without GPUs"),
            Self::Model(model) => write!(f, "agents with {model}"),
        }
    }
}

/// Who has a hold, who may have one, and whether they are to be aimed anew.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holds {
    /// Wants with a hold.
    pub(crate) holding: BTreeSet<WantNo>,
    /// Asks that had a turn, or were kept from one, and were given nothing since.
    pub(crate) unserved: BTreeSet<WantNo>,
    /// These in the order in which they are aimed, while it is `sorted`.
    queue: Vec<WantNo>,
    sorted: bool,
    /// How many of the queue are passed over, as they were in vain when last looked at and others were not reached.
    passed: usize,
    /// Where claims are to stand: they are aimed before all others.
    pub(crate) claims: BTreeMap<WantNo, Claim>,
    /// Whether anything changed since they were last aimed.
    pub(crate) stale: bool,
    /// Agents where what is held no longer fits.
    pub(crate) crowded: Vec<AgentNo>,
}

impl Holds {
    /// Notes that an ask waits.
    pub(crate) fn note_unserved(&mut self, no: WantNo) {
        if self.unserved.insert(no) {
            self.sorted = false;
            self.stale = true;
        }
    }

    /// Forgets a want, as it is given something or goes.
    pub(crate) fn forget(&mut self, no: WantNo) {
        self.holding.remove(&no);
        self.claims.remove(&no);
        if self.unserved.remove(&no) {
            self.sorted = false;
            self.stale = true;
        }
    }
}

impl Hold {
    /// What it still misses.
    pub(crate) fn missing(&self) -> Resources {
        let mut missing = self.lost.clone();
        self.parts.iter().for_each(|part| missing.add(&part.missing()));
        missing
    }

    /// Whether it has all that its unit takes.
    pub(crate) fn is_complete(&self) -> bool {
        self.lost.is_zero() && self.parts.iter().all(|part| part.held.contains(&part.target))
    }

    /// When it expires, unless what it misses shrinks before.
    pub(crate) fn expires(&self, patience: u64) -> Timestamp {
        self.shrank.plus_millis(patience)
    }

    /// Gives up an agent that takes no new work any more.
    fn lose(&mut self, agent: AgentNo) {
        let lost = self.parts.iter().filter(|part| part.agent == agent);
        lost.for_each(|part| self.lost.add(&part.target));
        self.parts.retain(|part| part.agent != agent);
    }

    fn part(&self, agent: AgentNo) -> Option<&Part> {
        let at = self.parts.binary_search_by_key(&agent, |part| part.agent).ok()?;
        self.parts.get(at)
    }
}

impl Part {
    /// What of the target is not held.
    pub(crate) fn missing(&self) -> Resources {
        let mut missing = self.target.clone();
        missing.take_up_to(&self.held);
        missing
    }
}

/// Amounts in which a model of GPU is as good as another, and so is a range of ports.
fn plain(resources: &Resources) -> Amounts {
    let mut amounts = resources.amounts();
    amounts.retain(|kind, _| !kind.is_model() && !matches!(kind, Kind::PortRange(..)));
    amounts
}

/// Whether there is less of something than before, and no more of anything.
fn is_less(now: &Resources, before: &Resources) -> bool {
    let (now, before) = (plain(now), plain(before));
    let most = |kind: &Kind| before.get(kind).copied().unwrap_or_default();
    now != before && now.iter().all(|(kind, amount)| *amount <= most(kind))
}
