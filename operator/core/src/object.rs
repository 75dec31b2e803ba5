//! The objects that the operator reads and writes, as one closed enum, and how one of them is named.

use k8s_openapi::api::core::v1::{ConfigMap, Node, PersistentVolume, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;
use std::fmt;
use twofold_crds::{AllocationRole, CassandraService, ServiceLedger, TFJob};

/// The kinds that the operator deals with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A machine, an agent to level one.
    Node,
    /// Ours and everybody else's.
    Pod,
    /// Headless and client services of ours.
    Service,
    /// Claims of our instances.
    PersistentVolumeClaim,
    /// Volumes, for how far they reach.
    PersistentVolume,
    /// Configuration that we render.
    ConfigMap,
    /// How many members may be evicted at once.
    PodDisruptionBudget,
    /// A TensorFlow job.
    TFJob,
    /// A Cassandra ring.
    CassandraService,
    /// A role of the tree.
    AllocationRole,
    /// What cannot be undone, recorded before it is done.
    ServiceLedger,
}

impl Kind {
    /// All kinds, in the order in which their watches start.
    pub const ALL: [Self; 11] = [
        Self::AllocationRole,
        Self::Node,
        Self::Pod,
        Self::PersistentVolume,
        Self::PersistentVolumeClaim,
        Self::ServiceLedger,
        Self::Service,
        Self::ConfigMap,
        Self::PodDisruptionBudget,
        Self::TFJob,
        Self::CassandraService,
    ];

    /// The kind's name as manifests write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Node => "Node",
            Self::Pod => "Pod",
            Self::Service => "Service",
            Self::PersistentVolumeClaim => "PersistentVolumeClaim",
            Self::PersistentVolume => "PersistentVolume",
            Self::ConfigMap => "ConfigMap",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::TFJob => "TFJob",
            Self::CassandraService => "CassandraService",
            Self::AllocationRole => "AllocationRole",
            Self::ServiceLedger => "ServiceLedger",
        }
    }
}

impl Kind {
    /// Its group and version as manifests write them.
    #[must_use]
    pub fn api_version(self) -> &'static str {
        match self {
            Self::Node
            | Self::Pod
            | Self::Service
            | Self::PersistentVolumeClaim
            | Self::PersistentVolume
            | Self::ConfigMap => "v1",
            Self::PodDisruptionBudget => "policy/v1",
            Self::TFJob => "kubeflow.org/v1",
            Self::CassandraService | Self::AllocationRole | Self::ServiceLedger => "twofold.dev/v1alpha1",
        }
    }

    /// Whether its services put on record what cannot be undone, and come back to where their data is.
    #[must_use]
    pub fn keeps_ledger(self) -> bool {
        match self {
            Self::CassandraService => true,
            Self::Node
            | Self::Pod
            | Self::Service
            | Self::PersistentVolumeClaim
            | Self::PersistentVolume
            | Self::ConfigMap
            | Self::PodDisruptionBudget
            | Self::TFJob
            | Self::AllocationRole
            | Self::ServiceLedger => false,
        }
    }

    /// Whether its objects are in namespaces.
    #[must_use]
    pub fn is_namespaced(self) -> bool {
        !matches!(self, Self::Node | Self::PersistentVolume | Self::AllocationRole)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where an object is found. The namespace is empty for kinds that have none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl Key {
    /// The key of a namespaced object.
    #[must_use]
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self { kind, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

macro_rules! objects {
    ($($kind:ident($type:ty)),* $(,)?) => {
        /// An object as the API server shows it or is to store it.
        #[derive(Clone, Debug)]
        pub enum Object {
            $(
                #[doc = concat!("A ", stringify!($kind), ".")]
                $kind(Box<$type>),
            )*
        }

        impl Object {
            /// Its kind.
            #[must_use]
            pub fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)* }
            }

            /// Its metadata.
            #[must_use]
            pub fn metadata(&self) -> &ObjectMeta {
                match self { $(Self::$kind(object) => &object.metadata,)* }
            }
        }

        impl Object {
            /// Changes its metadata.
            pub fn edit_metadata(&mut self, edit: impl FnOnce(&mut ObjectMeta)) {
                match self { $(Self::$kind(object) => edit(&mut object.metadata),)* }
            }

            /// The object as JSON; null if it cannot be written, which no object here is.
            #[must_use]
            pub fn to_value(&self) -> Value {
                match self { $(Self::$kind(object) => serde_json::to_value(object).unwrap_or_default(),)* }
            }

            /// An object of a kind from JSON.
            ///
            /// # Errors
            /// The JSON is not of that kind.
            pub fn from_value(kind: Kind, value: Value) -> Result<Self, serde_json::Error> {
                match kind { $(Kind::$kind => serde_json::from_value(value).map(Self::$kind),)* }
            }
        }

        $(
            impl From<$type> for Object {
                fn from(object: $type) -> Self {
                    Self::$kind(Box::new(object))
                }
            }
        )*
    };
}

objects! {
    Node(Node),
    Pod(Pod),
    Service(Service),
    PersistentVolumeClaim(PersistentVolumeClaim),
    PersistentVolume(PersistentVolume),
    ConfigMap(ConfigMap),
    PodDisruptionBudget(PodDisruptionBudget),
    TFJob(TFJob),
    CassandraService(CassandraService),
    AllocationRole(AllocationRole),
    ServiceLedger(ServiceLedger),
}

impl Object {
    /// Where it is found.
    #[must_use]
    pub fn key(&self) -> Key {
        let metadata = self.metadata();
        Key {
            kind: self.kind(),
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        }
    }

    /// Its UID; empty before it is created.
    #[must_use]
    pub fn uid(&self) -> &str {
        self.metadata().uid.as_deref().unwrap_or_default()
    }
}
