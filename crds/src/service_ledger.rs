//! `ServiceLedger`: what was decided about a stateful service and cannot be undone.
//!
//! It is written before what it records is done, by compare-and-swap on `resourceVersion` only. It
//! lives as long as the data of the service: without an owner reference, so that it is there when the
//! service's own object is deleted, and adopted by the next one of that name; or, where the service
//! deletes its data with itself (`storage.onDelete: Delete`), owned by it like the claims. Everything
//! is in `spec`, since backup tools and clients treat `status` as something that can be rebuilt; this
//! cannot.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The recorded decisions.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[kube(
    group = "twofold.dev",
    version = "v1alpha1",
    kind = "ServiceLedger",
    plural = "serviceledgers",
    singular = "serviceledger",
    shortname = "ledger",
    category = "twofold",
    namespaced,
    doc = "Decisions about a stateful service that cannot be undone: its racks, the identity of each \
           instance and its volume, whether it was ever started, and the operation under way. The \
           operator writes it; do not edit it, and delete it only with the data it speaks of.",
    derive = "PartialEq",
    printcolumn(name = "Kind", type_ = "string", json_path = ".spec.service.kind"),
    printcolumn(name = "Service", type_ = "string", json_path = ".spec.service.name"),
    printcolumn(name = "Initialized", type_ = "boolean", json_path = ".spec.initialized"),
    printcolumn(name = "Bootstrapping", type_ = "string", json_path = ".spec.bootstrap.held.instance"),
    printcolumn(name = "Operation", type_ = "string", json_path = ".spec.operation.kind"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct ServiceLedgerSpec {
    /// Identity of the data: the UID that the service's object had when the first volume was made.
    /// Every claim carries it as a label. Immutable.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("spec.clusterId is immutable"))]
    pub cluster_id: String,
    /// The object that the service is declared by now.
    pub service: ServiceReference,
    /// Whether the first member was ever started as the first of a new cluster. It never becomes
    /// false again, so that no second one is.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self || !oldSelf")
        .message("spec.initialized cannot become false again"))]
    pub initialized: bool,
    /// The racks, in the order in which they were chosen. None is renamed or removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["name".into()]),
        validation = Rule::new("oldSelf.all(o, self.exists(n, n == o))")
            .message("spec.racks: a rack cannot be removed or changed"),
    )]
    pub racks: Vec<LedgerRack>,
    /// The instances that exist or are to exist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub instances: Vec<LedgerInstance>,
    /// Who may start without data. There is one slot, so that at most one does.
    #[serde(default)]
    pub bootstrap: BootstrapSlot,
    /// The operation under way. One at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<LedgerOperation>,
}

/// The object that a service is declared by.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct ServiceReference {
    /// Its kind, e.g. `CassandraService`.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// Its name, in the ledger's namespace.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its UID. Another one than `clusterId` when the object was deleted and made again.
    #[schemars(length(min = 1, max = 63))]
    pub uid: String,
}

/// One rack and the zone that it stands for.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub struct LedgerRack {
    /// Name of the rack, as the service knows it.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Zone of its agents; absent where agents have no zone or the rack does not follow zones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub zone: Option<String>,
}

/// One instance.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct LedgerInstance {
    /// Its name inside the service, e.g. `node-2`.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// How often it was decided to make its pod. A pod of an older incarnation may not start empty.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub incarnation: i64,
    /// Its rack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub rack: Option<String>,
    /// The agent (Kubernetes node) that it was last placed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub agent: Option<String>,
    /// UID of its pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub pod_uid: Option<String>,
    /// Name of its PersistentVolumeClaim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub claim_name: Option<String>,
    /// UID of that claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub claim_uid: Option<String>,
    /// Identity that the service itself gave it; for Cassandra the host id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub host_id: Option<String>,
    /// Whether it has data.
    #[serde(default)]
    pub state: InstanceState,
}

/// Whether an instance has data.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstanceState {
    /// It never started; its volume is empty.
    #[default]
    Empty,
    /// It was let start without data, and was not yet seen as a member.
    Joining,
    /// It was seen as a member: its volume has data.
    Member,
}

/// The one slot for starting without data.
///
/// The only ways are Free to Held, Held to Free together with the instance becoming a member, Held
/// to Aborting, and Aborting to Free when a quorum read has shown that the pod is gone.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum BootstrapSlot {
    /// Nobody may start without data.
    Free {},
    /// This instance may.
    Held {
        /// Name of the instance.
        #[schemars(length(min = 1, max = 63))]
        instance: String,
        /// Its incarnation: an older pod of the same name may not.
        incarnation: i64,
    },
    /// This instance may no longer, but its pod may still exist.
    Aborting {
        /// Name of the instance.
        #[schemars(length(min = 1, max = 63))]
        instance: String,
        /// Its incarnation.
        incarnation: i64,
    },
}

impl Default for BootstrapSlot {
    fn default() -> Self {
        Self::Free {}
    }
}

/// An operation that was begun and has to be ended.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct LedgerOperation {
    /// Identity of the operation.
    #[schemars(length(min = 1, max = 63))]
    pub id: String,
    /// What is done, e.g. `Bootstrap` or `Drain`.
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,
    /// Name of the instance that it is done to.
    #[schemars(length(min = 1, max = 63))]
    pub instance: String,
    /// The step that was last begun.
    #[schemars(length(min = 1, max = 63))]
    pub step: String,
    /// Sent with every request of the operation, so that a request can be repeated when its answer
    /// was lost.
    #[schemars(length(min = 1, max = 127))]
    pub idempotency_key: String,
}
