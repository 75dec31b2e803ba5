//! What is ours to say of a job, beside upstream's status: who pays, how far its gang is, why it waits, what is wrong.

use super::condition::{SUSPENDED, holds, is_finished};
use super::defaults::Job;
use super::trouble::{self, Trouble};
use super::{completed, reclaim};
use crate::condition::{self, Verdict};
use crate::frameworks::{Problem, Situation, Waiting, WaitingGroup};
use crate::observe::service::instance_of;
use crate::record::{Phase, PodRecord};
use twofold_crds::condition::{Condition, DEGRADED, PROGRESSING, READY, STALLED};
use twofold_crds::tfjob::{GangStatus, TfJobStatus, TwofoldStatus};
use twofold_crds::waiting::WaitingGroup as ShownGroup;

/// The condition that names fields which are set and change nothing.
const UNSUPPORTED: &str = "Unsupported";
/// The most problems that a condition's message lists.
const MOST_PROBLEMS: usize = 8;

/// Our part of the status, given upstream's part as it is to be.
pub(super) fn twofold(
    job: &Job<'_>,
    status: &TfJobStatus,
    outcome: Result<&Waiting, &[Problem]>,
    situation: &Situation<'_>,
) -> TwofoldStatus {
    let known = status.twofold.clone().unwrap_or_default();
    let generation = job.resource.metadata.generation;
    let gang = gang(job, situation);
    let is_idle = is_finished(status) || holds(status, SUSPENDED);
    let trouble = if is_idle { None } else { trouble::first(situation.pods) };
    let state = state(status, outcome, gang, running(job, status, situation));
    let waits = outcome.ok().filter(|waiting| !is_idle && !waiting.summary.is_empty());
    TwofoldStatus {
        observed_generation: generation,
        role: Some(job.role().to_owned()),
        conditions: conditions(job, &known.conditions, state, trouble, situation),
        gang: Some(gang),
        waiting: waits
            .map(|waiting| waiting.groups.iter().map(|group| shown(job, group)).collect())
            .unwrap_or_default(),
        ..known
    }
}

/// The one thing that a job does or suffers now.
enum State {
    Refused { reason: &'static str, message: String },
    Over,
    Suspended,
    Reclaimed { message: String },
    Waiting { message: String },
    Starting { message: String },
    Running,
}

fn state(
    status: &TfJobStatus,
    outcome: Result<&Waiting, &[Problem]>,
    gang: GangStatus,
    running: i32,
) -> State {
    let waiting = match outcome {
        _ if is_finished(status) => return State::Over,
        Err(problems) => {
            let reason = problems.first().map_or("Invalid", |problem| problem.reason);
            return State::Refused { reason, message: list(problems) };
        }
        Ok(_) if holds(status, SUSPENDED) => return State::Suspended,
        Ok(waiting) => waiting,
    };
    let reclaimed =
        reclaim::record(status).filter(|record| !record.pods.is_empty() || !waiting.summary.is_empty());
    if let Some(record) = reclaimed {
        let role = &record.role;
        let mut message = format!("its room went back to role {role}, which is guaranteed it");
        if !waiting.summary.is_empty() {
            message = format!("{message}; {}", waiting.summary);
        }
        State::Reclaimed { message }
    } else if !waiting.summary.is_empty() {
        State::Waiting { message: waiting.summary.clone() }
    } else if running < gang.desired {
        let message = format!("{running} of {} pods run or have succeeded", gang.desired);
        State::Starting { message }
    } else {
        State::Running
    }
}

fn list(problems: &[Problem]) -> String {
    let shown = problems.iter().take(MOST_PROBLEMS);
    let mut lines: Vec<String> =
        shown.map(|problem| format!("{}: {}", problem.field, problem.message)).collect();
    if let Some(more) = problems.len().checked_sub(MOST_PROBLEMS).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines.join("; ")
}

fn conditions(
    job: &Job<'_>,
    known: &[Condition],
    state: State,
    trouble: Option<Trouble>,
    situation: &Situation<'_>,
) -> Vec<Condition> {
    let generation = job.resource.metadata.generation;
    let set = |type_: &str, holds: bool, reason: &'static str, message: String| {
        let verdict = Verdict { status: Some(holds), reason, message };
        condition::set(known, type_, verdict, generation, situation.now)
    };
    let (ready, progressing, reason, message) = match &state {
        State::Refused { reason, message } => (false, false, *reason, message.clone()),
        State::Over => (false, false, "Finished", "the job is over".to_owned()),
        State::Suspended => {
            (false, false, "Suspended", "the job is put aside by spec.runPolicy.suspend".to_owned())
        }
        State::Reclaimed { message } => (false, true, "Reclaimed", message.clone()),
        State::Waiting { message } => (false, true, "WaitingForRoom", message.clone()),
        State::Starting { message } => (false, true, "Starting", message.clone()),
        State::Running => (true, false, "Running", "all pods run or have succeeded".to_owned()),
    };
    let mut conditions = vec![
        set(READY, ready, reason, message.clone()),
        set(PROGRESSING, progressing, reason, message.clone()),
    ];
    conditions.extend(trouble.map(|trouble| set(DEGRADED, true, trouble.reason, trouble.message)));
    if let State::Refused { reason, message } = state {
        conditions.push(set(STALLED, true, reason, message));
    }
    let without_effect = without_effect(job);
    if !without_effect.is_empty() {
        conditions.push(set(UNSUPPORTED, true, "FieldsWithoutEffect", without_effect.join("; ")));
    }
    conditions
}

