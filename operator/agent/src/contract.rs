//! What the operator gives an agent, and what it may expect in return.
//!
//! # The pod
//! One pod is one *instance* of a service; its name is the instance's name (`demo-node-0`), its host name
//! the same, its subdomain the headless service that publishes addresses before they are ready.
//! An init container runs `twofold-agent install /twofold/bin` from the operator's image; the container of
//! the stock Cassandra image then runs `/twofold/bin/twofold-agent cassandra` as PID 1.
//!
//! | mount | what | mode |
//! |---|---|---|
//! | `/twofold/bin` | the agent | read-only |
//! | `/twofold/config/service.json` | [`Service`], from a ConfigMap | read-only |
//! | `/twofold/run` | configuration, logs and home of the server, written by the agent | emptyDir |
//! | `/tmp` | temporary files of the JVM | emptyDir |
//! | `/var/lib/cassandra` | the data, and the marker of [`crate::member`] | claim |
//!
//! Nothing else is written to: the root file system may be read-only, the user is 999, no capability is
//! needed.
//!
//! # Environment ([`Instance`])
//! | name | value |
//! |---|---|
//! | `TWOFOLD_INSTANCE` | `metadata.name` |
//! | `TWOFOLD_POD_UID` | `metadata.uid` |
//! | `POD_IP` | `status.podIP` |
//! | `TWOFOLD_RACK` | the rack recorded for this instance; it never changes once there is data |
//! | `TWOFOLD_GRACE_SECONDS` | `terminationGracePeriodSeconds`, at least 20; default 120 |
//! | `TWOFOLD_FIRST_SEED` | `true` on the one pod that may form a new ring, else absent |
//!
//! # Seeds
//! A server that lists itself as a seed does not bootstrap: with an empty volume it would join the ring
//! without the data it then owns. The rule against that is in [`crate::seeds`].
//!
//! # Exit codes
//! 64: this contract is broken by what was given. 65: a start was refused because it would do harm.
//! 71: the system refused something (a directory, a process). Otherwise the server's own code, or 128 and
//! its signal; 0 after a stop that was asked for.
//!
//! # HTTP, port 8090 of the pod address
//! `GET /livez`, `GET /readyz`, `GET /v1/node`: see [`crate::http`].

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

/// The version of this contract; `service.json` names the one it was written for.
pub const CONTRACT: u32 = 1;
/// Port of the agent.
pub const AGENT_PORT: u16 = 8090;
/// Port of CQL clients.
pub const CQL_PORT: u16 = 9042;
/// Port that the members of a ring talk to each other on.
pub const STORAGE_PORT: u16 = 7000;

const LEAST_HEAP_BYTES: u64 = 64 << 20;
const LEAST_GRACE_SECONDS: u64 = 20;

/// Keys of `cassandra.yaml` that the operator or the agent decides: identity, addresses, ports,
/// directories, seeds. The last two are refused because the agent asks its server over plain CQL and has
/// no login.
pub const OWNED_KEYS: &[&str] = &[
    "cluster_name",
    "seed_provider",
    "listen_address",
    "listen_interface",
    "listen_interface_prefer_ipv6",
    "listen_on_broadcast_address",
    "broadcast_address",
    "rpc_address",
    "rpc_interface",
    "rpc_interface_prefer_ipv6",
    "broadcast_rpc_address",
    "endpoint_snitch",
    "partitioner",
    "initial_token",
    "auto_bootstrap",
    "storage_port",
    "ssl_storage_port",
    "start_native_transport",
    "native_transport_port",
    "native_transport_port_ssl",
    "data_file_directories",
    "local_system_data_file_directory",
    "commitlog_directory",
    "saved_caches_directory",
    "hints_directory",
    "cdc_raw_directory",
    "authenticator",
    "client_encryption_options",
];

