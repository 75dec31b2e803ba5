//! The configuration of a Cassandra server, as text: nothing here touches a file.
//!
//! `cassandra.yaml` is written as JSON, which is YAML: no value can break out of its quotes.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::contract::{CQL_PORT, Instance, STORAGE_PORT, Service};

/// The files that the agent writes into the server's configuration directory, by name. They replace those
/// of the image; the image's other files (JVM options, environment script) are kept.
pub fn files(
    service: &Service,
    instance: &Instance,
    seeds: &[String],
    data: &Path,
) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("cassandra.yaml", format!("{:#}\n", cassandra_yaml(service, instance, seeds, data))),
        ("cassandra-rackdc.properties", format!("dc={}\nrack={}\n", service.datacenter, instance.rack)),
        ("logback.xml", include_str!("config/logback.xml").to_owned()),
    ])
}

/// What the server's start script reads from its environment: heap and extra options. `HEAP_NEWSIZE` is
/// given because the stock script insists on the pair unless G1 is used.
pub fn environment(service: &Service) -> [(&'static str, String); 3] {
    let heap_mib = service.heap_bytes >> 20;
    [
        ("MAX_HEAP_SIZE", format!("{heap_mib}M")),
        ("HEAP_NEWSIZE", format!("{}M", heap_mib / 4)),
        ("JVM_EXTRA_OPTS", service.jvm_options.join(" ")),
    ]
}

/// The image's file of JVM options without its choice of a garbage collector, if the service makes its own:
/// a JVM refuses to start with two.
pub fn jvm_options(of_image: &str, service: &Service) -> String {
    if !service.jvm_options.iter().any(|option| chooses_collector(option)) {
        return of_image.to_owned();
    }
    of_image.lines().filter(|line| !chooses_collector(line.trim())).map(|line| format!("{line}\n")).collect()
}

fn chooses_collector(option: &str) -> bool {
    option.starts_with("-XX:+Use") && option.ends_with("GC")
}

fn cassandra_yaml(service: &Service, instance: &Instance, seeds: &[String], data: &Path) -> Value {
    let dir = |name: &str| data.join(name).display().to_string();
    let address = instance.address.to_string();
    let mut yaml = json!({
        "cluster_name": service.cluster_name,
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "num_tokens": 16,
        "allocate_tokens_for_local_replication_factor": 3,
        "endpoint_snitch": "GossipingPropertyFileSnitch",
        "listen_address": address,
        "rpc_address": address,
        "storage_port": STORAGE_PORT,
        "native_transport_port": CQL_PORT,
        "seed_provider": [{
            "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
            "parameters": [{"seeds": seeds.join(",")}],
        }],
        "data_file_directories": [dir("data")],
        "commitlog_directory": dir("commitlog"),
        "saved_caches_directory": dir("saved_caches"),
        "hints_directory": dir("hints"),
        "cdc_raw_directory": dir("cdc_raw"),
        "commitlog_sync": "periodic",
        "commitlog_sync_period": "10s",
        "internode_compression": "dc",
        // A server that lost its disk must end, so that its pod is seen to fail.
        "disk_failure_policy": "die",
        "commit_failure_policy": "die",
    });
    if let Some(yaml) = yaml.as_object_mut() {
        yaml.extend(service.cassandra_yaml.clone());
    }
    yaml
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn service(options: &[&str]) -> Service {
        Service {
            contract: 1,
            cluster_name: "it's: a \"demo\"".to_owned(),
            datacenter: "dc1".to_owned(),
            seeds: vec!["n0.peers".to_owned()],
            heap_bytes: 256 << 20,
            jvm_options: options.iter().map(|option| (*option).to_owned()).collect(),
            cassandra_yaml: json!({"num_tokens": 4, "concurrent_reads": 8}).as_object().unwrap().clone(),
        }
    }

    fn instance() -> Instance {
        Instance {
            name: "n1".to_owned(),
            pod_uid: "u".to_owned(),
            rack: "zone-b".to_owned(),
            address: "10.0.0.2".parse().unwrap(),
            first_seed: false,
            grace: Duration::from_secs(60),
        }
    }

    #[test]
    fn overrides_win_and_odd_names_stay_values() {
        let files = files(
            &service(&[]),
            &instance(),
            &["n0.peers".to_owned(), "n2.peers".to_owned()],
            Path::new("/var/lib/cassandra"),
        );
        let yaml: Value = serde_json::from_str(&files["cassandra.yaml"]).unwrap();
        assert_eq!(yaml["cluster_name"], "it's: a \"demo\"");
        assert_eq!(yaml["num_tokens"], 4);
        assert_eq!(yaml["concurrent_reads"], 8);
        assert_eq!(yaml["listen_address"], "10.0.0.2");
        assert_eq!(yaml["seed_provider"][0]["parameters"][0]["seeds"], "n0.peers,n2.peers");
        assert_eq!(yaml["data_file_directories"][0], "/var/lib/cassandra/data");
        assert_eq!(files["cassandra-rackdc.properties"], "dc=dc1\nrack=zone-b\n");
    }

    #[test]
    fn every_owned_key_that_is_rendered_is_refused_as_an_override() {
        let own = files(&service(&[]), &instance(), &[], Path::new("/d"));
        let yaml: Value = serde_json::from_str(&own["cassandra.yaml"]).unwrap();
        for key in ["cluster_name", "seed_provider", "listen_address", "data_file_directories"] {
            assert!(yaml.get(key).is_some() && crate::contract::OWNED_KEYS.contains(&key), "{key}");
        }
    }

    #[test]
    fn a_collector_of_the_service_replaces_the_images() {
        let image = "# gc\n-XX:+UseG1GC\n-XX:+UseThreadPriorities\n";
        assert_eq!(jvm_options(image, &service(&["-Xss256k"])), image);
        assert_eq!(jvm_options(image, &service(&["-XX:+UseSerialGC"])), "# gc\n-XX:+UseThreadPriorities\n");
    }

    #[test]
    fn the_heap_is_given_in_whole_mebibytes() {
        let environment = environment(&service(&["-Da=1", "-Db=2"]));
        assert_eq!(environment[0], ("MAX_HEAP_SIZE", "256M".to_owned()));
        assert_eq!(environment[2], ("JVM_EXTRA_OPTS", "-Da=1 -Db=2".to_owned()));
    }
}
