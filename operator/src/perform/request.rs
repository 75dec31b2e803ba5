//! Writes as HTTP requests.

use crate::kinds;
use http::Request;
use k8s_openapi::api::events::v1::Event;
use kube::Resource as _;
use kube::api::{DeleteParams, GetParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy};
use kube::core::request::{Error, Request as Builder};
use serde_json::{Value, json};
use twofold_core::action::{Target, Write};
use twofold_core::input::{Cause, Failure};
use twofold_core::object::{Key, Object};

/// The name under which the API server records our changes.
pub(super) const MANAGER: &str = "twofold.dev/operator";

type Built = Result<Request<Vec<u8>>, Failure>;

/// The request of a write that is one call.
pub(super) fn of(write: &Write) -> Built {
    let key = write.key();
    let builder = Builder::new(kinds::path(key.kind, &key.namespace));
    let built = match write {
        Write::Create(object) => builder.create(&post(), body(object)),
        Write::DryRun(object) => builder.create(&rehearsal(), body(object)).map(strictly),
        Write::Apply(object) => builder.patch(&key.name, &apply(), &Patch::Apply(object.to_value())),
        Write::Replace(object) => builder.replace(&key.name, &post(), body(object)),
        Write::Patch { target, patch } => {
            builder.patch(&key.name, &merge(), &Patch::Merge(guarded(patch, target)))
        }
        // On the status of a custom resource the API server checks the version, but not the UID alone.
        Write::Status { target, .. } if target.resource_version.is_none() => {
            Err(Error::Validation("a status needs the version that it was decided on".to_owned()))
        }
        Write::Status { target, patch } => {
            builder.patch_subresource("status", &key.name, &merge(), &Patch::Merge(guarded(patch, target)))
        }
        Write::Delete { target, grace_seconds } => builder.delete(&key.name, &delete(target, *grace_seconds)),
        Write::LiftGate { .. } | Write::Event(_) => {
            Err(Error::Validation(format!("{} is more than one call", write.label())))
        }
    };
    built.map_err(|error| unsendable(&key, &error))
}

/// The request for a quorum read of an object.
pub(super) fn read(key: &Key) -> Built {
    let builder = Builder::new(kinds::path(key.kind, &key.namespace));
    builder.get(&key.name, &GetParams::default()).map_err(|error| unsendable(key, &error))
}

/// The request for a JSON patch of an object.
pub(super) fn json_patch(key: &Key, operations: json_patch::Patch) -> Built {
    let builder = Builder::new(kinds::path(key.kind, &key.namespace));
    let patch = Patch::<()>::Json(operations);
    builder.patch(&key.name, &merge(), &patch).map_err(|error| unsendable(key, &error))
}

/// The request that publishes an event.
pub(super) fn event(event: &Event) -> Built {
    let invalid = |message: String| Failure { cause: Cause::Invalid, message };
    let body = serde_json::to_vec(event).map_err(|error| invalid(error.to_string()))?;
    let path = Event::url_path(&(), event.metadata.namespace.as_deref());
    Builder::new(path).create(&post(), body).map_err(|error| invalid(error.to_string()))
}

fn post() -> PostParams {
    PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() }
}

fn rehearsal() -> PostParams {
    PostParams { dry_run: true, ..post() }
}

/// Has the API server refuse unknown and repeated fields, for which kube has no parameter on creation.
fn strictly(mut request: Request<Vec<u8>>) -> Request<Vec<u8>> {
    if let Ok(uri) = format!("{}&fieldValidation=Strict", request.uri()).parse() {
        *request.uri_mut() = uri;
    }
    request
}

fn merge() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() }
}

/// Objects that are applied are ours alone, so that a field that somebody else set is taken back.
fn apply() -> PatchParams {
    PatchParams::apply(MANAGER).force()
}

fn delete(target: &Target, grace_period_seconds: Option<u32>) -> DeleteParams {
    DeleteParams {
        grace_period_seconds,
        propagation_policy: Some(PropagationPolicy::Background),
        preconditions: Some(Preconditions {
            uid: Some(target.uid.clone()),
            resource_version: target.resource_version.clone(),
        }),
        ..DeleteParams::default()
    }
}

/// The patch with the UID and the resource version that it was decided on: the API server refuses it when either
/// differs.
fn guarded(patch: &Value, target: &Target) -> Value {
    let mut guards = json!({"uid": target.uid});
    if let Some(version) = &target.resource_version {
        guards["resourceVersion"] = json!(version);
    }
    let mut patch = patch.clone();
    match patch.get_mut("metadata").and_then(Value::as_object_mut) {
        Some(metadata) => metadata.extend(guards.as_object_mut().map(std::mem::take).unwrap_or_default()),
        None => patch["metadata"] = guards,
    }
    patch
}

fn body(object: &Object) -> Vec<u8> {
    object.to_value().to_string().into_bytes()
}

fn unsendable(key: &Key, error: &dyn std::error::Error) -> Failure {
    Failure { cause: Cause::Invalid, message: format!("failed to write {key}: {error}") }
}