/// Why what was given cannot be used. Every message names the variable or field and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    #[error("environment variable {name}: {problem}")]
    Environment { name: &'static str, problem: String },
    #[error("{file}: failed to read: {source}")]
    Read { file: String, source: std::io::Error },
    #[error("{file}: {source}")]
    Json { file: String, source: serde_json::Error },
    #[error("service.json: {field}: {problem}")]
    Field { field: &'static str, problem: String },
}

/// The pod that the agent is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    pub name: String,
    pub pod_uid: String,
    pub rack: String,
    pub address: IpAddr,
    pub first_seed: bool,
    pub grace: Duration,
}

/// The service that the pod belongs to: `service.json`, the same for all its instances.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Service {
    pub contract: u32,
    pub cluster_name: String,
    pub datacenter: String,
    /// Host names; the first label of each is the name of the instance that it leads to.
    pub seeds: Vec<String>,
    pub heap_bytes: u64,
    /// One word each, such as `-Dcassandra.ring_delay_ms=5000`.
    #[serde(default)]
    pub jvm_options: Vec<String>,
    /// Overrides of `cassandra.yaml` by top-level key, but for [`OWNED_KEYS`].
    #[serde(default)]
    pub cassandra_yaml: Map<String, Value>,
}

impl Instance {
    /// Reads the instance from an environment, given as a look-up by name.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, ContractError> {
        let required = |name: &'static str| match get(name) {
            Some(value) if !value.is_empty() => Ok(value),
            Some(_) | None => Err(wrong_env(name, "is not set; the operator sets it in the pod")),
        };
        let rack = required("TWOFOLD_RACK")?;
        let address = required("POD_IP")?;
        let grace = match get("TWOFOLD_GRACE_SECONDS") {
            None => 120,
            Some(text) => {
                text.parse().ok().filter(|seconds| *seconds >= LEAST_GRACE_SECONDS).ok_or_else(|| {
                    wrong_env(
                        "TWOFOLD_GRACE_SECONDS",
                        &format!("{text:?} is not a number of seconds from 20 up"),
                    )
                })?
            }
        };
        let first_seed = match get("TWOFOLD_FIRST_SEED").as_deref() {
            None => false,
            Some("true") => true,
            Some(other) => {
                return Err(wrong_env(
                    "TWOFOLD_FIRST_SEED",
                    &format!("{other:?} is neither absent nor \"true\""),
                ));
            }
        };
        Ok(Self {
            name: required("TWOFOLD_INSTANCE")?,
            pod_uid: required("TWOFOLD_POD_UID")?,
            rack: plain_word(&rack).map_err(|problem| wrong_env("TWOFOLD_RACK", &problem))?,
            address: address
                .parse()
                .map_err(|_| wrong_env("POD_IP", &format!("{address:?} is not an IP address")))?,
            first_seed,
            grace: Duration::from_secs(grace),
        })
    }
}

impl Service {
    /// Reads and checks `service.json`.
    pub fn read(file: &Path) -> Result<Self, ContractError> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file)
            .map_err(|source| ContractError::Read { file: name.clone(), source })?;
        let service: Self =
            serde_json::from_str(&text).map_err(|source| ContractError::Json { file: name, source })?;
        service.check()?;
        Ok(service)
    }

    fn check(&self) -> Result<(), ContractError> {
        if self.contract != CONTRACT {
            let problem = format!("is {}, this agent knows {CONTRACT}; recreate the pod", self.contract);
            return Err(wrong("contract", problem));
        }
        if self.cluster_name.trim().is_empty() || self.cluster_name.chars().any(char::is_control) {
            return Err(wrong("clusterName", "must be printable and not empty".into()));
        }
        plain_word(&self.datacenter).map_err(|problem| wrong("datacenter", problem))?;
        if self.seeds.is_empty() || self.seeds.iter().any(|seed| seed.is_empty() || seed.contains([',', ' ']))
        {
            return Err(wrong("seeds", "needs at least one host name, without commas or spaces".into()));
        }
        if self.heap_bytes < LEAST_HEAP_BYTES {
            let problem = format!("{} is below the least heap, {LEAST_HEAP_BYTES} bytes", self.heap_bytes);
            return Err(wrong("heapBytes", problem));
        }
        for option in &self.jvm_options {
            check_jvm_option(option).map_err(|problem| wrong("jvmOptions", problem))?;
        }
        match self.cassandra_yaml.keys().find(|key| OWNED_KEYS.contains(&key.as_str())) {
            Some(key) => Err(wrong(
                "cassandraYaml",
                format!("{key} is decided by the operator; remove it from the config"),
            )),
            None => Ok(()),
        }
    }
}

