//! Racks, fault domains and placement of a Cassandra ring.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{NodeAffinity, Toleration};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::allocation_role::DEFAULT_ROLE;
use crate::shapes;

/// One rack.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Rack {
    /// Name of the rack, as Cassandra knows it.
    #[schemars(length(min = 1, max = 48), regex(pattern = r"^[A-Za-z0-9][-_A-Za-z0-9]*$"))]
    pub name: String,
    /// Zone (label `topology.kubernetes.io/zone`) whose agents the rack's nodes run on. No two racks
    /// can have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub zone: Option<String>,
    /// Labels that the agents of the rack's nodes must have. Not supported in this version: a ring
    /// that sets it is `Stalled` with reason `Unsupported`. Name a zone, or use
    /// `placement.nodeAffinity` for all racks.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shapes::string_map")]
    pub node_selector: BTreeMap<String, String>,
}

/// How racks follow fault domains.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.rackFrom == oldSelf.rackFrom \
        && (has(self.region) ? self.region : '') == (has(oldSelf.region) ? oldSelf.region : '')")
    .message("spec.faultDomains: rackFrom and region are immutable: the rack of a node with data cannot change"))]
pub struct FaultDomains {
    /// Where racks come from. Default: Zone.
    #[serde(default)]
    pub rack_from: RackFrom,
    /// How evenly nodes are spread over the zones of the racks or, where no racks are given, over the
    /// zones that have an agent large enough. `Required`: no zone gets more than one node above the
    /// emptiest; where the emptiest has no room, or a rack's zone does not exist, nodes wait.
    /// `Preferred`: where it has no room, another zone gets the node. A change holds for nodes that
    /// are placed later. Default: Required.
    #[serde(default)]
    pub spread: Spread,
    /// Region (label `topology.kubernetes.io/region`) that all agents must be in. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub region: Option<String>,
}

/// Where racks come from.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RackFrom {
    /// A rack is a zone. Agents without zones make one rack, and the condition
    /// `FaultDomainsUnknown`.
    #[default]
    Zone,
    /// Racks are those of `spec.racks`, whatever zones they are in.
    Explicit,
    /// One rack for all.
    None,
}

/// How evenly nodes are spread over zones.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spread {
    /// Nodes wait until an even spread is possible.
    #[default]
    Required,
    /// Nodes go where there is room.
    Preferred,
}

/// Where nodes may run and who is charged for them.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Placement {
    /// The most nodes of this ring on one agent. A change holds for nodes that are placed later.
    /// Default: 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 16))]
    pub max_per_host: i32,
    /// Name of the AllocationRole that the ring is charged to; it must list the ring's namespace.
    /// Default: `default`. Immutable.
    #[serde(default = "default_role")]
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.placement.role is immutable"))]
    pub role: String,
    /// PriorityClass of the pods; it must exist. A change waits until pods are deleted one by one.
    /// Default: the chart's `twofold-data-service`, which never preempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub priority_class_name: Option<String>,
    /// Taints of agents that the pods tolerate. Unreachable and not-ready agents are tolerated
    /// without end in any case, so that a node cut off from the API server keeps serving. A change
    /// waits until pods are deleted one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "shapes::tolerations")]
    pub tolerations: Vec<Toleration>,
    /// Node affinity of the pods: the required part must hold. The preferred part is refused: it has
    /// no effect in this version. A change holds for nodes that are placed later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "shapes::node_affinity")]
    pub node_affinity: Option<NodeAffinity>,
    /// Whether the first nodes of a new ring must all have room before the first one starts. With
    /// `faultDomains.rackFrom` Zone and no `racks` it must be true: the racks are the zones of all of
    /// them. A change holds for nodes that are placed later. Default: true.
    #[serde(default = "yes")]
    pub gang: bool,
}

impl Default for Placement {
    fn default() -> Self {
        Self {
            max_per_host: one(),
            role: default_role(),
            priority_class_name: None,
            tolerations: Vec::new(),
            node_affinity: None,
            gang: yes(),
        }
    }
}

fn one() -> i32 {
    1
}

fn default_role() -> String {
    DEFAULT_ROLE.into()
}

fn yes() -> bool {
    true
}
