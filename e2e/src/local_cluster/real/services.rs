//! What a cluster has beside its nodes: services reached by address, names, and volumes.

use anyhow::Result;
use serde_json::{Value, json};

use crate::local_cluster::{
    address::{self, DNS_SERVICE},
    image,
    layout::{self, Layout},
    record::Record,
    supervisor::Component,
};

/// The namespace of the pods that make and remove volumes.
const VOLUMES: &str = "local-path-storage";

/// Writes the configurations of DNS and volumes.
///
/// # Errors
/// A file cannot be written.
pub(super) fn configure(record: &Record, layout: &Layout) -> Result<()> {
    layout::write(layout.path("config/Corefile"), corefile(record, layout))?;
    layout::write(layout.path("config/local-path.json"), volumes(record, layout).to_string())?;
    layout::write(layout.path("config/local-path-pod.json"), helper_pod().to_string())
}

/// Service addresses. All nodes are one network, so one of them stands for all.
pub(super) fn kube_proxy(record: &Record, layout: &Layout) -> Component {
    Component::new(
        "kube-proxy",
        [
            record.tool("kube-proxy"),
            format!("--kubeconfig={}", layout.path("config/kube-proxy.kubeconfig")),
            "--proxy-mode=iptables".into(),
            "--hostname-override=real-0".into(),
            format!("--cluster-cidr={}", address::PODS),
            // These are settings of the whole machine.
            "--conntrack-max-per-core=0".into(),
            "--conntrack-min=0".into(),
            "--conntrack-tcp-timeout-established=0".into(),
            "--conntrack-tcp-timeout-close-wait=0".into(),
        ],
    )
}

/// Names.
pub(super) fn coredns(record: &Record, layout: &Layout) -> Component {
    Component::new("coredns", [record.tool("coredns"), "-conf".into(), layout.path("config/Corefile")])
}

fn corefile(record: &Record, layout: &Layout) -> String {
    let (address, kubeconfig) = (record.address(), layout.path("config/coredns.kubeconfig"));
    format!(
        "cluster.local:53 in-addr.arpa:53 {{
    bind {address}
    errors
    ready 127.0.0.1:8181
    kubernetes cluster.local in-addr.arpa {{
        kubeconfig {kubeconfig}
        pods insecure
    }}
    cache 5
}}
"
    )
}

/// Volumes.
pub(super) fn local_path(record: &Record, layout: &Layout) -> Component {
    Component::new(
        "local-path-provisioner",
        [
            record.tool("local-path-provisioner"),
            "start".into(),
            format!("--kubeconfig={}", layout.path("config/local-path.kubeconfig")),
            format!("--config={}", layout.path("config/local-path.json")),
            format!("--helper-pod-file={}", layout.path("config/local-path-pod.json")),
            format!("--helper-image={}", image::NAME),
            format!("--namespace={VOLUMES}"),
            "--configmap-name=local-path-config".into(),
            "--service-account-name=default".into(),
        ],
    )
}

/// Each node keeps its volumes in a directory of its own, as machines do.
fn volumes(record: &Record, layout: &Layout) -> Value {
    let paths: Vec<Value> = record
        .spec
        .real_names()
        .iter()
        .map(|node| json!({"node": node, "paths": [layout.node(node).join("volumes")]}))
        .collect();
    json!({"nodePathMap": paths, "setupCommand": "/node", "teardownCommand": "/node"})
}

fn helper_pod() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "volume"},
        "spec": {"containers": [{"name": "volume", "image": image::NAME, "imagePullPolicy": "Never"}]},
    })
}

/// The objects behind DNS and volumes.
pub(super) fn objects(record: &Record) -> String {
    let metadata = |name: &str, namespace: &str| json!({"name": name, "namespace": namespace});
    let ports = json!([
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
    ]);
    let mut slice = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "addressType": "IPv4",
        "endpoints": [{"addresses": [record.address()], "conditions": {"ready": true}}],
        "ports": ports,
    });
    slice["metadata"] = metadata("kube-dns", "kube-system");
    slice["metadata"]["labels"] = json!({"kubernetes.io/service-name": "kube-dns"});
    let items = [
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata("kube-dns", "kube-system"),
            "spec": {"clusterIP": DNS_SERVICE, "ports": ports},
        }),
        slice,
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": VOLUMES}}),
    ];
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::local_cluster::spec::ClusterSpec;

    fn record() -> Record {
        Record::example(ClusterSpec::example(0, 2, 2, &[]))
    }

    #[test]
    fn volumes_of_two_nodes_lie_apart() {
        let config = volumes(&record(), &Layout::at(PathBuf::from("/d")));
        assert_eq!(config["nodePathMap"][0], json!({"node": "real-0", "paths": ["/d/nodes/real-0/volumes"]}));
        assert_eq!(config["nodePathMap"][1]["paths"][0], "/d/nodes/real-1/volumes");
    }

    #[test]
    fn names_are_answered_at_the_address_that_the_service_points_to() {
        let record = record();
        assert!(corefile(&record, &Layout::at(PathBuf::from("/d"))).contains("bind 10.213.4.2\n"));
        assert!(objects(&record).contains(r#""addresses":["10.213.4.2"]"#));
    }
}
