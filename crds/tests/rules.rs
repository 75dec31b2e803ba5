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

mod tfjob {
    use super::*;

    const KIND: &str = "TFJob";

    fn replicas(count: i64) -> Value {
        let container = json!({"name": "tensorflow", "image": "tf:1", "command": ["python", "train.py"]});
        json!({"replicas": count, "template": {"spec": {"containers": [container]}}})
    }

    fn job() -> Value {
        json!({"metadata": {"name": "mnist"}, "spec": {"tfReplicaSpecs": {"Worker": replicas(2), "PS": replicas(1)}}})
    }

    #[test]
    fn a_plain_job_is_accepted() {
        accepted(KIND, &job());
    }

    #[test]
    fn a_name_that_does_not_start_with_a_letter_is_refused() {
        refused(KIND, &with(job(), "/metadata/name", json!("2nd-job")), "DNS-1035");
    }

    #[test]
    fn a_name_with_a_dot_is_refused() {
        refused(KIND, &with(job(), "/metadata/name", json!("a.b")), "DNS-1035");
    }

    #[test]
    fn a_name_whose_longest_service_name_has_63_characters_is_accepted() {
        let name = "a".repeat(63 - "-worker-0".len());
        accepted(KIND, &with(job(), "/metadata/name", json!(name)));
    }

    #[test]
    fn a_name_whose_longest_service_name_has_64_characters_is_refused() {
        let name = "a".repeat(64 - "-worker-0".len());
        refused(KIND, &with(job(), "/metadata/name", json!(name)), "metadata.name is too long");
    }

    #[test]
    fn the_length_of_the_largest_index_counts() {
        let name = json!("a".repeat(63 - "-worker-9".len()));
        let job =
            with(with(job(), "/metadata/name", name), "/spec/tfReplicaSpecs/Worker/replicas", json!(11));
        refused(KIND, &job, "metadata.name is too long");
    }

    #[test]
    fn chief_and_master_together_are_refused() {
        let chief = with(job(), "/spec/tfReplicaSpecs/Chief", replicas(1));
        accepted(KIND, &chief);
        refused(
            KIND,
            &with(chief, "/spec/tfReplicaSpecs/Master", replicas(1)),
            "a Chief or a Master, not both",
        );
    }

    #[test]
    fn chief_and_master_are_told_whatever_their_case() {
        let chief = with(job(), "/spec/tfReplicaSpecs/chief", replicas(1));
        refused(
            KIND,
            &with(chief, "/spec/tfReplicaSpecs/MASTER", replicas(1)),
            "a Chief or a Master, not both",
        );
    }

    #[test]
    fn a_replica_without_a_container_named_tensorflow_is_refused() {
        let containers = json!([{"name": "main", "image": "tf:1"}]);
        let job = with(job(), "/spec/tfReplicaSpecs/PS/template/spec/containers", containers);
        refused(KIND, &job, "a container named tensorflow is required");
    }

    #[test]
    fn no_containers_at_all_are_refused() {
        let job = with(job(), "/spec/tfReplicaSpecs/PS/template/spec/containers", json!([]));
        refused(KIND, &job, "a container named tensorflow is required");
    }

    #[test]
    fn a_container_without_an_image_is_refused() {
        let containers = json!([{"name": "tensorflow", "image": "tf:1"}, {"name": "sidecar"}]);
        let job = with(job(), "/spec/tfReplicaSpecs/PS/template/spec/containers", containers);
        refused(KIND, &job, "every container needs an image");
    }

    #[test]
    fn an_empty_image_is_refused() {
        let containers = json!([{"name": "tensorflow", "image": ""}]);
        let job = with(job(), "/spec/tfReplicaSpecs/PS/template/spec/containers", containers);
        refused(KIND, &job, "every container needs an image");
    }

    #[test]
    fn managed_by_has_two_values() {
        let managed = |by: &str| with(job(), "/spec/runPolicy", json!({"managedBy": by}));
        accepted(KIND, &managed("kubeflow.org/training-operator"));
        accepted(KIND, &managed("kueue.x-k8s.io/multikueue"));
        refused(KIND, &managed("somebody"), "spec.runPolicy.managedBy: supported values");
    }

    #[test]
    fn managed_by_cannot_be_set_later_or_removed() {
        let managed = with(job(), "/spec/runPolicy", json!({"managedBy": "kueue.x-k8s.io/multikueue"}));
        let message = "spec.runPolicy.managedBy is immutable";
        change_refused(KIND, &job(), message, |new| *new = managed.clone());
        change_refused(KIND, &managed, message, |new| *new = job());
    }

