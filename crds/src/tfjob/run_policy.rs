//! How a TFJob runs as a whole.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::shapes;

/// How the job runs as a whole.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.managedBy) ? self.managedBy : '') \
        == (has(oldSelf.managedBy) ? oldSelf.managedBy : '')")
    .message("spec.runPolicy.managedBy is immutable"))]
pub struct RunPolicy {
    /// Which pods are deleted when the job has finished: `None` keeps all, `Running` deletes those
    /// that still run or wait, `All` deletes all. Default: None.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub clean_pod_policy: Option<String>,
    /// Seconds after which a finished job is deleted; 0 deletes it at once. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds_after_finished: Option<i32>,
    /// Seconds from the start after which the job is failed. Default: no deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_deadline_seconds: Option<i64>,
    /// Number of restarts, over all replicas that may restart, at which the job is failed; 0 fails it
    /// at the first one. Launches that Kubernetes could not bind are not counted. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff_limit: Option<i32>,
    /// True deletes the pods and services and keeps the job; false again starts it anew.
    /// Default: false.
    #[serde(default)]
    pub suspend: bool,
    /// Who runs this job. Absent or `kubeflow.org/training-operator`: Twofold.
    /// `kueue.x-k8s.io/multikueue`: another controller, Twofold does nothing. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self in ['kubeflow.org/training-operator', 'kueue.x-k8s.io/multikueue']")
        .message("spec.runPolicy.managedBy: supported values are kubeflow.org/training-operator and kueue.x-k8s.io/multikueue")
        .reason(Reason::FieldValueInvalid))]
    pub managed_by: Option<String>,
    /// Who the job is charged to and how much of it must start together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduling_policy: Option<SchedulingPolicy>,
}

/// Who the job is charged to and how much of it must start together.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct SchedulingPolicy {
    /// Least number of pods that start together. Without effect in this version: all of them do, and
    /// the condition `Unsupported` in `status.twofold` says so where it is less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_available: Option<i32>,
    /// Name of the AllocationRole that the job is charged to. Default: the job's annotation
    /// `twofold.dev/role`, else the role `default`. Immutable once set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("spec.runPolicy.schedulingPolicy.queue is immutable"))]
    pub queue: Option<String>,
    /// Kept for compatibility: what a gang needs is computed from its pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shapes::quantities")]
    pub min_resources: BTreeMap<String, Quantity>,
    /// PriorityClass whose value orders this job inside its role. Without effect in this version: use
    /// the job's annotation `twofold.dev/priority`, an integer; higher goes first. Default: 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub priority_class: Option<String>,
    /// Kept for compatibility: seconds that a gang may wait for its pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_timeout_seconds: Option<i32>,
}
