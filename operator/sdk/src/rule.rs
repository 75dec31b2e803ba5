//! Placement rules: where the instances of a pod type may stand, relative to each other and to the agents.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use twofold_allocator::ask::Constraint;
use twofold_allocator::id::Word;

/// A placement rule. It is asked of each agent that an instance might go to, given where the others stand; the
/// instance's own earlier place does not count. It is asked when the instance is placed and not again: what comes later has
/// its own rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Instances of this pod type are spread evenly: no domain has more than one above the least.
    Spread {
        /// The domains.
        over: Domain,
        /// The domains that must be used; those of the agents shown and of the placed instances when empty.
        among: BTreeSet<Word>,
        /// Whether an uneven spread is refused, or only avoided.
        required: bool,
    },
    /// At most so many instances of this pod type in one domain.
    AtMost {
        /// How many, at least 1.
        count: u32,
        /// The domains.
        per: Domain,
    },
    /// Something that the agent itself must be.
    Agent(Constraint),
    /// In a domain where an instance of another pod type stands; anywhere while none does.
    SameAs {
        /// The other pod type.
        pod_type: Word,
        /// The domains.
        domain: Domain,
    },
    /// All of these; always, when there are none.
    All(Vec<Rule>),
    /// At least one of these; never, when there are none.
    Any(Vec<Rule>),
    /// Not this.
    Not(Box<Rule>),
}

/// What instances are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Domain {
    /// One agent.
    Agent,
    /// One zone.
    Zone,
}

impl Rule {
    /// The rule that every place satisfies.
    #[must_use]
    pub fn anywhere() -> Self {
        Self::All(Vec::new())
    }

    /// Whether instances are spread over domains of this sort by any part of the rule.
    #[must_use]
    pub fn spreads_over(&self, domain: Domain) -> bool {
        match self {
            Self::Spread { over, .. } => *over == domain,
            Self::All(rules) | Self::Any(rules) => rules.iter().any(|rule| rule.spreads_over(domain)),
            Self::Not(inner) => inner.spreads_over(domain),
            Self::AtMost { .. } | Self::Agent(_) | Self::SameAs { .. } => false,
        }
    }

    /// The other pod types that the rule speaks of.
    #[must_use]
    pub fn others(&self) -> BTreeSet<&Word> {
        match self {
            Self::SameAs { pod_type, .. } => BTreeSet::from([pod_type]),
            Self::All(rules) | Self::Any(rules) => rules.iter().flat_map(Self::others).collect(),
            Self::Not(inner) => inner.others(),
            Self::Spread { .. } | Self::AtMost { .. } | Self::Agent(_) => BTreeSet::new(),
        }
    }
}
