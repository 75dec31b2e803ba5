//! Stage one: what Kubernetes would ask of the agent before it lets the pod in. It is asked first, since room on an
//! agent that a pod may not enter is no room.

use super::spot::{Against, Spot};
use crate::admission::{AgentFacts, TaintEffect, Toleration};
use crate::refusal::{Reason, Stage};
use crate::requirement::term_constraint;
use crate::spec::PodType;
use twofold_allocator::agent::AgentState;

pub(super) fn check(pod_type: &PodType, spot: &Spot<'_>, against: &mut Against) {
    let admission = &pod_type.admission;
    match spot.agent.state {
        AgentState::Active => {}
        AgentState::Draining => against.no(Stage::Admits, Reason::Draining),
        AgentState::Unreachable => against.no(Stage::Admits, Reason::Unreachable),
    }
    for (key, value) in &admission.selector {
        if spot.agent.attributes.get(key) != Some(value) {
            against.no(Stage::Admits, Reason::Selector(key.clone(), value.clone()));
        }
    }
    let terms = &admission.affinity;
    if !terms.is_empty() && !terms.iter().any(|term| term_constraint(term).holds(spot.agent)) {
        against.no(Stage::Admits, Reason::Affinity);
    }
    match spot.facts {
        Some(facts) => check_facts(pod_type, spot, facts, against),
        None => against.no(Stage::Admits, Reason::FactsUnknown),
    }
}

fn check_facts(pod_type: &PodType, spot: &Spot<'_>, facts: &AgentFacts, against: &mut Against) {
    let admission = &pod_type.admission;
    for taint in &facts.taints {
        if taint.effect != TaintEffect::PreferNoSchedule
            && !admission.tolerations.iter().any(|toleration| toleration.covers(taint))
        {
            against.no(Stage::Admits, Reason::Taint(taint.clone()));
        }
    }
    for port in &admission.host_ports {
        if facts.host_ports.contains(port) || spot.ports.is_some_and(|ports| ports.contains(port)) {
            against.no(Stage::Admits, Reason::HostPort(*port));
        }
    }
    if let Some(architecture) = &facts.architecture
        && !admission.architectures.is_empty()
        && !admission.architectures.contains(architecture)
    {
        against.no(Stage::Admits, Reason::Architecture(architecture.clone()));
    }
}

/// How many taints of the agent ask to be avoided and are not tolerated.
pub(super) fn avoided_taints(tolerations: &[Toleration], facts: Option<&AgentFacts>) -> usize {
    let taints = facts.map(|facts| facts.taints.as_slice()).unwrap_or_default();
    taints
        .iter()
        .filter(|taint| taint.effect == TaintEffect::PreferNoSchedule)
        .filter(|taint| !tolerations.iter().any(|toleration| toleration.covers(taint)))
        .count()
}
