//! Counters, for metrics.

/// What happened since the allocator was made. The numbers only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Cycles begun.
    pub cycles: u64,
    /// Cycles that ended because they had their number of turns.
    pub cycles_cut: u64,
    /// Changes that changed something.
    pub changes: u64,
    /// Changes that were refused.
    pub changes_refused: u64,
    /// Offers made; one a turn.
    pub offers: u64,
    /// Offers that were made from a guarantee.
    pub offers_guaranteed: u64,
    /// Offers accepted.
    pub accepted: u64,
    /// Offers declined.
    pub declined: u64,
    /// Offers whose turn ended without an answer.
    pub unanswered: u64,
    /// Offers that ended by time or with their agent.
    pub rescinded: u64,
    /// Answers that were refused.
    pub answers_refused: u64,
    /// Tasks launched.
    pub launches: u64,
    /// Times that room was first held for an ask that had no hold.
    pub holds: u64,
    /// Holds that were dropped, as they expired or did not start when they were complete.
    pub holds_dropped: u64,
    /// Holds that started.
    pub holds_started: u64,
    /// Inverse offers made.
    pub inverse_offers: u64,
    /// Inverse offers accepted.
    pub inverse_accepted: u64,
    /// Inverse offers declined.
    pub inverse_declined: u64,
    /// Inverse offers that ended by time, or were taken back as nobody needed them any more.
    pub inverse_ended: u64,
    /// Turns that a limit held back.
    pub limited: u64,
    /// Turns that the headroom held back.
    pub headroom: u64,
    /// Turns of wants that had no agent to see, or gangs that take more than all that is free.
    pub unseen: u64,
}
