//! What a batch of watch events touched, so that a cycle's cost follows the changes and not the cluster.

use crate::object::Key;
use std::collections::BTreeSet;
use twofold_allocator::id::AgentId;

/// What must be looked at again.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    /// Custom resources whose own object, pods, claims, support objects or reports changed.
    pub services: BTreeSet<Key>,
    /// Custom resources that are gone.
    pub gone: BTreeSet<Key>,
    /// Agents that changed or are gone.
    pub agents: BTreeSet<AgentId>,
    /// Pods that changed or are gone.
    pub pods: BTreeSet<Key>,
    /// Whether any role changed.
    pub roles: bool,
}
