//! A pod, reduced to what decisions use.

use crate::object::{Key, Kind};
use crate::observe::requests;
use crate::record::{ContainerRecord, Controller, Identity, Phase, PodRecord, Terminated};
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodCondition, PodSpec, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use twofold_allocator::id::AgentId;
use twofold_allocator::tick::Timestamp;
use twofold_sdk::admission::{HostPort, Protocol};

/// The scheduling gate that a pod waits behind until its instance may start.
pub const START_GATE: &str = "twofold.dev/start";
/// The annotation that says what an object was rendered from.
pub const REVISION: &str = "twofold.dev/revision";
/// The label with an instance's pod type.
pub const POD_TYPE: &str = "twofold.dev/pod-type";
/// The label with an instance's index in its pod type.
pub const INDEX: &str = "twofold.dev/index";

/// Reduces a pod.
#[must_use]
pub fn record(pod: &Pod) -> PodRecord {
    let (spec, status) = (pod.spec.as_ref(), pod.status.as_ref());
    let (ready, _) = condition(status, "Ready");
    let (_, scheduled) = condition(status, "PodScheduled");
    let (disrupted, disruption) = condition(status, "DisruptionTarget");
    PodRecord {
        key: key(&pod.metadata),
        identity: identity(&pod.metadata),
        controller: controller(&pod.metadata),
        instance: instance(&pod.metadata),
        agent: agent(spec, status),
        bound: spec.and_then(|s| s.node_name.as_ref()).is_some_and(|name| !name.is_empty()),
        gated: spec
            .and_then(|s| s.scheduling_gates.as_ref())
            .is_some_and(|gates| gates.iter().any(|gate| gate.name == START_GATE)),
        phase: phase(status),
        ready,
        created: pod.metadata.creation_timestamp.as_ref().map(millis).unwrap_or_default(),
        started: status.and_then(|s| s.start_time.as_ref()).map(millis),
        deleting: pod.metadata.deletion_timestamp.as_ref().map(millis),
        resources: requests::pod(pod),
        host_ports: spec.map(host_ports).unwrap_or_default(),
        containers: containers(status),
        reason: status.and_then(|s| s.reason.clone()).unwrap_or_default(),
        unschedulable: scheduled.filter(|c| c.status == "False").and_then(|c| c.message.clone()),
        disrupted: disrupted.and(disruption).map(|c| c.reason.clone().unwrap_or_default()),
        ip: status.and_then(|s| s.pod_ip.clone()),
        revision: pod.metadata.annotations.as_ref().and_then(|a| a.get(REVISION)).cloned(),
    }
}

/// An object's key as a pod.
fn key(metadata: &ObjectMeta) -> Key {
    Key::new(
        Kind::Pod,
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    )
}

/// Which one of a name an object is, and which version of it.
#[must_use]
pub fn identity(metadata: &ObjectMeta) -> Identity {
    Identity {
        uid: metadata.uid.clone().unwrap_or_default(),
        resource_version: metadata.resource_version.clone().unwrap_or_default(),
    }
}

/// The controller of an object, by its owner reference.
#[must_use]
pub fn controller(metadata: &ObjectMeta) -> Option<Controller> {
    let owner = metadata.owner_references.as_ref()?.iter().find(|owner| owner.controller == Some(true))?;
    let kind = match (owner.kind.as_str(), owner.api_version.split('/').next()) {
        ("TFJob", Some("kubeflow.org")) => Some(Kind::TFJob),
        ("CassandraService", Some("twofold.dev")) => Some(Kind::CassandraService),
        _ => None,
    };
    Some(Controller { kind, name: owner.name.clone(), uid: owner.uid.clone() })
}

/// Milliseconds since the epoch.
#[must_use]
pub fn millis(time: &Time) -> Timestamp {
    Timestamp(u64::try_from(time.0.as_millisecond()).unwrap_or_default())
}

