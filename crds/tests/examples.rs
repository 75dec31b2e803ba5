//! Every example is an object of its kind, keeps all of its fields, and is accepted by the rules.
#![allow(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests may")]

use std::fs;
use std::path::{Path, PathBuf};

use kube::core::cel::Validator;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use twofold_crds::{AllocationRole, CassandraService, TFJob, definitions};

fn examples() -> Vec<(PathBuf, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut paths =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<PathBuf>>();
    paths.sort();
    let documents = paths.into_iter().flat_map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let documents = serde_saphyr::from_multiple::<Value>(&text).unwrap();
        documents.into_iter().map(move |document| (path.clone(), document))
    });
    documents.collect()
}

/// What is left of an object that was read as `K` and written again.
fn round_trip<K: DeserializeOwned + Serialize>(object: &Value) -> Value {
    let typed: K = serde_path_to_error::deserialize(object).unwrap();
    serde_json::to_value(typed).unwrap()
}

/// Panics if a field of `given` is missing in `kept` or has another value; quantities may have become
/// strings.
fn assert_kept(path: &str, given: &Value, kept: &Value) {
    match given {
        Value::Object(fields) => {
            fields
                .iter()
                .for_each(|(name, given)| assert_kept(&format!("{path}.{name}"), given, &kept[name]));
        }
        Value::Array(items) => {
            assert_eq!(kept.as_array().map(Vec::len), Some(items.len()), "{path}");
            let kept = kept.as_array().into_iter().flatten();
            items.iter().zip(kept).for_each(|(given, kept)| assert_kept(&format!("{path}[]"), given, kept));
        }
        Value::Number(number) => {
            assert!(
                kept == given || kept == &Value::from(number.to_string()),
                "{path}: {given} became {kept}"
            );
        }
        Value::Null | Value::Bool(_) | Value::String(_) => assert_eq!(given, kept, "{path}"),
    }
}

#[test]
fn examples_lose_nothing_when_they_are_read() {
    for (path, example) in examples() {
        let kept = match example["kind"].as_str().unwrap() {
            "TFJob" => round_trip::<TFJob>(&example),
            "AllocationRole" => round_trip::<AllocationRole>(&example),
            "CassandraService" => round_trip::<CassandraService>(&example),
            other => panic!("{}: unknown kind {other}", path.display()),
        };
        assert_kept(&path.display().to_string(), &example, &kept);
    }
}

#[test]
fn examples_are_accepted_by_the_rules() {
    for (path, example) in examples() {
        let kind = example["kind"].as_str().unwrap();
        let definitions = definitions();
        let definition = definitions.iter().find(|definition| definition.spec.names.kind == kind).unwrap();
        let schema = definition.spec.versions[0].schema.as_ref().unwrap();
        let schema = serde_json::to_value(schema.open_api_v3_schema.as_ref().unwrap()).unwrap();
        let result = Validator::new().validate(&schema, &example, None);
        assert!(result.is_ok(), "{}: {result:?}", path.display());
    }
}

#[test]
fn templates_of_the_examples_are_pod_templates() {
    for (path, example) in examples().into_iter().filter(|(_, example)| example["kind"] == "TFJob") {
        let job: TFJob = serde_json::from_value(example).unwrap();
        for replica in job.spec.tf_replica_specs.values() {
            let template = replica.template.to_core().unwrap();
            let pod = template.spec.unwrap();
            let requests = pod.containers[0].resources.as_ref().unwrap().requests.as_ref().unwrap();
            assert!(requests.contains_key("cpu"), "{}", path.display());
        }
    }
}

/// What is pasted into a shell ends at a line that is the word alone, without an indent.
#[test]
fn the_first_job_of_the_chart_s_notes_can_be_pasted() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/twofold/templates/NOTES.txt");
    let notes = fs::read_to_string(path).unwrap();
    let (_, after) = notes.split_once("<<EOF\n").unwrap();
    let (manifest, _) = after.split_once("\nEOF\n").unwrap();
    let object: Value = serde_saphyr::from_str(manifest).unwrap();
    assert_kept("NOTES.txt", &object, &round_trip::<TFJob>(&object));
    let spec = &object["spec"]["tfReplicaSpecs"]["Worker"]["template"]["spec"];
    assert_eq!(spec["securityContext"]["runAsNonRoot"], true);
    assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let container = &spec["containers"][0]["securityContext"];
    assert_eq!(container["allowPrivilegeEscalation"], false);
    assert_eq!(container["capabilities"]["drop"], serde_json::json!(["ALL"]));
}

#[test]
fn a_template_with_a_value_of_the_wrong_kind_names_the_field() {
    let template = serde_json::json!({"spec": {"containers": [{"name": "a", "stdin": "yes"}]}});
    let template: twofold_crds::pod_template::PodTemplate = serde_json::from_value(template).unwrap();
    let error = template.to_core().unwrap_err().to_string();
    assert!(error.contains("spec.containers[0].stdin"), "{error}");
}

#[test]
fn a_template_keeps_fields_that_no_type_knows() {
    let template = serde_json::json!({
        "metadata": {"labels": {"a": "b"}, "finalizers": ["x/y"]},
        "spec": {
            "containers": [{
                "name": "a",
                "ports": [{"containerPort": 1, "protocol": "TCP", "hostPort": 2}],
                "env": [{"name": "E", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                "fieldOfTomorrow": {"deep": [1, 2.5, null]},
            }],
            "anotherFieldOfTomorrow": true,
        },
    });
    let typed: twofold_crds::pod_template::PodTemplate = serde_json::from_value(template.clone()).unwrap();
    assert_eq!(serde_json::to_value(typed).unwrap(), template);
}

#[test]
fn a_null_in_place_of_an_optional_object_is_read_as_absent() {
    let job = serde_json::json!({
        "metadata": {"name": "a"},
        "spec": {"tfReplicaSpecs": {"Worker": {"replicas": null, "template": {"spec": {"containers": []}}}}},
    });
    let job: TFJob = serde_json::from_value(job).unwrap();
    assert_eq!(job.spec.tf_replica_specs["Worker"].replicas, None);
}

#[test]
fn cassandra_defaults_follow_what_is_given() {
    let service: CassandraService = serde_json::from_value(serde_json::json!({
        "metadata": {"name": "orders"},
        "spec": {"version": "5.0.9", "storage": {"size": "1Gi"}, "resources": {"limits": {"memory": "2Gi"}}},
    }))
    .unwrap();
    assert_eq!(service.cluster_name(), "orders");
    assert_eq!(service.spec.image_or_default(), "cassandra:5.0.9");
    let resources = serde_json::to_value(service.spec.resources.resolved()).unwrap();
    let expected = serde_json::json!({
        "requests": {"cpu": "1", "memory": "2Gi"},
        "limits": {"memory": "2Gi"},
    });
    assert_eq!(resources, expected);
    assert_eq!((service.spec.nodes, service.spec.seeds.count, service.spec.heap.as_str()), (3, 3, "auto"));
    assert!(service.spec.placement.gang && service.spec.placement.role == "default");
}
