//! The Go modules that the binaries are built from. They are part of this program, so that it works anywhere,
//! and the key of what it built says exactly what it was built from.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// The version of Kubernetes that is built; its staging modules are `v0.` with the same rest.
pub const KUBERNETES: &str = "1.36.3";

/// One wrapper module: what is written into a directory for `go build` to run in.
#[derive(Clone, Copy, Debug)]
pub struct Module {
    pub name: &'static str,
    pub go_mod: &'static str,
    pub go_sum: &'static str,
}

/// One binary.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    pub name: &'static str,
    pub module: Module,
    pub package: &'static str,
    /// The program of the module's own package, where that is what is built.
    pub main: Option<&'static str>,
    pub tags: &'static str,
    pub cgo: bool,
    /// Which clusters cannot do without it.
    pub need: Need,
    /// Seconds that a build with empty caches took on two cores, to give the waiting an idea.
    pub cold_seconds: u32,
}

/// Which clusters need a binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Every,
    Real,
}

macro_rules! module {
    ($name:literal) => {
        Module {
            name: $name,
            go_mod: include_str!(concat!("../../cluster/modules/", $name, "/go.mod")),
            go_sum: include_str!(concat!("../../cluster/modules/", $name, "/go.sum")),
        }
    };
}

/// CoreDNS and the volume provisioner are in it too: built from the same versions of the same clients, they cost
/// seconds instead of minutes.
const KUBERNETES_MODULE: Module = module!("kubernetes");
const ETCD: Module = module!("etcd");
const KWOK: Module = module!("kwok");
const HELM: Module = module!("helm");
const CONTAINERD: Module = module!("containerd");
const RUNC: Module = module!("runc");
const NODE_IMAGE: Module = module!("node-image");

const COREDNS_MAIN: &str = include_str!("../../cluster/modules/kubernetes/main.go");
const NODE_IMAGE_MAIN: &str = include_str!("../../cluster/modules/node-image/main.go");

const CONTAINERD_TAGS: &str = "no_aufs,no_btrfs,no_devmapper,no_zfs";

/// Every binary, in the order of building: what a cluster of fake nodes needs comes first.
pub const TOOLS: &[Tool] = &[
    tool("kube-apiserver", KUBERNETES_MODULE, "k8s.io/kubernetes/cmd/kube-apiserver", Need::Every, 344),
    tool(
        "kube-controller-manager",
        KUBERNETES_MODULE,
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        Need::Every,
        83,
    ),
    tool("kube-scheduler", KUBERNETES_MODULE, "k8s.io/kubernetes/cmd/kube-scheduler", Need::Every, 5),
    tool("kubectl", KUBERNETES_MODULE, "k8s.io/kubernetes/cmd/kubectl", Need::Every, 20),
    tool("etcd", ETCD, "go.etcd.io/etcd/server/v3", Need::Every, 26),
    tool("kwok", KWOK, "sigs.k8s.io/kwok/cmd/kwok", Need::Every, 93),
    tool("helm", HELM, "helm.sh/helm/v4/cmd/helm", Need::Every, 71),
    tool("kubelet", KUBERNETES_MODULE, "k8s.io/kubernetes/cmd/kubelet", Need::Real, 22),
    tool("kube-proxy", KUBERNETES_MODULE, "k8s.io/kubernetes/cmd/kube-proxy", Need::Real, 7),
    containerd("containerd", "github.com/containerd/containerd/v2/cmd/containerd", 60),
    containerd(
        "containerd-shim-runc-v2",
        "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
        6,
    ),
    containerd("ctr", "github.com/containerd/containerd/v2/cmd/ctr", 6),
    Tool {
        cgo: true,
        tags: "seccomp",
        ..tool("runc", RUNC, "github.com/opencontainers/runc", Need::Real, 17)
    },
    Tool { main: Some(COREDNS_MAIN), ..tool("coredns", KUBERNETES_MODULE, ".", Need::Real, 20) },
    tool(
        "local-path-provisioner",
        KUBERNETES_MODULE,
        "github.com/rancher/local-path-provisioner",
        Need::Real,
        15,
    ),
    Tool { main: Some(NODE_IMAGE_MAIN), ..tool("node-image", NODE_IMAGE, ".", Need::Real, 2) },
];

