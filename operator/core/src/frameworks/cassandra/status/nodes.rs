//! The nodes of a ring, as its status lists them.

use super::Picture;
use crate::condition::time;
use crate::frameworks::cassandra::{aim, ledger, names, report, translate, turn};
use crate::record::PodRecord;
use std::collections::BTreeSet;
use twofold_crds::cassandra_service::{NodeState, NodeStatus};
use twofold_crds::service_ledger::{InstanceState, LedgerInstance};
use twofold_sdk::instance::InstanceId;
use twofold_sdk::observed::{InstanceView, TaskState, View};

/// A node in words.
pub(super) struct Seen {
    pub(super) instance: InstanceId,
    pub(super) state: NodeState,
    pub(super) joined: bool,
    /// What is to be said of it: why it is not up.
    pub(super) message: Option<String>,
}

/// All nodes, wanted or on record. A node keeps the time of its state as long as it is in that state.
pub(super) fn all(picture: &Picture<'_>, shown: &[NodeStatus]) -> Vec<NodeStatus> {
    let nodes = seen(picture).map(|seen| {
        let name = seen.instance.to_string();
        let entry = entry(picture, &seen.instance);
        let known = shown.iter().find(|known| known.name == name && known.state == seen.state);
        let pod = report::pod_of(picture.situation, &name);
        NodeStatus {
            name,
            state: seen.state,
            rack: entry.and_then(|entry| entry.rack.clone()),
            agent: entry.and_then(|entry| entry.agent.clone()),
            host_id: entry.and_then(|entry| entry.host_id.clone()),
            address: pod.and_then(|pod| pod.ip.clone()),
            claim: entry.and_then(|entry| entry.claim_name.clone()),
            message: seen.message.map(|message| message.chars().take(1024).collect()),
            since: known.and_then(|known| known.since.clone()).or_else(|| Some(time(picture.situation.now))),
        }
    });
    nodes.take(1_000).collect()
}

/// All nodes in words, by index.
pub(super) fn seen<'a>(picture: &'a Picture<'a>) -> impl Iterator<Item = Seen> + 'a {
    let count = translate::count(picture.resource, picture.ledger.as_ref());
    let wanted = (0..count).map(|index| InstanceId::new(names::POD_TYPE, index));
    let viewed = picture.situation.view.instances.keys().cloned();
    let instances: BTreeSet<InstanceId> = wanted.chain(viewed).collect();
    instances.into_iter().map(|instance| one(picture, instance))
}

/// Nodes that the record in the cluster does not show as members yet.
pub(super) fn unrecorded(picture: &Picture<'_>) -> Vec<String> {
    let recorded = picture.situation.ledger.map(|ledger| &ledger.spec);
    let is_member = |instance: &InstanceId| {
        recorded
            .and_then(|recorded| ledger::entry(recorded, instance))
            .is_some_and(|entry| entry.state == InstanceState::Member)
    };
    seen(picture).filter(|node| !is_member(&node.instance)).map(|node| node.instance.to_string()).collect()
}

fn entry<'a>(picture: &'a Picture<'_>, instance: &InstanceId) -> Option<&'a LedgerInstance> {
    ledger::entry(picture.ledger.as_ref()?, instance)
}

fn one(picture: &Picture<'_>, instance: InstanceId) -> Seen {
    let Some(view) = picture.situation.view.instances.get(&instance) else {
        return Seen { instance, state: NodeState::Unplaced, joined: false, message: None };
    };
    let pod = report::pod_of(picture.situation, &instance.to_string());
    let (state, message) = match &view.task {
        View::Unknown(why) => (NodeState::Unknown, Some(why.clone())),
        View::Known(task, _) => of_task(picture, &instance, view, task, pod),
    };
    let held = picture.held.get(&instance).cloned();
    Seen { joined: view.joined, message: held.or(message), state, instance }
}

