//! One sentence for each CEL rule: what it refuses, and what the user is told.
//!
//! The rules run in kube's CEL, over the schemas as they are installed, defaults included.
#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests may")]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::cel::Validator;
use serde_json::{Value, json};
use twofold_crds::definitions;

mod allocation_role;
mod cassandra_service;
mod service_ledger;
mod tfjob;

/// The schemas by kind.
static SCHEMAS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let schema = |definition: CustomResourceDefinition| {
        let schema = definition.spec.versions[0].schema.as_ref().unwrap();
        let schema = serde_json::to_value(schema.open_api_v3_schema.as_ref().unwrap()).unwrap();
        (definition.spec.names.kind, for_kube_cel(schema))
    };
    definitions().into_iter().map(schema).collect()
});

/// kube-cel 0.8 knows a field `a_b` as `a__b`; the API server escapes only two underscores.
fn for_kube_cel(mut schema: Value) -> Value {
    let yaml = "/properties/spec/properties/config/properties/cassandraYaml/x-kubernetes-validations";
    for rule in schema.pointer_mut(yaml).and_then(Value::as_array_mut).into_iter().flatten() {
        rule["rule"] = json!(rule["rule"].as_str().unwrap().replace('_', "__"));
    }
    schema
}

/// The messages of all rules that refuse the change from `old` to `new`.
fn refusals(kind: &str, new: &Value, old: Option<&Value>) -> Vec<String> {
    match Validator::new().validate(&SCHEMAS[kind], new, old) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.into_vec().into_iter().map(|error| error.message).collect(),
    }
}

#[track_caller]
fn accepted(kind: &str, new: &Value) {
    assert_eq!(refusals(kind, new, None), Vec::<String>::new());
}

#[track_caller]
fn refused(kind: &str, new: &Value, message: &str) {
    let refusals = refusals(kind, new, None);
    assert!(refusals.len() == 1 && refusals[0].contains(message), "expected {message:?}, got {refusals:?}");
}

#[track_caller]
fn change_accepted(kind: &str, old: &Value, change: impl FnOnce(&mut Value)) {
    let mut new = old.clone();
    change(&mut new);
    assert_eq!(refusals(kind, &new, Some(old)), Vec::<String>::new());
}

#[track_caller]
fn change_refused(kind: &str, old: &Value, message: &str, change: impl FnOnce(&mut Value)) {
    let mut new = old.clone();
    change(&mut new);
    let refusals = refusals(kind, &new, Some(old));
    assert!(refusals.len() == 1 && refusals[0].contains(message), "expected {message:?}, got {refusals:?}");
}

fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[key] = value;
    object
}
