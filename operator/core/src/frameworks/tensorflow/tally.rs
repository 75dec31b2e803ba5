//! The replicas of one type, counted from their pods.

use super::defaults::{Replicas, RestartPolicy};
use super::reclaim;
use crate::frameworks::Situation;
use crate::observe::service::instance_of;
use crate::record::{Phase, PodRecord};
use std::collections::BTreeSet;
use twofold_crds::tfjob::{ReplicaStatus, TENSORFLOW_CONTAINER, TfJobStatus};
use twofold_sdk::instance::InstanceId;
use twofold_sdk::launch;
use twofold_sdk::observed::{TaskState, View};

/// The least exit code that the policy `ExitCode` retries: 128 and a signal's number.
pub(super) const RETRIED_FROM: i32 = 128;

/// How the replicas of one type stand.
#[derive(Debug, Default)]
pub(super) struct Tally<'a> {
    /// Pods that run.
    pub(super) active: u32,
    /// Pods that ended well.
    pub(super) succeeded: u32,
    /// Pods that failed, in whatever way.
    pub(super) failed: u32,
    /// Those of them whose failure is final.
    pub(super) lost_for_good: u32,
    /// Pods that failed and are launched again.
    pub(super) retried: Vec<&'a PodRecord>,
    /// Whether some pod goes away while it runs and is launched again.
    pub(super) is_moving: bool,
    /// Whether replica 0 ended with exit code 0.
    pub(super) first_succeeded: bool,
}

/// What one pod counts as.
enum Count {
    Active,
    Succeeded,
    Failed { is_retried: bool },
    Moving,
    Nothing,
}

impl<'a> Tally<'a> {
    /// Counts the pods of these replicas. Surplus ones count as nothing, and so do those whose launch failed or whose
    /// room is taken back. A replica that is on record as completed counts as one that succeeded, whatever became of its pod.
    pub(super) fn of(
        replicas: &Replicas<'_>,
        completed: &BTreeSet<InstanceId>,
        status: &TfJobStatus,
        situation: &Situation<'a>,
    ) -> Self {
        let mut tally = Self::default();
        for instance in completed.iter().filter(|instance| belongs(instance, replicas)) {
            tally.succeeded += 1;
            tally.first_succeeded |= instance.index == 0;
        }
        for pod in situation.pods.iter().copied().filter(|pod| !reclaim::takes(status, pod)) {
            let counts = |instance: &InstanceId| belongs(instance, replicas) && !completed.contains(instance);
            let Some(instance) = instance_of(pod).filter(counts) else { continue };
            match count(pod, &instance, replicas.restart, situation) {
                Count::Active => tally.active += 1,
                Count::Succeeded => {
                    tally.succeeded += 1;
                    tally.first_succeeded |= instance.index == 0 && exit_code(pod) == Some(0);
                }
                Count::Failed { is_retried } => {
                    tally.failed += 1;
                    if is_retried {
                        tally.retried.push(pod);
                    } else {
                        tally.lost_for_good += 1;
                    }
                }
                Count::Moving => tally.is_moving = true,
                Count::Nothing => {}
            }
        }
        tally
    }

    /// The counts as the status shows them.
    pub(super) fn status(&self) -> ReplicaStatus {
        let shown = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        ReplicaStatus {
            active: shown(self.active),
            succeeded: shown(self.succeeded),
            failed: shown(self.failed),
            selector: None,
        }
    }

    /// Whether some pod failed or goes away and is launched again.
    pub(super) fn is_restarting(&self) -> bool {
        self.is_moving || !self.retried.is_empty()
    }
}

/// Whether the pod failed because its launch did: it was turned away or preempted, and counts for nobody.
pub(super) fn launch_failed(pod: &PodRecord) -> bool {
    launch::is_no_fault(pod.disrupted.as_deref().unwrap_or(&pod.reason))
}

/// Whether a pod ended well by itself. A trainer that is told to stop may end with exit code 0 too, so that one which is
/// deleted has not completed where it may run again.
pub(super) fn completes(pod: &PodRecord, policy: RestartPolicy) -> bool {
    pod.phase == Phase::Succeeded && (pod.deleting.is_none() || policy == RestartPolicy::Never)
}

/// The exit code of the container that trains.
pub(super) fn exit_code(pod: &PodRecord) -> Option<i32> {
    let trainer = pod.containers.iter().find(|container| container.name == TENSORFLOW_CONTAINER)?;
    trainer.terminated.as_ref().map(|end| end.exit_code)
}

/// Whether an instance is one of these replicas, and no surplus one.
pub(super) fn belongs(instance: &InstanceId, replicas: &Replicas<'_>) -> bool {
    instance.pod_type.as_str() == replicas.type_.lower() && instance.index < replicas.count
}

fn count(pod: &PodRecord, instance: &InstanceId, policy: RestartPolicy, situation: &Situation<'_>) -> Count {
    let is_final = policy == RestartPolicy::Never;
    match pod.phase {
        Phase::Running if pod.deleting.is_some() || is_lost(instance, situation) => {
            // Upstream counts such a pod as failed whatever its policy, so a lost machine ends the job.
            match (launch_failed(pod), is_final) {
                (true, _) => Count::Nothing,
                (false, true) => Count::Failed { is_retried: false },
                (false, false) => Count::Moving,
            }
        }
        Phase::Running => Count::Active,
        Phase::Succeeded if completes(pod, policy) => Count::Succeeded,
        Phase::Succeeded => Count::Moving,
        Phase::Failed if launch_failed(pod) => Count::Nothing,
        Phase::Failed => Count::Failed { is_retried: is_retried(pod, policy) },
        Phase::Pending | Phase::Unknown => Count::Nothing,
    }
}

fn is_lost(instance: &InstanceId, situation: &Situation<'_>) -> bool {
    let seen = situation.view.instances.get(instance);
    seen.is_some_and(|seen| matches!(seen.task, View::Known(TaskState::Lost, _)))
}

/// Whether a failed pod is launched again. Without a word of how its trainer ended, which is so when its machine
/// ended it, it is.
fn is_retried(pod: &PodRecord, policy: RestartPolicy) -> bool {
    match policy {
        RestartPolicy::Never => false,
        RestartPolicy::OnFailure | RestartPolicy::Always => true,
        RestartPolicy::ExitCode => exit_code(pod).is_none_or(|code| code >= RETRIED_FROM),
    }
}