fn check_jvm_option(option: &str) -> Result<(), String> {
    if !option.starts_with('-') || option.contains(char::is_whitespace) {
        return Err(format!("{option:?} is not one word that starts with '-'"));
    }
    if option.starts_with("-Xms") || option.starts_with("-Xmx") {
        return Err(format!("{option:?} contradicts heapBytes; set the heap of the service instead"));
    }
    Ok(())
}

/// Racks and datacenters go into a Java properties file, where other characters have a meaning.
fn plain_word(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.is_empty() || !text.chars().all(plain) {
        return Err(format!("{text:?} may only hold letters, digits, '.', '_' and '-'"));
    }
    Ok(text.to_owned())
}

fn wrong_env(name: &'static str, problem: &str) -> ContractError {
    ContractError::Environment { name, problem: problem.to_owned() }
}

fn wrong(field: &'static str, problem: String) -> ContractError {
    ContractError::Field { field, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(extra: &[(&str, &str)]) -> Result<Instance, ContractError> {
        let mut all = vec![
            ("TWOFOLD_INSTANCE", "demo-node-0"),
            ("TWOFOLD_POD_UID", "u1"),
            ("TWOFOLD_RACK", "zone-a"),
            ("POD_IP", "10.0.0.5"),
        ];
        all.extend_from_slice(extra);
        Instance::from_env(|name| {
            all.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn service(extra: &str) -> Result<Service, String> {
        let text = format!(
            r#"{{"contract":1,"clusterName":"demo","datacenter":"dc1","seeds":["demo-node-0.peers"],"heapBytes":134217728{extra}}}"#
        );
        let service: Service = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        service.check().map_err(|error| error.to_string())?;
        Ok(service)
    }

    #[test]
    fn a_full_environment_is_an_instance() {
        let instance =
            environment(&[("TWOFOLD_FIRST_SEED", "true"), ("TWOFOLD_GRACE_SECONDS", "30")]).unwrap();
        assert_eq!(instance.name, "demo-node-0");
        assert_eq!(instance.grace, Duration::from_secs(30));
        assert!(instance.first_seed);
        assert!(!environment(&[]).unwrap().first_seed);
    }

    #[test]
    fn a_wrong_environment_names_the_variable() {
        for (name, value) in [
            ("TWOFOLD_RACK", ""),
            ("TWOFOLD_RACK", "a=b"),
            ("POD_IP", "localhost"),
            ("TWOFOLD_GRACE_SECONDS", "5"),
            ("TWOFOLD_FIRST_SEED", "yes"),
        ] {
            let message = environment(&[(name, value)]).unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
    }

    #[test]
    fn a_service_may_override_what_is_not_owned() {
        let service =
            service(r#","cassandraYaml":{"concurrent_reads":8},"jvmOptions":["-Xss256k"]"#).unwrap();
        assert_eq!(service.cassandra_yaml["concurrent_reads"], 8);
    }

    #[test]
    fn a_wrong_service_names_the_field() {
        for (extra, expected) in [
            (r#","cassandraYaml":{"seed_provider":[]}"#, "seed_provider is decided by the operator"),
            (r#","cassandraYaml":{"authenticator":"PasswordAuthenticator"}"#, "authenticator"),
            (r#","jvmOptions":["-Xmx1g"]"#, "contradicts heapBytes"),
            (r#","jvmOptions":["-a -b"]"#, "not one word"),
            (r#","typo":1"#, "unknown field `typo`"),
        ] {
            let message = service(extra).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
