//! What goes when a job is over or put aside.

use super::condition;
use super::defaults::{CleanPodPolicy, Job, ReplicaType};
use super::{restart, service};
use crate::action::{Action, Note, Target, Write};
use crate::frameworks::Situation;
use crate::observe::pod;
use crate::observe::service::instance_of;
use crate::record::{Phase, PodRecord};
use twofold_allocator::tick::Timestamp;
use twofold_crds::tfjob::TfJobStatus;

/// A job that is put aside gives everything back: all its pods and services go.
pub(super) fn suspended(job: &Job<'_>, situation: &Situation<'_>) -> Vec<Action> {
    let pods = situation.pods.iter().filter_map(|pod| delete(job, pod));
    let services =
        service::all(job, situation.support).map(|(key, record)| service::delete(job, key, record));
    pods.chain(services).collect()
}

/// What the policy of a job that is over takes away: pods, each with its service.
pub(super) fn finished(job: &Job<'_>, situation: &Situation<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    for pod in situation.pods.iter().filter(|pod| goes(job.clean, pod.phase)) {
        actions.extend(delete(job, pod));
        let instance = instance_of(pod);
        let service = instance.as_ref().and_then(|instance| {
            let type_ = ReplicaType::parse(instance.pod_type.as_str())?;
            service::of_replica(job, type_, instance.index, situation.support)
        });
        actions.extend(service.map(|(key, record)| service::delete(job, key, record)));
    }
    actions
}

fn goes(policy: CleanPodPolicy, phase: Phase) -> bool {
    match policy {
        CleanPodPolicy::None => false,
        CleanPodPolicy::Running => matches!(phase, Phase::Running | Phase::Pending),
        CleanPodPolicy::All => true,
    }
}

/// When a job that is over is to be deleted, if ever.
pub(super) fn expiry(job: &Job<'_>, status: &TfJobStatus) -> Option<Timestamp> {
    let seconds = job.resource.spec.run_policy.ttl_seconds_after_finished?;
    let ended = [condition::FAILED, condition::SUCCEEDED]
        .into_iter()
        .find_map(|type_| condition::find(status, type_).filter(|condition| condition.status == "True"));
    let end = status.completion_time.as_ref().or(ended?.last_transition_time.as_ref())?;
    Some(restart::after(pod::millis(end), i64::from(seconds)))
}

/// The deletion of the job itself, as exactly the job that was judged.
pub(super) fn expired(job: &Job<'_>) -> Vec<Action> {
    let target = Target { key: job.key(), uid: job.uid().to_owned(), resource_version: None };
    let note = Note {
        target: target.clone(),
        warning: false,
        reason: "SuccessfulDeleteJob".to_owned(),
        action: "Delete".to_owned(),
        message: format!("Deleted job: {}", job.name),
    };
    [Write::Delete { target, grace_seconds: None }, Write::Event(note)]
        .map(|write| Action { owner: job.key(), write })
        .into()
}

/// The deletion of a pod that is not on its way out already.
pub(super) fn delete(job: &Job<'_>, pod: &PodRecord) -> Option<Action> {
    let write = Write::Delete { target: Target::of(pod), grace_seconds: None };
    pod.deleting.is_none().then(|| Action { owner: job.key(), write })
}
