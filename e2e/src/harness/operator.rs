//! The operator as a process, under the token of the chart's ServiceAccount and never as administrator.

use anyhow::{Context as _, bail};
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// Where the chart is installed.
pub const NAMESPACE: &str = "twofold-system";
/// The chart's ServiceAccount.
const ACCOUNT: &str = "twofold";

/// The cluster under test: its administrator's kubeconfig, and one with the operator's token.
pub struct Cluster {
    /// As administrator.
    pub client: Client,
    /// The operator's own kubeconfig.
    pub operator_kubeconfig: PathBuf,
}

impl Cluster {
    /// Connects to the cluster that `KUBECONFIG` names, and asks for a token of the chart's ServiceAccount.
    ///
    /// # Errors
    /// There is no cluster, or the chart is not installed.
    pub async fn connect() -> anyhow::Result<Self> {
        let path = std::env::var("KUBECONFIG").context("KUBECONFIG names no cluster; run `make test`")?;
        let admin = Kubeconfig::read_from(&path)?;
        let config = Config::from_custom_kubeconfig(admin.clone(), &KubeConfigOptions::default()).await?;
        let client = Client::try_from(config)?;
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), NAMESPACE);
        let request: TokenRequest = serde_json::from_value(serde_json::json!({
            "spec": {"audiences": [], "expirationSeconds": 14_400}
        }))?;
        let token = accounts
            .create_token_request(ACCOUNT, &PostParams::default(), &request)
            .await
            .context("failed to get a token of the chart's ServiceAccount; is the chart installed?")?;
        let token = token.status.and_then(|status| status.token).context("the token request has no token")?;
        let operator_kubeconfig = scratch()?.join("operator.kubeconfig");
        std::fs::write(&operator_kubeconfig, as_operator(admin, &token)?)?;
        Ok(Self { client, operator_kubeconfig })
    }
}

/// A folder for what tests leave to be looked at.
///
/// # Errors
/// It cannot be made.
pub fn scratch() -> anyhow::Result<PathBuf> {
    let folder = target().join("e2e");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The folder of what is built, two above the test binary's own `debug/deps`.
fn target() -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    exe.ancestors().nth(3).map_or_else(|| PathBuf::from("target"), Path::to_path_buf)
}

/// The binary that runs the cluster under test.
#[must_use]
pub fn local_cluster() -> PathBuf {
    std::env::var_os("LOCAL_CLUSTER_BIN").map_or_else(|| target().join("debug/local-cluster"), PathBuf::from)
}

/// The same cluster, with a token in place of the administrator's certificate.
fn as_operator(admin: Kubeconfig, token: &str) -> anyhow::Result<String> {
    let mut value = serde_json::to_value(admin)?;
    let user = value.pointer_mut("/users/0/user").context("the kubeconfig has no user")?;
    *user = serde_json::json!({ "token": token });
    Ok(serde_json::to_string(&value)?)
}

/// The binary under test.
fn binary() -> PathBuf {
    std::env::var_os("TWOFOLD_BIN").map_or_else(|| target().join("debug/twofold"), PathBuf::from)
}

/// What `twofold explain` says of a subject such as `tfjob/mnist`, as the cluster's administrator.
///
/// # Errors
/// It fails: its own words.
pub fn explain(subject: &str, namespace: &str) -> anyhow::Result<String> {
    let said = Command::new(binary()).args(["explain", subject, "--namespace", namespace]).output()?;
    if !said.status.success() {
        bail!("twofold explain {subject}: {}", String::from_utf8_lossy(&said.stderr));
    }
    Ok(String::from_utf8(said.stdout)?)
}

/// A running operator. It is ended when it is dropped.
pub struct Operator {
    child: Child,
    /// What it logs.
    pub log: PathBuf,
    /// Where it serves /readyz and /metrics.
    pub address: String,
}

impl Operator {
    /// Starts an operator under this identity; more flags may be given. The one before it has given back the lease, or
    /// is waited out.
    ///
    /// # Errors
    /// The binary is not there.
    pub fn start(cluster: &Cluster, name: &str, flags: &[&str]) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let log = scratch()?.join(format!("operator-{name}.log"));
        let output = File::options().create(true).append(true).open(&log)?;
        let binary = binary();
        let child = Command::new(&binary)
            .args(["operator", "--lease-namespace", NAMESPACE, "--identity", name, "--http-addr", &address])
            .args(flags)
            .env("KUBECONFIG", &cluster.operator_kubeconfig)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("failed to start {}; run `cargo build`", binary.display()))?;
        Ok(Self { child, log, address })
    }

    /// Ends it at once, as a crash would.
    ///
    /// # Errors
    /// It has ended before.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Errors
    /// It does not end with success.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let status = self.terminate()?;
        if !status.success() {
            bail!("the operator ended with {status}; its log is {}", self.log.display());
        }
        Ok(())
    }

    fn terminate(&mut self) -> std::io::Result<ExitStatus> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        self.child.wait()
    }

    /// Its resident memory in KiB.
    ///
    /// # Errors
    /// It does not run.
    pub fn resident_kib(&self) -> anyhow::Result<u64> {
        self.kib("VmRSS:")
    }

    /// The most that it ever had resident, in KiB.
    ///
    /// # Errors
    /// It does not run.
    pub fn resident_most_kib(&self) -> anyhow::Result<u64> {
        self.kib("VmHWM:")
    }

    fn kib(&self, field: &str) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let line = line.with_context(|| format!("no {field}"))?;
        line.trim().trim_end_matches(" kB").parse().with_context(|| format!("{field} no number"))
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // Where a test killed or stopped it, it has ended already and its number may be another's.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.terminate();
        }
    }
}
