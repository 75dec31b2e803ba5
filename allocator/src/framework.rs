//! Frameworks: consumers of offers.

use crate::id::{FrameworkId, RolePath};
use crate::tick::Timestamp;
use alloc::vec::Vec;

/// One service or one job. It is told before its demand; what it holds may be told before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framework {
    /// Its name.
    pub id: FrameworkId,
    /// The roles that it is offered resources in, in any order, at least one; none need be declared. In each it has a
    /// demand of its own, and what it takes there is charged there. A role that is left out from now on stays charged
    /// with what was taken in it until that ends, and the framework is offered nothing more in it. The idea is the
    /// `MULTI_ROLE` framework of Apache Mesos.
    pub roles: Vec<RolePath>,
    /// Higher goes first within a role, among asks of equal priority.
    pub priority: i32,
    /// When it was created; older goes first among equals.
    pub since: Timestamp,
}
