//! The custom resources of Twofold.
//!
//! - [`allocation_role`]: who shares the cluster (`twofold.dev/v1alpha1` `AllocationRole`);
//! - [`cassandra_service`]: a Cassandra ring (`twofold.dev/v1alpha1` `CassandraService`);
//! - [`service_ledger`]: decisions that cannot be undone (`twofold.dev/v1alpha1` `ServiceLedger`);
//! - [`tfjob`]: a TensorFlow job (`kubeflow.org/v1` `TFJob`).
//!
//! The comments on the fields are the manual: they end up in the schemas, where `kubectl explain`
//! shows them. [`definitions()`] gives the `CustomResourceDefinition`s that are installed; `crdgen`
//! writes them to files.

#![expect(clippy::duplicated_attributes, reason = "print columns repeat their types")]
#![expect(unreachable_pub, reason = "the KubeSchema derive repeats every struct inside a function")]

pub mod allocation_role;
pub mod cassandra_service;
pub mod condition;
pub mod definitions;
pub mod plan_status;
pub mod pod_template;
pub mod service_ledger;
mod shapes;
pub mod tfjob;
pub mod waiting;

pub use allocation_role::{AllocationRole, AllocationRoleSpec, AllocationRoleStatus};
pub use cassandra_service::{CassandraService, CassandraServiceSpec, CassandraServiceStatus};
pub use definitions::definitions;
pub use service_ledger::{ServiceLedger, ServiceLedgerSpec};
pub use tfjob::{TFJob, TFJobSpec, TfJobStatus};
