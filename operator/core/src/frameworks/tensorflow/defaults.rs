//! A job with its defaults filled in, as upstream's controller fills them in: each time it is read, never written back.

use crate::object::{Key, Kind};
use std::collections::BTreeMap;
use twofold_crds::TFJob;
use twofold_crds::pod_template::{Container, ContainerPort, PodTemplate};
use twofold_crds::tfjob::{ReplicaSpec, TENSORFLOW_CONTAINER, TENSORFLOW_PORT, TENSORFLOW_PORT_NAME};

/// The value of `managedBy` that means this controller, beside none.
pub(super) const MANAGED_BY_US: &str = "kubeflow.org/training-operator";

/// The part that a replica plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ReplicaType {
    /// It directs the training.
    Chief,
    /// The same, in old manifests.
    Master,
    /// It trains.
    Worker,
    /// It holds parameters.
    Ps,
    /// It evaluates checkpoints beside the training.
    Evaluator,
}

impl ReplicaType {
    /// All of them, in the order in which they are deployed.
    pub(super) const ALL: [Self; 5] = [Self::Chief, Self::Master, Self::Worker, Self::Ps, Self::Evaluator];
    /// All of them, in the order in which they decide on the job's status.
    pub(super) const VOTES: [Self; 5] = [Self::Chief, Self::Evaluator, Self::Master, Self::Ps, Self::Worker];

    /// As a manifest writes it.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Chief => "Chief",
            Self::Master => "Master",
            Self::Worker => "Worker",
            Self::Ps => "PS",
            Self::Evaluator => "Evaluator",
        }
    }

    /// As names, labels and `TF_CONFIG` write it.
    pub(super) fn lower(self) -> &'static str {
        match self {
            Self::Chief => "chief",
            Self::Master => "master",
            Self::Worker => "worker",
            Self::Ps => "ps",
            Self::Evaluator => "evaluator",
        }
    }

    /// The type of a manifest's key; upper and lower case do not matter.
    pub(super) fn parse(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|type_| type_.lower().eq_ignore_ascii_case(key))
    }

    /// Whether the job's success is its alone to decide.
    pub(super) fn is_lead(self) -> bool {
        matches!(self, Self::Chief | Self::Master)
    }
}

/// What happens when a replica ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RestartPolicy {
    /// A failure is final.
    Never,
    /// A failure is retried, by the kubelet in place and by us when the pod is lost.
    OnFailure,
    /// Every end is retried, success too.
    Always,
    /// An exit code of 128 and above is retried by us, a lower one is final.
    ExitCode,
}

impl RestartPolicy {
    /// The policy of a manifest's word; none is `Never`.
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "" | "Never" => Some(Self::Never),
            "OnFailure" => Some(Self::OnFailure),
            "Always" => Some(Self::Always),
            "ExitCode" => Some(Self::ExitCode),
            _ => None,
        }
    }

    /// What the pod is given.
    pub(super) fn of_pod(self) -> &'static str {
        match self {
            Self::Never | Self::ExitCode => "Never",
            Self::OnFailure => "OnFailure",
            Self::Always => "Always",
        }
    }
}

/// Which pods go when the job is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CleanPodPolicy {
    /// None.
    None,
    /// Those that run or wait.
    Running,
    /// All.
    All,
}

/// The replicas of one type.
#[derive(Clone, Debug)]
pub(super) struct Replicas<'a> {
    /// Their type.
    pub(super) type_: ReplicaType,
    /// The key that the manifest uses.
    pub(super) key: &'a str,
    /// How many.
    pub(super) count: u32,
    /// What happens when one ends.
    pub(super) restart: RestartPolicy,
    /// Their template as it was declared.
    pub(super) template: &'a PodTemplate,
}

/// A job as its defaults make it. What cannot be understood is left out; `validate` says so.
#[derive(Clone, Debug)]
pub(super) struct Job<'a> {
    /// The resource.
    pub(super) resource: &'a TFJob,
    /// Its namespace.
    pub(super) namespace: &'a str,
    /// Its name.
    pub(super) name: &'a str,
    /// Its replicas, in the order of [`ReplicaType::ALL`].
    pub(super) replicas: Vec<Replicas<'a>>,
    /// Which pods go when it is over.
    pub(super) clean: CleanPodPolicy,
    /// Whether every worker must succeed.
    pub(super) all_workers: bool,
}

