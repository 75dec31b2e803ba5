//! Nodes that KWOK plays, as Kubernetes objects.

use serde_json::{Map, Value, json};

use super::{
    control_plane::HEARTBEAT_LABEL,
    spec::{ClusterSpec, REGION},
};

/// The list of fake nodes, to be created with their status.
#[must_use]
pub fn nodes(spec: &ClusterSpec) -> Value {
    let items: Vec<Value> = (0..spec.fake).map(|index| node(spec, index)).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn node(spec: &ClusterSpec, index: u32) -> Value {
    let name = format!("fake-{index}");
    let mut capacity = json!({
        "cpu": spec.fake_cpu,
        "memory": spec.fake_memory,
        "ephemeral-storage": "500Gi",
        "pods": "110",
    });
    if let Some(gpu) = spec.gpu_of(index) {
        capacity["nvidia.com/gpu"] = json!(gpu.count.to_string());
    }
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels(spec, index)},
        "spec": {"taints": taints(spec)},
        "status": {
            "capacity": capacity,
            "allocatable": capacity,
            "addresses": [{"type": "Hostname", "address": name}],
            "nodeInfo": {
                "architecture": "amd64",
                "operatingSystem": "linux",
                "kubeletVersion": "fake",
                "kubeProxyVersion": "",
                "containerRuntimeVersion": "kwok",
                "kernelVersion": "",
                "osImage": "",
                "bootID": "",
                "machineID": "",
                "systemUUID": "",
            },
        },
    })
}

fn labels(spec: &ClusterSpec, index: u32) -> Map<String, Value> {
    let mut labels = Map::new();
    let mut set = |key: &str, value: &str| labels.insert(key.to_owned(), json!(value));
    set("kubernetes.io/hostname", &format!("fake-{index}"));
    set("kubernetes.io/arch", "amd64");
    set("kubernetes.io/os", "linux");
    set(HEARTBEAT_LABEL, "on");
    if let Some(zone) = spec.zone(index) {
        set("topology.kubernetes.io/region", REGION);
        set("topology.kubernetes.io/zone", &zone);
    }
    match spec.gpu_of(index) {
        Some(gpu) => {
            set("node.kubernetes.io/instance-type", "fake-gpu");
            set("nvidia.com/gpu.product", &gpu.model);
            set("nvidia.com/gpu.count", &gpu.count.to_string());
        }
        None => {
            set("node.kubernetes.io/instance-type", "fake");
        }
    }
    labels
}

/// Beside real nodes the fake ones must not attract pods that need a real one.
fn taints(spec: &ClusterSpec) -> Value {
    match spec.real {
        0 => json!([]),
        _ => json!([{"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(real: u32) -> ClusterSpec {
        ClusterSpec::example(4, real, 3, &["NVIDIA-A100:8:1"])
    }

    #[test]
    fn a_node_has_topology_labels_and_gpus_where_asked() {
        let nodes = nodes(&spec(0));
        let first = &nodes["items"][0];
        assert_eq!(first["metadata"]["labels"]["topology.kubernetes.io/zone"], "local-a");
        assert_eq!(first["metadata"]["labels"]["nvidia.com/gpu.product"], "NVIDIA-A100");
        assert_eq!(first["status"]["allocatable"]["nvidia.com/gpu"], "8");
        let last = &nodes["items"][3];
        assert_eq!(last["metadata"]["labels"]["topology.kubernetes.io/zone"], "local-a");
        assert_eq!(last["status"]["allocatable"]["nvidia.com/gpu"], Value::Null);
    }

    #[test]
    fn fake_nodes_are_tainted_only_beside_real_ones() {
        assert_eq!(nodes(&spec(0))["items"][0]["spec"]["taints"], json!([]));
        assert_eq!(nodes(&spec(1))["items"][0]["spec"]["taints"][0]["effect"], "NoSchedule");
    }
}
