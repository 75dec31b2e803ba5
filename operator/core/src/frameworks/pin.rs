//! The pin: a pod goes to the agent that was accepted for it and to no other, as the DaemonSet controller has it.

use k8s_openapi::api::core::v1::{NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec};

/// Pins a pod. The agent takes the place of the required affinity, which was asked when it was accepted.
pub fn pin(spec: &mut PodSpec, agent: &str) {
    let name = NodeSelectorRequirement {
        key: "metadata.name".to_owned(),
        operator: "In".to_owned(),
        values: Some(vec![agent.to_owned()]),
    };
    let term = NodeSelectorTerm { match_fields: Some(vec![name]), match_expressions: None };
    let nodes = spec.affinity.get_or_insert_default().node_affinity.get_or_insert_default();
    nodes.required_during_scheduling_ignored_during_execution =
        Some(NodeSelector { node_selector_terms: vec![term] });
}
