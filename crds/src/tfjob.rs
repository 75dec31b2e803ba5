//! `TFJob` of `kubeflow.org/v1`, as the Kubeflow Training Operator 1.9 serves it, in a small CRD.
//!
//! Manifests and the Python SDK written for it work unchanged. The schema differs in what it refuses:
//! what upstream's webhook refuses is refused here by CEL rules, and a job whose services could not
//! get their names is refused at once. Defaults other than `runPolicy: {}` are applied when a job is
//! read and never written back, as upstream does.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

mod run_policy;
mod status;

pub use run_policy::{RunPolicy, SchedulingPolicy};
pub use status::{GangStatus, JobCondition, ReclaimedStatus, ReplicaStatus, TfJobStatus, TwofoldStatus};

use crate::pod_template::PodTemplate;

/// Name of the container that trains.
pub const TENSORFLOW_CONTAINER: &str = "tensorflow";
/// Name of the port that `TF_CONFIG` lists.
pub const TENSORFLOW_PORT_NAME: &str = "tfjob-port";
/// Number of that port where the container names none.
pub const TENSORFLOW_PORT: i32 = 2222;

/// What a user declares.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "kubeflow.org",
    version = "v1",
    kind = "TFJob",
    plural = "tfjobs",
    singular = "tfjob",
    namespaced,
    doc = "A distributed TensorFlow training job. All of its pods are placed together or none is. \
           It is charged to the role that spec.runPolicy.schedulingPolicy.queue names, else the \
           annotation twofold.dev/role, else the role `default`; its annotation twofold.dev/priority, \
           an integer, orders it there. The annotation twofold.dev/reclaimable, `true` or `false`, says \
           whether it may be ended for another role's guarantee; without it the role's spec.reclaim does. \
           The annotation twofold.dev/placement, `BestFit` or `FragmentationGradient`, says which of the \
           agents that fit its pods take: those with the least left over, or those that lose the least of \
           what the jobs that are declared could use; without it the second is for jobs with GPUs, else \
           the first. \
           The annotation twofold.dev/evaluator-in-cluster, when `false`, keeps the evaluator out of \
           TF_CONFIG.",
    status = "TfJobStatus",
    derive = "PartialEq",
    printcolumn(name = "State", type_ = "string", json_path = ".status.conditions[-1:].type"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must be a DNS-1035 label: lower-case letters, digits and '-', starting with a letter"),
    validation = Rule::new("self.spec.tfReplicaSpecs.all(t, size(self.metadata.name) + size(t) + 2 + size(string( \
            has(self.spec.tfReplicaSpecs[t].replicas) && self.spec.tfReplicaSpecs[t].replicas > 0 \
            ? self.spec.tfReplicaSpecs[t].replicas - 1 : 0)) <= 63)")
        .message("metadata.name is too long: each replica has a service NAME-TYPE-INDEX, which can have at most 63 characters"),
)]
#[serde(rename_all = "camelCase")]
pub struct TFJobSpec {
    /// How the job runs as a whole: clean-up, deadlines, retries, suspension, gang. Default: `{}`.
    #[serde(default)]
    pub run_policy: RunPolicy,
    /// When a job without Chief and Master has succeeded: `""` when worker 0 exits with 0,
    /// `AllWorkers` when all workers do. Any other value acts as `""`. Default: `""`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub success_policy: Option<String>,
    /// The replicas by type: Chief, Master (the same as Chief, in old manifests), Worker, PS,
    /// Evaluator; upper and lower case do not matter. At least one.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 8))]
    #[x_kube(validation = Rule::new("size(self.filter(t, t.lowerAscii() == 'chief' || t.lowerAscii() == 'master')) <= 1")
        .message("there can be a Chief or a Master, not both").reason(Reason::FieldValueForbidden))]
    pub tf_replica_specs: BTreeMap<String, ReplicaSpec>,
    /// Workers may come and go while the job runs: each process gets a `TF_CONFIG` that names itself
    /// and the parameter servers only, and a failed worker does not fail the job. Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub enable_dynamic_worker: bool,
}

/// The replicas of one type.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.template.spec.containers.exists(c, c.name == 'tensorflow')")
    .message("template.spec.containers: a container named tensorflow is required")
    .reason(Reason::FieldValueRequired))]
pub struct ReplicaSpec {
    /// How many. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: Option<i32>,
    /// What happens when a replica ends: `Never`, `OnFailure`, `Always`, or `ExitCode` (exit codes
    /// of 128 and above are retried, 1 to 127 fail the job). Default: Never. The template's own
    /// `restartPolicy` is overwritten by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub restart_policy: Option<String>,
    /// The pod of each replica. It needs a container named `tensorflow`; its port named `tfjob-port`
    /// (default 2222) is the one in `TF_CONFIG`. A `nodeName` or a `schedulerName` of its own is
    /// refused, since Twofold places the pods.
    pub template: PodTemplate,
}
