//! The pods of a job.

use super::defaults::{Job, Replicas};
use super::{labels, template, tf_config};
use crate::frameworks::Problem;
use crate::frameworks::pin::pin;
use crate::frameworks::revision;
use crate::observe::pod::REVISION;
use k8s_openapi::api::core::v1::{Container, ContainerPort, EnvVar, Pod, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use twofold_crds::tfjob::{TENSORFLOW_CONTAINER, TENSORFLOW_PORT, TENSORFLOW_PORT_NAME};

/// What all pods of a replica type have in common.
#[derive(Debug)]
pub(super) struct Mould<'a> {
    job: &'a Job<'a>,
    replicas: &'a Replicas<'a>,
    metadata: ObjectMeta,
    spec: PodSpec,
}

impl<'a> Mould<'a> {
    /// The mould of a replica type.
    ///
    /// # Errors
    /// What is wrong with the template.
    pub(super) fn new(job: &'a Job<'a>, replicas: &'a Replicas<'a>) -> Result<Self, Vec<Problem>> {
        let core = template::core(replicas)?;
        let mut spec = core.spec.unwrap_or_default();
        spec.restart_policy = Some(replicas.restart.of_pod().to_owned());
        if let Some(trainer) = trainer(&mut spec) {
            add_port(trainer);
        }
        if spec.host_network == Some(true) {
            take_host_ports(&mut spec);
        }
        Ok(Self { job, replicas, metadata: core.metadata.unwrap_or_default(), spec })
    }

    /// The spec that every pod of this mould starts from, for what it asks of its machine.
    pub(super) fn spec(&self) -> &PodSpec {
        &self.spec
    }

    /// The pod with this index, bound to this agent. The agent takes the place of the template's required node
    /// affinity, which was asked of it before.
    pub(super) fn pod(&self, index: u32, agent: &str, domain: &str) -> Pod {
        let (job, type_) = (self.job, self.replicas.type_);
        let mut spec = self.spec.clone();
        let config = tf_config::of(job, type_, index, domain);
        if let Some(config) = config
            && let Some(trainer) = spec.containers.iter_mut().find(|c| c.name == TENSORFLOW_CONTAINER)
        {
            let variable = EnvVar { name: "TF_CONFIG".to_owned(), value: Some(config), value_from: None };
            trainer.env.get_or_insert_default().push(variable);
        }
        let mut labels = self.metadata.labels.clone().unwrap_or_default();
        labels.extend(labels::pod(job, type_, index));
        let mut annotations = self.metadata.annotations.clone().unwrap_or_default();
        annotations.insert(REVISION.to_owned(), revision::digest(&(&labels, &annotations, &spec)));
        pin(&mut spec, agent);
        Pod {
            metadata: ObjectMeta {
                name: Some(job.child(type_, index)),
                namespace: Some(job.namespace.to_owned()),
                labels: Some(labels),
                annotations: Some(annotations),
                finalizers: self.metadata.finalizers.clone(),
                owner_references: Some(vec![labels::owner(job)]),
                ..ObjectMeta::default()
            },
            spec: Some(spec),
            status: None,
        }
    }
}

/// The container that trains: the first of that name, else the first of all.
fn trainer(spec: &mut PodSpec) -> Option<&mut Container> {
    let at = spec.containers.iter().position(|c| c.name == TENSORFLOW_CONTAINER).unwrap_or_default();
    spec.containers.get_mut(at)
}

fn add_port(trainer: &mut Container) {
    let ports = trainer.ports.get_or_insert_default();
    if !ports.iter().any(|port| port.name.as_deref() == Some(TENSORFLOW_PORT_NAME)) {
        ports.push(ContainerPort {
            name: Some(TENSORFLOW_PORT_NAME.to_owned()),
            container_port: TENSORFLOW_PORT,
            ..ContainerPort::default()
        });
    }
}

/// On its machine's network a pod takes the machine's ports, as the API server would fill in.
fn take_host_ports(spec: &mut PodSpec) {
    let containers = spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten());
    for port in containers.flat_map(|container| container.ports.iter_mut().flatten()) {
        port.host_port.get_or_insert(port.container_port);
    }
}