    #[test]
    fn the_queue_can_be_set_once() {
        let queued =
            |queue: &str| with(job(), "/spec/runPolicy", json!({"schedulingPolicy": {"queue": queue}}));
        change_accepted(KIND, &job(), |new| *new = queued("research"));
        change_refused(KIND, &queued("research"), "queue is immutable", |new| *new = queued("ads"));
    }

    #[test]
    fn the_number_of_workers_can_change() {
        change_accepted(KIND, &job(), |new| new["spec"]["tfReplicaSpecs"]["Worker"]["replicas"] = json!(5));
    }
}

mod allocation_role {
    use super::*;

    const KIND: &str = "AllocationRole";

    fn role() -> Value {
        json!({"metadata": {"name": "research"}, "spec": {"namespaces": ["research"]}})
    }

    #[test]
    fn a_plain_role_is_accepted() {
        accepted(KIND, &role());
    }

    #[test]
    fn a_name_that_is_no_dns_label_is_refused() {
        refused(KIND, &with(role(), "/metadata/name", json!("a.b")), "metadata.name must be a DNS label");
        refused(
            KIND,
            &with(role(), "/metadata/name", json!("a".repeat(64))),
            "metadata.name must be a DNS label",
        );
    }

    #[test]
    fn a_role_that_is_its_own_parent_is_refused() {
        accepted(KIND, &with(role(), "/spec/parent", json!("company")));
        refused(KIND, &with(role(), "/spec/parent", json!("research")), "cannot be its own parent");
    }

    #[test]
    fn a_guarantee_above_the_limit_is_refused() {
        let bounded = |guarantee: Value, limit: Value| {
            with(with(role(), "/spec/guarantee", guarantee), "/spec/limit", limit)
        };
        accepted(
            KIND,
            &bounded(json!({"cpu": 4, "memory": "1Gi"}), json!({"cpu": "4000m", "memory": "1024Mi"})),
        );
        accepted(KIND, &bounded(json!({"cpu": 4}), json!({"memory": "1Gi"})));
        let message = "the guarantee of a resource cannot be above its limit";
        refused(KIND, &bounded(json!({"cpu": "4001m"}), json!({"cpu": 4})), message);
        refused(KIND, &bounded(json!({"nvidia.com/gpu": 9}), json!({"nvidia.com/gpu": "8"})), message);
    }

    #[test]
    fn a_selector_needs_values_with_in_and_none_with_exists() {
        let selecting = |expression: Value| {
            with(role(), "/spec/agents", json!({"selector": {"matchExpressions": [expression]}}))
        };
        accepted(KIND, &selecting(json!({"key": "pool", "operator": "In", "values": ["a"]})));
        accepted(KIND, &selecting(json!({"key": "pool", "operator": "Exists"})));
        let message = "values must be given with In and NotIn";
        refused(KIND, &selecting(json!({"key": "pool", "operator": "NotIn"})), message);
        refused(KIND, &selecting(json!({"key": "pool", "operator": "Exists", "values": ["a"]})), message);
    }
}

mod cassandra_service {
    use super::*;

    const KIND: &str = "CassandraService";

    fn ring() -> Value {
        json!({"metadata": {"name": "orders"}, "spec": {"version": "5.0.9", "storage": {"size": "10Gi"}}})
    }

    fn racks(names: &[&str]) -> Value {
        names.iter().map(|name| json!({"name": name, "zone": format!("zone-{name}")})).collect()
    }

    fn racked(names: &[&str]) -> Value {
        with(ring(), "/spec/racks", racks(names))
    }

    #[test]
    fn a_minimal_ring_is_accepted() {
        accepted(KIND, &ring());
    }

    #[test]
    fn a_name_of_more_than_40_characters_is_refused() {
        accepted(KIND, &with(ring(), "/metadata/name", json!("a".repeat(40))));
        refused(KIND, &with(ring(), "/metadata/name", json!("a".repeat(41))), "at most 40 characters");
    }

    #[test]
    fn fewer_nodes_than_racks_are_refused() {
        accepted(KIND, &racked(&["a", "b", "c"]));
        refused(KIND, &racked(&["a", "b", "c", "d"]), "spec.nodes cannot be below the number of spec.racks");
    }

    #[test]
    fn explicit_racks_must_be_given() {
        let explicit = |object| with(object, "/spec/faultDomains", json!({"rackFrom": "Explicit"}));
        accepted(KIND, &explicit(with(ring(), "/spec/racks", json!([{"name": "a"}]))));
        refused(KIND, &explicit(ring()), "rackFrom Explicit needs spec.racks");
    }

