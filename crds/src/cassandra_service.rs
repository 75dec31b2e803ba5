//! `CassandraService`: one Apache Cassandra ring in one datacenter, placed by two-level offers.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod config;
mod placement;
mod status;

pub use config::{CassandraConfig, OPERATOR_OWNED_YAML_KEYS};
pub use placement::{FaultDomains, Placement, Rack, RackFrom, Spread};
pub use status::{CassandraServiceStatus, NodeState, NodeStatus, RackStatus};

use crate::shapes;

/// The value of `heap` that lets the operator choose.
pub const HEAP_AUTO: &str = "auto";

/// What a user declares.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "twofold.dev",
    version = "v1alpha1",
    kind = "CassandraService",
    plural = "cassandraservices",
    singular = "cassandraservice",
    shortname = "cass",
    category = "twofold",
    namespaced,
    doc = "One Apache Cassandra ring in one datacenter. Its racks follow the zones of the agents that \
           it is offered; node I is the pod NAME-node-I with a volume of its own, which outlives the \
           pod. It is charged to the role that spec.placement.role names. A change of a field that reaches \
           the pods is not rolled out: the condition Stalled, reason Unsupported, names the pods that still \
           run with the earlier value, until each was deleted and made anew, with its data.",
    status = "CassandraServiceStatus",
    derive = "PartialEq",
    scale(
        spec_replicas_path = ".spec.nodes",
        status_replicas_path = ".status.nodesReady",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type=='Ready')].reason"),
    printcolumn(name = "Up", type_ = "integer", json_path = ".status.nodesReady", description = "nodes that are up and answer CQL"),
    printcolumn(name = "Nodes", type_ = "integer", json_path = ".spec.nodes", description = "nodes wanted"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.version"),
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.placement.role", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must be a DNS-1035 label of at most 40 characters: pods and services are named after it"),
    validation = Rule::new("(has(self.spec.clusterName) ? self.spec.clusterName : self.metadata.name) \
            == (has(oldSelf.spec.clusterName) ? oldSelf.spec.clusterName : oldSelf.metadata.name)")
        .message("spec.clusterName is immutable: the nodes' data carries it"),
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.racks) || size(self.racks) <= self.nodes")
        .message("spec.nodes cannot be below the number of spec.racks: a rack needs a node"),
    validation = Rule::new("self.faultDomains.rackFrom != 'Explicit' || (has(self.racks) && size(self.racks) > 0)")
        .message("spec.faultDomains.rackFrom Explicit needs spec.racks"),
    validation = Rule::new("self.faultDomains.rackFrom != 'None' || !has(self.racks) || size(self.racks) == 0")
        .message("spec.faultDomains.rackFrom None means one rack: remove spec.racks"),
    validation = Rule::new("self.faultDomains.rackFrom != 'Zone' || !has(self.racks) || self.racks.all(r, has(r.zone))")
        .message("spec.racks: with spec.faultDomains.rackFrom Zone every rack needs its zone"),
    validation = Rule::new("(has(oldSelf.racks) ? size(oldSelf.racks) : 0) == 0 \
            ? (!has(self.racks) || size(self.racks) == 0) \
            : (has(self.racks) && oldSelf.racks.all(o, self.racks.exists(r, r == o)))")
        .message("spec.racks: the racks of a ring cannot be renamed, changed or removed; racks can be added to a list of racks"),
    validation = Rule::new("self.heap == 'auto' || quantity(self.heap).asApproximateFloat() < ( \
            has(self.resources.limits) && 'memory' in self.resources.limits \
            ? quantity(string(self.resources.limits['memory'])).asApproximateFloat() \
            : has(self.resources.requests) && 'memory' in self.resources.requests \
            ? quantity(string(self.resources.requests['memory'])).asApproximateFloat() \
            : 4294967296.0)")
        .message("spec.heap must be below the memory limit (spec.resources.limits.memory, else requests.memory, else 4Gi)"),
)]
pub struct CassandraServiceSpec {
    /// Version of Cassandra, as three numbers, e.g. `5.0.9`. Configuration is written for it, and
    /// only 5.0 is known: another one than `5.0.x` is refused. It cannot be changed yet.
    #[schemars(regex(pattern = r"^[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}$"), length(max = 11))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("spec.version cannot be changed: upgrades are not implemented yet"))]
    pub version: String,
    /// Image to run, with the layout of the official one. A change waits until pods are deleted one
    /// by one. Default: `cassandra:VERSION`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub image: Option<String>,
    /// Cassandra's `cluster_name`. Default: the object's name. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 48), regex(pattern = r"^[A-Za-z0-9][-_ A-Za-z0-9]*$"))]
    pub cluster_name: Option<String>,
    /// Name of the datacenter. Default: `dc1`. Immutable.
    #[serde(default = "dc1")]
    #[schemars(length(min = 1, max = 48), regex(pattern = r"^[A-Za-z0-9][-_A-Za-z0-9]*$"))]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("spec.datacenter is immutable: replication settings name it"))]
    pub datacenter: String,
    /// How many nodes. At least one for each rack. It can be raised; nodes without data start one at
    /// a time. It cannot be lowered yet. Default: 3.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 1000))]
    #[x_kube(validation = Rule::new("self >= oldSelf")
        .message("spec.nodes cannot be lowered: removing nodes is not implemented yet"))]
    pub nodes: i32,
    /// The racks, by name. Default: none given; then the zones of the agents that the first nodes
    /// are placed on become the racks, and stay so. Racks can be added to a list of racks, not renamed
    /// or removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub racks: Vec<Rack>,
    /// How racks follow fault domains.
    #[serde(default)]
    pub fault_domains: FaultDomains,
    /// Where nodes may run and who is charged for them.
    #[serde(default)]
    pub placement: Placement,
    /// What each node gets. A change waits until pods are deleted one by one.
    #[serde(default)]
    pub resources: Resources,
    /// Heap of the Java virtual machine: a quantity below the memory limit, or `auto`, which is the
    /// larger of (half of the memory limit, at most 1Gi) and (a quarter of it, at most 8Gi). It is
    /// always passed on explicitly. A change waits until pods are deleted one by one. Default: auto.
    #[serde(default = "auto")]
    #[schemars(length(min = 1, max = 32), regex(pattern = r"^(auto|[0-9]+([KMG]i?|k)?)$"))]
    pub heap: String,
    /// The volume of each node.
    pub storage: Storage,
    /// Which nodes others ask first. A change waits until pods are deleted one by one.
    #[serde(default)]
    pub seeds: Seeds,
    /// Settings of Cassandra and its Java virtual machine. A change waits until pods are deleted one
    /// by one.
    #[serde(default)]
    pub config: CassandraConfig,
    /// What every pod gets in addition. A change waits until pods are deleted one by one.
    #[serde(default)]
    pub pod_template: ServicePodTemplate,
}

