//! `demo test-fake`: the tests of `tests/fake` on a real API server with fake nodes.

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

const NAME: &str = "test-fake";
const NODES: [&str; 7] = ["up", "--fake", "20", "--zones", "3", "--gpus", "NVIDIA-A100:8:4"];

/// Runs the tests on a cluster of their own, which is always removed. Its logs are kept when a test fails.
///
/// # Errors
/// A test fails, or the cluster cannot be had and `CI` is set.
pub fn test() -> Result<()> {
    if let Err(reason) = deps::install(Purpose::FakeNodes) {
        return deps::skip("the tests with fake nodes", reason);
    }
    let (folder, mut steps) = (place::left("e2e"), Steps::default());
    let log = |step: &str| folder.join(format!("log/{step}.log"));
    let layout = Cache::from_environment()?.cluster(NAME);
    let tested = steps
        .run("cluster of fake nodes", |task| program::logged(&mut cluster(&NODES)?, &log("cluster"), task))
        .and_then(|()| steps.run("install the chart", |_| install(&layout)))
        .and_then(|()| tests(&layout));
    if tested.is_err() {
        keep(&layout, &folder.join("fake"));
    }
    let removed =
        steps.run("remove the cluster", |task| program::logged(&mut cluster(&["down"])?, &log("down"), task));
    println!("Seconds by step, the tests themselves not counted:\n{}", steps.table());
    tested.and(removed)
}

fn cluster(words: &[&str]) -> Result<Command> {
    let mut command = Command::new(sibling("local-cluster")?);
    command.args(["--name", NAME]).args(words);
    Ok(command)
}

/// The chart without the operator: the tests run their own, under the chart's ServiceAccount.
fn install(layout: &Layout) -> Result<()> {
    let bin = PathBuf::from(run(&mut cluster(&["bin"])?, None)?.trim());
    let kubectl = Kubectl::new(bin.join("kubectl"), layout.kubeconfig());
    install::chart(&bin.join("helm"), &kubectl, &["replicaCount=0".to_owned()])
}

fn tests(layout: &Layout) -> Result<()> {
    let helm = PathBuf::from(run(&mut cluster(&["bin"])?, None)?.trim()).join("helm");
    cargo(
        &["test", "--package", "twofold-crds", "--test", "chart_rendered", "--", "--ignored"],
        &[("HELM", helm.as_os_str())],
    )?;
    cargo(&["build", "--package", "twofold-operator"], &[])?;
    let (kubeconfig, audit_log) = (layout.kubeconfig(), layout.audit_log());
    let (operator, local_cluster) = (sibling("twofold")?, sibling("local-cluster")?);
    cargo(
        &[
            "test",
            "--package",
            "twofold-e2e",
            "--features",
            "cluster",
            "--test",
            "fake",
            "--",
            "--test-threads=1",
        ],
        &[
            ("KUBECONFIG", kubeconfig.as_os_str()),
            ("AUDIT_LOG", audit_log.as_os_str()),
            ("TWOFOLD_BIN", operator.as_os_str()),
            ("LOCAL_CLUSTER", OsStr::new(NAME)),
            ("LOCAL_CLUSTER_BIN", local_cluster.as_os_str()),
        ],
    )
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