    #[test]
    fn no_racks_means_that_none_are_given() {
        let none = |object| with(object, "/spec/faultDomains", json!({"rackFrom": "None"}));
        accepted(KIND, &none(ring()));
        refused(KIND, &none(racked(&["a"])), "rackFrom None means one rack");
    }

    #[test]
    fn racks_that_follow_zones_need_their_zones() {
        let ring = with(ring(), "/spec/racks", json!([{"name": "a", "zone": "a"}, {"name": "b"}]));
        refused(KIND, &ring, "every rack needs its zone");
    }

    #[test]
    fn racks_can_be_added_to_a_list_of_racks_only() {
        let message = "cannot be renamed, changed or removed";
        let set = |names: &'static [&str]| move |new: &mut Value| new["spec"]["racks"] = racks(names);
        change_accepted(KIND, &racked(&["a", "b"]), set(&["a", "b", "c"]));
        change_refused(KIND, &racked(&["a", "b"]), message, set(&["a"]));
        change_refused(KIND, &racked(&["a", "b"]), message, set(&["a", "z"]));
        change_refused(KIND, &racked(&["a", "b"]), message, set(&[]));
        change_refused(KIND, &ring(), message, set(&["a"]));
        change_refused(KIND, &racked(&["a"]), message, |new| new["spec"]["racks"][0]["zone"] = json!("z"));
    }

    #[test]
    fn nodes_can_be_raised_and_not_lowered() {
        change_accepted(KIND, &ring(), |new| new["spec"]["nodes"] = json!(5));
        change_refused(KIND, &ring(), "spec.nodes cannot be lowered", |new| new["spec"]["nodes"] = json!(2));
    }

    #[test]
    fn the_cluster_name_is_immutable() {
        let message = "spec.clusterName is immutable";
        change_accepted(KIND, &ring(), |new| new["spec"]["clusterName"] = json!("orders"));
        change_refused(KIND, &ring(), message, |new| new["spec"]["clusterName"] = json!("others"));
    }

    #[test]
    fn the_datacenter_is_immutable() {
        change_accepted(KIND, &ring(), |new| new["spec"]["datacenter"] = json!("dc1"));
        change_refused(KIND, &ring(), "spec.datacenter is immutable", |new| {
            new["spec"]["datacenter"] = json!("dc2")
        });
    }

    #[test]
    fn the_version_cannot_be_changed_yet() {
        change_refused(KIND, &ring(), "upgrades are not implemented", |new| {
            new["spec"]["version"] = json!("5.0.10")
        });
    }

    #[test]
    fn where_racks_come_from_and_the_region_are_immutable() {
        let message = "rackFrom and region are immutable";
        change_refused(KIND, &ring(), message, |new| {
            new["spec"]["faultDomains"] = json!({"rackFrom": "None"})
        });
        change_refused(KIND, &ring(), message, |new| new["spec"]["faultDomains"] = json!({"region": "eu"}));
        change_accepted(KIND, &ring(), |new| new["spec"]["faultDomains"] = json!({"spread": "Preferred"}));
    }

    #[test]
    fn the_role_is_immutable() {
        change_accepted(KIND, &ring(), |new| new["spec"]["placement"] = json!({"role": "default"}));
        change_refused(KIND, &ring(), "spec.placement.role is immutable", |new| {
            new["spec"]["placement"] = json!({"role": "research"});
        });
    }

    #[test]
    fn a_heap_that_is_not_below_the_memory_limit_is_refused() {
        let sized = |heap: &str, resources: Value| {
            with(with(ring(), "/spec/heap", json!(heap)), "/spec/resources", resources)
        };
        let message = "spec.heap must be below the memory limit";
        accepted(KIND, &sized("auto", json!({"limits": {"memory": "512Mi"}})));
        accepted(KIND, &sized("256Mi", json!({"limits": {"memory": "512Mi"}})));
        accepted(KIND, &sized("256Mi", json!({"limits": {"memory": 536870912}})));
        accepted(KIND, &sized("2Gi", json!({})));
        refused(KIND, &sized("512Mi", json!({"limits": {"memory": "512Mi"}})), message);
        refused(KIND, &sized("513Mi", json!({"limits": {"memory": 536870912}})), message);
        refused(KIND, &sized("1Gi", json!({"requests": {"memory": "1Gi"}})), message);
        refused(KIND, &sized("4Gi", json!({"limits": {"cpu": 2}})), message);
    }

