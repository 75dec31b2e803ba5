//! A job whose room is taken back for a role below its guarantee. That is put on record first, with the pods that go by
//! UID: whoever looks after the job then ends exactly these, and no end of theirs is a failure or a restart. Then the
//! job waits, as it did at first, and is launched whole.

use super::defaults::Job;
use super::{cleanup, completed, condition, validate};
use crate::action::Action;
use crate::condition::time;
use crate::frameworks::Situation;
use crate::record::{Phase, PodRecord};
use twofold_crds::tfjob::{ReclaimedStatus, TfJobStatus};

/// The reason of the upstream condition `Restarting` when this is why.
pub(super) const REASON: &str = "TFJobReclaimed";

/// Whether the job may be ended for a role below its guarantee. What its annotation says goes before its role. One that
/// has no status of ours may not: its definition may drop what is to be put on record.
pub(super) fn is_reclaimable(job: &Job<'_>, allowed: &dyn Fn(&str) -> bool) -> bool {
    let keeps_records = |status: &TfJobStatus| status.twofold.is_some() && !condition::is_finished(status);
    if job.is_not_ours() || !job.resource.status.as_ref().is_some_and(keeps_records) {
        return false;
    }
    validate::reclaimable(job).is_ok_and(|said| said.unwrap_or_else(|| allowed(job.role())))
}

/// What was taken back, until the job runs again.
pub(super) fn record(status: &TfJobStatus) -> Option<&ReclaimedStatus> {
    status.twofold.as_ref()?.reclaimed.as_ref()
}

/// Whether a pod ends because it is taken back. One that ended well before that was decided goes with the others, and
/// its replica is on record as completed until all are gone. One that ended well between that and its deletion has
/// completed, and leaves the record. One that ended well after its deletion has not completed, since a trainer that is
/// told to stop may do so with exit code 0.
pub(super) fn takes(status: &TfJobStatus, pod: &PodRecord) -> bool {
    let is_recorded = |record: &ReclaimedStatus| record.pods.contains(&pod.identity.uid);
    let goes = || pod.phase != Phase::Succeeded || pod.deleting.is_some() || completed::has(status, pod);
    record(status).is_some_and(is_recorded) && goes()
}

/// The deletions of pods that are taken back and not on their way out yet.
pub(super) fn deletions(job: &Job<'_>, status: &TfJobStatus, situation: &Situation<'_>) -> Vec<Action> {
    let taken = situation.pods.iter().filter(|pod| takes(status, pod));
    taken.filter_map(|pod| cleanup::delete(job, pod)).collect()
}

/// Forgets the pods on record that are gone or have completed.
pub(super) fn prune(status: &mut TfJobStatus, situation: &Situation<'_>) {
    let remaining: Vec<String> =
        situation.pods.iter().filter(|pod| takes(status, pod)).map(|pod| pod.identity.uid.clone()).collect();
    let record = status.twofold.as_mut().and_then(|twofold| twofold.reclaimed.as_mut());
    if let Some(record) = record {
        record.pods.retain(|uid| remaining.contains(uid));
    }
}

/// When the last pod on record has gone, the job starts anew, as a whole: what had completed is forgotten, but for what
/// still has a pod. Before that it may still win by it.
pub(super) fn start_anew(status: &mut TfJobStatus, job: &Job<'_>, situation: &Situation<'_>) {
    let gives = |status: &TfJobStatus| record(status).is_some_and(|record| !record.pods.is_empty());
    if job.resource.status.as_ref().is_some_and(gives) && !gives(status) {
        status.twofold.get_or_insert_default().completed.clear();
        completed::note(status, job, situation);
    }
}

/// Puts on record what was decided, for a job that is not over.
pub(super) fn decide(status: &mut TfJobStatus, job: &Job<'_>, situation: &Situation<'_>) {
    let Some(reclaim) = situation.reclaim else { return };
    if record(status).is_some_and(|record| !record.pods.is_empty()) {
        return;
    }
    let gives = |pod: &&&PodRecord| {
        reclaim.pods.contains(&pod.identity.uid) && !matches!(pod.phase, Phase::Succeeded | Phase::Failed)
    };
    if !situation.pods.iter().any(|pod| gives(&pod)) {
        return;
    }
    let goes = |pod: &&&PodRecord| gives(pod) || pod.phase == Phase::Succeeded;
    let pods = situation.pods.iter().filter(goes).map(|pod| pod.identity.uid.clone()).collect();
    let role = reclaim.role.as_str().to_owned();
    let message = format!(
        "TFJob {} gave its room back to role {role}, which is guaranteed it, and restarts when there is room.",
        job.name
    );
    condition::put(status, condition::RESTARTING, "True", REASON, message, situation.now);
    status.twofold.get_or_insert_default().reclaimed =
        Some(ReclaimedStatus { role, time: Some(time(reclaim.at)), pods });
}

/// A job that runs again is as any other.
pub(super) fn forget_when_running(status: &mut TfJobStatus) {
    let is_over = record(status).is_some_and(|record| record.pods.is_empty());
    if is_over && condition::holds(status, condition::RUNNING) {
        forget(status);
    }
}

/// Takes the record out of a job that runs, is over or is put aside; whether there was one.
pub(super) fn forget(status: &mut TfJobStatus) -> bool {
    status.twofold.as_mut().is_some_and(|twofold| twofold.reclaimed.take().is_some())
}
