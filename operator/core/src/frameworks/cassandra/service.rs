//! How members find each other, and how clients find members.

use super::names::{self, AGENT_PORT, CQL_PORT, STORAGE_PORT};
use crate::frameworks::revision::digest;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use twofold_crds::CassandraService;

/// The headless service of all members. It publishes addresses before their pods are ready, since a member must reach
/// the seeds before it can be.
#[must_use]
pub fn peers(resource: &CassandraService) -> Service {
    let spec = ServiceSpec {
        cluster_ip: Some("None".to_owned()),
        publish_not_ready_addresses: Some(true),
        selector: Some(names::selector(resource)),
        ports: Some(vec![port("intra-node", STORAGE_PORT), port("cql", CQL_PORT), port("agent", AGENT_PORT)]),
        ..ServiceSpec::default()
    };
    service(resource, names::peers(resource), spec)
}

/// The service of CQL clients: ready members only.
#[must_use]
pub fn client(resource: &CassandraService) -> Service {
    let spec = ServiceSpec {
        type_: Some("ClusterIP".to_owned()),
        selector: Some(names::selector(resource)),
        ports: Some(vec![port("cql", CQL_PORT)]),
        ..ServiceSpec::default()
    };
    service(resource, names::client(resource), spec)
}

fn service(resource: &CassandraService, name: String, spec: ServiceSpec) -> Service {
    Service {
        metadata: names::metadata(resource, name, digest(&spec)),
        spec: Some(spec),
        ..Service::default()
    }
}

fn port(name: &str, number: i32) -> ServicePort {
    ServicePort {
        name: Some(name.to_owned()),
        port: number,
        protocol: Some("TCP".to_owned()),
        target_port: Some(IntOrString::Int(number)),
        ..ServicePort::default()
    }
}
