//! Bugs to plant, one for each law: the tests show that the law of its name catches each, as a proof that the laws can.
//! Without the feature `planted`, which no other crate enables, there are none, and the compiler leaves the places out.

/// A bug, named after the law that it breaks.
#[cfg_attr(
    not(feature = "planted"),
    expect(unreachable_pub, reason = "a test's switch, public with its feature")
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plant {
    /// An accept is not asked whether there is room.
    OverCommit,
    /// An accept is not asked whether its devices have an owner.
    Devices,
    /// What a task leaves does not become free.
    Conservation,
    /// Only a role's own limit is looked at, not those above it.
    Limit,
    /// What a task leaves is taken back from its own role, not from those above it.
    Hierarchy,
    /// The headroom holds nobody back.
    Guarantee,
    /// An offer that was answered stays live.
    AnswerOnce,
    /// Of an accept over several agents only the first is booked.
    Atomic,
    /// Who sleeps is not woken by room.
    Starvation,
    /// Weights do not count.
    Fairness,
    /// A role that a framework leaves is charged no more for what it holds there.
    Recovery,
    /// Ties end as a number says that differs from process to process, as the seed of a hash map does.
    #[cfg_attr(not(feature = "planted"), expect(dead_code, reason = "only a test makes it"))]
    Determinism(u64),
    /// The same holding again is taken for news.
    Duplicates,
    /// An accept is not asked whether its agents were shown.
    Domains,
    /// An agent that is gone stays in the total.
    LostAndFound,
    /// What was refused of an agent that is gone is kept.
    Bounded,
    /// A share of nothing is divided out.
    Total,
}

/// The bug that is planted, if any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Planted {
    #[cfg(feature = "planted")]
    bug: Option<Plant>,
}

impl Planted {
    /// Whether it is this one.
    #[cfg(feature = "planted")]
    pub(crate) fn is(self, bug: Plant) -> bool {
        self.bug == Some(bug)
    }

    /// Whether it is this one: never, without the feature.
    #[cfg(not(feature = "planted"))]
    pub(crate) fn is(self, _: Plant) -> bool {
        false
    }

    /// How ties end; zero where nothing is planted.
    pub(crate) fn tie(self) -> u64 {
        #[cfg(feature = "planted")]
        if let Some(Plant::Determinism(seed)) = self.bug {
            return seed;
        }
        0
    }
}

#[cfg(feature = "planted")]
impl crate::allocator::Allocator {
    /// Plants a bug.
    pub fn plant(&mut self, bug: Plant) {
        self.books.planted.bug = Some(bug);
    }
}
