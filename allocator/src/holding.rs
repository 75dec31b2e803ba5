//! Holdings: resources in use on an agent, by our frameworks or by anybody else.

use crate::device::Grant;
use crate::id::{AgentId, FrameworkId, ReservationId, RolePath, TaskId, UnitId};
use crate::resources::Resources;
use crate::tick::Timestamp;
use alloc::vec::Vec;

/// One task that is not finished, as the cluster shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// The task's name. A holding takes the place of the launch of the same name.
    pub task: TaskId,
    /// Where it runs.
    pub agent: AgentId,
    /// Who is charged for it.
    pub owner: Owner,
    /// What it takes.
    pub resources: Resources,
    /// Whether it ends, by itself as a job does or because it is being ended: still charged, but its room is expected
    /// to come free, and may be held for a unit that waits for it.
    pub finishing: bool,
    /// The unit that it runs in; absent, it is a unit of its own that is never reclaimed.
    pub unit: Option<UnitMark>,
    /// The reservation that it runs in: what it takes of that is not counted twice. It counts only on the reservation's
    /// agent, and only if that is kept for its framework.
    pub reservation: Option<ReservationId>,
    /// The devices that it has. Where the cluster does not say, none: then it has those of its launch, if that named any
    /// on the same agent.
    pub devices: Vec<Grant>,
}

/// What a framework says of the unit that a task runs in. A unit is asked back whole or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitMark {
    /// Its name among the framework's in its role; the tasks of a gang share one.
    pub id: UnitId,
    /// Whether it may be asked back for a role below its guarantee. A unit is reclaimable when all its tasks say so.
    pub reclaimable: bool,
    /// Since when the task runs. A unit runs since its first task does, and of equals the youngest goes first.
    pub since: Timestamp,
}

/// Who a holding belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A framework, known or not.
    Framework {
        /// Its name.
        id: FrameworkId,
        /// The role that it was accepted in, which is charged for it, whether the framework still is in that role or not.
        role: RolePath,
    },
    /// Nobody that level one knows: it only takes room.
    Foreign,
}
