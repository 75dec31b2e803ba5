//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use super::spec::{ClusterSpec, GpuSpec};

/// A Kubernetes cluster on this machine, without Docker.
#[derive(Debug, Parser)]
#[command(name = "local-cluster", version)]
pub struct Args {
    /// Which cluster; several can run side by side.
    #[arg(long, global = true, default_value = "twofold", env = "LOCAL_CLUSTER")]
    pub name: String,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build what is missing and start the cluster; does nothing if it is up as asked.
    Up(UpArgs),
    /// Stop the cluster and remove all of it; reports what it could not remove.
    Down {
        /// Every cluster in the cache, not only --name.
        #[arg(long)]
        all: bool,
    },
    /// Say what runs and where its files are. Exits with 1 unless all of it runs.
    Status,
    /// Names of all clusters in the cache, and whether they run.
    List,
    /// Path of the administrator's kubeconfig.
    Kubeconfig,
    /// What a component has written; without a name, which components there are.
    Logs { component: Option<String> },
    /// Build the binaries, and print the directory that they are in.
    Tools {
        /// Those of real nodes too.
        #[arg(long)]
        real: bool,
    },
    /// Print the directory of the binaries (kubectl, helm, …), built or not.
    Bin,
    /// Import image archives (docker-archive or OCI) into every real node.
    Load {
        #[arg(required = true)]
        archives: Vec<PathBuf>,
    },
    /// Cut a node off from the cluster, or bring it back.
    Node {
        #[arg(value_enum)]
        action: Action,
        node: String,
    },
    /// Stop or start a component, such as kube-apiserver or kubelet-real-0.
    Component {
        #[arg(value_enum)]
        action: Action,
        component: String,
    },
    /// Run a command in the namespaces of a cluster with real nodes.
    Exec {
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        argv: Vec<String>,
    },
    /// Print this machine's mounts, links, packet filter rules, control groups and processes, to compare.
    Snapshot,
    /// The process that owns a cluster's processes.
    #[command(hide = true)]
    Supervise { directory: PathBuf },
    /// The first process of a cluster's PID namespace.
    #[command(hide = true)]
    Init { directory: PathBuf },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Action {
    Stop,
    Start,
}

#[derive(Debug, ClapArgs)]
pub struct UpArgs {
    /// Nodes played by KWOK; needs no root.
    #[arg(long, default_value_t = 0)]
    pub fake: u32,
    /// Nodes with kubelet and containerd of their own; needs root.
    #[arg(long, default_value_t = 0)]
    pub real: u32,
    /// Zones that the nodes are dealt to in turn; 0 leaves the topology labels out.
    #[arg(long, default_value_t = 3)]
    pub zones: u32,
    /// GPUs of fake nodes: MODEL:COUNT for a quarter of them, MODEL:COUNT:NODES for so many. May be repeated.
    #[arg(long)]
    pub gpus: Vec<GpuSpec>,
    /// CPUs of a fake node.
    #[arg(long, default_value = "32")]
    pub fake_cpu: String,
    /// Memory of a fake node.
    #[arg(long, default_value = "128Gi")]
    pub fake_memory: String,
    /// Seconds without a heartbeat after which a node is Unknown.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(8..))]
    pub grace_seconds: u32,
}

impl UpArgs {
    #[must_use]
    pub fn into_spec(self, name: String) -> ClusterSpec {
        let Self { fake, real, zones, gpus, fake_cpu, fake_memory, grace_seconds } = self;
        ClusterSpec { name, fake, real, zones, gpus, fake_cpu, fake_memory, grace_seconds }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn up_reads_nodes_zones_and_gpus() {
        let args = Args::parse_from([
            "local-cluster",
            "up",
            "--fake",
            "20",
            "--gpus",
            "A100:8",
            "--gpus",
            "V100:4:2",
        ]);
        let Command::Up(up) = args.command else { panic!("not up") };
        let spec = up.into_spec(args.name);
        assert_eq!((spec.fake, spec.real, spec.zones, spec.gpus.len()), (20, 0, 3, 2));
    }

    #[test]
    fn the_name_may_stand_before_or_after_the_command() {
        for argv in [["local-cluster", "--name", "x", "status"], ["local-cluster", "status", "--name", "x"]] {
            assert_eq!(Args::parse_from(argv).name, "x");
        }
    }

    #[test]
    fn exec_passes_flags_on() {
        let args = Args::parse_from(["local-cluster", "exec", "ip", "-o", "link"]);
        let Command::Exec { argv } = args.command else { panic!("not exec") };
        assert_eq!(argv, ["ip", "-o", "link"]);
    }
}
