//! Policy: what whoever runs the cluster may choose.

use crate::id::Word;
use crate::resources::Kind;
use alloc::vec;
use alloc::vec::Vec;

/// What shares are measured in, how large a turn is, and how much is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The resources that shares are the largest of, at most 32. Scarce resources can be left out.
    pub fair_set: Vec<Kind>,
    /// How far a turn may go past the next waiting role.
    pub grain: Grain,
    /// Turns after which a cycle pauses; it resumes with the next `begin`.
    pub turns_per_cycle_max: u64,
    /// How long an offer to open demand may stay out, in milliseconds. When absent it ends with its turn.
    pub open_offer_millis: Option<u64>,
    /// How long a hold may last, in milliseconds, while what it misses does not shrink. When absent nothing is held.
    pub hold_patience_millis: Option<u64>,
    /// How long an inverse offer waits for an answer, in milliseconds, how long what was accepted may take to end, and
    /// how long a unit is left alone when either is over. When absent nothing is asked back.
    pub inverse_offer_millis: Option<u64>,
    /// Whether all that runs on a draining agent is asked to move by inverse offers. Who ends it by other means says no:
    /// then a unit that stays there until that comes may be asked back for claims.
    pub inverse_offers_of_draining: bool,
    /// The region whose agents everybody is shown; those of others are for frameworks that are region-aware. An agent
    /// that does not say where it is counts as local. When absent nothing is hidden by its region. It is what is so to
    /// begin with: [`crate::change::Change::LocalRegion`] replaces it.
    pub local_region: Option<Word>,
    /// What [`crate::allocator::Allocator::check_touched`] checks.
    pub laws: Laws,
}

/// A fraction of the total, over the role's weight, that a turn may go past the next waiting role: larger turns for
/// coarser fairness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grain {
    /// Above the line.
    pub numerator: u32,
    /// Below the line, 1 to 1,000,000; zero is read as one.
    pub denominator: u32,
}

/// How much of the laws is checked after a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Laws {
    /// Nothing: only to measure what checking costs.
    Off,
    /// What decisions touched.
    Touched,
    /// Everything, against a fresh build of the books.
    Everything,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            fair_set: vec![Kind::Cpu, Kind::Memory, Kind::Gpu],
            grain: Grain { numerator: 0, denominator: 1 },
            turns_per_cycle_max: 100_000,
            open_offer_millis: None,
            hold_patience_millis: Some(600_000),
            inverse_offer_millis: Some(60_000),
            inverse_offers_of_draining: true,
            local_region: None,
            laws: Laws::Touched,
        }
    }
}
