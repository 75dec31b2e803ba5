//! What the agents of a ring read: `service.json`, the same for all members.

use super::{heap, names, racks};
use crate::frameworks::revision::digest;
use crate::settings::Settings;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};
use twofold_crds::{CassandraService, ServiceLedgerSpec};

/// The version of the contract with the agent that is written.
const CONTRACT: u32 = 1;

/// The configuration as an object, with what it was rendered from.
#[must_use]
pub fn config_map(resource: &CassandraService, ledger: &ServiceLedgerSpec, settings: &Settings) -> ConfigMap {
    let service = service(resource, ledger, settings);
    ConfigMap {
        metadata: names::metadata(resource, names::config(resource), digest(&service)),
        data: Some([("service.json".to_owned(), format!("{service:#}\n"))].into()),
        ..ConfigMap::default()
    }
}

fn service(resource: &CassandraService, ledger: &ServiceLedgerSpec, settings: &Settings) -> Value {
    let spec = &resource.spec;
    let seeds = racks::seeds(resource, ledger);
    let host = |instance| names::host(resource, instance, &settings.cluster_domain);
    json!({
        "contract": CONTRACT,
        "clusterName": resource.cluster_name(),
        "datacenter": spec.datacenter,
        "seeds": seeds.iter().map(host).collect::<Vec<_>>(),
        "heapBytes": heap::bytes(spec).unwrap_or_default(),
        "jvmOptions": spec.config.jvm_options,
        "cassandraYaml": spec.config.cassandra_yaml,
    })
}
