//! What the brain wants done: writes as plain data. One file outside performs them.

use crate::object::{Key, Object};
use crate::record::PodRecord;
use serde_json::Value;

/// A write, and the object of ours on whose behalf it is done. Writes for one object are ordered by
/// [`Stage`]; when one fails, the later stages of the same object are not sent.
#[derive(Clone, Debug)]
pub struct Action {
    /// The service, job or role that it is done for.
    pub owner: Key,
    /// What is written.
    pub write: Write,
}

/// When a write is sent: what cannot be undone is recorded before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Ledgers.
    Ledger,
    /// Claims, services, configuration, disruption budgets.
    Support,
    /// Pods: created, deleted, released from their start gate.
    Pod,
    /// Statuses, and the deletion of a finished job.
    Status,
    /// Events.
    Event,
}

/// One change to the API server. Every write names exactly what it was decided on, so that a late one by a deposed
/// leader harms nothing.
#[derive(Clone, Debug)]
pub enum Write {
    /// Create; fails if the name is taken.
    Create(Object),
    /// Create as a strict dry run: the API server checks every field and stores nothing.
    DryRun(Object),
    /// Server-side apply of the whole content, for objects that are ours alone.
    Apply(Object),
    /// Replace, if the resource version is still that of the object (compare and swap).
    Replace(Object),
    /// Merge patch of the metadata or spec of the object with this UID and resource version.
    Patch {
        /// The object.
        target: Target,
        /// The merge patch.
        patch: Value,
    },
    /// Release a pod from its start gate, after a quorum read shows that the ledger's slot is held by it.
    LiftGate {
        /// The pod.
        pod: Target,
        /// The ledger.
        ledger: Key,
        /// The name of the instance that must hold the slot; none for an instance that has data, which needs no
        /// slot.
        slot: Option<String>,
    },
    /// Delete the object with this UID (and resource version, where given).
    Delete {
        /// The object.
        target: Target,
        /// Seconds to end gracefully; the object's own when absent.
        grace_seconds: Option<u32>,
    },
    /// Merge patch of the status of the object with this UID and resource version.
    Status {
        /// The object.
        target: Target,
        /// The patch: `{"status": ...}`, with null for what is no more.
        patch: Value,
    },
    /// An event for people.
    Event(Note),
}

/// Exactly one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Where it is found.
    pub key: Key,
    /// Which one of that name.
    pub uid: String,
    /// The version that the decision was made on, where it matters.
    pub resource_version: Option<String>,
}

impl Target {
    /// Exactly this pod, as it was judged.
    #[must_use]
    pub fn of(pod: &PodRecord) -> Self {
        Self {
            key: pod.key.clone(),
            uid: pod.identity.uid.clone(),
            resource_version: Some(pod.identity.resource_version.clone()),
        }
    }
}

/// An event for people, published as `events.k8s.io/v1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The object that it is about.
    pub target: Target,
    /// Whether something is wrong.
    pub warning: bool,
    /// A word in camel case, such as `SuccessfulCreatePod`.
    pub reason: String,
    /// What was done or tried, a word such as `Create`.
    pub action: String,
    /// A sentence for people.
    pub message: String,
}

impl Write {
    /// When it is sent.
    #[must_use]
    pub fn stage(&self) -> Stage {
        use crate::object::Kind;
        let of_kind = |kind| match kind {
            Kind::ServiceLedger => Stage::Ledger,
            Kind::Pod => Stage::Pod,
            Kind::TFJob | Kind::CassandraService | Kind::AllocationRole => Stage::Status,
            Kind::Node
            | Kind::Service
            | Kind::PersistentVolumeClaim
            | Kind::PersistentVolume
            | Kind::ConfigMap
            | Kind::PodDisruptionBudget => Stage::Support,
        };
        match self {
            Self::Create(object) | Self::DryRun(object) | Self::Apply(object) | Self::Replace(object) => {
                of_kind(object.kind())
            }
            Self::Patch { target, .. } | Self::Delete { target, .. } => of_kind(target.key.kind),
            Self::LiftGate { .. } => Stage::Pod,
            Self::Status { .. } => Stage::Status,
            Self::Event(_) => Stage::Event,
        }
    }

    /// A label for metrics and logs.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::DryRun(_) => "dry-run",
            Self::Apply(_) => "apply",
            Self::Replace(_) => "replace",
            Self::Patch { .. } => "patch",
            Self::LiftGate { .. } => "lift-gate",
            Self::Delete { .. } => "delete",
            Self::Status { .. } => "status",
            Self::Event(_) => "event",
        }
    }

    /// The object that is written.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::Create(object) | Self::DryRun(object) | Self::Apply(object) | Self::Replace(object) => {
                object.key()
            }
            Self::Patch { target, .. } | Self::Delete { target, .. } | Self::Status { target, .. } => {
                target.key.clone()
            }
            Self::LiftGate { pod, .. } => pod.key.clone(),
            Self::Event(note) => note.target.key.clone(),
        }
    }
}
