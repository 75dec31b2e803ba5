//! `AllocationRole`: who shares the cluster, by what weight, between which guarantee and which limit.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::shapes;

/// The role of whoever names none.
pub const DEFAULT_ROLE: &str = "default";

/// Labels a pod, service or job with the role that it is charged to; on a TFJob, as an annotation,
/// names its role.
pub const ROLE_KEY: &str = "twofold.dev/role";

/// What an administrator says about one role.
///
/// Roles are the nodes of one tree. What is charged to a role is charged to its ancestors too, and
/// the limits and guarantees of all of them hold.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "twofold.dev",
    version = "v1alpha1",
    kind = "AllocationRole",
    plural = "allocationroles",
    singular = "allocationrole",
    shortname = "arole",
    category = "twofold",
    doc = "One role of the allocator: a share of the cluster with a weight, a guarantee and a limit. \
           Services and jobs name the role that they are charged to. Cluster-scoped: administrators \
           write roles, and say which namespaces may use them.",
    status = "AllocationRoleStatus",
    derive = "PartialEq",
    printcolumn(name = "Parent", type_ = "string", json_path = ".spec.parent"),
    printcolumn(name = "Weight", type_ = "integer", json_path = ".spec.weight"),
    printcolumn(name = "CPU", type_ = "string", json_path = ".status.charged.cpu", description = "CPU charged to the role"),
    printcolumn(name = "Memory", type_ = "string", json_path = ".status.charged.memory", description = "memory charged to the role"),
    printcolumn(name = "GPU", type_ = "string", json_path = ".status.charged['nvidia\\.com/gpu']", description = "GPUs charged to the role"),
    printcolumn(name = "Share", type_ = "string", json_path = ".status.share", description = "dominant share, divided by the weight"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Charged", type_ = "string", json_path = ".status.charged", priority = 1),
    printcolumn(name = "Guarantee", type_ = "string", json_path = ".status.guarantee", priority = 1),
    printcolumn(name = "Limit", type_ = "string", json_path = ".status.limit", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 63 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must be a DNS label of at most 63 characters: it is part of the role's path and of pod labels"),
    validation = Rule::new("!has(self.spec.parent) || self.spec.parent != self.metadata.name")
        .message("spec.parent: a role cannot be its own parent"),
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.limit) || !has(self.guarantee) \
        || ['cpu', 'memory', 'pods', 'nvidia.com/gpu'].all(r, \
            !(r in self.guarantee) || !(r in self.limit) \
            || quantity(string(self.guarantee[r])).compareTo(quantity(string(self.limit[r]))) <= 0)")
    .message("spec.guarantee: the guarantee of a resource cannot be above its limit")
    .reason(Reason::FieldValueInvalid))]
pub struct AllocationRoleSpec {
    /// How much of what is free this role gets in comparison with its siblings: of two busy roles
    /// with weights 2 and 1 the first gets twice as much. No unit; 1 to 1,000,000; default 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub weight: i32,
    /// What this role (with those below it) can count on, by resource: `cpu` in cores, `memory` in
    /// bytes, `nvidia.com/gpu` and `pods` as counts. Up to this amount the role is served before
    /// anybody's fair share, and others are not given what this would need. A resource that is not
    /// named has no guarantee. Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shapes::quantities")]
    pub guarantee: BTreeMap<String, Quantity>,
    /// The most that may be charged to this role (with those below it), by resource. Nothing is
    /// stopped when the limit is lowered under what is in use: the role gets no more until it is
    /// below again. A resource that is not named has no limit. Default: none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shapes::quantities")]
    pub limit: BTreeMap<String, Quantity>,
    /// Name of the role above this one. Absent: directly below the root. A parent that does not exist
    /// or a circle of parents makes the role not Ready, and nothing is given to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub parent: Option<String>,
    /// Namespaces whose services and jobs may use this role; `*` means all. Empty: none. One that is
    /// not listed gets the condition `Stalled` with reason `RoleNotPermitted`, and no pods. When one
    /// is taken off the list, what runs stays and counts, and is not replaced when it is lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 256),
        inner(length(max = 63), regex(pattern = r"^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub namespaces: Vec<String>,
    /// Which agents (Kubernetes nodes) this role is offered. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<RoleAgents>,
    /// Who is next among the services and jobs inside this role. Default: Priority.
    #[serde(default)]
    pub order: RoleOrder,
    /// Whether jobs of this role may be ended when another role below its guarantee needs their room.
    /// `Allowed` lends them what others are guaranteed and do not use; when those want it, all pods of
    /// such a job are deleted, and it waits and starts again. Never more is taken than leaves this role
    /// at its own guarantee. A job's annotation `twofold.dev/reclaimable`, `"true"` or `"false"`, goes
    /// before this either way. Data services are never taken back. It holds for the jobs that name this role, not
    /// for roles below. Default: Never.
    #[serde(default)]
    pub reclaim: RoleReclaim,
}

fn one() -> i32 {
    1
}

/// Which agents a role is offered.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct RoleAgents {
    /// Labels that the Kubernetes node of an agent must have. An empty selector matches all.
    #[serde(default)]
    pub selector: LabelSelector,
}

/// A selector over labels; all its parts must match.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Labels with exactly these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shapes::string_map")]
    pub match_labels: BTreeMap<String, String>,
    /// Conditions on labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub match_expressions: Vec<LabelRequirement>,
}

/// One condition on a label.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)")
    .message("values must be given with In and NotIn, and only with these"))]
pub struct LabelRequirement {
    /// Key of the label.
    #[schemars(length(min = 1, max = 316))]
    pub key: String,
    /// How the value is compared.
    pub operator: LabelOperator,
    /// Values for In and NotIn.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 63)))]
    pub values: Vec<String>,
}

/// How a label is compared.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LabelOperator {
    /// The label is there with one of the values.
    In,
    /// The label is not there, or with none of the values.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is not there.
    DoesNotExist,
}

/// Who is next inside a role.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleOrder {
    /// Higher priority first, then the older, then by name.
    #[default]
    Priority,
    /// The one with the least dominant share first.
    Drf,
}

/// Whether jobs of a role may be ended for guarantees of others.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleReclaim {
    /// They run to their end; guarantees of others that are idle are kept free.
    #[default]
    Never,
    /// They are lent guarantees of others that are idle, and end when those are wanted.
    Allowed,
}

/// What the allocator says about one role.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct AllocationRoleStatus {
    /// The `metadata.generation` that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Names from the root to this role, joined with `/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub path: Option<String>,
    /// What limits and guarantees are compared with: pods that are not finished, launches under way,
    /// live allowances, room that is held for what waits or kept for nodes of rings whose pod is away,
    /// own and of the roles below.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shapes::quantities")]
    pub charged: BTreeMap<String, Quantity>,
    /// The guarantee in force: the larger of the role's own and the sum of those below it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shapes::quantities")]
    pub guarantee: BTreeMap<String, Quantity>,
    /// The limit in force: the least of the role's own and those above it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shapes::quantities")]
    pub limit: BTreeMap<String, Quantity>,
    /// Dominant share over weight, as a decimal fraction with four digits, e.g. `0.2500`. Room that is
    /// only held or kept is not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub share: Option<String>,
    /// Ready (with a reason such as `ParentNotFound` or `ParentCycle` when it is not).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "shapes::conditions")]
    pub conditions: Vec<Condition>,
}
