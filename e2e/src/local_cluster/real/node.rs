//! One real node: a container runtime and a kubelet, with directories, sockets, addresses and a control group
//! of their own.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::local_cluster::{
    address, cgroup, image,
    layout::{self, Layout},
    record::Record,
    spec::{ClusterSpec, REGION},
    supervisor::Component,
};

/// The socket of a node's container runtime, inside the cluster's mounts.
pub(super) fn socket(node: &str) -> String {
    format!("/run/{node}/containerd.sock")
}

/// Writes the configurations of a node.
///
/// # Errors
/// A file cannot be written.
pub(super) fn configure(
    record: &Record,
    layout: &Layout,
    plugins: &Path,
    index: u32,
    node: &str,
) -> Result<()> {
    let directory = layout.node(node);
    let mounts =
        std::fs::read_to_string("/proc/self/mounts").context("failed to read the table of mounts")?;
    let snapshotter = snapshotter(&mounts, layout.root());
    let runc = record.tool("runc");
    layout::write(
        directory.join("containerd.toml"),
        containerd_config(&directory, node, &runc, plugins, snapshotter),
    )?;
    layout::write(directory.join("cni/10-pods.conflist"), network_config(index, node).to_string())?;
    layout::write(directory.join("volumes/.keep"), "")?;
    let config = kubelet_config(record, layout, index, node);
    layout::write(directory.join("kubelet.json"), format!("{config:#}\n"))
}

/// The container runtime. Its helpers are found through the path.
pub(super) fn containerd(record: &Record, layout: &Layout, node: &str) -> Component {
    let config = layout.node(node).join("containerd.toml").display().to_string();
    with_path(
        record,
        Component::new(format!("containerd-{node}"), [record.tool("containerd"), "--config".into(), config]),
    )
}

/// The kubelet.
pub(super) fn kubelet(record: &Record, layout: &Layout, node: &str) -> Component {
    let directory = layout.node(node);
    let path = |below: &str| directory.join(below).display().to_string();
    let index = record.spec.real_names().iter().position(|name| name == node).unwrap_or(0);
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    let address = record.subnet.map_or_else(String::new, |subnet| subnet.node(index));
    with_path(
        record,
        Component::new(
            format!("kubelet-{node}"),
            [
                record.tool("kubelet"),
                format!("--config={}", path("kubelet.json")),
                format!("--kubeconfig={}", layout.path(&format!("config/{node}.kubeconfig"))),
                format!("--hostname-override={node}"),
                format!("--root-dir={}", path("kubelet")),
                format!("--cert-dir={}", path("pki")),
                format!("--node-ip={address}"),
                format!("--node-labels={}", labels(&record.spec, index)),
            ],
        ),
    )
}

fn with_path(record: &Record, component: Component) -> Component {
    let path = std::env::var("PATH").unwrap_or_default();
    let env = vec![("PATH".to_owned(), format!("{}:{path}", record.bin.display()))];
    Component { env, ..component }
}

fn labels(spec: &ClusterSpec, index: u32) -> String {
    let mut labels = vec!["node.kubernetes.io/instance-type=real".to_owned()];
    if let Some(zone) = spec.zone(index) {
        labels.push(format!("topology.kubernetes.io/region={REGION}"));
        labels.push(format!("topology.kubernetes.io/zone={zone}"));
    }
    labels.join(",")
}

/// An overlay cannot lie on an overlay, which is what a container's own file system often is.
fn snapshotter(mounts: &str, directory: &Path) -> &'static str {
    let fields = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let below = fields.filter(|(point, _)| directory.starts_with(point));
    match below.max_by_key(|(point, _)| point.len()) {
        Some((_, "overlay")) => "native",
        Some(_) | None => "overlayfs",
    }
}

fn containerd_config(directory: &Path, node: &str, runc: &str, plugins: &Path, snapshotter: &str) -> String {
    let (directory, plugins, sandbox, socket) =
        (directory.display(), plugins.display(), image::NAME, socket(node));
    format!(
        r#"version = 3
root = "{directory}/containerd"
state = "/run/{node}/containerd"

[grpc]
address = "{socket}"

[plugins.'io.containerd.internal.v1.opt']
path = "{directory}/opt"

# Its socket has one name for all runtimes of a machine.
[plugins.'io.containerd.nri.v1.nri']
disable = true

[plugins.'io.containerd.cri.v1.images']
snapshotter = "{snapshotter}"

[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "{sandbox}"

[plugins.'io.containerd.cri.v1.runtime']
# Without the capability to lower the score, every sandbox would fail.
restrict_oom_score_adj = true

[plugins.'io.containerd.cri.v1.runtime'.containerd]
default_runtime_name = "runc"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = "{runc}"
SystemdCgroup = false

[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["{plugins}"]
conf_dir = "{directory}/cni"
"#
    )
}

/// Pods are routed, not bridged: every packet passes the packet filter, whatever the machine's bridge settings.
fn network_config(index: u32, node: &str) -> Value {
    json!({
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "ptp",
                "ipam": {
                    "type": "host-local",
                    "dataDir": format!("/run/{node}/addresses"),
                    "ranges": [[{"subnet": address::pods_of(index)}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    })
}

fn kubelet_config(record: &Record, layout: &Layout, index: u32, node: &str) -> Value {
    let address = record.subnet.map_or_else(String::new, |subnet| subnet.node(index));
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": address,
        "healthzBindAddress": address,
        "readOnlyPort": 0,
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": layout.path("pki/ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup::of_node(&record.spec.name, node),
        "failCgroupV1": false,
        "enforceNodeAllocatable": [],
        "failSwapOn": false,
        "clusterDomain": "cluster.local",
        "clusterDNS": [address::DNS_SERVICE],
        "resolvConf": layout.path("config/resolv.conf"),
        "containerRuntimeEndpoint": format!("unix://{}", socket(node)),
        "podLogsDir": format!("/var/log/{node}"),
        "volumePluginDir": layout.node(node).join("volume-plugins"),
        "nodeLeaseDurationSeconds": record.spec.grace_seconds * 4 / 5,
        // The machine's disk is not the cluster's to clean.
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn nodes_of_one_machine_share_neither_directory_nor_socket_nor_addresses() {
        let config = |node: &str| {
            let directory = PathBuf::from("/d").join(node);
            containerd_config(&directory, node, "/bin/runc", Path::new("/usr/lib/cni"), "overlayfs")
        };
        assert!(config("real-1").contains("root = \"/d/real-1/containerd\""));
        assert!(!config("real-1").contains("real-0"));
        assert_ne!(network_config(0, "real-0"), network_config(1, "real-1"));
    }

    #[test]
    fn on_an_overlay_files_are_copied_instead() {
        let mounts = "overlay / overlay rw 0 0\n/dev/sda /data ext4 rw 0 0";
        assert_eq!(snapshotter(mounts, Path::new("/root/x")), "native");
        assert_eq!(snapshotter(mounts, Path::new("/data/x")), "overlayfs");
    }

    #[test]
    fn the_network_is_written_for_the_node_of_this_index() {
        let config = network_config(3, "real-3");
        assert_eq!(config["plugins"][0]["ipam"]["ranges"][0][0]["subnet"], "10.244.3.0/24");
    }
}
