use serde_json::{Value, json};

use super::{accepted, change_accepted, change_refused, refused, with};

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
    change_refused(KIND, &ring(), message, |new| new["spec"]["faultDomains"] = json!({"rackFrom": "None"}));
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