impl<'a> Job<'a> {
    /// The job of a resource.
    pub(super) fn new(resource: &'a TFJob) -> Self {
        let by_type: BTreeMap<ReplicaType, Replicas<'a>> = resource
            .spec
            .tf_replica_specs
            .iter()
            .filter_map(|(key, spec)| Some((ReplicaType::parse(key)?, replicas(key, spec)?)))
            .collect();
        Self {
            resource,
            namespace: resource.metadata.namespace.as_deref().unwrap_or_default(),
            name: resource.metadata.name.as_deref().unwrap_or_default(),
            replicas: by_type.into_values().collect(),
            clean: match resource.spec.run_policy.clean_pod_policy.as_deref() {
                None | Some("None" | "") => CleanPodPolicy::None,
                Some("Running") => CleanPodPolicy::Running,
                Some(_) => CleanPodPolicy::All,
            },
            all_workers: resource.spec.success_policy.as_deref() == Some("AllWorkers"),
        }
    }

    /// Where it is found.
    pub(super) fn key(&self) -> Key {
        Key::new(Kind::TFJob, self.namespace, self.name)
    }

    /// Its UID.
    pub(super) fn uid(&self) -> &'a str {
        self.resource.metadata.uid.as_deref().unwrap_or_default()
    }

    /// The replicas of a type.
    pub(super) fn of(&self, type_: ReplicaType) -> Option<&Replicas<'a>> {
        self.replicas.iter().find(|replicas| replicas.type_ == type_)
    }

    /// Whether a chief or master decides on its success.
    pub(super) fn has_lead(&self) -> bool {
        self.replicas.iter().any(|replicas| replicas.type_.is_lead())
    }

    /// How many replicas it has in all.
    pub(super) fn total(&self) -> u32 {
        self.replicas.iter().map(|replicas| replicas.count).sum()
    }

    /// The name of a replica's pod and service.
    pub(super) fn child(&self, type_: ReplicaType, index: u32) -> String {
        format!("{}-{}-{index}", self.name, type_.lower())
    }

    /// Whether it is somebody else's to run, or is about to be gone: nothing is done then.
    pub(super) fn is_not_ours(&self) -> bool {
        let managed_by = self.resource.spec.run_policy.managed_by.as_deref();
        managed_by.is_some_and(|manager| manager != MANAGED_BY_US)
            || self.resource.metadata.deletion_timestamp.is_some()
    }

    /// The name of the role that it is charged to.
    pub(super) fn role(&self) -> &'a str {
        let policy = self.resource.spec.run_policy.scheduling_policy.as_ref();
        let queue = policy.and_then(|policy| policy.queue.as_deref()).filter(|queue| !queue.is_empty());
        let annotation =
            || self.annotation(twofold_crds::allocation_role::ROLE_KEY).filter(|role| !role.is_empty());
        queue.or_else(annotation).unwrap_or(twofold_crds::allocation_role::DEFAULT_ROLE)
    }

    /// The value of one of its annotations.
    pub(super) fn annotation(&self, key: &str) -> Option<&'a str> {
        self.resource.metadata.annotations.as_ref()?.get(key).map(String::as_str)
    }
}

impl Replicas<'_> {
    /// The container that trains: the first of that name, else the first of all.
    pub(super) fn trainer(&self) -> Option<&Container> {
        let containers = &self.template.spec.containers;
        containers
            .iter()
            .find(|container| container.name == TENSORFLOW_CONTAINER)
            .or_else(|| containers.first())
    }

    /// The ports of the container that trains, the one of `TF_CONFIG` among them.
    pub(super) fn ports(&self) -> Vec<ContainerPort> {
        let mut ports = self.trainer().map(|container| container.ports.clone()).unwrap_or_default();
        if !ports.iter().any(|port| port.name.as_deref() == Some(TENSORFLOW_PORT_NAME)) {
            ports.push(ContainerPort {
                name: Some(TENSORFLOW_PORT_NAME.to_owned()),
                container_port: TENSORFLOW_PORT,
                protocol: "TCP".to_owned(),
                ..ContainerPort::default()
            });
        }
        ports
    }

    /// The port that `TF_CONFIG` names.
    pub(super) fn port(&self) -> i32 {
        let named = |port: &&ContainerPort| port.name.as_deref() == Some(TENSORFLOW_PORT_NAME);
        self.ports().iter().find(named).map_or(TENSORFLOW_PORT, |port| port.container_port)
    }
}

fn replicas<'a>(key: &'a str, spec: &'a ReplicaSpec) -> Option<Replicas<'a>> {
    Some(Replicas {
        type_: ReplicaType::parse(key)?,
        key,
        count: u32::try_from(spec.replicas.unwrap_or(1)).unwrap_or_default(),
        restart: RestartPolicy::parse(spec.restart_policy.as_deref().unwrap_or_default())
            .unwrap_or(RestartPolicy::Never),
        template: &spec.template,
    })
}
