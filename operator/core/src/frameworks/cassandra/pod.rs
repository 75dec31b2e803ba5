//! The pod of an instance: the stock image with our agent as its first process, pinned to the accepted agent, behind
//! the start gate.

use super::container;
use super::names::{self, RACK};
use super::revision::Revision;
use crate::frameworks::pin::pin;
use crate::observe::pod::{REVISION, START_GATE};
use crate::settings::Settings;
use k8s_openapi::api::core::v1::{
    Affinity, ConfigMapVolumeSource, EmptyDirVolumeSource, PersistentVolumeClaimVolumeSource, Pod,
    PodSchedulingGate, PodSecurityContext, PodSpec, SeccompProfile, Toleration, Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use twofold_crds::CassandraService;
use twofold_sdk::instance::InstanceId;

/// The PriorityClass of the chart for data services. It never preempts.
const PRIORITY_CLASS: &str = "twofold-data-service";
/// How long a server has to drain and stop, in seconds.
pub const GRACE_SECONDS: i64 = 120;
/// The user and group of the stock image.
const CASSANDRA_ID: i64 = 999;

/// What distinguishes a pod from the others of its ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Whose pod it is.
    pub instance: InstanceId,
    /// The agent that it is pinned to.
    pub agent: String,
    /// Its rack.
    pub rack: String,
    /// The identity of the data.
    pub cluster_id: String,
    /// For which time the instance's pod is made.
    pub incarnation: i64,
    /// Whether it may begin a new ring.
    pub first_seed: bool,
}

/// The pod of a member.
#[must_use]
pub fn pod(resource: &CassandraService, settings: &Settings, member: &Member) -> Pod {
    Pod { metadata: metadata(resource, member), spec: Some(spec(resource, settings, member)), status: None }
}

/// A pod as it would be created on some agent.
#[must_use]
pub fn sample(resource: &CassandraService, settings: &Settings) -> Pod {
    let member = Member {
        instance: InstanceId::new(names::POD_TYPE, 0),
        agent: "sample".to_owned(),
        rack: "sample".to_owned(),
        cluster_id: names::uid(resource).to_owned(),
        incarnation: 1,
        first_seed: false,
    };
    pod(resource, settings, &member)
}

/// What the user wishes of the agent: the part of the pod that was asked before the agent was accepted.
#[must_use]
pub fn wishes(resource: &CassandraService) -> PodSpec {
    let placement = &resource.spec.placement;
    PodSpec {
        tolerations: Some(tolerations(resource)),
        affinity: placement
            .node_affinity
            .clone()
            .map(|node| Affinity { node_affinity: Some(node), ..Affinity::default() }),
        ..PodSpec::default()
    }
}

/// Ours win over those of the template: what selects the pod and says whose it is must hold.
fn metadata(resource: &CassandraService, member: &Member) -> ObjectMeta {
    let given = &resource.spec.pod_template.metadata;
    let mut labels = given.labels.clone();
    labels.extend(names::instance_labels(resource, &member.instance, &member.cluster_id));
    labels.insert(RACK.to_owned(), member.rack.clone());
    let mut annotations = given.annotations.clone();
    let revision = Revision::of(resource, member.incarnation, member.first_seed);
    annotations.insert(REVISION.to_owned(), revision.to_string());
    ObjectMeta {
        name: Some(member.instance.pod_name(names::name(resource))),
        namespace: Some(names::namespace(resource).to_owned()),
        labels: Some(labels),
        annotations: Some(annotations),
        owner_references: Some(vec![names::owner(resource)]),
        ..ObjectMeta::default()
    }
}

fn spec(resource: &CassandraService, settings: &Settings, member: &Member) -> PodSpec {
    let priority_class = resource.spec.placement.priority_class_name.as_deref().unwrap_or(PRIORITY_CLASS);
    let mut spec = PodSpec {
        hostname: Some(member.instance.pod_name(names::name(resource))),
        subdomain: Some(names::peers(resource)),
        scheduling_gates: Some(vec![PodSchedulingGate { name: START_GATE.to_owned() }]),
        tolerations: Some(tolerations(resource)),
        priority_class_name: Some(priority_class.to_owned()),
        restart_policy: Some("Always".to_owned()),
        termination_grace_period_seconds: Some(GRACE_SECONDS),
        enable_service_links: Some(false),
        automount_service_account_token: Some(false),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(CASSANDRA_ID),
            run_as_group: Some(CASSANDRA_ID),
            fs_group: Some(CASSANDRA_ID),
            fs_group_change_policy: Some("OnRootMismatch".to_owned()),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                ..SeccompProfile::default()
            }),
            ..PodSecurityContext::default()
        }),
        init_containers: Some(vec![container::install(resource, settings)]),
        containers: vec![container::server(resource, &member.rack, member.first_seed)],
        volumes: Some(volumes(resource, &member.instance)),
        ..PodSpec::default()
    };
    pin(&mut spec, &member.agent);
    spec
}

/// A member that is cut off from the API server keeps serving: it is not evicted for that, however long it lasts.
fn tolerations(resource: &CassandraService) -> Vec<Toleration> {
    let lasting = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].map(|key| Toleration {
        key: Some(key.to_owned()),
        operator: Some("Exists".to_owned()),
        effect: Some("NoExecute".to_owned()),
        ..Toleration::default()
    });
    resource.spec.placement.tolerations.iter().cloned().chain(lasting).collect()
}

fn volumes(resource: &CassandraService, instance: &InstanceId) -> Vec<Volume> {
    let scratch = ["bin", "run", "tmp"].map(|name| Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    });
    let config = Volume {
        name: "config".to_owned(),
        config_map: Some(ConfigMapVolumeSource {
            name: names::config(resource),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    };
    let data = Volume {
        name: "data".to_owned(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name: names::claim(resource, instance),
            ..PersistentVolumeClaimVolumeSource::default()
        }),
        ..Volume::default()
    };
    scratch.into_iter().chain([config, data]).collect()
}
