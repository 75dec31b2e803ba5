//! Roles: the tree that resources are shared among.

use crate::ask::Constraint;
use crate::id::RolePath;
use crate::resources::Amounts;
use alloc::vec::Vec;

/// A node of the tree. Limits and guarantees hold on every level, for the role and all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The path from the root; the root itself may be declared, with the empty path. A role that is used and not
    /// declared, as the parent of another or by a framework, has weight 1, no guarantee and no limit.
    pub path: RolePath,
    /// Its weight among its siblings, 1 to 1,000,000.
    pub weight: u32,
    /// What it gets before others share the rest, in the units of [`crate::resources::Resources`]. A kind that is
    /// absent is not guaranteed.
    pub guarantee: Amounts,
    /// What no gift brings it beyond. A kind that is absent has no limit; one of zero is a limit of nothing.
    pub limit: Amounts,
    /// Which agents it may see; all of these must hold. Empty: every agent.
    pub agents: Vec<Constraint>,
    /// How its frameworks are ordered.
    pub order: FrameworkOrder,
}

/// The order of the frameworks directly in a role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum FrameworkOrder {
    /// By the priority of the ask, then of the framework, then the age of the framework, then its name; asks of one
    /// framework with equal priority in the order in which it told them.
    #[default]
    Priority,
    /// By the framework's dominant share (Ghodsi et al., NSDI 2011), then as above.
    Drf,
}
