//! From a [`Kind`] to its Kubernetes type: where its objects are found, and how they are written and read.

use k8s_openapi::api::{core::v1 as core, policy::v1 as policy};
use kube::Resource;
use twofold_core::object::{Kind, Object};

/// Runs an expression with a type name bound to the Kubernetes type of a kind.
macro_rules! with_type {
    ($kind:expr, $type:ident => $body:expr) => {{
        macro_rules! arm {
            ($concrete:ty) => {{
                type $type = $concrete;
                $body
            }};
        }
        match $kind {
            Kind::Node => arm!(core::Node),
            Kind::Pod => arm!(core::Pod),
            Kind::Service => arm!(core::Service),
            Kind::PersistentVolumeClaim => arm!(core::PersistentVolumeClaim),
            Kind::PersistentVolume => arm!(core::PersistentVolume),
            Kind::ConfigMap => arm!(core::ConfigMap),
            Kind::PodDisruptionBudget => arm!(policy::PodDisruptionBudget),
            Kind::TFJob => arm!(twofold_crds::TFJob),
            Kind::CassandraService => arm!(twofold_crds::CassandraService),
            Kind::AllocationRole => arm!(twofold_crds::AllocationRole),
            Kind::ServiceLedger => arm!(twofold_crds::ServiceLedger),
        }
    }};
}

/// The group and version of a kind, such as `policy/v1`.
pub(crate) fn api_version(kind: Kind) -> String {
    with_type!(kind, T => T::api_version(&()).into_owned())
}

/// The path of the collection of a kind. The namespace is empty for kinds that have none.
pub(crate) fn path(kind: Kind, namespace: &str) -> String {
    let namespace = (!namespace.is_empty()).then_some(namespace);
    with_type!(kind, T => T::url_path(&(), namespace))
}

/// Reads an object of a kind from JSON.
///
/// # Errors
/// When it is no such object.
pub(crate) fn parse(kind: Kind, json: serde_json::Value) -> Result<Object, serde_json::Error> {
    with_type!(kind, T => serde_json::from_value::<T>(json).map(Object::from))
}

/// The object as JSON.
///
/// # Errors
/// When a map of it has keys that JSON cannot hold; no Kubernetes type has one.
pub(crate) fn to_json(object: &Object) -> Result<serde_json::Value, serde_json::Error> {
    match object {
        Object::Node(node) => serde_json::to_value(node),
        Object::Pod(pod) => serde_json::to_value(pod),
        Object::Service(service) => serde_json::to_value(service),
        Object::PersistentVolumeClaim(claim) => serde_json::to_value(claim),
        Object::PersistentVolume(volume) => serde_json::to_value(volume),
        Object::ConfigMap(map) => serde_json::to_value(map),
        Object::PodDisruptionBudget(budget) => serde_json::to_value(budget),
        Object::TFJob(job) => serde_json::to_value(job),
        Object::CassandraService(service) => serde_json::to_value(service),
        Object::AllocationRole(role) => serde_json::to_value(role),
        Object::ServiceLedger(ledger) => serde_json::to_value(ledger),
    }
}
