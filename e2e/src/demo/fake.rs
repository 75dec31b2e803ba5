//! A cluster of fake nodes with the chart, for the tests of `tests/fake` (`demo test-fake`) and for what is measured on one
//! (`demo bench`).

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{
    cluster::sibling,
    deps::{self, Purpose},
    install,
    kube::Kubectl,
    place, program,
    steps::Steps,
};
use crate::local_cluster::{
    command::run,
    layout::{Cache, Layout},
};

const NODES: [&str; 5] = ["up", "--fake", "20", "--zones", "3"];
const GPUS: [&str; 2] = ["--gpus", "NVIDIA-A100:8:4"];

/// A cluster by its name.
struct Fake {
    name: &'static str,
    layout: Layout,
}

/// Runs the tests on a cluster of their own, which is always removed. Its logs are kept when a test fails.
///
/// # Errors
/// A test fails, or the cluster cannot be had and `CI` is set.
pub fn test() -> Result<()> {
    if let Err(reason) = deps::install(Purpose::FakeNodes) {
        return deps::skip("the tests with fake nodes", reason);
    }
    Fake::named("test-fake")?.play(&[&NODES[..], &GPUS].concat(), Fake::tests)
}

/// Measures the operator on a cluster of 20 machines, which is always removed.
///
/// # Errors
/// The cluster cannot be had, or the workloads do not come up on it.
pub fn bench() -> Result<()> {
    if let Err(reason) = deps::install(Purpose::FakeNodes) {
        return deps::skip("the operator's part of the benchmarks", reason);
    }
    Fake::named("bench")?.play(&NODES, Fake::measures)
}

impl Fake {
    fn named(name: &'static str) -> Result<Self> {
        Ok(Self { name, layout: Cache::from_environment()?.cluster(name) })
    }

    /// Brings the cluster up, installs the chart, does what there is to do, and removes the cluster.
    fn play(&self, up: &[&str], act: impl FnOnce(&Self) -> Result<()>) -> Result<()> {
        let (folder, mut steps) = (place::left("e2e"), Steps::default());
        let log = |step: &str| folder.join(format!("log/{}-{step}.log", self.name));
        let done = steps
            .run("cluster of fake nodes", |task| program::logged(&mut self.cluster(up)?, &log("up"), task))
            .and_then(|()| steps.run("install the chart", |_| self.install()))
            .and_then(|()| act(self));
        if done.is_err() {
            keep(&self.layout, &folder.join(self.name));
        }
        let removed = steps.run("remove the cluster", |task| {
            program::logged(&mut self.cluster(&["down"])?, &log("down"), task)
        });
        println!("Seconds by step, what was done on the cluster not counted:\n{}", steps.table());
        done.and(removed)
    }

    fn cluster(&self, words: &[&str]) -> Result<Command> {
        let mut command = Command::new(sibling("local-cluster")?);
        command.args(["--name", self.name]).args(words);
        Ok(command)
    }

    fn helm(&self) -> Result<PathBuf> {
        Ok(self.bin()?.join("helm"))
    }

    fn bin(&self) -> Result<PathBuf> {
        Ok(PathBuf::from(run(&mut self.cluster(&["bin"])?, None)?.trim()))
    }

    /// The chart without the operator: who acts on the cluster runs one under the chart's ServiceAccount.
    fn install(&self) -> Result<()> {
        let kubectl = Kubectl::new(self.bin()?.join("kubectl"), self.layout.kubeconfig());
        install::chart(&self.helm()?, &kubectl, &["replicaCount=0".to_owned()])
    }

    fn tests(&self) -> Result<()> {
        let rendered = ["test", "--package", "twofold-crds", "--test", "chart_rendered", "--", "--ignored"];
        cargo(&rendered, &[("HELM", self.helm()?.as_os_str())])?;
        cargo(&["build", "--package", "twofold-operator"], &[])?;
        let tests = ["test", "--package", "twofold-e2e", "--features", "cluster", "--test", "fake"];
        self.with_operator(&[&tests[..], &["--", "--test-threads=1"]].concat(), &sibling("twofold")?)
    }

    fn measures(&self) -> Result<()> {
        cargo(&["build", "--release", "--package", "twofold-operator"], &[])?;
        // Only the operator is measured: what watches it need not be fast, and is built for the tests already.
        let bench = ["bench", "--profile", "dev", "--package", "twofold-e2e", "--features", "cluster"];
        let bench = [&bench[..], &["--bench", "operator"]].concat();
        // Cargo puts the folders of its profiles side by side.
        let profiles = sibling("local-cluster")?;
        let profiles = profiles.ancestors().nth(2).context("this program is in no folder of cargo's")?;
        self.with_operator(&bench, &profiles.join("release/twofold"))
    }

    /// Runs cargo for what starts an operator of its own, this binary, against the cluster.
    fn with_operator(&self, words: &[&str], binary: &Path) -> Result<()> {
        let (kubeconfig, audit_log) = (self.layout.kubeconfig(), self.layout.audit_log());
        let local_cluster = sibling("local-cluster")?;
        cargo(
            words,
            &[
                ("KUBECONFIG", kubeconfig.as_os_str()),
                ("AUDIT_LOG", audit_log.as_os_str()),
                ("TWOFOLD_BIN", binary.as_os_str()),
                ("LOCAL_CLUSTER", OsStr::new(self.name)),
                ("LOCAL_CLUSTER_BIN", local_cluster.as_os_str()),
            ],
        )
    }
}

/// Runs cargo, which tells of itself.
fn cargo(words: &[&str], variables: &[(&str, &OsStr)]) -> Result<()> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(place::root()).args(words).envs(variables.iter().copied());
    if !command.status().context("failed to start cargo")?.success() {
        let logs = place::left("e2e");
        bail!(
            "failed: cargo {}; logs of the operator and the cluster are in {}",
            words.join(" "),
            logs.display()
        );
    }
    Ok(())
}

/// Copies the logs of the cluster's components and the audit log.
fn keep(layout: &Layout, to: &Path) {
    let copy = || -> std::io::Result<()> {
        fs::create_dir_all(to)?;
        fs::copy(layout.audit_log(), to.join("audit.log"))?;
        for entry in fs::read_dir(layout.path("logs"))? {
            let entry = entry?;
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
        Ok(())
    };
    if let Err(error) = copy() {
        eprintln!("failed to keep the cluster's logs: {error}");
    }
}