    #[test]
    fn the_size_of_volumes_cannot_be_changed_yet() {
        change_accepted(KIND, &ring(), |new| new["spec"]["storage"]["size"] = json!("10240Mi"));
        let message = "spec.storage.size cannot be changed";
        change_refused(KIND, &ring(), message, |new| new["spec"]["storage"]["size"] = json!("5Gi"));
        change_refused(KIND, &ring(), message, |new| new["spec"]["storage"]["size"] = json!("20Gi"));
    }

    #[test]
    fn the_class_of_volumes_is_immutable() {
        change_accepted(KIND, &ring(), |new| new["spec"]["storage"]["onDelete"] = json!("Delete"));
        change_refused(KIND, &ring(), "storageClassName is immutable", |new| {
            new["spec"]["storage"]["storageClassName"] = json!("fast");
        });
    }

    #[test]
    fn entries_of_cassandra_yaml_that_the_operator_writes_are_refused() {
        let configured = |yaml: Value| with(ring(), "/spec/config", json!({"cassandraYaml": yaml}));
        accepted(KIND, &configured(json!({"num_tokens": 8, "audit_logging_options": {"enabled": true}})));
        for (key, value) in [
            ("cluster_name", json!("other")),
            ("seed_provider", json!([{"class_name": "x"}])),
            ("listen_address", json!("0.0.0.0")),
            ("endpoint_snitch", json!("SimpleSnitch")),
            ("data_file_directories", json!(["/data"])),
            ("native_transport_port", json!(9142)),
            ("auto_bootstrap", json!(false)),
        ] {
            let message = format!("spec.config.cassandraYaml.{key} is written by the operator");
            refused(KIND, &configured(json!({key: value})), &message);
        }
    }

    #[test]
    fn a_heap_in_the_options_of_the_java_virtual_machine_is_refused() {
        let options = |options: Value| with(ring(), "/spec/config", json!({"jvmOptions": options}));
        accepted(KIND, &options(json!(["-Dcassandra.ring_delay_ms=10000", "-Xss256k"])));
        refused(KIND, &options(json!(["-Xmx1g"])), "the heap is set by spec.heap");
        refused(KIND, &options(json!(["-Xms1g"])), "the heap is set by spec.heap");
    }
}

mod service_ledger {
    use super::*;

    const KIND: &str = "ServiceLedger";

    fn ledger() -> Value {
        let racks = json!([{"name": "a", "zone": "a"}, {"name": "b", "zone": "b"}]);
        let service = json!({"kind": "CassandraService", "name": "orders", "uid": "u-1"});
        let spec = json!({"clusterId": "u-1", "service": service, "initialized": true, "racks": racks});
        json!({"metadata": {"name": "orders"}, "spec": spec})
    }

    #[test]
    fn a_ledger_is_accepted() {
        accepted(KIND, &ledger());
    }

    #[test]
    fn the_cluster_id_is_immutable() {
        change_refused(KIND, &ledger(), "spec.clusterId is immutable", |new| {
            new["spec"]["clusterId"] = json!("u-2")
        });
    }

    #[test]
    fn another_object_can_adopt_the_ledger() {
        change_accepted(KIND, &ledger(), |new| new["spec"]["service"]["uid"] = json!("u-2"));
    }

    #[test]
    fn initialized_never_becomes_false_again() {
        change_refused(KIND, &ledger(), "cannot become false again", |new| {
            new["spec"]["initialized"] = json!(false)
        });
        let fresh = with(ledger(), "/spec/initialized", json!(false));
        change_accepted(KIND, &fresh, |new| new["spec"]["initialized"] = json!(true));
    }

    #[test]
    fn racks_are_only_added() {
        let add = |new: &mut Value| new["spec"]["racks"][2] = json!({"name": "c"});
        let fresh = with(ledger(), "/spec/racks", json!([]));
        change_accepted(KIND, &fresh, |new| new["spec"]["racks"] = json!([{"name": "c"}]));
        let mut longer = ledger();
        longer["spec"]["racks"].as_array_mut().unwrap().push(json!({"name": "c"}));
        change_accepted(KIND, &ledger(), |new| *new = longer.clone());
        let message = "a rack cannot be removed or changed";
        change_refused(KIND, &longer, message, |new| *new = ledger());
        change_refused(KIND, &longer, message, |new| {
            add(new);
            new["spec"]["racks"][0]["zone"] = json!("z");
        });
    }
}
