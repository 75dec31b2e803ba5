//! The claim with an instance's data. It outlives the pod, and the resource too unless the user says otherwise.

use super::names;
use crate::observe::claim::INSTANCE;
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use twofold_crds::CassandraService;
use twofold_crds::cassandra_service::OnDelete;
use twofold_sdk::instance::InstanceId;

/// The claim of an instance.
#[must_use]
pub fn claim(resource: &CassandraService, instance: &InstanceId, cluster_id: &str) -> PersistentVolumeClaim {
    let storage = &resource.spec.storage;
    let mut labels = names::instance_labels(resource, instance, cluster_id);
    labels.insert(INSTANCE.to_owned(), instance.to_string());
    let goes_with_resource = storage.on_delete == OnDelete::Delete;
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(names::claim(resource, instance)),
            namespace: Some(names::namespace(resource).to_owned()),
            labels: Some(labels),
            owner_references: goes_with_resource.then(|| vec![names::owner(resource)]),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            storage_class_name: storage.storage_class_name.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some([("storage".to_owned(), Quantity(storage.size.clone()))].into()),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}
