//! Limits of a job's life: how often it may restart, and how long it may take.

use super::defaults::{Job, Replicas, RestartPolicy};
use super::reclaim;
use super::tally::Tally;
use crate::frameworks::Situation;
use crate::observe::pod;
use crate::observe::service::instance_of;
use crate::record::{Phase, PodRecord};
use twofold_allocator::tick::Timestamp;
use twofold_crds::tfjob::{TfJobStatus, TwofoldStatus};

/// Counts the pods that failed and are launched again, each once: those already counted are on record for as long as
/// they exist.
pub(super) fn count(
    status: &mut TwofoldStatus,
    tallies: &[(&Replicas<'_>, Tally<'_>)],
    situation: &Situation<'_>,
) {
    let exists = |uid: &String| situation.pods.iter().any(|pod| pod.identity.uid == *uid);
    status.restarted_pods.retain(exists);
    let retried = tallies.iter().flat_map(|(_, tally)| &tally.retried).map(|pod| &pod.identity.uid);
    let new: Vec<String> = retried.filter(|uid| !status.restarted_pods.contains(uid)).cloned().collect();
    if !new.is_empty() {
        let more = i32::try_from(new.len()).unwrap_or(i32::MAX);
        status.restarts = Some(status.restarts.unwrap_or_default().saturating_add(more));
        status.restarted_pods.extend(new);
        status.restarted_pods.sort();
    }
}

/// Whether the job has restarted as often as it may: at all with a limit of 0, else as often as the limit says.
/// Restarts by the kubelet count while their pod runs and is not taken back, those by us for good; failed launches
/// never do.
pub(super) fn is_past_limit(job: &Job<'_>, status: &TfJobStatus, situation: &Situation<'_>) -> bool {
    let Some(limit) = job.resource.spec.run_policy.backoff_limit else { return false };
    let ours = status.twofold.as_ref().and_then(|twofold| twofold.restarts).unwrap_or_default();
    let restarts = i64::from(ours) + by_kubelet(job, status, situation);
    if limit == 0 { restarts > 0 } else { restarts >= i64::from(limit) }
}

fn by_kubelet(job: &Job<'_>, status: &TfJobStatus, situation: &Situation<'_>) -> i64 {
    let may_restart = |type_: &str| {
        let mut replicas = job.replicas.iter();
        replicas.any(|one| one.type_.lower() == type_ && one.restart != RestartPolicy::Never)
    };
    let runs = |pod: &&&PodRecord| pod.phase == Phase::Running && !reclaim::takes(status, pod);
    let running = situation.pods.iter().filter(runs);
    running
        .filter(|pod| instance_of(pod).is_some_and(|instance| may_restart(instance.pod_type.as_str())))
        .flat_map(|pod| &pod.containers)
        .map(|container| i64::from(container.restarts))
        .sum()
}

/// When the job must be over, if it has a deadline and has begun.
pub(super) fn deadline(job: &Job<'_>, status: &TfJobStatus) -> Option<Timestamp> {
    let seconds = job.resource.spec.run_policy.active_deadline_seconds?;
    let start = pod::millis(status.start_time.as_ref()?);
    Some(after(start, seconds))
}

/// So many seconds after a time; a negative number is none.
pub(super) fn after(start: Timestamp, seconds: i64) -> Timestamp {
    start.plus_millis(u64::try_from(seconds).unwrap_or_default().saturating_mul(1_000))
}
