//! Frameworks: consumers of offers.

use crate::id::{FrameworkId, RolePath};
use crate::tick::Timestamp;

/// One service or one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framework {
    /// Its name.
    pub id: FrameworkId,
    /// The role that is charged for it.
    pub role: RolePath,
    /// Higher goes first within its role.
    pub priority: i32,
    /// When it was created; older goes first among equals.
    pub since: Timestamp,
}
