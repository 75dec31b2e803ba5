//! What is seen of a service, or that it cannot be seen.

use crate::instance::InstanceId;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use twofold_allocator::domain::FaultDomain;
use twofold_allocator::id::{AgentId, Word};
use twofold_allocator::tick::Timestamp;

/// A fact with the time at which it was seen, or why it is not known. Unknown is not zero, not empty and not done:
/// nothing is started, ended or called complete because of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View<T> {
    /// It is this, as of then.
    Known(T, Timestamp),
    /// It cannot be told, for this reason.
    Unknown(String),
}

/// All that is known of a service's instances. One that is not listed is absent and was never launched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceView {
    /// The instances that were ever launched, surplus ones too.
    pub instances: BTreeMap<InstanceId, InstanceView>,
    /// Whether the first deployment is over: some member of the gang has run. Lost members are asked for singly from
    /// then on.
    pub gang_started: bool,
}

/// What is seen of one instance, its record included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceView {
    /// Its task.
    pub task: View<TaskState>,
    /// Since when its task is in that state. For [`TaskState::Launched`]: since when it could have been bound, so from
    /// the lifting of its start gate.
    pub since: Timestamp,
    /// Where it is, or is about to be; none while it is absent.
    pub place: Option<Place>,
    /// Where its volumes can be used.
    pub reach: Reach,
    /// The agent that room is kept on for it to come back to, as [`InstanceId::reservation`].
    pub kept: Option<AgentId>,
    /// The zone that its record binds it to, because its rack was derived from it.
    pub bound_zone: Option<Word>,
    /// Whether its volumes hold data.
    pub data: Data,
    /// Whether it was ever allowed to start, from its record.
    pub started: bool,
    /// Whether it was ever ready, or ended with success, from its record.
    pub joined: bool,
    /// How often its containers were restarted by the agent.
    pub restarts: u32,
    /// Failures in a row, the present one included; failed launches are none.
    pub failures: u32,
    /// When the last failure was.
    pub last_failure: Option<Timestamp>,
    /// Launches in a row that failed.
    pub failed_launches: u32,
}

/// Where an instance is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The agent.
    pub agent: AgentId,
    /// The agent's fault domain, as it was when the instance was placed.
    pub domain: Option<FaultDomain>,
    /// Whether the agent is proven gone.
    pub agent_gone: bool,
}

/// How far an instance's task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// There is no pod of its name.
    Absent,
    /// Its pod exists and is not bound to its agent yet.
    Launched,
    /// Its pod exists behind the start gate.
    Gated,
    /// Bound to its agent, no container runs yet.
    Starting,
    /// It runs.
    Running {
        /// Whether it is ready to serve, by its own word.
        ready: bool,
    },
    /// It ended with success.
    Succeeded,
    /// It ended without success, or was turned away by its agent.
    Failed {
        /// The exit code of its main container, when there is one.
        exit_code: Option<i32>,
        /// The reason that the pod gives, such as `OutOfcpu`, `Evicted` or `PreemptionByScheduler`; empty if none.
        reason: String,
    },
    /// It is ending; its name is free when it is gone.
    Terminating,
    /// Its agent does not answer: it may run or not, and keeps its name.
    Unreachable,
    /// Its agent is proven gone: it runs no more, though its pod may still be listed.
    Lost,
}

/// Where volumes can be used, from the node affinity of what they are bound to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// On any agent; also while there are no volumes or they are not bound yet.
    #[default]
    Anywhere,
    /// In these zones.
    Zones(BTreeSet<Word>),
    /// On these agents.
    Agents(BTreeSet<AgentId>),
}

/// Whether an instance has data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Data {
    /// It has none: it would join as a new member.
    #[default]
    Empty,
    /// It has some: it comes back as the member that it was.
    Present,
    /// It cannot be told, for this reason.
    Unknown(String),
}

impl InstanceView {
    /// An instance without pod, record or data, as of then.
    #[must_use]
    pub fn absent(now: Timestamp) -> Self {
        Self {
            task: View::Known(TaskState::Absent, now),
            since: now,
            place: None,
            reach: Reach::Anywhere,
            kept: None,
            bound_zone: None,
            data: Data::Empty,
            started: false,
            joined: false,
            restarts: 0,
            failures: 0,
            last_failure: None,
            failed_launches: 0,
        }
    }

    /// Whether it is known to run and to be ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.task, View::Known(TaskState::Running { ready: true }, _))
    }

    /// The zone that it is in, if its agent says.
    #[must_use]
    pub fn zone(&self) -> Option<&Word> {
        self.place.as_ref().and_then(|place| place.domain.as_ref()).map(|domain| &domain.zone)
    }
}
