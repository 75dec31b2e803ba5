//! Changes: all that level one is told. Telling it the same twice changes nothing.

use crate::agent::Agent;
use crate::ask::Demand;
use crate::device::DeviceSet;
use crate::framework::Framework;
use crate::holding::Holding;
use crate::id::{AgentId, FrameworkId, ReservationId, RolePath, TaskId, Word};
use crate::reservation::Reservation;
use crate::resources::Resources;
use crate::role::Role;
use crate::tick::Timestamp;

/// One thing that is now so. A change that names an object replaces all that was known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The agent is there, or is now like this.
    Agent(Agent),
    /// The agent is gone. What was in use on it stays charged until that is gone, too.
    AgentGone(AgentId),
    /// The agent shows these devices; its GPUs are counted again, as the agent says, when none. What was told to have GPUs
    /// or shares of the same kinds is counted by its devices, and tasks that do not say which they have are excess.
    Devices(AgentId, Option<DeviceSet>),
    /// The role is declared like this.
    Role(Role),
    /// The role is declared no more; it lives on, undeclared, while something uses it.
    RoleGone(RolePath),
    /// The framework is there, or is now like this.
    Framework(Framework),
    /// The framework is gone; its holdings stay on the books until they are gone too.
    FrameworkGone(FrameworkId),
    /// What the framework wants in one of its roles from now on; what it wants in others stays. An ask that is the same
    /// as before keeps what it refused. Refused for a framework that is not known, and for a role that it is not in.
    Demand {
        /// Who wants it.
        framework: FrameworkId,
        /// The role that is charged for what is taken.
        role: RolePath,
        /// What is wanted; nothing is the way to say that no offers are wanted in this role.
        demand: Demand,
    },
    /// The framework has no turns, in any role, until it is told otherwise; what is held for it stays. Then it looks at
    /// everything again, as if for the first time.
    Pause {
        /// The framework.
        framework: FrameworkId,
        /// Whether it is paused from now on.
        paused: bool,
    },
    /// The task is there and takes this. Its agent, or its framework, need not be known yet.
    Holding(Holding),
    /// The task is gone, or its launch is given up.
    HoldingGone(TaskId),
    /// The room is kept, or is now kept like this.
    Reservation(Reservation),
    /// The room is kept no more.
    ReservationGone(ReservationId),
    /// The machine has so much revocable room beside its capacity, as an estimator outside says: an agent named
    /// [`AgentId::revocable`], like the machine in all else and gone with it. Nothing: none, as at first. The machine need
    /// not be known yet.
    Revocable {
        /// The machine.
        agent: AgentId,
        /// How much.
        resources: Resources,
    },
    /// The region whose agents everybody is shown, as [`crate::policy::Policy::local_region`] says, is this one from now
    /// on; none: nothing is hidden by its region.
    LocalRegion(Option<Word>),
    /// Do not show this agent to this framework for a while, in any role, as its last launch there failed. Nothing changes where the
    /// agent is not known; for a framework that is not known it is refused.
    Avoid {
        /// Who is not shown it.
        framework: FrameworkId,
        /// The agent.
        agent: AgentId,
        /// Until when.
        until: Timestamp,
    },
}
