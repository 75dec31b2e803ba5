//! A machine of the cluster becomes an agent.

use crate::observe::requests::{self, GPU, GPU_MODEL};
use k8s_openapi::api::core::v1::Node;
use std::collections::BTreeMap;
use twofold_allocator::agent::{Agent, AgentState, GpuRoom};
use twofold_allocator::domain::FaultDomain;
use twofold_allocator::id::{AgentId, Word};
use twofold_allocator::resources::Resources;
use twofold_sdk::admission::{AgentFacts, Taint, TaintEffect};

/// The standard label with a machine's region.
pub const REGION: &str = "topology.kubernetes.io/region";
/// The standard label with a machine's zone.
pub const ZONE: &str = "topology.kubernetes.io/zone";
/// The label by which an administrator lets work without GPUs use the room that free GPUs need: `shared`.
pub const GPU_ROOM: &str = "twofold.dev/gpu-room";

/// The agent of a machine. A machine with a zone but no region is in the region `local`.
#[must_use]
pub fn agent(node: &Node) -> Agent {
    let labels = node.metadata.labels.clone().unwrap_or_default();
    Agent {
        id: AgentId::from(node.metadata.name.as_deref().unwrap_or_default()),
        capacity: capacity(node, &labels),
        domain: labels.get(ZONE).map(|zone| FaultDomain {
            region: Word::from(labels.get(REGION).map_or("local", String::as_str)),
            zone: Word::from(zone.as_str()),
        }),
        gpu_room: match labels.get(GPU_ROOM).map(String::as_str) {
            Some("shared") => GpuRoom::Shared,
            _ => GpuRoom::Kept,
        },
        state: state(node),
        attributes: attributes(node, &labels),
    }
}

/// Labels, and the taints as one attribute more, so that a changed taint lifts what was refused because of it.
fn attributes(node: &Node, labels: &BTreeMap<String, String>) -> BTreeMap<Word, Word> {
    let label = |(key, value): (&String, &String)| (Word::from(key.as_str()), Word::from(value.as_str()));
    let mut attributes: BTreeMap<_, _> = labels.iter().map(label).collect();
    let taints: Vec<_> = facts(node).taints.iter().map(ToString::to_string).collect();
    if !taints.is_empty() {
        attributes.insert(Word::from("twofold.dev/taints"), Word::from(taints.join(",")));
    }
    attributes
}

/// What level two must know of a machine beyond what level one does.
#[must_use]
pub fn facts(node: &Node) -> AgentFacts {
    let taints = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    let info = node.status.as_ref().and_then(|status| status.node_info.as_ref());
    AgentFacts {
        taints: taints
            .map(|taint| Taint {
                key: Word::from(taint.key.as_str()),
                value: Word::from(taint.value.as_deref().unwrap_or_default()),
                effect: effect(&taint.effect),
            })
            .collect(),
        // A machine that does not say is not known to be of another.
        architecture: info
            .map(|info| info.architecture.as_str())
            .filter(|architecture| !architecture.is_empty())
            .map(Word::from),
        ..AgentFacts::default()
    }
}

/// An effect that this version does not know keeps pods away: nothing is placed on a guess.
#[must_use]
pub fn effect(text: &str) -> TaintEffect {
    match text {
        "PreferNoSchedule" => TaintEffect::PreferNoSchedule,
        "NoExecute" => TaintEffect::NoExecute,
        _ => TaintEffect::NoSchedule,
    }
}

/// The model of a machine's GPUs: its label, else the resource's name.
#[must_use]
pub fn gpu_model(labels: &BTreeMap<String, String>) -> Word {
    Word::from(labels.get(GPU_MODEL).map_or(GPU, String::as_str))
}

fn capacity(node: &Node, labels: &BTreeMap<String, String>) -> Resources {
    let Some(allocatable) = node.status.as_ref().and_then(|status| status.allocatable.as_ref()) else {
        return Resources::default();
    };
    let readable = allocatable
        .iter()
        .filter_map(|(name, value)| {
            Some((name.clone(), requests::amount(name, &value.0).ok()?.min(requests::MOST)))
        })
        .collect();
    let shape = requests::shape_of(&readable);
    let mut resources = shape.base;
    resources.pods = readable.get("pods").copied().unwrap_or_default();
    resources.other.remove(&Word::from("pods"));
    if let Some(gpu) = shape.gpu {
        resources.gpus.add(&gpu_model(labels), gpu.count);
    }
    resources
}

/// A cordoned machine and one that is being deleted drain. One that does not report itself ready takes nothing new,
/// and what runs there is not known.
fn state(node: &Node) -> AgentState {
    let cordoned = node.spec.as_ref().and_then(|spec| spec.unschedulable).unwrap_or_default();
    if cordoned || node.metadata.deletion_timestamp.is_some() {
        return AgentState::Draining;
    }
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions.and_then(|all| all.iter().find(|c| c.type_ == "Ready"));
    if ready.is_some_and(|c| c.status == "True") { AgentState::Active } else { AgentState::Unreachable }
}
