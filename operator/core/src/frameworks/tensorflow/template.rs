//! From a declared pod template to Kubernetes' own type, so that nothing that was declared gets lost on the way.

use super::defaults::Replicas;
use crate::frameworks::Problem;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::Value;

/// The path of a replica type's template within the resource.
pub(super) fn path(replicas: &Replicas<'_>) -> String {
    format!("spec.tfReplicaSpecs[{}].template", replicas.key)
}

/// The template in Kubernetes' own type.
///
/// # Errors
/// A field has a value of the wrong kind, or is no field of a pod: it would not reach the API server, and so nobody
/// else would find the misspelling.
pub(super) fn core(replicas: &Replicas<'_>) -> Result<PodTemplateSpec, Vec<Problem>> {
    let path = path(replicas);
    let typed = replicas.template.to_core().map_err(|error| {
        vec![Problem {
            reason: "InvalidTemplate",
            field: format!("{path}.{}", error.path()),
            message: format!("{}; write a value of the right kind", error.inner()),
        }]
    })?;
    let declared = serde_json::to_value(replicas.template).unwrap_or_default();
    let kept = serde_json::to_value(&typed).unwrap_or_default();
    let mut lost = Vec::new();
    find_lost(&declared, &kept, &path, &mut lost);
    if lost.is_empty() { Ok(typed) } else { Err(lost.into_iter().map(unknown).collect()) }
}

fn unknown(field: String) -> Problem {
    let message = "this is no field of a pod as Twofold knows it; check its spelling and where it stands";
    Problem { reason: "UnknownField", field, message: message.to_owned() }
}

/// Collects the paths that are in `declared` and not in `kept`. A null says nothing and is not missed.
fn find_lost(declared: &Value, kept: &Value, path: &str, lost: &mut Vec<String>) {
    match (declared, kept) {
        (Value::Object(declared), Value::Object(kept)) => {
            for (name, value) in declared.iter().filter(|(_, value)| !value.is_null()) {
                let path = format!("{path}.{name}");
                match kept.get(name) {
                    Some(kept) => find_lost(value, kept, &path, lost),
                    None => lost.push(path),
                }
            }
        }
        (Value::Array(declared), Value::Array(kept)) => {
            for (index, (value, kept)) in declared.iter().zip(kept).enumerate() {
                find_lost(value, kept, &format!("{path}[{index}]"), lost);
            }
        }
        _ => {}
    }
}
