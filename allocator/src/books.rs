//! The books: agents, roles, frameworks, tasks, and the sums that follow from them. They can be rebuilt from the same
//! facts in any order and come out equal; what may be lost (filters, live offers, counters) is kept beside them.

pub(crate) mod agent;
pub(crate) mod device;
pub(crate) mod framework;
pub(crate) mod reservation;
pub(crate) mod role;
pub(crate) mod task;
mod tasks;
pub(crate) mod want;

use crate::filter::Soft;
use crate::id::{AgentId, RolePath, TaskId, UnitId};
use crate::order::Order;
use crate::plant::Planted;
use crate::policy::Policy;
use crate::pool::Pool;
use crate::resources::Resources;
use crate::seen::Seen;
use crate::share::FairSet;
use crate::slab::{No, Slab};
use agent::AgentBook;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use framework::{FrameworkBook, Seat};
use reservation::Reservations;
use role::RoleBook;
use tasks::Tasks;

pub(crate) type AgentNo = No<AgentBook>;
pub(crate) type RoleNo = No<RoleBook>;
/// The number of a seat: of a framework in one of its roles.
pub(crate) type FrameworkNo = No<FrameworkBook>;

/// A unit that runs: whose it is and in which role, and its name.
pub(crate) type UnitKey = (FrameworkNo, UnitId);

/// One thing that a framework wants in one of its roles: an ask by position, or its open demand at position 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WantNo {
    pub(crate) framework: FrameworkNo,
    pub(crate) at: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Books {
    pub(crate) policy: Policy,
    pub(crate) fair: FairSet,
    pub(crate) agents: Slab<AgentBook>,
    pub(crate) agent_names: BTreeMap<AgentId, AgentNo>,
    pub(crate) roles: Slab<RoleBook>,
    pub(crate) role_names: BTreeMap<RolePath, RoleNo>,
    pub(crate) root: RoleNo,
    pub(crate) frameworks: Slab<FrameworkBook>,
    /// The seats, those of one framework side by side.
    pub(crate) framework_names: BTreeMap<Seat, FrameworkNo>,
    pub(crate) tasks: Tasks,
    /// The tasks of each unit that a framework told of.
    pub(crate) units: BTreeMap<UnitKey, BTreeSet<TaskId>>,
    /// The agents that are draining.
    pub(crate) draining: BTreeSet<AgentNo>,
    pub(crate) reservations: Reservations,
    /// Capacity of all agents that are not gone; revocable room is no part of it.
    pub(crate) total: Resources,
    /// Free on all agents that take new work, revocable room left out.
    pub(crate) free: Resources,
    /// How much revocable room machines have, whether they are known or not, and what of it is free in all.
    pub(crate) revocable: BTreeMap<AgentId, Resources>,
    pub(crate) revocable_free: Resources,
    /// All that is in use, by anybody: kept to refuse sums that no number holds.
    pub(crate) used: Resources,
    /// In use by tasks that end, on all agents.
    pub(crate) finishing: Resources,
    /// Grows when an agent comes, goes, or is another than before, or a role may see others; not when a load changes.
    pub(crate) fleet: u64,
    pub(crate) pool: Pool,
    pub(crate) seen: Seen,
    pub(crate) soft: Soft,
    /// Who is next.
    pub(crate) order: Order,
    /// What changed since the laws were last checked.
    pub(crate) touched_agents: Vec<AgentNo>,
    pub(crate) touched_roles: Vec<RoleNo>,
    /// A test's bug.
    pub(crate) planted: Planted,
}

impl Books {
    pub(crate) fn new(policy: Policy) -> Self {
        let mut roles = Slab::default();
        let root = roles.insert(RoleBook::new(RolePath::root(), None));
        Self {
            fair: FairSet::new(&policy.fair_set),
            policy,
            agents: Slab::default(),
            agent_names: BTreeMap::new(),
            roles,
            role_names: BTreeMap::from([(RolePath::root(), root)]),
            root,
            frameworks: Slab::default(),
            framework_names: BTreeMap::new(),
            tasks: Tasks::default(),
            units: BTreeMap::new(),
            draining: BTreeSet::new(),
            reservations: Reservations::default(),
            total: Resources::default(),
            free: Resources::default(),
            revocable: BTreeMap::new(),
            revocable_free: Resources::default(),
            used: Resources::default(),
            finishing: Resources::default(),
            fleet: 0,
            pool: Pool::default(),
            seen: Seen::default(),
            soft: Soft::default(),
            order: Order::default(),
            touched_agents: Vec::new(),
            touched_roles: Vec::new(),
            planted: Planted::default(),
        }
    }

    /// The role and all above it, the root last.
    pub(crate) fn path(&self, role: RoleNo) -> impl Iterator<Item = (RoleNo, &RoleBook)> {
        core::iter::successors(Some(role), |no| self.roles.at(*no).parent).map(|no| (no, self.roles.at(no)))
    }

    /// All wants, by framework and role.
    pub(crate) fn wants(&self) -> impl Iterator<Item = WantNo> {
        self.framework_names.values().flat_map(|no| {
            let wants = self.frameworks.at(*no).wants.len();
            (0..wants).map(|at| WantNo { framework: *no, at })
        })
    }
}
