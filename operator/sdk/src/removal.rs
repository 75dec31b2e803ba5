//! Pods that are in the way: their name is needed, or their instance is not wanted any more.

use crate::instance::InstanceId;
use crate::launch;
use crate::observed::{Data, InstanceView, ServiceView, TaskState, View};
use crate::plan::{StepStatus, is_launched_again, step_status};
use crate::spec::{Goal, PodType, ServiceSpec};
use alloc::vec::Vec;
use twofold_allocator::tick::Timestamp;

/// A pod that is to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Whose pod.
    pub instance: InstanceId,
    /// Why.
    pub why: RemovalReason,
}

/// Why a pod is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemovalReason {
    /// It ended, its back-off is over, and its name is needed for the next launch.
    Ended,
    /// Its agent is proven gone.
    Lost,
    /// Its index is not below its pod type's count any more.
    Surplus,
}

/// The pods that are to be deleted now. A pod that ended stays until its back-off is over, so that its log can be
/// read. Surplus instances go only where they have no volumes; giving up data takes a plan of its own. Pods of failed
/// launches are [`launch::withdrawals`].
#[must_use]
pub fn removals(spec: &ServiceSpec, view: &ServiceView, now: Timestamp) -> Vec<Removal> {
    let removal = |(id, seen): (&InstanceId, &InstanceView)| {
        let pod_type = spec.pod_type(&id.pod_type)?;
        let why = if id.index < pod_type.count {
            in_the_way(spec, pod_type, seen, now)
        } else {
            surplus(pod_type, seen)
        };
        Some(Removal { instance: id.clone(), why: why? })
    };
    view.instances.iter().filter_map(removal).collect()
}

fn in_the_way(
    spec: &ServiceSpec,
    pod_type: &PodType,
    seen: &InstanceView,
    now: Timestamp,
) -> Option<RemovalReason> {
    let View::Known(state, _) = &seen.task else {
        return None;
    };
    let ended = match state {
        TaskState::Lost => return Some(RemovalReason::Lost),
        TaskState::Failed { exit_code, reason } => {
            !launch::is_no_fault(reason) && is_launched_again(pod_type, *exit_code)
        }
        TaskState::Succeeded => pod_type.goal == Goal::Running && is_launched_again(pod_type, Some(0)),
        TaskState::Absent
        | TaskState::Launched
        | TaskState::Gated
        | TaskState::Starting
        | TaskState::Running { .. }
        | TaskState::Terminating
        | TaskState::Unreachable => false,
    };
    let is_due = step_status(spec, pod_type, Some(seen), now) == StepStatus::WaitingForEnd;
    (ended && is_due).then_some(RemovalReason::Ended)
}

fn surplus(pod_type: &PodType, seen: &InstanceView) -> Option<RemovalReason> {
    let is_free_of_data = pod_type.volumes.is_empty() && seen.data == Data::Empty;
    let has_pod = match &seen.task {
        View::Known(state, _) => !matches!(state, TaskState::Absent | TaskState::Terminating),
        View::Unknown(_) => false,
    };
    (is_free_of_data && has_pod).then_some(RemovalReason::Surplus)
}
