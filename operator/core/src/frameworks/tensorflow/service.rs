//! The services of a job: one for each replica, so that every peer has a name. A collective of TensorFlow ends in
//! error when a peer's name cannot be looked up at its first use, so services stand before pods, and they name pods
//! that are not ready yet.

use super::defaults::{Job, ReplicaType, Replicas};
use super::labels;
use crate::action::{Action, Target, Write};
use crate::frameworks::{Situation, revision};
use crate::object::{Key, Kind, Object};
use crate::observe::pod::REVISION;
use crate::record::SupportRecord;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::{BTreeMap, BTreeSet};

/// The service of a replica.
pub(super) fn service(job: &Job<'_>, replicas: &Replicas<'_>, index: u32) -> Service {
    let type_ = replicas.type_;
    let spec = ServiceSpec {
        cluster_ip: Some("None".to_owned()),
        selector: Some(labels::selector(job, type_, index)),
        ports: Some(replicas.ports().iter().map(port).collect()),
        publish_not_ready_addresses: Some(true),
        ..ServiceSpec::default()
    };
    let labels = labels::service(job, type_, index);
    let revision = revision::digest(&(&labels, &spec));
    Service {
        metadata: ObjectMeta {
            name: Some(job.child(type_, index)),
            namespace: Some(job.namespace.to_owned()),
            labels: Some(labels),
            annotations: Some(BTreeMap::from([(REVISION.to_owned(), revision)])),
            owner_references: Some(vec![labels::owner(job)]),
            ..ObjectMeta::default()
        },
        spec: Some(spec),
        status: None,
    }
}

/// A service with several ports needs a name for each.
fn port(port: &twofold_crds::pod_template::ContainerPort) -> ServicePort {
    ServicePort {
        name: Some(port.name.clone().unwrap_or_else(|| format!("port-{}", port.container_port))),
        port: port.container_port,
        protocol: Some(port.protocol.clone()),
        target_port: Some(IntOrString::Int(port.container_port)),
        ..ServicePort::default()
    }
}

/// The writes after which each replica has its service, and no other has one.
pub(super) fn upkeep(job: &Job<'_>, situation: &Situation<'_>) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut wanted = BTreeSet::new();
    for replicas in &job.replicas {
        for index in 0..replicas.count {
            let service = service(job, replicas, index);
            let object = Object::from(service);
            let key = object.key();
            let write = match situation.support.get(&key).filter(|record| is_ours(job, record)) {
                Some(record) if record.revision.as_ref() == revision_of(&object) => None,
                Some(_) => Some(Write::Apply(object)),
                None => Some(Write::Create(object)),
            };
            actions.extend(write.map(|write| Action { owner: job.key(), write }));
            wanted.insert(key);
        }
    }
    let surplus = all(job, situation.support).filter(|(key, _)| !wanted.contains(key));
    actions.extend(surplus.map(|(key, record)| delete(job, key, record)));
    actions
}

/// The services that the job controls.
pub(super) fn all<'a>(
    job: &'a Job<'_>,
    support: &'a BTreeMap<Key, SupportRecord>,
) -> impl Iterator<Item = (&'a Key, &'a SupportRecord)> {
    let prefix = format!("{}-", job.name);
    let first = Key::new(Kind::Service, job.namespace, &prefix);
    support
        .range(first..)
        .take_while(move |(key, _)| {
            key.kind == Kind::Service && key.namespace == job.namespace && key.name.starts_with(&prefix)
        })
        .filter(|(_, record)| is_ours(job, record))
}

/// The service of one replica, where the job controls it.
pub(super) fn of_replica<'a>(
    job: &Job<'_>,
    type_: ReplicaType,
    index: u32,
    support: &'a BTreeMap<Key, SupportRecord>,
) -> Option<(&'a Key, &'a SupportRecord)> {
    let key = Key::new(Kind::Service, job.namespace, &job.child(type_, index));
    support.get_key_value(&key).filter(|(_, record)| is_ours(job, record))
}

/// The deletion of exactly this service.
pub(super) fn delete(job: &Job<'_>, key: &Key, record: &SupportRecord) -> Action {
    let target = Target { key: key.clone(), uid: record.identity.uid.clone(), resource_version: None };
    Action { owner: job.key(), write: Write::Delete { target, grace_seconds: None } }
}

fn is_ours(job: &Job<'_>, record: &SupportRecord) -> bool {
    record.controller.as_ref().is_some_and(|owner| owner.uid == job.uid())
}

fn revision_of(object: &Object) -> Option<&String> {
    object.metadata().annotations.as_ref()?.get(REVISION)
}
