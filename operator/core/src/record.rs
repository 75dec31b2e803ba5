//! What is kept of the objects in the cluster: only the fields that decisions use.

use crate::object::{Key, Kind};
use twofold_allocator::id::AgentId;
use twofold_allocator::resources::Resources;
use twofold_allocator::tick::Timestamp;
use twofold_sdk::admission::HostPort;

/// Which one of a name, and which version of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The UID.
    pub uid: String,
    /// The resource version as the API server wrote it.
    pub resource_version: String,
}

/// The controller that an object says it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// The controller's kind, when it is one of ours.
    pub kind: Option<Kind>,
    /// Its name, in the object's namespace.
    pub name: String,
    /// Its UID.
    pub uid: String,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodRecord {
    /// Where it is found.
    pub key: Key,
    /// Which one it is.
    pub identity: Identity,
    /// Its controller.
    pub controller: Option<Controller>,
    /// The label `twofold.dev/instance` or what stands for it: pod type and index, for pods of ours.
    pub instance: Option<(String, u32)>,
    /// Where it runs or is meant to run: its node name, else our pin, else the nominated node.
    pub agent: Option<AgentId>,
    /// Whether it has a node name.
    pub bound: bool,
    /// Whether it waits behind our start gate.
    pub gated: bool,
    /// Its phase.
    pub phase: Phase,
    /// Whether it is ready, and since when.
    pub ready: Option<Timestamp>,
    /// When it was created.
    pub created: Timestamp,
    /// When it began to run, as the kubelet says.
    pub started: Option<Timestamp>,
    /// When its deletion was asked for.
    pub deleting: Option<Timestamp>,
    /// What it takes, as kube-scheduler counts it.
    pub resources: Resources,
    /// The ports it takes on its machine.
    pub host_ports: Vec<HostPort>,
    /// Its containers, init containers first.
    pub containers: Vec<ContainerRecord>,
    /// The reason of its phase, such as `Evicted` or `OutOfcpu`.
    pub reason: String,
    /// What kube-scheduler last said of why it is not bound.
    pub unschedulable: Option<String>,
    /// Whether it was disrupted from outside (preempted, evicted, its node drained or lost).
    pub disrupted: Option<String>,
    /// Its address.
    pub ip: Option<String>,
    /// What it was rendered from: the annotation `twofold.dev/revision`.
    pub revision: Option<String>,
}

/// How far a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Accepted, not all containers have run.
    Pending,
    /// At least one container runs or restarts.
    Running,
    /// All containers ended well.
    Succeeded,
    /// All containers ended, one of them badly, or the pod was refused by its machine.
    Failed,
    /// Not known, as its machine does not answer.
    Unknown,
}

/// One container of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerRecord {
    /// Its name.
    pub name: String,
    /// Whether it is an init container.
    pub init: bool,
    /// How often it was started again in place.
    pub restarts: u32,
    /// How it ended, when it has ended and is not started again.
    pub terminated: Option<Terminated>,
    /// Why it waits: reason and message, such as `ImagePullBackOff`.
    pub waiting: Option<(String, String)>,
}

impl ContainerRecord {
    /// Whether its image cannot be had.
    #[must_use]
    pub fn lacks_image(&self) -> bool {
        let reasons = [
            "ErrImagePull",
            "ImagePullBackOff",
            "ErrImageNeverPull",
            "RegistryUnavailable",
            "InvalidImageName",
        ];
        self.waiting.as_ref().is_some_and(|(reason, _)| reasons.contains(&reason.as_str()))
    }
}

/// The end of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminated {
    /// Its exit code.
    pub exit_code: i32,
    /// The kubelet's reason, such as `OOMKilled`.
    pub reason: String,
    /// Its last words.
    pub message: String,
}

/// A claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRecord {
    /// Where it is found.
    pub key: Key,
    /// Which one it is.
    pub identity: Identity,
    /// The label `twofold.dev/cluster-id`: the UID of the service whose data it holds.
    pub cluster_id: Option<String>,
    /// The instance whose data it holds, as `<pod type>-<index>`.
    pub instance: Option<String>,
    /// The volume it is bound to.
    pub volume: Option<String>,
    /// The agent that was chosen for it before it is bound.
    pub selected_agent: Option<AgentId>,
    /// Whether its deletion was asked for.
    pub deleting: bool,
    /// The size that it asks for, in bytes; absent where that cannot be read.
    pub bytes: Option<u64>,
    /// Its storage class.
    pub class: Option<String>,
    /// Whether it has an owner, and so goes when that goes.
    pub owned: bool,
}

/// How far a volume reaches: the agents or zones that its node affinity names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeRecord {
    /// Agents by name, where the affinity names them.
    pub agents: Option<Vec<AgentId>>,
    /// Zones, where the affinity names them.
    pub zones: Option<Vec<String>>,
}

/// A service, configuration map or disruption budget of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SupportRecord {
    /// Which one it is.
    pub identity: Identity,
    /// Its controller.
    pub controller: Option<Controller>,
    /// What it was rendered from: the annotation `twofold.dev/revision`.
    pub revision: Option<String>,
}
