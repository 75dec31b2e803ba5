//! Status of a Cassandra ring. It mirrors the ledger and what is observed; nothing is decided on it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::plan_status::PlanStatus;
use crate::shapes;
use crate::waiting::WaitingGroup;

/// What is seen of a ring.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CassandraServiceStatus {
    /// The `metadata.generation` that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready, Progressing, Degraded, Stalled, and FaultDomainsUnknown where agents have no zones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "shapes::conditions")]
    pub conditions: Vec<Condition>,
    /// Nodes that are up in their own view and answer CQL.
    #[serde(default)]
    pub nodes_ready: i32,
    /// Nodes that the spec asks for.
    #[serde(default)]
    pub nodes_desired: i32,
    /// Label selector of the ring's pods, for the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub selector: Option<String>,
    /// Identity of the ring's data; every claim carries it as a label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub cluster_id: Option<String>,
    /// The racks, as the ledger holds them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub racks: Vec<RackStatus>,
    /// Names of the nodes that are seeds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 253)))]
    pub seeds: Vec<String>,
    /// The plans and how far they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub plans: Vec<PlanStatus>,
    /// The nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub nodes: Vec<NodeStatus>,
    /// Why nodes wait for their place, at most 16 groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub waiting: Vec<WaitingGroup>,
}

/// One rack.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RackStatus {
    /// Its name.
    #[schemars(length(max = 63))]
    pub name: String,
    /// Its zone; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub zone: Option<String>,
    /// How many nodes it has.
    #[serde(default)]
    pub nodes: i32,
}

/// One node of the ring.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// Name inside the service, e.g. `node-2`.
    #[schemars(length(max = 63))]
    pub name: String,
    /// What it does.
    pub state: NodeState,
    /// Its rack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub rack: Option<String>,
    /// The agent (Kubernetes node) that it was placed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub agent: Option<String>,
    /// Cassandra's host id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub host_id: Option<String>,
    /// The IP address of its pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub address: Option<String>,
    /// Name of its PersistentVolumeClaim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub claim: Option<String>,
    /// The last thing that went wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// When it came into this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shapes::time")]
    pub since: Option<Time>,
}

/// What a node of the ring does.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeState {
    /// It could not be observed.
    #[default]
    Unknown,
    /// It has no place yet.
    Unplaced,
    /// Its pod may start, and Kubernetes has not bound it yet.
    Binding,
    /// Its pod exists behind its start gate, not bound yet, and waits until it may start.
    WaitingTurn,
    /// Its server starts.
    Starting,
    /// It joins the ring.
    Joining,
    /// It is up and answers.
    Normal,
    /// It was up, and does not answer.
    NotReady,
    /// It is drained, to stop.
    Draining,
    /// Its pod failed; it is tried again after a delay.
    Failed,
}
