//! The list of a job's conditions. Its last element is the job's state to every reader, so how it is changed is part
//! of the contract with upstream's clients.

use crate::condition::time;
use twofold_allocator::tick::Timestamp;
use twofold_crds::tfjob::{JobCondition, TfJobStatus};

/// The job was seen.
pub(super) const CREATED: &str = "Created";
/// What decides on its success runs.
pub(super) const RUNNING: &str = "Running";
/// Some replica failed and is launched again.
pub(super) const RESTARTING: &str = "Restarting";
/// It ended well.
pub(super) const SUCCEEDED: &str = "Succeeded";
/// It failed.
pub(super) const FAILED: &str = "Failed";
/// It was put aside.
pub(super) const SUSPENDED: &str = "Suspended";

/// Whether a condition is there and true.
pub(super) fn holds(status: &TfJobStatus, type_: &str) -> bool {
    find(status, type_).is_some_and(|condition| condition.status == "True")
}

/// The condition of a type.
pub(super) fn find<'a>(status: &'a TfJobStatus, type_: &str) -> Option<&'a JobCondition> {
    status.conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether the job is over.
pub(super) fn is_finished(status: &TfJobStatus) -> bool {
    holds(status, SUCCEEDED) || holds(status, FAILED)
}

/// Sets a condition to true, with the reason `TFJob<type>`.
pub(super) fn set(status: &mut TfJobStatus, type_: &str, message: String, now: Timestamp) {
    let reason = format!("TFJob{type_}");
    put(status, type_, "True", &reason, message, now);
}

/// Sets a condition:
/// 1. Once a job has failed nothing changes any more.
/// 2. The same status for the same reason is no change; message and times stay.
/// 3. Otherwise the old one is taken out and the new one is put last. The time of the last transition is kept while
///    the status is the same.
/// 4. Running takes out Restarting, and Restarting takes out Running.
/// 5. Failed and Succeeded turn Running to false.
pub(super) fn put(
    status: &mut TfJobStatus,
    type_: &str,
    value: &str,
    reason: &str,
    message: String,
    now: Timestamp,
) {
    if holds(status, FAILED) {
        return;
    }
    let known = find(status, type_);
    if known.is_some_and(|known| known.status == value && known.reason.as_deref() == Some(reason)) {
        return;
    }
    let transition = known
        .filter(|known| known.status == value)
        .and_then(|known| known.last_transition_time.clone())
        .unwrap_or_else(|| time(now));
    let takes_out = match type_ {
        RUNNING => RESTARTING,
        RESTARTING => RUNNING,
        _ => type_,
    };
    status.conditions.retain(|condition| condition.type_ != type_ && condition.type_ != takes_out);
    if matches!(type_, FAILED | SUCCEEDED) {
        let running = status.conditions.iter_mut().filter(|condition| condition.type_ == RUNNING);
        running.for_each(|condition| "False".clone_into(&mut condition.status));
    }
    status.conditions.push(JobCondition {
        type_: type_.to_owned(),
        status: value.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        last_update_time: Some(time(now)),
        last_transition_time: Some(transition),
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The conditions after these were set true in turn, a second apart; `!` sets one false.
    fn after(types: &[&'static str]) -> Vec<String> {
        let shown = |one: JobCondition| match one.status.as_str() {
            "True" => one.type_,
            other => format!("{}={other}", one.type_),
        };
        all(types).conditions.into_iter().map(shown).collect()
    }

    fn all(types: &[&'static str]) -> TfJobStatus {
        let mut status = TfJobStatus::default();
        for (second, type_) in (0..).zip(types) {
            let now = Timestamp(second * 1_000);
            match type_.strip_prefix('!') {
                Some(type_) => put(&mut status, type_, "False", "Other", String::new(), now),
                None => set(&mut status, type_, format!("at {second}"), now),
            }
        }
        status
    }

    #[test]
    fn the_latest_is_last() {
        assert_eq!(after(&[CREATED, SUSPENDED, RUNNING]), [CREATED, SUSPENDED, RUNNING]);
        assert_eq!(
            after(&[CREATED, SUSPENDED, RUNNING, "!Suspended"]),
            [CREATED, RUNNING, "Suspended=False"]
        );
    }

    #[test]
    fn running_and_restarting_take_each_other_out() {
        assert_eq!(after(&[CREATED, RUNNING, RESTARTING]), [CREATED, RESTARTING]);
        assert_eq!(after(&[CREATED, RUNNING, RESTARTING, RUNNING]), [CREATED, RUNNING]);
    }

    #[test]
    fn an_end_turns_running_to_false_in_its_place() {
        assert_eq!(after(&[RUNNING, SUSPENDED, SUCCEEDED]), ["Running=False", SUSPENDED, SUCCEEDED]);
        assert_eq!(after(&[RUNNING, FAILED]), ["Running=False", FAILED]);
    }

    #[test]
    fn nothing_follows_a_failure_but_a_failure_may_follow_success() {
        assert_eq!(after(&[CREATED, FAILED, SUCCEEDED, RUNNING]), [CREATED, FAILED]);
        assert_eq!(after(&[CREATED, SUCCEEDED, FAILED]), [CREATED, SUCCEEDED, FAILED]);
    }

    #[test]
    fn what_is_said_already_is_not_said_again() {
        let status = all(&[CREATED, RUNNING, CREATED]);
        let created = find(&status, CREATED).unwrap();
        assert_eq!(created.message.as_deref(), Some("at 0"));
        assert_eq!(status.conditions.last().map(|one| one.type_.as_str()), Some(RUNNING));
    }

    #[test]
    fn the_transition_time_is_kept_while_the_status_is_the_same() {
        let mut status = all(&[CREATED, "!Running"]);
        let later = Timestamp(60_000);
        put(&mut status, RUNNING, "False", "TFJobSuspended", String::new(), later);
        let running = find(&status, RUNNING).unwrap();
        assert_eq!(running.last_transition_time, Some(time(Timestamp(1_000))));
        assert_eq!(running.last_update_time, Some(time(later)));
        set(&mut status, RUNNING, String::new(), later);
        assert_eq!(find(&status, RUNNING).unwrap().last_transition_time, Some(time(later)));
    }
}
