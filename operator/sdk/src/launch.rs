//! Launches that failed: not the task's fault, so never counted as its failure.

use crate::instance::InstanceId;
use alloc::string::String;
use twofold_allocator::id::AgentId;
use twofold_allocator::tick::Timestamp;

/// A pod that is withdrawn, to be placed anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// Whose pod.
    pub instance: InstanceId,
    /// Why.
    pub why: LaunchFailure,
    /// The agent that is not to be shown for a while, and until when; none for members that are withdrawn only
    /// because their gang is.
    pub avoid: Option<(AgentId, Timestamp)>,
}

/// Why a launch failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaunchFailure {
    /// It was not bound in time.
    NotBound,
    /// Its agent is gone.
    AgentGone,
    /// Its agent turned it away, with this reason.
    Rejected(String),
    /// It was preempted before it ran.
    Preempted,
    /// It is well itself, but its gang cannot be completed.
    GangIncomplete,
}
