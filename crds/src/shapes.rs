//! Schemas written by hand for values whose Rust types come from Kubernetes.
//!
//! The schemas that `k8s-openapi` derives for these types carry kilobytes of prose for each use and
//! no bounds. A `CustomResourceDefinition` has to fit in a Helm release and under the API server's
//! cost limits for CEL, so every list, map and string here has a bound.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;

/// What a non-negative Kubernetes quantity looks like: `500m`, `1.5`, `4Gi`, `1e3`.
pub const QUANTITY_PATTERN: &str =
    r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+(\.[0-9]*)?)?$";

/// A map from resource name to quantity (an integer, or a string such as `500m` or `4Gi`), at most 32
/// entries.
pub(crate) fn quantities(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 32,
        "additionalProperties": {
            "x-kubernetes-int-or-string": true,
            "minimum": 0,
            "pattern": QUANTITY_PATTERN,
        },
    })
}

/// A point in time, RFC 3339.
pub(crate) fn time(_: &mut SchemaGenerator) -> Schema {
    time_schema()
}

fn time_schema() -> Schema {
    json_schema!({"type": "string", "format": "date-time"})
}

/// Labels or annotations: at most 64 entries.
pub(crate) fn string_map(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": {"type": "string", "maxLength": 4096},
    })
}

/// The `conditions` of our kinds: a list-map by `type`, at most 16.
pub(crate) fn conditions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
        "items": {
            "type": "object",
            "required": ["type", "status", "reason", "message", "lastTransitionTime"],
            "properties": {
                "type": {"type": "string", "maxLength": 316},
                "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
                "reason": {"type": "string", "minLength": 1, "maxLength": 1024},
                "message": {"type": "string", "maxLength": 32768},
                "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
                "lastTransitionTime": time_schema(),
            },
        },
    })
}

/// `tolerations` of a pod, at most 32.
pub(crate) fn tolerations(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 32,
        "items": {
            "type": "object",
            "properties": {
                "key": {"type": "string", "maxLength": 316},
                "operator": {"type": "string", "enum": ["Exists", "Equal", "Lt", "Gt"]},
                "value": {"type": "string", "maxLength": 63},
                "effect": {"type": "string", "enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"]},
                "tolerationSeconds": {"type": "integer", "format": "int64"},
            },
        },
    })
}

/// `nodeAffinity` of a pod.
pub(crate) fn node_affinity(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "type": "object",
                "required": ["nodeSelectorTerms"],
                "properties": {
                    "nodeSelectorTerms": {"type": "array", "maxItems": 16, "items": selector_term()},
                },
            },
            "preferredDuringSchedulingIgnoredDuringExecution": {
                "type": "array",
                "maxItems": 16,
                "items": {
                    "type": "object",
                    "required": ["weight", "preference"],
                    "properties": {
                        "weight": {"type": "integer", "format": "int32", "minimum": 1, "maximum": 100},
                        "preference": selector_term(),
                    },
                },
            },
        },
    })
}

fn selector_term() -> Value {
    let requirement = serde_json::json!({
        "type": "array",
        "maxItems": 16,
        "items": {
            "type": "object",
            "required": ["key", "operator"],
            "properties": {
                "key": {"type": "string", "maxLength": 316},
                "operator": {"type": "string", "enum": ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]},
                "values": {
                    "type": "array",
                    "maxItems": 256,
                    "items": {"type": "string", "maxLength": 253},
                },
            },
        },
    });
    serde_json::json!({
        "type": "object",
        "properties": {"matchExpressions": requirement, "matchFields": requirement},
    })
}
