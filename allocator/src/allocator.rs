//! The allocator: the one thing that others hold.

use crate::books::{AgentNo, Books, WantNo};
use crate::id::OfferId;
use crate::invariants::Violation;
use crate::inverse::Asking;
use crate::offer::Offer;
use crate::policy::Policy;
use crate::stats::Stats;
use crate::tick::{Tick, Timestamp};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Level one: books, live offers and the state of the cycle.
///
/// A cycle is [`begin`](Self::begin), then [`next_offer`](Self::next_offer) until there is none, each offer looked at
/// with [`shown`](Self::shown) and answered with [`settle`](Self::settle). Between cycles, and between turns,
/// [`apply`](Self::apply) takes in what changed. The crate's first page has a whole cycle.
///
/// # What if
///
/// A copy answers what-if questions: it shares nothing with the original that either could change.
///
/// ```
/// # use twofold_allocator::{agent::*, allocator::Allocator, ask::*, framework::Framework, resources::Resources};
/// use twofold_allocator::change::Change;
/// use twofold_allocator::explain::Standing;
/// # use twofold_allocator::{policy::Policy, tick::Timestamp};
/// # fn agent(name: &str, cores: u64) -> Agent {
/// #     let (attributes, state) = (Default::default(), AgentState::Active);
/// #     let capacity = Resources::new(cores * 1000, 0);
/// #     Agent { id: name.into(), capacity, domain: None, attributes, state, gpu_room: GpuRoom::Kept }
/// # }
/// # let mut allocator = Allocator::new(Policy::default());
/// # allocator.apply(Change::Agent(agent("a", 4)))?;
/// # let framework = Framework { id: "job".into(), roles: vec!["ml".into()], priority: 0, since: Timestamp(0) };
/// # allocator.apply(Change::Framework(framework))?;
/// # let shape = Shape { base: Resources::new(2000, 0), gpu: None };
/// # let members = vec![Member { shape, count: 3, least: 3, constraints: vec![], reservation: None }];
/// # let ask = Ask { id: "gang".into(), members, priority: 0, since: Timestamp(0), reclaimable: false };
/// # let (framework, role, demand) = ("job".into(), "ml".into(), Demand::Asks(vec![ask]));
/// # allocator.apply(Change::Demand { framework, role, demand })?;
/// // A gang of 3 x 2 cores waits, as there is one agent of 4 cores. Would it start if there was another?
/// let standing = |allocator: &Allocator| {
///     allocator.explain(&"job".into(), &"ml".into(), &"gang".into()).map(|why| why.standing)
/// };
/// assert_eq!(standing(&allocator), Some(Standing::NoRoom));
///
/// let mut copy = allocator.clone();
/// copy.apply(Change::Agent(agent("b", 4)))?;
/// assert_eq!(standing(&copy), Some(Standing::Next));
///
/// // What was asked of the copy changed nothing here.
/// assert_eq!(standing(&allocator), Some(Standing::NoRoom));
/// # Ok::<(), twofold_allocator::refused::Refused>(())
/// ```
#[derive(Clone, Debug)]
pub struct Allocator {
    pub(crate) books: Books,
    /// The offers that stay out beyond their turn.
    pub(crate) out: BTreeMap<OfferId, LiveOffer>,
    /// The offer whose turn it is, which ends with the turn.
    pub(crate) current: Option<LiveOffer>,
    pub(crate) next_offer_id: u64,
    pub(crate) tick: Tick,
    pub(crate) turns: u64,
    /// Whether anything changed that may let those have a turn again that were held back.
    pub(crate) changed: bool,
    pub(crate) ended_early: bool,
    /// Whether the holds are to be aimed before the next turn, as it is the first of a cycle.
    pub(crate) unaimed: bool,
    pub(crate) rescinded: Vec<OfferId>,
    /// What is asked back.
    pub(crate) inverse: Asking,
    pub(crate) stats: Stats,
    /// Laws that a decision broke since they were last checked.
    pub(crate) broken: Vec<Violation>,
}

/// An offer that is not answered yet.
#[derive(Clone, Debug)]
pub(crate) struct LiveOffer {
    pub(crate) offer: Offer,
    pub(crate) want: WantNo,
    /// The agents of its parts, in order. They stay on the books while it is live.
    pub(crate) agents: Vec<AgentNo>,
}

impl Allocator {
    /// An allocator that knows nothing yet: no agents, and of the roles the root alone.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            books: Books::new(policy),
            out: BTreeMap::new(),
            current: None,
            next_offer_id: 1,
            tick: Tick::default(),
            turns: 0,
            changed: false,
            ended_early: false,
            unaimed: false,
            rescinded: Vec::new(),
            inverse: Asking::default(),
            stats: Stats::default(),
            broken: Vec::new(),
        }
    }

    /// The policy it was made with.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.books.policy
    }

    /// Counters since it was made.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Whether the last cycle ended because it had its number of turns: the next `begin` goes on.
    #[must_use]
    pub fn ended_early(&self) -> bool {
        self.ended_early
    }

    /// When something ends by time, such as a hold or an inverse offer, so that a cycle is worth its while though nothing
    /// changes.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Timestamp> {
        [self.books.soft.next_expiry, self.inverse.next_expiry()].into_iter().flatten().min()
    }

    /// The offers that were ended from this side since this was last asked, in the order in which they ended: by time,
    /// because an agent of theirs is gone, takes no new work or may not be seen any more, or because their framework
    /// went, is in the role no more or wants something else there. Their answers come too late.
    pub fn take_rescinded(&mut self) -> Vec<OfferId> {
        core::mem::take(&mut self.rescinded)
    }

    /// The offers that wait for an answer.
    pub fn live_offers(&self) -> impl Iterator<Item = &Offer> {
        self.live().map(|live| &live.offer)
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = &LiveOffer> {
        self.out.values().chain(&self.current)
    }

    /// One live offer.
    pub(crate) fn live_offer(&self, id: OfferId) -> Option<&LiveOffer> {
        self.current.as_ref().filter(|live| live.offer.id == id).or_else(|| self.out.get(&id))
    }

    /// Takes a live offer out.
    pub(crate) fn take_live(&mut self, id: OfferId) -> Option<LiveOffer> {
        self.current.take_if(|live| live.offer.id == id).or_else(|| self.out.remove(&id))
    }
}
