//! Roles: the tree that resources are shared among.

use crate::ask::Constraint;
use crate::id::RolePath;
use crate::resources::Amounts;
use alloc::vec::Vec;

/// A node of the tree. Limits and guarantees hold on every level, for the role and all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The path from the root. A parent that is not declared has weight 1, no guarantee and no limit.
    pub path: RolePath,
    /// Its weight among its siblings, 1 to 1,000,000.
    pub weight: u32,
    /// What it gets before others share the rest.
    pub guarantee: Amounts,
    /// What it never exceeds.
    pub limit: Amounts,
    /// Which agents it may see; all of these must hold. Empty: every agent.
    pub agents: Vec<Constraint>,
    /// How its frameworks are ordered.
    pub order: FrameworkOrder,
}

/// The order of the frameworks directly in a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum FrameworkOrder {
    /// By priority, then age, then name.
    #[default]
    Priority,
    /// By dominant share, then priority, age and name.
    Drf,
}