fn of_task(
    picture: &Picture<'_>,
    instance: &InstanceId,
    view: &InstanceView,
    task: &TaskState,
    pod: Option<&PodRecord>,
) -> (NodeState, Option<String>) {
    let text = |text: &str| Some(text.to_owned());
    match task {
        TaskState::Absent => {
            let own = picture.astray.iter().find(|astray| astray.instance == *instance);
            let advice = own.map(aim::Astray::advice);
            (NodeState::Unplaced, advice.or_else(|| text("waits for a place")))
        }
        TaskState::Launched => {
            let words = pod.and_then(|pod| pod.unschedulable.clone());
            (NodeState::Binding, words.or_else(|| text("waits to be bound to its agent")))
        }
        TaskState::Gated => (NodeState::WaitingTurn, turn_message(picture, instance)),
        TaskState::Starting => {
            (NodeState::Starting, pod.and_then(trouble).or_else(|| text("its containers are made")))
        }
        TaskState::Running { ready: true } => (NodeState::Normal, None),
        TaskState::Running { ready: false } => running(picture, view, pod),
        TaskState::Succeeded | TaskState::Failed { .. } => {
            let reason = pod.map(|pod| pod.reason.clone()).filter(|reason| !reason.is_empty());
            (NodeState::Failed, Some(reason.unwrap_or_else(|| "its pod ended; it is made anew".to_owned())))
        }
        TaskState::Terminating => (NodeState::Draining, text("its pod is ending")),
        TaskState::Unreachable => {
            let agent = pod.and_then(|pod| pod.agent.as_ref()).map(ToString::to_string).unwrap_or_default();
            (NodeState::Unknown, Some(format!("agent {agent} does not answer; it may run or not")))
        }
        TaskState::Lost => (NodeState::Failed, text("its agent is gone; its pod is removed")),
    }
}

fn turn_message(picture: &Picture<'_>, instance: &InstanceId) -> Option<String> {
    let ledger = picture.ledger.as_ref()?;
    let obstacle = turn::obstacle(picture.resource, picture.situation, ledger, instance);
    Some(obstacle.unwrap_or_else(|| "waits for its turn to start".to_owned()))
}

/// A server that runs and is not ready: what its container, else its agent, says of it.
fn running(
    picture: &Picture<'_>,
    view: &InstanceView,
    pod: Option<&PodRecord>,
) -> (NodeState, Option<String>) {
    let trouble = pod.and_then(trouble);
    let said = pod.map(|pod| report::of_pod(pod, picture.situation));
    let (state, words) = match said {
        Some(Ok(said)) => {
            let state = match said.mode.as_str() {
                "Joining" => NodeState::Joining,
                "Stopping" => NodeState::Draining,
                _ if view.joined => NodeState::NotReady,
                _ => NodeState::Starting,
            };
            let words =
                if said.detail.is_empty() { format!("its server is {}", said.mode) } else { said.detail };
            (state, words)
        }
        Some(Err(why)) if !report::trusts_pods(picture.resource) => {
            (if view.joined { NodeState::NotReady } else { NodeState::Starting }, why)
        }
        Some(Err(_)) | None => {
            let state = if view.joined { NodeState::NotReady } else { NodeState::Starting };
            (state, "its pod is not ready".to_owned())
        }
    };
    (state, trouble.or(Some(words)))
}

/// The container of a pod whose image cannot be pulled.
pub(super) fn unpullable(pod: &PodRecord) -> Option<&str> {
    pod.containers.iter().find(|container| container.lacks_image()).map(|container| container.name.as_str())
}

/// Why a container does not run, in words that do not change while it is tried again and again.
fn trouble(pod: &PodRecord) -> Option<String> {
    if let Some(container) = unpullable(pod) {
        return Some(format!("the image of container {container} cannot be pulled"));
    }
    pod.containers.iter().find_map(|container| {
        let (reason, message) = container.waiting.as_ref()?;
        match reason.as_str() {
            "" | "ContainerCreating" | "PodInitializing" => None,
            "CrashLoopBackOff" => {
                Some(format!("container {} ends again and again; see `kubectl logs -p`", container.name))
            }
            other => Some(format!("container {} does not start: {other}: {message}", container.name)),
        }
    })
}
