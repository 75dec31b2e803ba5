//! The command line. Every flag can also be given by an environment variable with the prefix `TWOFOLD_`.

use crate::explain::ExplainArgs;
use crate::simulate::SimulateArgs;
use clap::{Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use twofold_core::settings::Settings;

/// Two-level scheduling for Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "twofold", version, about)]
pub struct Args {
    /// What is to be done.
    #[command(subcommand)]
    pub command: Command,
    /// How log lines are written.
    #[arg(long, env = "TWOFOLD_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text, global = true)]
    pub log_format: LogFormat,
    /// What is logged: a level (error, warn, info, debug, trace), or directives such as
    /// `info,twofold_operator=debug`.
    #[arg(long, env = "TWOFOLD_LOG_LEVEL", default_value = "info", global = true)]
    pub log_level: String,
}

/// What the binary can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch a cluster, decide who gets resources and what runs on them, and carry it out.
    Operator(OperatorArgs),
    /// Play manifests on a cluster in memory: what would be launched where, and what would wait, and why.
    Simulate(SimulateArgs),
    /// Say why a service or job of a cluster is where it is.
    Explain(ExplainArgs),
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Flags of the operator. The cluster is found as `kubectl` finds it: `KUBECONFIG`, then `~/.kube/config`, then
/// the service account of the pod.
#[derive(Clone, Debug, clap::Args)]
pub struct OperatorArgs {
    /// Address that serves /healthz, /readyz and /metrics.
    #[arg(long, env = "TWOFOLD_HTTP_ADDR", default_value = "0.0.0.0:8080")]
    pub http_addr: SocketAddr,
    /// Name of the Lease by which one of several copies leads.
    #[arg(long, env = "TWOFOLD_LEASE_NAME", default_value = "twofold")]
    pub lease_name: String,
    /// Namespace of the Lease [default: the operator's own, or the kubeconfig's].
    #[arg(long, env = "TWOFOLD_LEASE_NAMESPACE")]
    pub lease_namespace: Option<String>,
    /// Name of this copy, different for each copy that runs at the same time [default: the host name].
    #[arg(long, env = "TWOFOLD_IDENTITY")]
    pub identity: Option<String>,
    /// Serve only this namespace; repeat for more [default: all]. Pods everywhere still count as use.
    #[arg(long = "watch-namespace", env = "TWOFOLD_WATCH_NAMESPACE", value_delimiter = ',')]
    pub watch_namespaces: Vec<String>,
    /// Seconds that a launched pod may stay unbound before it is withdrawn and placed anew.
    #[arg(long, env = "TWOFOLD_BIND_TIMEOUT_SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub bind_timeout_seconds: u64,
    /// Image that holds the agent of data-service pods; usually the operator's own.
    #[arg(long, env = "TWOFOLD_AGENT_IMAGE", default_value = concat!("docker.io/twofold/operator:", env!("CARGO_PKG_VERSION")))]
    pub agent_image: String,
    /// Processor architecture that the agent's image is built for, as Kubernetes names it; repeat for more [default: the
    /// operator's own]. Data services are placed on machines of these only.
    #[arg(long = "agent-architecture", env = "TWOFOLD_AGENT_ARCHITECTURE", value_delimiter = ',')]
    pub agent_architectures: Vec<String>,
    /// DNS domain of the cluster, such as `cluster.local`, appended to host names [default: none].
    #[arg(long, env = "TWOFOLD_CLUSTER_DOMAIN", default_value = "")]
    pub cluster_domain: String,
    /// Re-aim claims whose agent was abandoned before they were bound. Needs the permission to patch claims.
    #[arg(long, env = "TWOFOLD_ALLOW_CLAIM_PATCH")]
    pub allow_claim_patch: bool,
    /// Writes to the API server that may be under way at once.
    #[arg(long, env = "TWOFOLD_WRITE_CONCURRENCY", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub write_concurrency: u32,
}

impl OperatorArgs {
    /// The settings that the brain works by.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            namespaces: self.watch_namespaces.clone(),
            bind_timeout_millis: self.bind_timeout_seconds.saturating_mul(1_000),
            agent_image: self.agent_image.clone(),
            agent_architectures: if self.agent_architectures.is_empty() {
                vec![own_architecture().to_owned()]
            } else {
                self.agent_architectures.clone()
            },
            cluster_domain: self.cluster_domain.clone(),
            allow_claim_patch: self.allow_claim_patch,
        }
    }
}

/// The architecture that this program was built for, by the name that Kubernetes has for it.
fn own_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_flag_has_an_environment_variable() {
        let command = Args::command();
        let flags =
            command.get_arguments().chain(command.get_subcommands().flat_map(|sub| sub.get_arguments()));
        let flags = flags.filter(|flag| !flag.is_positional());
        for flag in flags.filter(|flag| !matches!(flag.get_id().as_str(), "help" | "version")) {
            let variable = flag.get_env().and_then(|name| name.to_str()).unwrap_or_default();
            let expected = format!("TWOFOLD_{}", flag.get_long().unwrap().to_uppercase().replace('-', "_"));
            assert_eq!(variable, expected);
        }
    }

    #[test]
    fn namespaces_are_repeated_or_separated_by_commas() {
        let args =
            Args::parse_from(["twofold", "operator", "--watch-namespace=a", "--watch-namespace", "b,c"]);
        let Command::Operator(operator) = args.command else { panic!("not the operator") };
        assert_eq!(operator.settings().namespaces, ["a", "b", "c"]);
    }

    #[test]
    fn a_bind_timeout_of_nothing_is_refused() {
        let refused = Args::try_parse_from(["twofold", "operator", "--bind-timeout-seconds=0"]).unwrap_err();
        assert!(refused.to_string().contains("0 is not in 1..=86400"), "{refused}");
    }
}
