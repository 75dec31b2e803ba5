//! Plans as `status` shows them: a plan has phases, a phase has steps.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shapes;

/// How far a plan, a phase or a step is.
///
/// Steps are never stored as `Waiting` or `InProgress`: those are what a phase or plan reports about
/// the steps below it, or a step that somebody paused. After the plans of the DC/OS Commons SDK.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlanState {
    /// It cannot go on: the message says why.
    Error,
    /// Paused.
    Waiting,
    /// Not begun.
    #[default]
    Pending,
    /// Its ask is before the allocator.
    Prepared,
    /// Its pod is being created.
    Starting,
    /// Its pod runs, and is not ready yet.
    Started,
    /// Done, and seen to be done.
    Complete,
    /// Some of what is below it is done or under way.
    InProgress,
    /// It failed and is tried again after a delay.
    Delayed,
    /// What it depends on could not be observed.
    Unknown,
}

/// One plan: `deploy`, `update`, `recovery`, …
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// Name of the plan.
    #[schemars(length(max = 63))]
    pub name: String,
    /// State of the whole plan, folded from its phases.
    pub status: PlanState,
    /// Its phases, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub phases: Vec<PhaseStatus>,
}

/// One phase of a plan.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct PhaseStatus {
    /// Name of the phase, unique in its plan.
    #[schemars(length(max = 63))]
    pub name: String,
    /// State of the phase, folded from its steps.
    pub status: PlanState,
    /// How its steps follow each other: `serial`, `parallel`, `canary`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub strategy: Option<String>,
    /// Its steps, in order. Only those that are not complete are listed when there are more than 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub steps: Vec<StepStatus>,
}

/// One step of a phase.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct StepStatus {
    /// Name of the step, unique in its phase; most steps are named after their pod instance.
    #[schemars(length(max = 128))]
    pub name: String,
    /// State of the step.
    pub status: PlanState,
    /// Why it is not complete, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// When it came into this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shapes::time")]
    pub since: Option<Time>,
}
