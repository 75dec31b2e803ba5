//! What the objects of a ring are called, and the labels that they carry.

use crate::observe::claim::CLUSTER_ID;
use crate::observe::pod::{INDEX, POD_TYPE as POD_TYPE_LABEL, REVISION};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use std::collections::BTreeMap;
use twofold_crds::CassandraService;
use twofold_sdk::instance::InstanceId;

/// The one pod type of a ring.
pub const POD_TYPE: &str = "node";
/// The label with an instance's rack.
pub const RACK: &str = "twofold.dev/rack";
/// The port of CQL clients.
pub const CQL_PORT: i32 = 9042;
/// The port that the members of a ring talk to each other on.
pub const STORAGE_PORT: i32 = 7000;
/// The port of the agent in each pod.
pub const AGENT_PORT: i32 = 8090;

/// The object's name.
#[must_use]
pub fn name(resource: &CassandraService) -> &str {
    resource.metadata.name.as_deref().unwrap_or_default()
}

/// The object's namespace.
#[must_use]
pub fn namespace(resource: &CassandraService) -> &str {
    resource.metadata.namespace.as_deref().unwrap_or_default()
}

/// The object's UID.
#[must_use]
pub fn uid(resource: &CassandraService) -> &str {
    resource.metadata.uid.as_deref().unwrap_or_default()
}

/// The headless service under which members find each other before they are ready.
#[must_use]
pub fn peers(resource: &CassandraService) -> String {
    format!("{}-peers", name(resource))
}

/// The service of CQL clients, which leads to ready members only.
#[must_use]
pub fn client(resource: &CassandraService) -> String {
    format!("{}-client", name(resource))
}

/// The configuration that all members read.
#[must_use]
pub fn config(resource: &CassandraService) -> String {
    format!("{}-config", name(resource))
}

/// The claim with an instance's data.
#[must_use]
pub fn claim(resource: &CassandraService, instance: &InstanceId) -> String {
    format!("data-{}", instance.pod_name(name(resource)))
}

/// The host name of an instance, resolved before it is ready. Its first label is the name of the pod.
#[must_use]
pub fn host(resource: &CassandraService, instance: &InstanceId, cluster_domain: &str) -> String {
    let pod = instance.pod_name(name(resource));
    let host = format!("{pod}.{}.{}.svc", peers(resource), namespace(resource));
    if cluster_domain.is_empty() { host } else { format!("{host}.{cluster_domain}") }
}

/// The instance of a name such as `node-2`.
#[must_use]
pub fn instance(name: &str) -> Option<InstanceId> {
    InstanceId::parse(name).filter(|instance| instance.pod_type.as_str() == POD_TYPE)
}

/// What selects the pods of a ring and no others.
#[must_use]
pub fn selector(resource: &CassandraService) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/name", "cassandra"),
        ("app.kubernetes.io/instance", name(resource)),
        (POD_TYPE_LABEL, POD_TYPE),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

/// The labels of everything that belongs to a ring.
#[must_use]
pub fn labels(resource: &CassandraService) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/name", "cassandra"),
        ("app.kubernetes.io/instance", name(resource)),
        ("app.kubernetes.io/component", "database"),
        ("app.kubernetes.io/managed-by", "twofold"),
        ("app.kubernetes.io/part-of", name(resource)),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into()
}

/// The labels of an instance's pod and claim.
#[must_use]
pub fn instance_labels(
    resource: &CassandraService,
    instance: &InstanceId,
    cluster_id: &str,
) -> BTreeMap<String, String> {
    let mut all = labels(resource);
    all.insert(POD_TYPE_LABEL.to_owned(), instance.pod_type.to_string());
    all.insert(INDEX.to_owned(), instance.index.to_string());
    all.insert(CLUSTER_ID.to_owned(), cluster_id.to_owned());
    all
}

/// The reference by which an object goes when the ring's object goes.
#[must_use]
pub fn owner(resource: &CassandraService) -> OwnerReference {
    OwnerReference {
        api_version: "twofold.dev/v1alpha1".to_owned(),
        kind: "CassandraService".to_owned(),
        name: name(resource).to_owned(),
        uid: uid(resource).to_owned(),
        controller: Some(true),
        block_owner_deletion: None,
    }
}

/// The metadata of an object that serves the whole ring, with a digest of what it was rendered from.
#[must_use]
pub fn metadata(resource: &CassandraService, name: String, revision: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(namespace(resource).to_owned()),
        labels: Some(labels(resource)),
        annotations: Some([(REVISION.to_owned(), revision)].into()),
        owner_references: Some(vec![owner(resource)]),
        ..ObjectMeta::default()
    }
}
