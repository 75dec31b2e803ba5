//! Why something waits, grouped: what `status` says of asks that got no offer they could take.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shapes;

/// The most groups that a status lists. What is beyond is summed up in the last one.
pub const MAX_WAITING_GROUPS: usize = 16;

/// Refusals of one ask that have the same stage and reason.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct WaitingGroup {
    /// What waits: the name of a pod instance, or of a gang.
    #[schemars(length(max = 253))]
    pub ask: String,
    /// Which stage of the decision said no: `Limit`, `Headroom`, `Admits`, `Placement`, `Scalars`, …
    #[schemars(length(max = 63))]
    pub stage: String,
    /// Machine-readable reason, CamelCase.
    #[schemars(length(max = 127))]
    pub reason: String,
    /// The reason in words, with amounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// Number of agents that this was the answer for; absent where no single agent was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub agents: Option<i32>,
    /// The agent where least is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<NearestAgent>,
    /// Since when this has been the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shapes::time")]
    pub since: Option<Time>,
}

/// The agent that comes nearest to what an ask needs.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct NearestAgent {
    /// Name of its Kubernetes node.
    #[schemars(length(max = 253))]
    pub agent: String,
    /// What is missing there, by resource.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shapes::quantities")]
    pub missing: BTreeMap<String, Quantity>,
}
