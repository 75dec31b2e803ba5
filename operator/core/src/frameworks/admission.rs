//! What a pod's spec asks of the machine, as level two asks it ahead of time.

use crate::frameworks::Problem;
use crate::observe::pod;
use k8s_openapi::api::core::v1::{
    NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Toleration as PodToleration,
};
use std::collections::BTreeSet;
use twofold_allocator::ask::Constraint;
use twofold_allocator::id::{AgentId, Word};
use twofold_sdk::admission::{Admission, TaintEffect, Tolerated, Toleration};

/// Tolerations, node selector, required node affinity and host ports of a pod. What only orders machines (preferred
/// affinity) and what needs other pods to be known (pod affinity, spread constraints) is left to kube-scheduler.
///
/// # Errors
/// Every value that has no meaning, by its path within the pod's spec.
pub fn admission(spec: &PodSpec) -> Result<Admission, Vec<Problem>> {
    let mut problems = Vec::new();
    let tolerations = spec.tolerations.iter().flatten().enumerate();
    let admission = Admission {
        tolerations: tolerations.filter_map(|(i, one)| keep(toleration(one, i), &mut problems)).collect(),
        selector: spec
            .node_selector
            .iter()
            .flatten()
            .map(|(key, value)| (Word::from(key.as_str()), Word::from(value.as_str())))
            .collect(),
        affinity: affinity(spec, &mut problems),
        host_ports: pod::host_ports(spec).into_iter().collect(),
        architectures: BTreeSet::new(),
    };
    if problems.is_empty() { Ok(admission) } else { Err(problems) }
}

fn keep<T>(result: Result<T, Problem>, problems: &mut Vec<Problem>) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

fn problem(field: String, message: String) -> Problem {
    Problem { reason: "InvalidPlacement", field, message }
}

fn toleration(toleration: &PodToleration, index: usize) -> Result<Toleration, Problem> {
    let path = |name: &str| format!("tolerations[{index}].{name}");
    let value = toleration.value.as_deref().unwrap_or_default();
    let integer = || {
        let message = format!("{value:?} is no integer, which this operator needs; write one");
        value.parse::<i64>().map_err(|_| problem(path("value"), message))
    };
    let tolerated = match toleration.operator.as_deref().unwrap_or("Equal") {
        "Exists" => Tolerated::Exists,
        "Equal" | "" => Tolerated::Equal(Word::from(value)),
        "Lt" => Tolerated::Below(integer()?),
        "Gt" => Tolerated::Above(integer()?),
        other => {
            let message = format!("{other:?} is no operator; use Exists, Equal, Lt or Gt");
            return Err(problem(path("operator"), message));
        }
    };
    let key = toleration.key.as_deref().filter(|key| !key.is_empty()).map(Word::from);
    if key.is_none() && tolerated != Tolerated::Exists {
        let message = "every key is tolerated only by the operator Exists; name a key or use Exists";
        return Err(problem(path("key"), message.to_owned()));
    }
    let effect = match toleration.effect.as_deref().unwrap_or_default() {
        "" => None,
        "NoSchedule" => Some(TaintEffect::NoSchedule),
        "PreferNoSchedule" => Some(TaintEffect::PreferNoSchedule),
        "NoExecute" => Some(TaintEffect::NoExecute),
        other => {
            let message = format!("{other:?} is no effect; use NoSchedule, PreferNoSchedule or NoExecute");
            return Err(problem(path("effect"), message));
        }
    };
    Ok(Toleration { key, value: tolerated, effect })
}

fn affinity(spec: &PodSpec, problems: &mut Vec<Problem>) -> Vec<Vec<Constraint>> {
    let node = spec.affinity.as_ref().and_then(|affinity| affinity.node_affinity.as_ref());
    let Some(required) =
        node.and_then(|node| node.required_during_scheduling_ignored_during_execution.as_ref())
    else {
        return Vec::new();
    };
    let path = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
    let terms = required.node_selector_terms.iter().enumerate();
    // A term without requirements matches nothing in Kubernetes, and so does one here.
    terms.map(|(index, one)| term(one, &format!("{path}[{index}]"), problems)).collect()
}

fn term(term: &NodeSelectorTerm, path: &str, problems: &mut Vec<Problem>) -> Vec<Constraint> {
    let labels = term.match_expressions.iter().flatten().enumerate();
    let mut constraints: Vec<Constraint> = labels
        .filter_map(|(i, one)| keep(on_label(one, &format!("{path}.matchExpressions[{i}]")), problems))
        .collect();
    let fields = term.match_fields.iter().flatten().enumerate();
    constraints.extend(
        fields.filter_map(|(i, one)| keep(on_name(one, &format!("{path}.matchFields[{i}]")), problems)),
    );
    constraints
}

