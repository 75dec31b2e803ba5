//! What a job's status is to be, from what it was and what is seen: upstream's rules, in upstream's order.

use super::condition::{
    self, CREATED, FAILED, RESTARTING, RUNNING, SUCCEEDED, SUSPENDED, holds, is_finished,
};
use super::defaults::{Job, ReplicaType, Replicas, RestartPolicy};
use super::tally::Tally;
use super::{completed, reclaim, restart};
use crate::condition::time;
use crate::frameworks::Situation;
use twofold_allocator::tick::Timestamp;
use twofold_crds::tfjob::TfJobStatus;

/// The status after this pass, without what is ours to say of waiting and the like.
pub(super) fn next(job: &Job<'_>, situation: &Situation<'_>) -> TfJobStatus {
    let now = situation.now;
    let mut status = job.resource.status.clone().unwrap_or_default();
    condition::set(&mut status, CREATED, format!("TFJob {} is created.", job.name), now);
    if is_finished(&status) {
        settle(&mut status);
        reclaim::forget(&mut status);
        return status;
    }
    if is_put_aside(job, &status, situation) {
        suspend(&mut status, job, now);
        return status;
    }
    if holds(&status, SUSPENDED) {
        resume(&mut status, job, now);
    }
    status.start_time.get_or_insert_with(|| time(now));
    reclaim::prune(&mut status, situation);
    let before = completed::of(&status);
    let tallies: Vec<_> = ReplicaType::VOTES
        .iter()
        .filter_map(|type_| job.of(*type_))
        .map(|replicas| (replicas, Tally::of(replicas, &before, &status, situation)))
        .collect();
    completed::note(&mut status, job, situation);
    status.replica_statuses =
        tallies.iter().map(|(replicas, tally)| (replicas.type_.key().to_owned(), tally.status())).collect();
    restart::count(status.twofold.get_or_insert_default(), &tallies, situation);
    match limit(job, &status, situation) {
        Some(message) => condition::set(&mut status, FAILED, message, now),
        None => vote(&mut status, job, &tallies, now),
    }
    reclaim::forget_when_running(&mut status);
    if is_finished(&status) {
        status.completion_time.get_or_insert_with(|| time(now));
        reclaim::forget(&mut status);
    } else {
        reclaim::start_anew(&mut status, job, situation);
        reclaim::decide(&mut status, job, situation);
    }
    status
}

/// Whether the job is put aside. One that is to go on is so until the pods that end for it are gone: how they end says
/// nothing of the job, since a trainer that is told to stop may do so with exit code 0.
pub(super) fn is_put_aside(job: &Job<'_>, status: &TfJobStatus, situation: &Situation<'_>) -> bool {
    let ends = || situation.pods.iter().any(|pod| pod.deleting.is_some());
    job.resource.spec.run_policy.suspend || (holds(status, SUSPENDED) && ends())
}

/// In a job that succeeded, what still runs is called successful too: parameter servers never end by themselves.
fn settle(status: &mut TfJobStatus) {
    if holds(status, SUCCEEDED) {
        for replicas in status.replica_statuses.values_mut() {
            replicas.succeeded += std::mem::take(&mut replicas.active);
        }
    }
}

/// A job that was taken back is no longer called restarting either, since it is launched whole when it goes on.
fn suspend(status: &mut TfJobStatus, job: &Job<'_>, now: Timestamp) {
    let message = || format!("TFJob {} is suspended.", job.name);
    let restarting = reclaim::forget(status).then_some(RESTARTING);
    for type_ in [RUNNING].into_iter().chain(restarting) {
        if holds(status, type_) {
            condition::put(status, type_, "False", "TFJobSuspended", message(), now);
        }
    }
    condition::set(status, SUSPENDED, message(), now);
    status.replica_statuses.values_mut().for_each(|replicas| replicas.active = 0);
}

/// A job that goes on is started anew: its time and its restarts are counted from now on.
fn resume(status: &mut TfJobStatus, job: &Job<'_>, now: Timestamp) {
    let message = format!("TFJob {} is resumed.", job.name);
    condition::put(status, SUSPENDED, "False", "TFJobResumed", message, now);
    status.start_time = Some(time(now));
    if let Some(twofold) = &mut status.twofold {
        twofold.restarts = None;
        twofold.restarted_pods.clear();
        twofold.completed.clear();
    }
}

/// The limit that the job has reached, as the message of its failure.
fn limit(job: &Job<'_>, status: &TfJobStatus, situation: &Situation<'_>) -> Option<String> {
    if restart::is_past_limit(job, status, situation) {
        Some(format!("Job {} has failed because it has reached the specified backoff limit", job.name))
    } else if restart::deadline(job, status).is_some_and(|deadline| deadline <= situation.now) {
        Some(format!("Job {} has failed because it was active longer than specified deadline", job.name))
    } else {
        None
    }
}

/// Each type has its say in turn. Where one failed for good after another succeeded, both conditions are set and
/// Failed is the last. While a replica is launched again the job is not called running, so that the two conditions do
/// not take each other out from pass to pass.
fn vote(status: &mut TfJobStatus, job: &Job<'_>, tallies: &[(&Replicas<'_>, Tally<'_>)], now: Timestamp) {
    let is_restarting = tallies.iter().any(|(_, tally)| tally.is_restarting());
    for (replicas, tally) in tallies {
        if decides(job, replicas.type_) {
            if is_won(job, replicas, tally) {
                let message = format!("TFJob {}/{} successfully completed.", job.namespace, job.name);
                condition::set(status, SUCCEEDED, message, now);
            } else if tally.active > 0 && !is_restarting {
                let message = format!("TFJob {}/{} is running.", job.namespace, job.name);
                condition::set(status, RUNNING, message, now);
            }
        }
        if let Some(message) = failure(job, replicas, tally) {
            condition::set(status, FAILED, message, now);
        } else if tally.is_restarting() && !holds(status, SUCCEEDED) {
            let message =
                format!("job {} is restarting because {} replica(s) failed.", job.name, replicas.type_.key());
            condition::set(status, RESTARTING, message, now);
        }
    }
}

/// Whether this type decides on running and success: the chief or master, else the workers.
fn decides(job: &Job<'_>, type_: ReplicaType) -> bool {
    if job.has_lead() { type_.is_lead() } else { type_ == ReplicaType::Worker }
}

fn is_won(job: &Job<'_>, replicas: &Replicas<'_>, tally: &Tally<'_>) -> bool {
    let first_is_enough = replicas.type_ == ReplicaType::Worker && !job.all_workers;
    tally.succeeded >= replicas.count || (first_is_enough && tally.first_succeeded)
}

/// Why the job fails because of this type, if it does.
fn failure(job: &Job<'_>, replicas: &Replicas<'_>, tally: &Tally<'_>) -> Option<String> {
    if tally.lost_for_good == 0 {
        return None;
    }
    let type_ = replicas.type_.key();
    if replicas.restart == RestartPolicy::ExitCode {
        return Some(format!("job {:?} is failing because {type_:?} replica(s) failed.", job.name));
    }
    let may_come_and_go = job.resource.spec.enable_dynamic_worker && replicas.type_ == ReplicaType::Worker;
    (!may_come_and_go).then(|| {
        format!(
            "TFJob {}/{} has failed because {} {type_} replica(s) failed.",
            job.namespace, job.name, tally.failed
        )
    })
}
