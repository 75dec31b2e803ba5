//! From a [`Kind`] to where its objects are found on the API server.

use k8s_openapi::api::{core::v1 as core, policy::v1 as policy};
use kube::Resource;
use twofold_core::object::Kind;

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

/// The path of the collection of a kind. The namespace is empty for kinds that have none.
pub(crate) fn path(kind: Kind, namespace: &str) -> String {
    let namespace = (!namespace.is_empty()).then_some(namespace);
    with_type!(kind, T => T::url_path(&(), namespace))
}
