//! Settings of Cassandra and its Java virtual machine.

use kube::KubeSchema;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Keys of `cassandra.yaml` that the operator writes itself, with the type that Cassandra gives them.
pub const OPERATOR_OWNED_YAML_KEYS: [(&str, &str); 30] = [
    ("cluster_name", "string"),
    ("partitioner", "string"),
    ("initial_token", "string"),
    ("auto_bootstrap", "boolean"),
    ("seed_provider", "array of objects"),
    ("endpoint_snitch", "string"),
    ("initial_location_provider", "string"),
    ("node_proximity", "string"),
    ("listen_address", "string"),
    ("listen_interface", "string"),
    ("listen_interface_prefer_ipv6", "boolean"),
    ("listen_on_broadcast_address", "boolean"),
    ("broadcast_address", "string"),
    ("rpc_address", "string"),
    ("rpc_interface", "string"),
    ("rpc_interface_prefer_ipv6", "boolean"),
    ("broadcast_rpc_address", "string"),
    ("storage_port", "integer"),
    ("ssl_storage_port", "integer"),
    ("start_native_transport", "boolean"),
    ("native_transport_port", "integer"),
    ("native_transport_port_ssl", "integer"),
    ("data_file_directories", "array of strings"),
    ("local_system_data_file_directory", "string"),
    ("commitlog_directory", "string"),
    ("saved_caches_directory", "string"),
    ("hints_directory", "string"),
    ("cdc_raw_directory", "string"),
    ("authenticator", "object"),
    ("client_encryption_options", "object"),
];

/// Settings of Cassandra and its Java virtual machine.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct CassandraConfig {
    /// Entries of `cassandra.yaml`, as Cassandra names them. Names, addresses, ports, seeds, the
    /// snitch, the partitioner, directories and (for now) authentication and encryption of clients
    /// are written by the operator and refused here.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schemars(schema_with = "cassandra_yaml")]
    pub cassandra_yaml: Map<String, Value>,
    /// Options for the Java virtual machine, one each, e.g. `-Dcassandra.ring_delay_ms=10000`. The
    /// heap is set by `spec.heap`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 1024), regex(pattern = "^-")))]
    #[x_kube(validation = Rule::new("self.all(o, !o.startsWith('-Xmx') && !o.startsWith('-Xms'))")
        .message("spec.config.jvmOptions: the heap is set by spec.heap"))]
    pub jvm_options: Vec<String>,
}

/// Any entries, but for the operator's own. Those are declared so that CEL can see them: it sees
/// nothing of a field that is only preserved.
fn cassandra_yaml(_: &mut SchemaGenerator) -> Schema {
    let properties = OPERATOR_OWNED_YAML_KEYS.iter().map(|(key, kind)| ((*key).to_owned(), owned_key(kind)));
    let rules = OPERATOR_OWNED_YAML_KEYS.iter().map(|(key, _)| {
        json!({
            "rule": format!("!has(self.{key})"),
            "message": format!("spec.config.cassandraYaml.{key} is written by the operator: remove it"),
            "reason": "FieldValueForbidden",
        })
    });
    json_schema!({
        "type": "object",
        "maxProperties": 256,
        "x-kubernetes-preserve-unknown-fields": true,
        "properties": properties.collect::<Map<_, _>>(),
        "x-kubernetes-validations": rules.collect::<Vec<_>>(),
    })
}

fn owned_key(kind: &str) -> Value {
    let description = "Written by the operator; refused here.";
    match kind {
        "array of objects" => json!({
            "type": "array",
            "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "description": description,
        }),
        "array of strings" => {
            json!({"type": "array", "items": {"type": "string"}, "description": description})
        }
        "object" => {
            json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true, "description": description})
        }
        scalar => json!({"type": scalar, "description": description}),
    }
}