impl CassandraServiceSpec {
    /// The image to run.
    #[must_use]
    pub fn image_or_default(&self) -> String {
        self.image.clone().unwrap_or_else(|| format!("cassandra:{}", self.version))
    }
}

impl CassandraService {
    /// Cassandra's `cluster_name`.
    #[must_use]
    pub fn cluster_name(&self) -> String {
        self.spec.cluster_name.clone().or_else(|| self.metadata.name.clone()).unwrap_or_default()
    }
}

fn dc1() -> String {
    "dc1".into()
}

fn three() -> i32 {
    3
}

fn auto() -> String {
    HEAP_AUTO.into()
}

/// Requests and limits of a node's server.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Resources {
    /// What is set aside for the server and charged to the role, also while its pod is away: the room
    /// is kept for it where its volume is. Default: what `limits` says, else cpu 1 and memory 4Gi.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shapes::quantities")]
    pub requests: BTreeMap<String, Quantity>,
    /// What the server cannot go beyond. Default: of memory what `requests` says, else 4Gi; of cpu no
    /// limit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shapes::quantities")]
    pub limits: BTreeMap<String, Quantity>,
}

impl Resources {
    /// Requests and limits with the defaults filled in: requests of `cpu` and `memory`, and a limit
    /// of `memory`. There is no limit of `cpu` unless one is given: a server that starts needs more
    /// for a while than one that runs.
    #[must_use]
    pub fn resolved(&self) -> Self {
        let mut resolved = self.clone();
        for (resource, default) in [("cpu", "1"), ("memory", "4Gi")] {
            let quantity = self.limits.get(resource).cloned().unwrap_or_else(|| Quantity(default.into()));
            resolved.requests.entry(resource.into()).or_insert(quantity);
        }
        if let Some(memory) = resolved.requests.get("memory") {
            resolved.limits.entry("memory".into()).or_insert_with(|| memory.clone());
        }
        resolved
    }
}

/// The volume of each node.
#[derive(Serialize, Deserialize, KubeSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.storageClassName) ? self.storageClassName : '') \
        == (has(oldSelf.storageClassName) ? oldSelf.storageClassName : '')")
    .message("spec.storage.storageClassName is immutable: existing volumes cannot change their class"))]
pub struct Storage {
    /// Size of the volume, e.g. `100Gi`. It cannot be changed yet.
    #[schemars(length(max = 32), regex(pattern = r"^[1-9][0-9]*([KMGTPE]i|[kMGTPE])?$"))]
    #[x_kube(validation = Rule::new("self == oldSelf || (quantity(self).compareTo(quantity(oldSelf)) == 0)")
        .message("spec.storage.size cannot be changed: resizing volumes is not implemented yet"))]
    pub size: String,
    /// StorageClass of the volume. Default: the cluster's default class. Immutable. A
    /// node whose volume can be used from one agent only comes back to that agent, and to no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub storage_class_name: Option<String>,
    /// What happens to the volumes when the service is deleted: `Retain` keeps them and the ledger
    /// that knows them, and a service of the same name takes them over; `Delete` lets Kubernetes
    /// collect both with the service, data and all. It is settled when a claim is made: a change is
    /// shown as `Stalled`, reason `Unsupported`, until it is put back or the owner references of the
    /// claims are changed by hand. Default: Retain.
    #[serde(default)]
    pub on_delete: OnDelete,
}

/// What happens to volumes when their service is deleted.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnDelete {
    /// They stay.
    #[default]
    Retain,
    /// They are deleted.
    Delete,
}

/// Which nodes others ask first.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Seeds {
    /// How many seeds, spread over the racks. A node without data is never its own seed, but for the
    /// first one of a new ring. Default: 3.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 16))]
    pub count: i32,
}

impl Default for Seeds {
    fn default() -> Self {
        Self { count: three() }
    }
}

/// What every pod gets in addition.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ServicePodTemplate {
    /// Labels and annotations.
    #[serde(default)]
    pub metadata: ServicePodMetadata,
}

/// Labels and annotations of every pod. Those that the operator sets itself win.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ServicePodMetadata {
    /// Labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shapes::string_map")]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "shapes::string_map")]
    pub annotations: BTreeMap<String, String>,
}
