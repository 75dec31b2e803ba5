use serde_json::{Value, json};

use super::{accepted, change_accepted, change_refused, with};

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