fn on_label(requirement: &NodeSelectorRequirement, path: &str) -> Result<Constraint, Problem> {
    let key = Word::from(requirement.key.as_str());
    let texts = requirement.values.as_deref().unwrap_or_default();
    let values = || texts.iter().map(|value| Word::from(value.as_str())).collect();
    let bound = || {
        let message = format!("{texts:?} is not one integer, which Gt and Lt need; write one");
        match texts {
            [one] => one.parse::<i64>().map_err(|_| problem(format!("{path}.values"), message)),
            _ => Err(problem(format!("{path}.values"), message)),
        }
    };
    match requirement.operator.as_str() {
        "In" => Ok(Constraint::AttributeIn(key, values())),
        "NotIn" => Ok(Constraint::AttributeNotIn(key, values())),
        "Exists" => Ok(Constraint::AttributeExists(key)),
        "DoesNotExist" => Ok(Constraint::AttributeAbsent(key)),
        "Gt" => Ok(Constraint::AttributeAbove(key, bound()?)),
        "Lt" => Ok(Constraint::AttributeBelow(key, bound()?)),
        other => Err(problem(
            format!("{path}.operator"),
            format!("{other:?} is no operator; use In, NotIn, Exists, DoesNotExist, Gt or Lt"),
        )),
    }
}

fn on_name(requirement: &NodeSelectorRequirement, path: &str) -> Result<Constraint, Problem> {
    let names = || requirement.values.iter().flatten().map(|name| AgentId::from(name.as_str())).collect();
    match (requirement.key.as_str(), requirement.operator.as_str()) {
        ("metadata.name", "In") => Ok(Constraint::AgentIn(names())),
        ("metadata.name", "NotIn") => Ok(Constraint::AgentNotIn(names())),
        (key, operator) => Err(problem(
            path.to_owned(),
            format!("{key:?} {operator:?} has no meaning; use metadata.name with In or NotIn"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use twofold_sdk::admission::{HostPort, Protocol};

    fn of(spec: Value) -> Result<Admission, Vec<String>> {
        let spec: PodSpec = serde_json::from_value(spec).unwrap();
        admission(&spec)
            .map_err(|all| all.into_iter().map(|p| format!("{}: {}", p.field, p.message)).collect())
    }

    fn required(terms: Value) -> Value {
        json!({"containers": [], "affinity": {"nodeAffinity":
            {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}})
    }

    #[test]
    fn a_pod_without_wishes_asks_for_nothing() {
        assert_eq!(of(json!({"containers": []})), Ok(Admission::default()));
    }

    #[test]
    fn every_operator_of_node_affinity_has_its_constraint() {
        let spec = required(json!([
            {"matchExpressions": [
                {"key": "a", "operator": "In", "values": ["x", "y"]},
                {"key": "b", "operator": "NotIn", "values": ["x"]},
                {"key": "c", "operator": "Exists"},
                {"key": "d", "operator": "DoesNotExist"},
                {"key": "e", "operator": "Gt", "values": ["4"]},
                {"key": "f", "operator": "Lt", "values": ["9"]}]},
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["m1"]}]},
            {},
        ]));
        let words = |all: &[&str]| all.iter().map(|one| Word::from(*one)).collect();
        assert_eq!(
            of(spec).unwrap().affinity,
            vec![
                vec![
                    Constraint::AttributeIn("a".into(), words(&["x", "y"])),
                    Constraint::AttributeNotIn("b".into(), words(&["x"])),
                    Constraint::AttributeExists("c".into()),
                    Constraint::AttributeAbsent("d".into()),
                    Constraint::AttributeAbove("e".into(), 4),
                    Constraint::AttributeBelow("f".into(), 9),
                ],
                vec![Constraint::AgentIn([AgentId::from("m1")].into())],
                vec![],
            ]
        );
    }

    #[test]
    fn what_has_no_meaning_is_named_by_its_path() {
        let mut spec = required(json!([{"matchExpressions": [
            {"key": "e", "operator": "Gt", "values": ["four"]}, {"key": "e", "operator": "Like"}]}]));
        spec["tolerations"] = json!([{"operator": "Equal", "value": "x"}, {"key": "a", "effect": "Never"}, {"key": "a", "operator": "Lt", "value": "x"}]);
        let problems = of(spec).unwrap_err();
        let fields: Vec<&str> = problems.iter().filter_map(|p| p.split(": ").next()).collect();
        let terms = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
        assert_eq!(
            fields,
            [
                "tolerations[0].key",
                "tolerations[1].effect",
                "tolerations[2].value",
                &format!("{terms}[0].matchExpressions[0].values"),
                &format!("{terms}[0].matchExpressions[1].operator"),
            ]
        );
    }

    #[test]
    fn host_ports_are_taken_of_all_containers() {
        let spec = json!({"containers": [{"name": "a", "ports": [
            {"containerPort": 1, "hostPort": 80}, {"containerPort": 2}, {"containerPort": 3, "hostPort": 53, "protocol": "UDP"}]}]});
        assert_eq!(
            of(spec).unwrap().host_ports,
            BTreeSet::from([
                HostPort { protocol: Protocol::Tcp, port: 80 },
                HostPort { protocol: Protocol::Udp, port: 53 },
            ])
        );
    }
}