const fn tool(
    name: &'static str,
    module: Module,
    package: &'static str,
    need: Need,
    cold_seconds: u32,
) -> Tool {
    Tool { name, module, package, main: None, tags: "", cgo: false, need, cold_seconds }
}

const fn containerd(name: &'static str, package: &'static str, cold_seconds: u32) -> Tool {
    Tool { tags: CONTAINERD_TAGS, ..tool(name, CONTAINERD, package, Need::Real, cold_seconds) }
}

impl Tool {
    /// The files that the module's directory has when this is built: names and contents.
    #[must_use]
    pub fn files(&self) -> Vec<(&'static str, &'static str)> {
        let Module { name: _, go_mod, go_sum } = self.module;
        let mut files = vec![("go.mod", go_mod), ("go.sum", go_sum)];
        files.extend(self.main.map(|main| ("main.go", main)));
        files
    }

    /// Flags of the linker. Kubernetes' version is stamped, because clients and charts ask for it.
    #[must_use]
    pub fn ldflags(&self) -> String {
        let mut flags = String::from("-s -w");
        if self.module.name == "kubernetes" {
            let mut numbers = KUBERNETES.split('.');
            let (major, minor) = (numbers.next().unwrap_or(""), numbers.next().unwrap_or(""));
            for package in ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"] {
                for (variable, value) in [
                    ("gitVersion", format!("v{KUBERNETES}").as_str()),
                    ("gitMajor", major),
                    ("gitMinor", minor),
                ] {
                    let _ = write!(flags, " -X {package}.{variable}={value}");
                }
            }
        }
        flags
    }

    /// Names what the binary is built from: another go.sum, another flag, another key.
    #[must_use]
    pub fn key(&self) -> String {
        let mut parts = vec![self.package, self.tags, if self.cgo { "cgo" } else { "" }];
        let ldflags = self.ldflags();
        parts.push(&ldflags);
        for (name, content) in self.files() {
            parts.extend([name, content]);
        }
        digest(&parts)
    }
}

/// The key of the directory that holds all binaries together.
#[must_use]
pub fn bin_key() -> String {
    let keys: Vec<String> = TOOLS.iter().map(|tool| format!("{} {}", tool.name, tool.key())).collect();
    digest(&keys.iter().map(String::as_str).collect::<Vec<_>>())
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize())[..16].to_owned()
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_sum_file_changes_the_key_and_so_does_a_flag() {
        const A: Module = Module { name: "m", go_mod: "", go_sum: "a" };
        const B: Module = Module { name: "m", go_mod: "", go_sum: "b" };
        let of = |module| tool("t", module, "p", Need::Every, 1);
        assert_eq!(of(A).key(), of(A).key());
        assert_ne!(of(A).key(), of(B).key());
        assert_ne!(of(A).key(), Tool { cgo: true, ..of(A) }.key());
        assert_ne!(of(A).key(), Tool { tags: "x", ..of(A) }.key());
        assert_ne!(of(A).key(), Tool { main: Some("x"), ..of(A) }.key());
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
    }

    #[test]
    fn kubernetes_is_stamped_and_pinned_to_the_same_version() {
        let apiserver = TOOLS[0];
        assert!(apiserver.ldflags().contains("version.gitVersion=v1.36.3"));
        assert!(apiserver.ldflags().contains("version.gitMinor=36"));
        assert!(apiserver.module.go_mod.contains(&format!("k8s.io/kubernetes v{KUBERNETES}")));
    }

    #[test]
    fn names_are_unique_and_what_fake_nodes_need_is_built_first() {
        let mut names: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
        let first_real = TOOLS.iter().position(|tool| tool.need == Need::Real).unwrap();
        assert!(TOOLS[first_real..].iter().all(|tool| tool.need == Need::Real));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TOOLS.len());
    }
}
