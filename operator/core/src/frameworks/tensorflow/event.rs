//! Events for people: what changed in a job's status since it was last written.

use super::condition::{CREATED, FAILED, RESTARTING, SUCCEEDED, SUSPENDED, find, holds, is_finished};
use super::defaults::{Job, ReplicaType};
use super::{reclaim, tally};
use crate::action::{Action, Note, Target, Write};
use crate::frameworks::Situation;
use crate::observe::service::instance_of;
use crate::record::{Phase, PodRecord};
use twofold_crds::condition::DEGRADED;
use twofold_crds::tfjob::{JobCondition, TfJobStatus};

/// The events that follow from the step from one status to the next.
pub(super) fn between(
    job: &Job<'_>,
    before: &TfJobStatus,
    after: &TfJobStatus,
    situation: &Situation<'_>,
) -> Vec<Action> {
    let mut notes = exits(job, before, after, situation);
    if find(before, CREATED).is_none() {
        notes.extend(overwritten(job));
    }
    let restarting = news(before, after, RESTARTING, "True");
    let restarting = restarting.filter(|condition| condition.reason.as_deref() != Some(reclaim::REASON));
    notes.extend(restarting.map(|condition| note(job, true, condition)));
    notes.extend(reclaimed(job, before, after));
    notes.extend(news(before, after, SUCCEEDED, "True").map(|condition| note(job, false, condition)));
    notes.extend(news(before, after, FAILED, "True").map(|condition| {
        let is_by_exit_code = condition.message.as_deref().is_some_and(|text| text.starts_with("job "));
        note(job, is_by_exit_code, condition)
    }));
    notes.extend(news(before, after, SUSPENDED, "True").map(|condition| note(job, false, condition)));
    notes.extend(news(before, after, SUSPENDED, "False").map(|condition| note(job, false, condition)));
    if is_finished(after) && !is_finished(before) {
        notes.push(plain(job, "JobTerminated", "Job has been terminated.".to_owned()));
    }
    notes.extend(trouble(job, before, after));
    notes.into_iter().map(|note| Action { owner: job.key(), write: Write::Event(note) }).collect()
}

/// The condition of a type where it has this status now and had another one, or none, before.
fn news<'a>(
    before: &TfJobStatus,
    after: &'a TfJobStatus,
    type_: &str,
    value: &str,
) -> Option<&'a JobCondition> {
    let is_new = find(before, type_).is_none_or(|condition| condition.status != value);
    find(after, type_).filter(|condition| is_new && condition.status == value)
}

fn note(job: &Job<'_>, warning: bool, condition: &JobCondition) -> Note {
    let reason = condition.reason.clone().unwrap_or_default();
    let message = condition.message.clone().unwrap_or_default();
    Note { warning, ..plain(job, &reason, message) }
}

fn plain(job: &Job<'_>, reason: &str, message: String) -> Note {
    Note {
        target: Target { key: job.key(), uid: job.uid().to_owned(), resource_version: None },
        warning: false,
        reason: reason.to_owned(),
        action: "Status".to_owned(),
        message,
    }
}

/// A warning, once for a job, that a template's restart policy says nothing.
fn overwritten(job: &Job<'_>) -> Option<Note> {
    let mut templates = job.replicas.iter().map(|replicas| &replicas.template.spec.rest);
    templates.any(|rest| rest.contains_key("restartPolicy")).then(|| {
        let message = "Restart policy in pod template will be overwritten by restart policy in replica spec";
        Note { warning: true, ..plain(job, "SetPodTemplateRestartPolicy", message.to_owned()) }
    })
}

/// How the trainers of the types ended of which more have ended now than before.
fn exits(job: &Job<'_>, before: &TfJobStatus, after: &TfJobStatus, situation: &Situation<'_>) -> Vec<Note> {
    if holds(after, SUSPENDED) || is_finished(before) {
        return Vec::new();
    }
    let ended = |status: &TfJobStatus, type_: ReplicaType| {
        status.replica_statuses.get(type_.key()).map_or(0, |one| one.succeeded + one.failed)
    };
    let has_more = |type_: ReplicaType| ended(after, type_) > ended(before, type_);
    let exit = |pod: &&PodRecord| {
        let type_ = instance_of(pod).and_then(|instance| ReplicaType::parse(instance.pod_type.as_str()))?;
        let is_over = matches!(pod.phase, Phase::Succeeded | Phase::Failed) && has_more(type_);
        let code = tally::exit_code(pod).filter(|_| is_over)?;
        let message = format!("Pod: {}.{} exited with code {code}", pod.key.namespace, pod.key.name);
        Some(plain(job, "ExitedWithCode", message))
    };
    situation.pods.iter().filter_map(exit).collect()
}

/// That the job's room is taken back, once each time.
fn reclaimed(job: &Job<'_>, before: &TfJobStatus, after: &TfJobStatus) -> Option<Note> {
    let record = reclaim::record(after)?;
    if reclaim::record(before).is_some_and(|known| known.time == record.time) {
        return None;
    }
    let message = format!(
        "{} pods go: their room goes back to role {}, which is guaranteed it; the job restarts when there is room",
        record.pods.len(),
        record.role
    );
    Some(plain(job, "Reclaimed", message))
}

/// A warning when a pod begins not to come up.
fn trouble(job: &Job<'_>, before: &TfJobStatus, after: &TfJobStatus) -> Option<Note> {
    let degraded = |status: &TfJobStatus| {
        let ours =
            status.twofold.as_ref()?.conditions.iter().find(|condition| condition.type_ == DEGRADED)?;
        Some((ours.reason.clone(), ours.message.clone()))
    };
    let (reason, message) = degraded(after)?;
    let is_new = degraded(before).is_none_or(|(known, _)| known != reason);
    is_new.then(|| Note { warning: true, ..plain(job, &reason, message) })
}
