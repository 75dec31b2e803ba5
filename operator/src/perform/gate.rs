//! Releasing a pod from its start gate.
//!
//! A member that would start without data may do so only while it holds the one slot of its service. The pod is
//! created shut; when it is there, the ledger is read once more, and only if the slot is still the member's is the
//! gate taken away. A pod that a deposed leader made too late stays shut.

use super::request;
use http::Request;
use json_patch::jsonptr::PointerBuf;
use json_patch::{Patch, PatchOperation, RemoveOperation, ReplaceOperation, TestOperation};
use serde_json::{Value, json};
use twofold_core::action::Target;
use twofold_core::input::{Cause, Failure};
use twofold_core::object::Key;
use twofold_core::observe::pod::START_GATE;

/// Whether the pod's gate is there.
pub(super) fn is_shut(pod: &Value) -> bool {
    gates(pod).iter().any(|gate| gate["name"] == START_GATE)
}

/// Fails unless the ledger's slot is held by the instance.
pub(super) fn check_slot(key: &Key, instance: &str, ledger: Option<&Value>) -> Result<(), Failure> {
    let Some(ledger) = ledger else {
        let message = format!("{key} is gone: nobody may start without data");
        return Err(Failure { cause: Cause::NotFound, message });
    };
    let slot = &ledger["spec"]["bootstrap"];
    if slot["held"]["instance"] == instance {
        return Ok(());
    }
    let message = format!("{key}: spec.bootstrap is {slot}, not held by {instance}; its pod stays shut");
    Err(Failure { cause: Cause::Conflict, message })
}

/// The patch that takes the gate away from exactly this pod with exactly these gates; none if it is not there.
pub(super) fn lift(pod: &Target, found: Option<&Value>) -> Result<Option<Request<Vec<u8>>>, Failure> {
    let fail = |cause, what: &str| Err(Failure { cause, message: format!("{} {what}", pod.key) });
    let Some(found) = found else { return fail(Cause::NotFound, "is gone") };
    if found["metadata"]["uid"] != pod.uid.as_str() {
        return fail(Cause::Conflict, "is another one by now");
    }
    if !is_shut(found) {
        return Ok(None);
    }
    let kept: Vec<_> = gates(found).iter().filter(|gate| gate["name"] != START_GATE).collect();
    let path = PointerBuf::from_tokens(["spec", "schedulingGates"]);
    let operations = vec![
        test(PointerBuf::from_tokens(["metadata", "uid"]), json!(pod.uid)),
        test(path.clone(), found["spec"]["schedulingGates"].clone()),
        if kept.is_empty() {
            PatchOperation::Remove(RemoveOperation { path })
        } else {
            PatchOperation::Replace(ReplaceOperation { path, value: json!(kept) })
        },
    ];
    request::json_patch(&pod.key, Patch(operations)).map(Some)
}

fn test(path: PointerBuf, value: Value) -> PatchOperation {
    PatchOperation::Test(TestOperation { path, value })
}

fn gates(pod: &Value) -> &[Value] {
    pod["spec"]["schedulingGates"].as_array().map_or(&[], Vec::as_slice)
}
