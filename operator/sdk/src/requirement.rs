//! What is asked of level one.

use crate::instance::InstanceId;
use alloc::vec::Vec;
use twofold_allocator::ask::Ask;

/// An ask together with the instances that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskPlan {
    /// What level one is told.
    pub ask: Ask,
    /// For each member of the ask, by position, the instances that it stands for, first come first.
    pub members: Vec<Vec<InstanceId>>,
}
