//! The rights that the chart gives are exactly these, read from its templates as text.
//!
//! Lines with template actions are left out; none of them is part of a rule, but for the name of the
//! Lease.
#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests may")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

/// Verbs by (file, API group, resource).
type Rights = BTreeMap<(String, String, String), BTreeSet<String>>;

const OBSERVE: &str = "clusterrole-observe.yaml";
const SERVE: &str = "clusterrole-serve.yaml";
const CLAIMS: &str = "clusterrole-claims.yaml";
const LEASE: &str = "role-lease.yaml";
const AGGREGATE: &str = "clusterroles-aggregate.yaml";

/// File, API group, resources, verbs.
const MATRIX: &[(&str, &str, &str, &str)] = &[
    (OBSERVE, "", "nodes persistentvolumes", "list watch"),
    (OBSERVE, "", "pods", "get list watch"),
    (OBSERVE, "twofold.dev", "allocationroles", "get list watch"),
    (OBSERVE, "twofold.dev", "allocationroles/status", "patch"),
    (SERVE, "", "pods", "create delete patch"),
    (SERVE, "", "services", "get list watch create patch delete"),
    (SERVE, "", "configmaps", "get list watch create patch"),
    (SERVE, "", "persistentvolumeclaims", "get list watch create"),
    (SERVE, "policy", "poddisruptionbudgets", "get list watch create patch"),
    (SERVE, "events.k8s.io", "events", "create"),
    (SERVE, "twofold.dev", "cassandraservices", "get list watch"),
    (SERVE, "twofold.dev", "cassandraservices/status", "patch"),
    (SERVE, "twofold.dev", "serviceledgers", "get list watch create update"),
    (SERVE, "kubeflow.org", "tfjobs", "get list watch delete"),
    (SERVE, "kubeflow.org", "tfjobs/status", "patch"),
    (SERVE, "kubeflow.org", "tfjobs/finalizers", "update"),
    (CLAIMS, "", "persistentvolumeclaims", "patch"),
    (LEASE, "coordination.k8s.io", "leases", "create get list watch update"),
    (LEASE, "events.k8s.io", "events", "create"),
    (
        AGGREGATE,
        "twofold.dev",
        "cassandraservices",
        "get list watch create update patch delete deletecollection",
    ),
    (AGGREGATE, "twofold.dev", "cassandraservices/status serviceledgers allocationroles", "get list watch"),
    (AGGREGATE, "twofold.dev", "cassandraservices/scale", "get list watch update patch"),
    (AGGREGATE, "kubeflow.org", "tfjobs", "get list watch create update patch delete deletecollection"),
    (AGGREGATE, "kubeflow.org", "tfjobs/status", "get list watch"),
];

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split_whitespace().map(str::to_owned)
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap())
}

/// The rules of all templates that are about roles, by file.
fn rules() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/twofold/templates");
    let mut rules = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !file.contains("role") || file == "default-allocation-role.yaml" {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let plain = text.lines().filter(|line| !line.contains("{{")).collect::<Vec<_>>().join("\n");
        for document in serde_saphyr::from_multiple::<Value>(&plain).unwrap() {
            let found = document["rules"].as_array().into_iter().flatten();
            rules.extend(found.map(|rule| (file.clone(), rule.clone())));
        }
    }
    rules
}

fn given() -> Rights {
    let mut given = Rights::new();
    for (file, rule) in rules() {
        for group in strings(&rule["apiGroups"]) {
            for resource in strings(&rule["resources"]) {
                let right = (file.clone(), group.to_owned(), resource.to_owned());
                given.entry(right).or_default().extend(strings(&rule["verbs"]).map(str::to_owned));
            }
        }
    }
    given
}

#[test]
fn the_chart_gives_the_rights_of_the_matrix_and_no_others() {
    let mut expected = Rights::new();
    for (file, group, resources, verbs) in MATRIX {
        for resource in words(resources) {
            expected.insert(((*file).to_owned(), (*group).to_owned(), resource), words(verbs).collect());
        }
    }
    assert_eq!(given(), expected);
}

#[test]
fn no_right_is_a_wildcard_or_one_that_leads_to_others() {
    for ((file, group, resource), verbs) in given() {
        for forbidden in
            ["secrets", "serviceaccounts", "roles", "rolebindings", "exec", "attach", "portforward"]
        {
            assert!(
                resource.split('/').all(|part| part != forbidden),
                "{file} gives {verbs:?} on {resource}"
            );
        }
        for forbidden in ["*", "escalate", "bind", "impersonate"] {
            assert!(!verbs.contains(forbidden), "{file} gives {forbidden} on {resource}");
        }
        assert!(!group.contains('*') && !resource.contains('*'), "{file} has a wildcard: {group}/{resource}");
    }
}

#[test]
fn claims_are_never_deleted_and_patched_only_when_the_values_say_so() {
    let default = given().into_iter().filter(|((file, ..), _)| file == SERVE || file == OBSERVE);
    for ((file, _, resource), verbs) in default {
        let claim = resource == "persistentvolumeclaims";
        assert!(!claim || !(verbs.contains("delete") || verbs.contains("patch")), "{file}: {verbs:?}");
    }
    let values =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/twofold/values.yaml"));
    let values: Value = serde_saphyr::from_str(&values.unwrap()).unwrap();
    assert_eq!(values["volumes"], serde_json::json!({"allowPatch": false}));
}

#[test]
fn the_lease_is_one_lease() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/twofold/templates");
    let text = fs::read_to_string(folder.join(LEASE)).unwrap();
    assert!(text.contains("resourceNames: [{{ include \"twofold.fullname\" . | quote }}]"));
    let deployment = fs::read_to_string(folder.join("deployment.yaml")).unwrap();
    assert!(deployment.contains("--lease-name={{ include \"twofold.fullname\" . }}"));
}
