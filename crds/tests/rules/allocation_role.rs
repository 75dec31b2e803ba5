use serde_json::{Value, json};

use super::{accepted, refused, with};

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
    accepted(KIND, &bounded(json!({"cpu": 4, "memory": "1Gi"}), json!({"cpu": "4000m", "memory": "1024Mi"})));
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
