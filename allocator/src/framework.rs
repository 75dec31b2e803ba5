//! Frameworks: consumers of offers.

use crate::id::{FrameworkId, RolePath};
use crate::tick::Timestamp;

/// One service or one job. It is told before its demand; what it holds may be told before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framework {
    /// Its name.
    pub id: FrameworkId,
    /// The role that is charged for it; it need not be declared. What it holds moves with it to another role.
    pub role: RolePath,
    /// Higher goes first within its role, among asks of equal priority.
    pub priority: i32,
    /// When it was created; older goes first among equals.
    pub since: Timestamp,
    /// Whether it is shown agents of other regions than the local one.
    pub region_aware: bool,
}
