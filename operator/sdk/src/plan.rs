//! Plans: how a service moves to its goal, and how far it is, as plain data derived from what is seen.

mod deploy;
mod finish;
mod recovery;
mod status;
mod strategy;

use crate::instance::InstanceId;
use crate::observed::ServiceView;
use crate::spec::{ServiceSpec, Strategy};
use alloc::string::String;
use alloc::vec::Vec;
pub(crate) use deploy::awaits_gang;
pub(crate) use status::is_launched_again;
pub use status::step_status;
use twofold_allocator::tick::Timestamp;

/// The plans of a service. An instance is in the care of one of them at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plans {
    /// Brings up what was never up.
    pub deploy: Plan,
    /// Brings back what was up and is not.
    pub recovery: Plan,
    /// Whether the job's finish is reached; always false for a service.
    pub finished: bool,
}

/// The plans of a service, from what is seen of it. Once a job has reached its finish every step is complete.
#[must_use]
pub fn plans(spec: &ServiceSpec, view: &ServiceView, now: Timestamp) -> Plans {
    let finished = finish::is_reached(spec, view);
    let mut deploy = deploy::plan(spec, view, now);
    let mut recovery = recovery::plan(spec, view, now);
    if finished {
        recovery.phases.clear();
        for step in deploy.phases.iter_mut().flat_map(|phase| &mut phase.steps) {
            step.status = StepStatus::Complete;
            step.degraded = false;
        }
    }
    Plans { deploy, recovery, finished }
}

impl Plans {
    /// All steps, those of the recovery plan first.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.recovery.steps().chain(self.deploy.steps())
    }

    /// Whether something failed for good.
    #[must_use]
    pub fn has_error(&self) -> bool {
        self.recovery.status() == Status::Error || self.deploy.status() == Status::Error
    }

    /// When the next back-off ends, if one runs: nothing that is watched will change then.
    #[must_use]
    pub fn wake(&self) -> Option<Timestamp> {
        self.steps()
            .filter_map(|step| match step.status {
                StepStatus::Delayed { until } => Some(until),
                StepStatus::Pending
                | StepStatus::WaitingForOffers
                | StepStatus::WaitingForBind
                | StepStatus::WaitingForStart
                | StepStatus::Starting
                | StepStatus::WaitingForEnd
                | StepStatus::Unknown { .. }
                | StepStatus::Complete
                | StepStatus::Error { .. } => None,
            })
            .min()
    }
}

/// An ordered piece of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// `deploy` or `recovery`.
    pub name: &'static str,
    /// The order of its phases.
    pub strategy: Strategy,
    /// Its phases.
    pub phases: Vec<Phase>,
}

/// A part of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Its name; a pod type's for the plans here.
    pub name: String,
    /// The order of its steps.
    pub strategy: Strategy,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// What is done to one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The instance.
    pub instance: InstanceId,
    /// How far it is.
    pub status: StepStatus,
    /// Whether an instance whose step is complete is not well now; another plan then works on it.
    pub degraded: bool,
}

/// How far a step is: a function of what is seen and of the steps before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepStatus {
    /// Its turn has not come: steps before it are not complete.
    Pending,
    /// It waits for an offer to accept.
    WaitingForOffers,
    /// It is launched and waits to be bound to its agent.
    WaitingForBind,
    /// It waits behind the start gate.
    WaitingForStart,
    /// It starts, or runs and is not ready.
    Starting,
    /// Its old pod is ending; it can be launched when that is gone.
    WaitingForEnd,
    /// It is launched again at this time.
    Delayed {
        /// When.
        until: Timestamp,
    },
    /// How far it is cannot be told; it is left alone.
    Unknown {
        /// Why.
        why: String,
    },
    /// It is done.
    Complete,
    /// It failed for good.
    Error {
        /// What went wrong.
        text: String,
    },
}

/// How far a phase or a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Something in it failed for good.
    Error,
    /// Nothing in it has begun.
    Pending,
    /// What is left of it waits for a back-off to end.
    Delayed,
    /// What is left of it waits for offers, for its start turn, or cannot be seen.
    Waiting,
    /// Work goes on.
    InProgress,
    /// All of it is done.
    Complete,
}