fn instance(metadata: &ObjectMeta) -> Option<(String, u32)> {
    let labels = metadata.labels.as_ref()?;
    let index = labels.get(INDEX)?.parse().ok()?;
    Some((labels.get(POD_TYPE)?.clone(), index))
}

/// Where a pod is, as far as it is known: where it is bound, else where we pinned it, else where kube-scheduler
/// wants to put it.
fn agent(spec: Option<&PodSpec>, status: Option<&PodStatus>) -> Option<AgentId> {
    let bound = spec.and_then(|s| s.node_name.as_deref()).filter(|name| !name.is_empty());
    let nominated = status.and_then(|s| s.nominated_node_name.as_deref()).filter(|name| !name.is_empty());
    bound.or_else(|| spec.and_then(pin)).or(nominated).map(AgentId::from)
}

/// The one machine that a pod's required node affinity names, where it names exactly one in every term.
fn pin(spec: &PodSpec) -> Option<&str> {
    let affinity = spec.affinity.as_ref()?.node_affinity.as_ref()?;
    let terms = &affinity.required_during_scheduling_ignored_during_execution.as_ref()?.node_selector_terms;
    let [term] = terms.as_slice() else { return None };
    term.match_fields.iter().flatten().find_map(|field| match field.values.as_deref() {
        Some([name]) if field.key == "metadata.name" && field.operator == "In" => Some(name.as_str()),
        _ => None,
    })
}

fn phase(status: Option<&PodStatus>) -> Phase {
    match status.and_then(|s| s.phase.as_deref()) {
        Some("Running") => Phase::Running,
        Some("Succeeded") => Phase::Succeeded,
        Some("Failed") => Phase::Failed,
        Some("Unknown") => Phase::Unknown,
        _ => Phase::Pending,
    }
}

/// A condition that is true with the time since when, and the condition itself whatever it is.
fn condition<'a>(status: Option<&'a PodStatus>, name: &str) -> (Option<Timestamp>, Option<&'a PodCondition>) {
    let found = status.and_then(|s| s.conditions.as_ref()?.iter().find(|c| c.type_ == name));
    let since = found
        .filter(|c| c.status == "True")
        .map(|c| c.last_transition_time.as_ref().map(millis).unwrap_or_default());
    (since, found)
}

/// The ports that a pod's containers take on its machine.
#[must_use]
pub fn host_ports(spec: &PodSpec) -> Vec<HostPort> {
    let containers = spec.init_containers.iter().flatten().chain(&spec.containers);
    let ports = |container: &Container| container.ports.clone().unwrap_or_default();
    let mut taken: Vec<_> = containers
        .flat_map(ports)
        .filter_map(|port| {
            let protocol = match port.protocol.as_deref() {
                Some("UDP") => Protocol::Udp,
                Some("SCTP") => Protocol::Sctp,
                _ => Protocol::Tcp,
            };
            let port = u16::try_from(port.host_port?).ok().filter(|port| *port > 0)?;
            Some(HostPort { protocol, port })
        })
        .collect();
    taken.sort();
    taken.dedup();
    taken
}

fn containers(status: Option<&PodStatus>) -> Vec<ContainerRecord> {
    let Some(status) = status else { return Vec::new() };
    let init = status.init_container_statuses.iter().flatten().map(|s| container(s, true));
    let main = status.container_statuses.iter().flatten().map(|s| container(s, false));
    init.chain(main).collect()
}

fn container(status: &ContainerStatus, init: bool) -> ContainerRecord {
    let state = status.state.as_ref();
    ContainerRecord {
        name: status.name.clone(),
        init,
        restarts: u32::try_from(status.restart_count).unwrap_or_default(),
        terminated: state.and_then(|s| s.terminated.as_ref()).map(|t| Terminated {
            exit_code: t.exit_code,
            reason: t.reason.clone().unwrap_or_default(),
            message: t.message.clone().unwrap_or_default(),
        }),
        waiting: state
            .and_then(|s| s.waiting.as_ref())
            .map(|w| (w.reason.clone().unwrap_or_default(), w.message.clone().unwrap_or_default())),
    }
}
