//! Status as a total fold over what is seen. Nothing is stored: the same view gives the same status, and a view of
//! any kind gives one.

use super::{Phase, Plan, Status, Step, StepStatus};
use crate::launch;
use crate::observed::{InstanceView, TaskState, View};
use crate::spec::{Goal, PodType, Relaunch, ServiceSpec};
use alloc::format;
use alloc::string::{String, ToString};
use twofold_allocator::tick::Timestamp;

/// How far one instance is on its way to its goal, whatever plan cares for it.
#[must_use]
pub fn step_status(
    spec: &ServiceSpec,
    pod_type: &PodType,
    instance: Option<&InstanceView>,
    now: Timestamp,
) -> StepStatus {
    let Some(instance) = instance else {
        return StepStatus::WaitingForOffers;
    };
    let state = match &instance.task {
        View::Known(state, _) => state,
        View::Unknown(why) => return StepStatus::Unknown { why: why.clone() },
    };
    match state {
        TaskState::Absent => delayed(spec, instance, now).unwrap_or(StepStatus::WaitingForOffers),
        TaskState::Launched => StepStatus::WaitingForBind,
        TaskState::Gated => StepStatus::WaitingForStart,
        TaskState::Starting => StepStatus::Starting,
        TaskState::Running { ready } => match (pod_type.goal, ready) {
            (Goal::Finish, _) | (Goal::Running, true) => StepStatus::Complete,
            (Goal::Running, false) => StepStatus::Starting,
        },
        TaskState::Succeeded => match pod_type.goal {
            Goal::Finish => StepStatus::Complete,
            Goal::Running => ended(spec, pod_type, instance, Ending { exit_code: Some(0), reason: "" }, now),
        },
        TaskState::Failed { reason, .. } if launch::is_no_fault(reason) => StepStatus::WaitingForEnd,
        TaskState::Failed { exit_code, reason } => {
            ended(spec, pod_type, instance, Ending { exit_code: *exit_code, reason }, now)
        }
        TaskState::Terminating | TaskState::Lost => StepStatus::WaitingForEnd,
        TaskState::Unreachable => StepStatus::Unknown { why: unreachable(instance) },
    }
}

/// How a pod ended.
struct Ending<'a> {
    exit_code: Option<i32>,
    reason: &'a str,
}

/// Whether an instance of the pod type that ended like this is launched again.
#[must_use]
pub(crate) fn is_launched_again(pod_type: &PodType, exit_code: Option<i32>) -> bool {
    match pod_type.relaunch {
        Relaunch::Always => true,
        Relaunch::ExitCodeAtLeast(least) => exit_code.is_none_or(|code| code >= least),
        Relaunch::Never => false,
    }
}

fn ended(
    spec: &ServiceSpec,
    pod_type: &PodType,
    instance: &InstanceView,
    ending: Ending<'_>,
    now: Timestamp,
) -> StepStatus {
    if is_launched_again(pod_type, ending.exit_code) {
        return delayed(spec, instance, now).unwrap_or(StepStatus::WaitingForEnd);
    }
    let mut text = match ending.exit_code {
        Some(code) => format!("it ended with exit code {code}"),
        None => "it ended without an exit code".to_string(),
    };
    if !ending.reason.is_empty() {
        text = format!("{text} ({})", ending.reason);
    }
    StepStatus::Error { text: format!("{text} and is not launched again") }
}

/// The back-off that still runs, if any.
fn delayed(spec: &ServiceSpec, instance: &InstanceView, now: Timestamp) -> Option<StepStatus> {
    let until = spec.backoff.until(instance.failures, instance.last_failure?);
    (instance.failures > 0 && until > now).then_some(StepStatus::Delayed { until })
}

fn unreachable(instance: &InstanceView) -> String {
    match &instance.place {
        Some(place) => format!("agent {} does not answer", place.agent),
        None => "its agent does not answer".to_string(),
    }
}

impl StepStatus {
    /// What this counts as in a phase.
    #[must_use]
    pub fn summary(&self) -> Status {
        match self {
            Self::Pending => Status::Pending,
            Self::WaitingForOffers | Self::WaitingForStart | Self::Unknown { .. } => Status::Waiting,
            Self::WaitingForBind | Self::Starting | Self::WaitingForEnd => Status::InProgress,
            Self::Delayed { .. } => Status::Delayed,
            Self::Complete => Status::Complete,
            Self::Error { .. } => Status::Error,
        }
    }

    /// Whether it is done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.summary() == Status::Complete
    }
}

impl Status {
    /// The status of a whole from those of its parts: an error if there is one, complete if all are (also when there
    /// are none), otherwise the furthest of them, where a part that is complete counts as work going on. So there is
    /// no error without an error, and no part that moves on moves the whole back.
    #[must_use]
    pub fn of(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut furthest = Self::Pending;
        let mut all_complete = true;
        for part in parts {
            if part == Self::Error {
                return Self::Error;
            }
            all_complete &= part == Self::Complete;
            furthest = furthest.max(part.min(Self::InProgress));
        }
        if all_complete { Self::Complete } else { furthest }
    }
}

impl Phase {
    /// How far it is.
    #[must_use]
    pub fn status(&self) -> Status {
        Status::of(self.steps.iter().map(|step| step.status.summary()))
    }
}

impl Plan {
    /// How far it is.
    #[must_use]
    pub fn status(&self) -> Status {
        Status::of(self.phases.iter().map(Phase::status))
    }

    /// Its steps, phase by phase.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.phases.iter().flat_map(|phase| &phase.steps)
    }

    /// Whether an instance whose step is complete is not well now.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        self.steps().any(|step| step.degraded)
    }

    /// What failed for good, with the instance's name in front.
    pub fn errors(&self) -> impl Iterator<Item = String> {
        self.steps().filter_map(|step| match &step.status {
            StepStatus::Error { text } => Some(format!("{}: {text}", step.instance)),
            StepStatus::Pending
            | StepStatus::WaitingForOffers
            | StepStatus::WaitingForBind
            | StepStatus::WaitingForStart
            | StepStatus::Starting
            | StepStatus::WaitingForEnd
            | StepStatus::Delayed { .. }
            | StepStatus::Unknown { .. }
            | StepStatus::Complete => None,
        })
    }
}
