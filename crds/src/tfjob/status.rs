//! Status of a TFJob: upstream's fields, and ours under `twofold`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::shapes;
use crate::waiting::WaitingGroup;

/// What is seen of a job.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TfJobStatus {
    /// Created, Running, Restarting, Suspended, Succeeded, Failed. The last one in the list is the
    /// job's state, so their order is part of the contract.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub conditions: Vec<JobCondition>,
    /// Counts by replica type.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 8))]
    pub replica_statuses: BTreeMap<String, ReplicaStatus>,
    /// When the job was first seen and not suspended; set anew when it is resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shapes::time")]
    pub start_time: Option<Time>,
    /// When it succeeded or failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shapes::time")]
    pub completion_time: Option<Time>,
    /// Kept for compatibility; not written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shapes::time")]
    pub last_reconcile_time: Option<Time>,
    /// What Twofold adds: clients that know upstream's fields only can leave it out of account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twofold: Option<TwofoldStatus>,
}

/// One condition of a job.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct JobCondition {
    /// Created, Running, Restarting, Suspended, Succeeded or Failed.
    #[serde(rename = "type")]
    #[schemars(length(max = 63))]
    pub type_: String,
    /// True, False or Unknown.
    #[schemars(length(max = 63))]
    pub status: String,
    /// `TFJob` and the type, e.g. `TFJobRunning`; `TFJobResumed` when a suspended job goes on;
    /// `TFJobReclaimed` when it restarts since its room was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 127))]
    pub reason: Option<String>,
    /// The reason in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub message: Option<String>,
    /// When anything of it was last written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shapes::time")]
    pub last_update_time: Option<Time>,
    /// When its status last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shapes::time")]
    pub last_transition_time: Option<Time>,
}

/// Counts of one replica type. A count of zero is absent.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaStatus {
    /// Pods that run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub active: i32,
    /// Pods that ended well.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub succeeded: i32,
    /// Pods that failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: i32,
    /// Kept for compatibility; not written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub selector: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(count: &i32) -> bool {
    *count == 0
}

/// What Twofold adds to the status of a job.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct TwofoldStatus {
    /// The `metadata.generation` that this speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Name of the role that the job is charged to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub role: Option<String>,
    /// Ready, Progressing, Degraded, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "shapes::conditions")]
    pub conditions: Vec<Condition>,
    /// The job's pods as one gang.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gang: Option<GangStatus>,
    /// Restarts made by Twofold, which count for `backoffLimit` with those of the kubelet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub restarts: Option<i32>,
    /// UIDs of pods that ended, are counted in `restarts`, and still exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8192), inner(length(max = 64)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub restarted_pods: Vec<String>,
    /// Replicas that ended well, such as `worker-3`: they do not run again when their pods are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8192), inner(length(max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub completed: Vec<String>,
    /// That its room was taken back for a role below its guarantee; until the job runs again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reclaimed: Option<ReclaimedStatus>,
    /// Why it waits, at most 16 groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub waiting: Vec<WaitingGroup>,
}

/// What was taken back of a job. It is written before the first pod is deleted: all of these pods go,
/// whoever looks after the job by then, and no end of theirs is a failure or a restart.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ReclaimedStatus {
    /// Path of the role that the room is for.
    #[schemars(length(max = 1024))]
    pub role: String,
    /// When this was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shapes::time")]
    pub time: Option<Time>,
    /// UIDs of the pods that are deleted for it and still exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8192), inner(length(max = 64)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub pods: Vec<String>,
}

/// The pods of a job, counted.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct GangStatus {
    /// Pods that the job wants.
    pub desired: i32,
    /// Pods that must start together.
    pub least: i32,
    /// Pods that exist.
    pub launched: i32,
    /// Pods that Kubernetes has bound to their agents.
    pub bound: i32,
}