/// Fields that are set and change nothing in this version. They keep no job from running, as they keep none upstream
/// where no gang scheduler is installed.
fn without_effect(job: &Job<'_>) -> Vec<String> {
    let Some(policy) = &job.resource.spec.run_policy.scheduling_policy else { return Vec::new() };
    let all = i32::try_from(job.total()).unwrap_or(i32::MAX);
    let priority_class = policy.priority_class.as_deref().unwrap_or_default();
    let fields = [
        (policy.min_available.is_some_and(|least| least < all), "minAvailable", "all pods start together"),
        (!priority_class.is_empty(), "priorityClass", "set the annotation twofold.dev/priority"),
        (!policy.min_resources.is_empty(), "minResources", "what the gang needs is the sum of its pods"),
        (
            policy.schedule_timeout_seconds.is_some(),
            "scheduleTimeoutSeconds",
            "the job waits until there is room",
        ),
    ];
    let set = fields.into_iter().filter(|(is_set, ..)| *is_set);
    set.map(|(_, field, instead)| format!("spec.runPolicy.schedulingPolicy.{field} has no effect: {instead}"))
        .collect()
}

fn gang(job: &Job<'_>, situation: &Situation<'_>) -> GangStatus {
    let count = |counts: fn(&PodRecord) -> bool| {
        let pods = situation.pods.iter().filter(|pod| is_wanted(job, pod) && counts(pod));
        i32::try_from(pods.count()).unwrap_or(i32::MAX)
    };
    let desired = i32::try_from(job.total()).unwrap_or(i32::MAX);
    GangStatus { desired, least: desired, launched: count(|_| true), bound: count(|pod| pod.bound) }
}

/// Replicas that run or have completed, whatever became of the pods of those.
fn running(job: &Job<'_>, status: &TfJobStatus, situation: &Situation<'_>) -> i32 {
    let runs =
        |pod: &&&PodRecord| is_wanted(job, pod) && pod.deleting.is_none() && pod.phase == Phase::Running;
    let completed = completed::of(status).len();
    i32::try_from(situation.pods.iter().filter(runs).count() + completed).unwrap_or(i32::MAX)
}

fn is_wanted(job: &Job<'_>, pod: &PodRecord) -> bool {
    instance_of(pod).is_some_and(|instance| {
        job.replicas
            .iter()
            .any(|one| one.type_.lower() == instance.pod_type.as_str() && instance.index < one.count)
    })
}

fn shown(job: &Job<'_>, group: &WaitingGroup) -> ShownGroup {
    ShownGroup {
        ask: job.name.to_owned(),
        stage: group.stage.clone(),
        reason: group.stage.clone(),
        message: Some(group.reason.clone()),
        agents: Some(i32::try_from(group.agents).unwrap_or(i32::MAX)),
        ..ShownGroup::default()
    }
}
