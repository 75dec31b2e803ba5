//! What a refusal of the API server means.

use kube::core::Status;
use twofold_core::action::Write;
use twofold_core::input::Cause;

/// The cause behind a refused write.
pub(super) fn of(write: &Write, status: &Status) -> Cause {
    let cause = of_status(status);
    let guarded = matches!(write, Write::Patch { .. } | Write::Status { .. });
    match (cause, write) {
        // A JSON patch whose `test` fails is answered as invalid: the pod is not what it was decided on.
        (Cause::Invalid, Write::LiftGate { .. }) => Cause::Conflict,
        // So is a patch that names the UID of an object of the same name that is gone.
        (Cause::Invalid, _) if guarded && names_another_uid(status) => Cause::Conflict,
        (cause, _) => cause,
    }
}

/// The cause that a status names, whatever was asked.
pub(super) fn of_status(status: &Status) -> Cause {
    match status.code {
        _ if status.is_already_exists() => Cause::AlreadyExists,
        401 | 408 | 429 | 500.. => Cause::Unavailable,
        403 => Cause::Forbidden,
        404 | 410 => Cause::NotFound,
        409 => Cause::Conflict,
        _ => Cause::Invalid,
    }
}

/// The API server's own words, never empty.
pub(super) fn words(status: &Status) -> String {
    match (status.message.is_empty(), status.reason.is_empty()) {
        (false, _) => status.message.clone(),
        (true, false) => format!("{} ({})", status.reason, status.code),
        (true, true) => format!("the API server answered {}", status.code),
    }
}

/// A label for metrics.
pub(super) fn label(cause: Cause) -> &'static str {
    match cause {
        Cause::Conflict => "conflict",
        Cause::AlreadyExists => "already-exists",
        Cause::NotFound => "not-found",
        Cause::Invalid => "invalid",
        Cause::Forbidden => "forbidden",
        Cause::Unavailable => "unavailable",
        Cause::NotSent => "not-sent",
    }
}

fn names_another_uid(status: &Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes.into_iter().any(|cause| cause.field == "metadata.uid")
}
