//! Pods that are in the way.

use crate::instance::InstanceId;

/// A pod that is to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Whose pod.
    pub instance: InstanceId,
    /// Why.
    pub why: RemovalReason,
}

/// Why a pod is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemovalReason {
    /// It ended, its back-off is over, and its name is needed for the next launch.
    Ended,
    /// Its agent is proven gone.
    Lost,
    /// Its index is not below its pod type's count any more.
    Surplus,
}
