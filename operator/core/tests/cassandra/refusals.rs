//! What a resource may not say: every refusal names the field and what to do.

use crate::golden;
use crate::objects::ring;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use twofold_core::frameworks::Framework;
use twofold_core::settings::Settings;
use twofold_crds::CassandraService;
use twofold_sdk::rule::Rule;

const RING: &str = "
apiVersion: twofold.dev/v1alpha1
kind: CassandraService
metadata: {name: demo, namespace: team-a, uid: uid-1}
spec: {version: 5.0.9, storage: {size: 1Gi}}
";

fn with(patch: &Value) -> CassandraService {
    let mut value = serde_json::to_value(ring(RING)).expect("a document");
    merge(&mut value, patch);
    serde_json::from_value(value).expect("a ring")
}

fn merge(value: &mut Value, patch: &Value) {
    match (value, patch) {
        (Value::Object(fields), Value::Object(patch)) => {
            for (name, part) in patch {
                merge(fields.entry(name.clone()).or_insert(Value::Null), part);
            }
        }
        (value, patch) => *value = patch.clone(),
    }
}

fn zones(zones: &[&str]) -> BTreeMap<String, String> {
    zones.iter().map(|zone| (format!("agent-{zone}"), (*zone).to_owned())).collect()
}

/// Resources with something that would be taken and change nothing, or not start.
fn without_effect() -> Vec<(&'static str, Value)> {
    vec![
        ("a version of another configuration", json!({"spec": {"version": "4.1.7"}})),
        (
            "agents that are preferred",
            json!({"spec": {"placement": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}}
            ]}}}}),
        ),
    ]
}

/// Resources that cannot be carried out.
fn cases() -> Vec<(&'static str, Value)> {
    vec![
        ("a heap over the memory limit", json!({"spec": {"heap": "5Gi"}})),
        ("a heap below the least", json!({"spec": {"heap": "32Mi"}})),
        (
            "a limit too small for its own heap",
            json!({"spec": {"resources": {"limits": {"memory": "100Mi"}}}}),
        ),
        ("a heap that is no quantity", json!({"spec": {"heap": "1 Gi"}})),
        ("a limit that is no quantity", json!({"spec": {"resources": {"limits": {"cpu": "two"}}}})),
        (
            "a request over its limit",
            json!({"spec": {"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}}}),
        ),
        ("a volume that is no quantity", json!({"spec": {"storage": {"size": "much"}}})),
        ("a volume of nothing", json!({"spec": {"storage": {"size": "0"}}})),
        (
            "more racks than nodes",
            json!({"spec": {"nodes": 1, "racks": [{"name": "a", "zone": "a"}, {"name": "b", "zone": "b"}]}}),
        ),
        ("a rack without zone", json!({"spec": {"racks": [{"name": "a"}]}})),
        (
            "two racks of a name",
            json!({"spec": {"racks": [{"name": "a", "zone": "a"}, {"name": "a", "zone": "b"}]}}),
        ),
        (
            "two racks in a zone",
            json!({"spec": {"racks": [{"name": "a", "zone": "a"}, {"name": "b", "zone": "a"}]}}),
        ),
        ("explicit racks that are none", json!({"spec": {"faultDomains": {"rackFrom": "Explicit"}}})),
        (
            "one rack and a list",
            json!({"spec": {"faultDomains": {"rackFrom": "None"}, "racks": [{"name": "a"}]}}),
        ),
        (
            "a rack by labels",
            json!({"spec": {"racks": [{"name": "a", "zone": "a", "nodeSelector": {"disk": "ssd"}}]}}),
        ),
        ("racks from zones without a gang", json!({"spec": {"placement": {"gang": false}}})),
        (
            "a key that the operator writes",
            json!({"spec": {"config": {"cassandraYaml": {"seed_provider": []}}}}),
        ),
        ("a heap among the options", json!({"spec": {"config": {"jvmOptions": ["-Xmx1g"]}}})),
        ("two options in one", json!({"spec": {"config": {"jvmOptions": ["-a -b"]}}})),
        (
            "a toleration without meaning",
            json!({"spec": {"placement": {"tolerations": [{"operator": "Equal"}]}}}),
        ),
        (
            "a name that is too long",
            json!({"metadata": {"name": "a-name-of-more-than-forty-letters-is-too-long"}}),
        ),
        ("a name that begins with a digit", json!({"metadata": {"name": "3-nodes"}})),
        ("a datacenter with a space", json!({"spec": {"datacenter": "dc 1"}})),
    ]
}

#[test]
fn every_refusal_names_the_field_and_what_to_do() {
    let mut text = String::new();
    for (case, patch) in without_effect().into_iter().chain(cases()) {
        let problems = with(&patch).translate(None, &Settings::default(), &zones(&["a"])).unwrap_err();
        writeln!(text, "{case}").unwrap();
        for problem in problems {
            writeln!(text, "    {} {}: {}", problem.reason, problem.field, problem.message).unwrap();
        }
    }
    golden::check("refusals.txt", &text);
}

#[test]
fn what_is_fine_is_translated() {
    let spec = with(&json!({})).translate(None, &Settings::default(), &zones(&["a", "b"])).unwrap();
    assert_eq!(spec.pod_types[0].count, 3);
    assert_eq!(spec.pod_types[0].shape.base.memory_bytes, 4 << 30);
    assert_eq!(spec.role.as_str(), "default");
    let Rule::All(rules) = &spec.pod_types[0].rule else { panic!("not all of several rules") };
    assert_eq!(rules.len(), 3, "an agent with a zone, spread over zones, at most one on an agent");
}

#[test]
fn without_any_zone_there_is_no_spread() {
    let spec = with(&json!({})).translate(None, &Settings::default(), &BTreeMap::new()).unwrap();
    let Rule::All(rules) = &spec.pod_types[0].rule else { panic!("not all of several rules") };
    assert!(matches!(rules.as_slice(), [Rule::AtMost { count: 1, .. }]), "{rules:?}");
}
