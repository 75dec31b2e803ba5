//! What the user declared, in the one language that every framework translates into.

use crate::admission::Admission;
use crate::backoff::Backoff;
use crate::instance::InstanceId;
use crate::rule::Rule;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use twofold_allocator::ask::Shape;
use twofold_allocator::id::{FrameworkId, RolePath, TaskId, Word};
use twofold_allocator::tick::Timestamp;

/// A service or a job: its pod types and how they are brought up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceSpec {
    /// The framework that level one knows it as.
    pub framework: FrameworkId,
    /// The namespace of its pods.
    pub namespace: String,
    /// Its name, which its pods' names begin with.
    pub name: String,
    /// The role that is charged for it.
    pub role: RolePath,
    /// Higher goes first within its role.
    pub priority: i32,
    /// Whether what runs of it may be taken back, as a whole, for a role below its guarantee.
    pub reclaimable: bool,
    /// When it was created.
    pub since: Timestamp,
    /// Its pod types, in the order in which they are deployed.
    pub pod_types: Vec<PodType>,
    /// What is launched together.
    pub gang: Gang,
    /// Which of the agents that fit is taken.
    pub packing: Packing,
    /// The order of the phases of its deploy plan, of which each pod type has one.
    pub deploy: Strategy,
    /// When it is over; a service without a finish runs until it is deleted.
    pub finish: Option<Finish>,
    /// How long a failed instance waits before it is launched again.
    pub backoff: Backoff,
}

/// Equal pods of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodType {
    /// Its name, a DNS label.
    pub name: Word,
    /// How many instances are wanted: those with index 0 up to `count`.
    pub count: u32,
    /// What each takes of its agent.
    pub shape: Shape,
    /// The volumes that each keeps for as long as its data lives.
    pub volumes: Vec<Volume>,
    /// Where instances may stand relative to each other and to the agents.
    pub rule: Rule,
    /// What Kubernetes will ask of the agent before it lets the pod in.
    pub admission: Admission,
    /// When an instance has reached its goal.
    pub goal: Goal,
    /// What happens to an instance that ended before its goal.
    pub relaunch: Relaunch,
    /// Whether instances may start at any time.
    pub start: Start,
    /// The order of the steps of its phase.
    pub deploy: Strategy,
}

/// A volume of each instance of a pod type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its name within the pod type.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The storage class; the cluster's default when absent.
    pub class: Option<String>,
}

/// What is launched together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gang {
    /// The first deployment is one unit of every instance: all of them or none.
    All,
    /// Every instance is launched by itself.
    None,
}

/// Which of the agents that fit is taken, after the even spread that a rule asks for. Of equals the first by name is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Packing {
    /// The one with the least left over: of GPUs, then of what the instance is dominated by.
    #[default]
    BestFit,
    /// The one that loses the least of what the jobs that usually come could use of it; then the best fit. After the
    /// fragmentation gradient of Weng et al., USENIX ATC 2023.
    FragmentationGradient,
}

/// An order of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strategy {
    /// One after the other: each begins when those before it are complete.
    Serial,
    /// All at once.
    Parallel,
}

/// When an instance has reached its goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Goal {
    /// It runs and is ready.
    Running,
    /// It ends with success. A step of the deploy plan is complete once it runs.
    Finish,
}

/// What happens to an instance whose pod ended before its goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relaunch {
    /// It is launched again after a back-off.
    Always,
    /// It is launched again when its exit code is unknown or at least this; a lower one is final.
    ExitCodeAtLeast(i32),
    /// It stays ended, which is an error.
    Never,
}

/// Whether instances may start at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Start {
    /// They start as soon as they are bound.
    Free,
    /// They are created behind a start gate. Those without data start one at a time, instance 0 first of all; those
    /// with data start at once.
    OneAtATimeWhenEmpty,
}

/// When a job is over: as soon as one of these holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finish {
    /// Any of them is enough.
    pub when_any: Vec<FinishRule>,
}

/// A sign that a job is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishRule {
    /// Every instance of the pod type ended with success.
    AllOf(Word),
    /// This instance ended with success.
    Instance(InstanceId),
}

impl ServiceSpec {
    /// The pod type of a name.
    #[must_use]
    pub fn pod_type(&self, name: &Word) -> Option<&PodType> {
        self.pod_types.iter().find(|pod_type| pod_type.name == *name)
    }

    /// Every instance that is wanted, by pod type in declared order, then by index.
    pub fn instances(&self) -> impl Iterator<Item = (InstanceId, &PodType)> {
        self.pod_types.iter().flat_map(|pod_type| {
            (0..pod_type.count)
                .map(move |index| (InstanceId { pod_type: pod_type.name.clone(), index }, pod_type))
        })
    }

    /// The name that level one knows an instance's pod by: `<namespace>/<pod name>`.
    #[must_use]
    pub fn task(&self, instance: &InstanceId) -> TaskId {
        TaskId::from(format!("{}/{}", self.namespace, instance.pod_name(&self.name)))
    }
}
