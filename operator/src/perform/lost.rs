//! What became of a write whose answer was lost, judged by what the API server has now.

use serde_json::Value;
use twofold_core::action::{Target, Write};
use twofold_core::input::{Cause, Failure};
use twofold_core::object::Object;

/// Nothing when the write was done, else how it failed. `why` is how the answer was lost.
pub(super) fn judge(write: &Write, found: Option<&Value>, why: &str) -> Result<(), Failure> {
    let verdict = match write {
        Write::Create(object) => judge_create(object, found),
        Write::Apply(object) => judge_apply(object, found),
        Write::Replace(object) => judge_replace(object, found),
        Write::Patch { target, patch } | Write::Status { target, patch } => judge_patch(target, patch, found),
        Write::LiftGate { pod, .. } => judge_lift(pod, found),
        Write::Delete { target, .. } => judge_delete(target, found),
        Write::DryRun(_) | Write::Event(_) => Err((Cause::Unavailable, "it leaves nothing to be looked up")),
    };
    verdict.map_err(|(cause, what)| Failure { cause, message: format!("{why}; looked up: {what}") })
}

/// Whether a deleted object is still there until something else has ended: its containers, or a finalizer.
pub(super) fn is_ending(object: &Value) -> bool {
    let metadata = &object["metadata"];
    let has_time = metadata["deletionGracePeriodSeconds"].as_i64().is_some_and(|seconds| seconds > 0);
    let has_finalizer = metadata["finalizers"].as_array().is_some_and(|list| !list.is_empty());
    !metadata["deletionTimestamp"].is_null() && (has_time || has_finalizer)
}

/// Whether what was found is the very object that was meant, not another of its name.
pub(super) fn is(found: &Value, target: &Target) -> bool {
    found["metadata"]["uid"] == target.uid.as_str()
}

type Verdict = Result<(), (Cause, &'static str)>;

const NOT_DONE: (Cause, &str) = (Cause::Unavailable, "it was not done");
const GONE: (Cause, &str) = (Cause::NotFound, "the object is gone");
const CHANGED: (Cause, &str) = (Cause::Conflict, "the object was changed by somebody else");
const ANOTHER: (Cause, &str) = (Cause::Conflict, "another object has the name now");

fn judge_create(object: &Object, found: Option<&Value>) -> Verdict {
    let Some(found) = found else { return Err(NOT_DONE) };
    let sent = object.to_value();
    let whole = matches!(object, Object::ServiceLedger(_));
    let same_origin = ["ownerReferences", "labels", "annotations"]
        .iter()
        .all(|field| contains(&sent["metadata"][field], &found["metadata"][field]));
    if same_origin && (!whole || contains(&sent["spec"], &found["spec"])) {
        Ok(())
    } else {
        Err((Cause::AlreadyExists, "an object of this name that is not ours is there"))
    }
}

fn judge_apply(object: &Object, found: Option<&Value>) -> Verdict {
    let sent = object.to_value();
    match found {
        Some(found) if contains(&sent, found) => Ok(()),
        Some(_) | None => Err(NOT_DONE),
    }
}

fn judge_replace(object: &Object, found: Option<&Value>) -> Verdict {
    let Some(found) = found else { return Err(GONE) };
    let mut sent = object.to_value();
    let version = sent["metadata"]["resourceVersion"].clone();
    if let Some(metadata) = sent["metadata"].as_object_mut() {
        // The API server sets these by itself.
        metadata
            .retain(|field, _| !matches!(field.as_str(), "resourceVersion" | "generation" | "managedFields"));
    }
    if found["metadata"]["resourceVersion"] == version {
        Err(NOT_DONE)
    } else if contains(&sent, found) {
        Ok(())
    } else {
        Err(CHANGED)
    }
}

fn judge_patch(target: &Target, patch: &Value, found: Option<&Value>) -> Verdict {
    let Some(found) = found else { return Err(GONE) };
    let version = found["metadata"]["resourceVersion"].as_str();
    if !is(found, target) {
        return Err(ANOTHER);
    }
    match &target.resource_version {
        Some(decided_on) if version == Some(decided_on) => Err(NOT_DONE),
        _ if contains(patch, found) => Ok(()),
        Some(_) => Err(CHANGED),
        None => Err(NOT_DONE),
    }
}

fn judge_lift(pod: &Target, found: Option<&Value>) -> Verdict {
    let Some(found) = found else { return Err(GONE) };
    if !is(found, pod) {
        Err(ANOTHER)
    } else if super::gate::is_shut(found) {
        Err(NOT_DONE)
    } else {
        Ok(())
    }
}

fn judge_delete(target: &Target, found: Option<&Value>) -> Verdict {
    match found {
        Some(found) if is(found, target) && found["metadata"]["deletionTimestamp"].is_null() => Err(NOT_DONE),
        Some(_) | None => Ok(()),
    }
}

/// Whether all that was sent is there. Null stands for absent, as in a merge patch; what the API server adds to maps
/// does not matter, lists must have the same length.
fn contains(sent: &Value, found: &Value) -> bool {
    match (sent, found) {
        (Value::Object(sent), _) => {
            sent.iter().all(|(name, value)| contains(value, found.get(name).unwrap_or(&Value::Null)))
        }
        (Value::Array(sent), Value::Array(found)) => {
            sent.len() == found.len() && sent.iter().zip(found).all(|(sent, found)| contains(sent, found))
        }
        (Value::Array(sent), Value::Null) => sent.is_empty(),
        (sent, found) => sent == found,
    }
}
