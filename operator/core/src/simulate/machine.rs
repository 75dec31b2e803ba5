//! Machines and kube-scheduler, played: pods that are pinned are bound, start, and become ready.

use crate::condition;
use crate::object::{Kind, Object};
use crate::observe::pod;
use crate::observe::requests::{GPU, GPU_MODEL};
use crate::simulate::cluster::Cluster;
use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStatus, Node, NodeCondition,
    NodeStatus, NodeSystemInfo, Pod, PodCondition, PodStatus,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::BTreeMap;
use twofold_allocator::tick::Timestamp;

/// A machine that does not exist, for questions of what would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Its name.
    pub name: String,
    /// Its zone; none when it does not say.
    pub zone: Option<String>,
    /// Cores.
    pub cpus: u32,
    /// Memory in GiB.
    pub memory_gib: u32,
    /// GPUs: model and count.
    pub gpus: Option<(String, u32)>,
}

/// The machine as Kubernetes would show it.
#[must_use]
pub fn node(plain: &Plain) -> Node {
    let quantity = |text: String| Quantity(text);
    let mut labels = BTreeMap::from([("kubernetes.io/hostname".to_owned(), plain.name.clone())]);
    if let Some(zone) = &plain.zone {
        labels.insert("topology.kubernetes.io/region".to_owned(), "region".to_owned());
        labels.insert("topology.kubernetes.io/zone".to_owned(), zone.clone());
    }
    let mut allocatable = BTreeMap::from([
        ("cpu".to_owned(), quantity(plain.cpus.to_string())),
        ("memory".to_owned(), quantity(format!("{}Gi", plain.memory_gib))),
        ("ephemeral-storage".to_owned(), quantity("100Gi".to_owned())),
        ("pods".to_owned(), quantity("110".to_owned())),
    ]);
    if let Some((model, count)) = &plain.gpus {
        labels.insert(GPU_MODEL.to_owned(), model.clone());
        allocatable.insert(GPU.to_owned(), quantity(count.to_string()));
    }
    Node {
        metadata: ObjectMeta {
            name: Some(plain.name.clone()),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        status: Some(NodeStatus {
            allocatable: Some(allocatable.clone()),
            capacity: Some(allocatable),
            conditions: Some(vec![NodeCondition {
                type_: "Ready".to_owned(),
                status: "True".to_owned(),
                ..NodeCondition::default()
            }]),
            node_info: Some(NodeSystemInfo { architecture: "amd64".to_owned(), ..NodeSystemInfo::default() }),
            ..NodeStatus::default()
        }),
        ..Node::default()
    }
}

/// Moves every pod one step on: pinned and free of its gate, it is bound; bound, it runs and is ready. How many moved.
pub fn step(cluster: &mut Cluster) -> usize {
    let pods: Vec<Pod> = cluster
        .objects()
        .filter(|(key, _)| key.kind == Kind::Pod)
        .filter_map(|(_, object)| match object {
            Object::Pod(pod) => Some(pod.as_ref().clone()),
            _ => None,
        })
        .collect();
    let now = cluster.now();
    let moved: Vec<Pod> = pods.into_iter().filter_map(|pod| next(pod, now)).collect();
    let count = moved.len();
    for pod in moved {
        cluster.put(pod.into());
    }
    count
}

fn next(mut pod: Pod, now: Timestamp) -> Option<Pod> {
    let record = pod::record(&pod);
    if record.gated || record.deleting.is_some() {
        return None;
    }
    if !record.bound {
        let agent = record.agent?;
        pod.spec.as_mut()?.node_name = Some(agent.as_str().to_owned());
        return Some(pod);
    }
    if pod.status.is_some() {
        return None;
    }
    let running = ContainerState {
        running: Some(ContainerStateRunning { started_at: Some(condition::time(now)) }),
        ..ContainerState::default()
    };
    pod.status = Some(status(&pod, "Running", &running, now));
    Some(pod)
}

/// The pod as it ends with this exit code.
#[must_use]
pub fn ended(mut pod: Pod, exit_code: i32, now: Timestamp) -> Pod {
    let phase = if exit_code == 0 { "Succeeded" } else { "Failed" };
    let terminated = ContainerState {
        terminated: Some(ContainerStateTerminated { exit_code, ..ContainerStateTerminated::default() }),
        ..ContainerState::default()
    };
    pod.status = Some(status(&pod, phase, &terminated, now));
    pod
}

/// An address of its own for each pod, from the number in its UID.
fn address(pod: &Pod) -> String {
    let digits = pod.metadata.uid.iter().flat_map(|uid| uid.chars()).filter(char::is_ascii_digit);
    let number: u32 = digits.collect::<String>().parse().unwrap_or_default();
    std::net::Ipv4Addr::from(0x0a00_0000 | (number & 0x00ff_ffff)).to_string()
}

fn status(pod: &Pod, phase: &str, state: &ContainerState, now: Timestamp) -> PodStatus {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    let ready = phase == "Running";
    PodStatus {
        phase: Some(phase.to_owned()),
        start_time: Some(condition::time(now)),
        pod_ip: Some(address(pod)),
        conditions: Some(vec![PodCondition {
            type_: "Ready".to_owned(),
            status: if ready { "True" } else { "False" }.to_owned(),
            last_transition_time: Some(condition::time(now)),
            ..PodCondition::default()
        }]),
        container_statuses: Some(
            containers
                .map(|container| ContainerStatus {
                    name: container.name.clone(),
                    ready,
                    state: Some(state.clone()),
                    ..ContainerStatus::default()
                })
                .collect(),
        ),
        ..PodStatus::default()
    }
}
