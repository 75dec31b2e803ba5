//! The two containers of a pod: one copies the agent in, one runs it as the first process of the stock image.

use super::names::{AGENT_PORT, CQL_PORT, STORAGE_PORT};
use super::pod::GRACE_SECONDS;
use crate::settings::Settings;
use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EnvVar, EnvVarSource, HTTPGetAction, ObjectFieldSelector, Probe,
    ResourceRequirements, SecurityContext, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use twofold_crds::CassandraService;

/// The name of the server's container.
pub const SERVER: &str = "cassandra";

/// The init container that copies the agent in. It has the server's resources, since it runs in its place: the pod
/// takes no more because of it, and has the same quality of service.
#[must_use]
pub fn install(resource: &CassandraService, settings: &Settings) -> Container {
    Container {
        name: "agent".to_owned(),
        image: Some(settings.agent_image.clone()),
        command: words(&["/usr/local/bin/twofold-agent", "install", "/twofold/bin"]),
        resources: Some(resources(resource)),
        security_context: Some(restricted()),
        volume_mounts: Some(vec![mount("bin", "/twofold/bin", false)]),
        ..Container::default()
    }
}

/// The container of the server.
#[must_use]
pub fn server(resource: &CassandraService, rack: &str, first_seed: bool) -> Container {
    Container {
        name: SERVER.to_owned(),
        image: Some(resource.spec.image_or_default()),
        command: words(&["/twofold/bin/twofold-agent", "cassandra"]),
        env: Some(environment(rack, first_seed)),
        ports: Some(vec![port("cql", CQL_PORT), port("intra-node", STORAGE_PORT), port("agent", AGENT_PORT)]),
        resources: Some(resources(resource)),
        security_context: Some(restricted()),
        liveness_probe: Some(probe("/livez", 10, 6)),
        readiness_probe: Some(probe("/readyz", 2, 2)),
        volume_mounts: Some(vec![
            mount("bin", "/twofold/bin", true),
            mount("config", "/twofold/config", true),
            mount("run", "/twofold/run", false),
            mount("tmp", "/tmp", false),
            mount("data", "/var/lib/cassandra", false),
        ]),
        ..Container::default()
    }
}

fn words(words: &[&str]) -> Option<Vec<String>> {
    Some(words.iter().map(|word| (*word).to_owned()).collect())
}

fn environment(rack: &str, first_seed: bool) -> Vec<EnvVar> {
    let field = |name: &str, path: &str| EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource {
            field_ref: Some(ObjectFieldSelector {
                field_path: path.to_owned(),
                ..ObjectFieldSelector::default()
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    };
    let literal = |name: &str, value: &str| EnvVar {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        ..EnvVar::default()
    };
    let mut all = vec![
        field("TWOFOLD_INSTANCE", "metadata.name"),
        field("TWOFOLD_POD_UID", "metadata.uid"),
        field("POD_IP", "status.podIP"),
        literal("TWOFOLD_RACK", rack),
        literal("TWOFOLD_GRACE_SECONDS", &GRACE_SECONDS.to_string()),
    ];
    if first_seed {
        all.push(literal("TWOFOLD_FIRST_SEED", "true"));
    }
    all
}

fn resources(resource: &CassandraService) -> ResourceRequirements {
    let resolved = resource.spec.resources.resolved();
    ResourceRequirements {
        limits: Some(resolved.limits),
        requests: Some(resolved.requests),
        ..ResourceRequirements::default()
    }
}

fn restricted() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities { drop: words(&["ALL"]), ..Capabilities::default() }),
        ..SecurityContext::default()
    }
}

fn mount(name: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}

fn port(name: &str, number: i32) -> ContainerPort {
    ContainerPort {
        name: Some(name.to_owned()),
        container_port: number,
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    }
}

fn probe(path: &str, period: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.to_owned()),
            port: IntOrString::String("agent".to_owned()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        timeout_seconds: Some(5),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}
