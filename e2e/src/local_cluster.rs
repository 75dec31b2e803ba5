//! A Kubernetes cluster on one Linux machine, without Docker.
//!
//! The binaries are built once from the Go modules in `e2e/cluster/modules` and kept under
//! `$XDG_CACHE_HOME/twofold`. A cluster is a directory there, one supervisor process, and what the supervisor
//! started:
//!
//! ```text
//! fake nodes only                      with real nodes (root)
//! supervisor                           unshare (own mount, network and PID namespace)
//! ├─ etcd, kube-apiserver, …           └─ init ─ supervisor ─ the same, and for each node
//! └─ kwok                                        containerd, kubelet; kube-proxy, coredns, local-path
//! ```
//!
//! Whatever ends the supervisor ends the cluster: its children carry a parent-death signal, and with real nodes
//! the kernel ends the whole PID namespace and with it mounts, links and packet filter rules. What outlives that
//! (the directory, control groups, the outer end of a cable) is removed by `down`, or by the next `up`.

pub mod address;
pub mod args;
pub mod build;
pub mod cgroup;
pub mod command;
pub mod control_plane;
pub mod down;
pub mod fake;
pub mod image;
pub mod kubeconfig;
pub mod kubectl;
pub mod layout;
pub mod leftovers;
pub mod modules;
pub mod nodes;
pub mod pki;
pub mod ports;
pub mod process;
pub mod progress;
pub mod real;
pub mod record;
pub mod spec;
pub mod status;
pub mod supervisor;
pub mod up;
