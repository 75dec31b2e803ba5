//! Images into the nodes, the chart into the cluster.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::json;

use super::{cluster::Cluster, kube::Kubectl, place, program};
use crate::local_cluster::{command, progress::Task};

/// Where the chart is installed.
pub const NAMESPACE: &str = "twofold-system";
/// The chart's Deployment.
pub const DEPLOYMENT: &str = "deployment/twofold";
/// Images that the demo's pods use.
const IMAGES: [&str; 4] = ["operator", "cassandra", "driver", "tensorflow"];
/// Where the cluster itself remembers which archives its nodes have.
const LOADED: [&str; 4] = ["configmap", "loaded-images", "-n", "kube-public"];

/// Builds what changed and returns the archives by the names of the images. An archive's file name has the hash of
/// what went in.
///
/// # Errors
/// An image cannot be built.
pub fn images(log: &Path, task: &mut Task) -> Result<BTreeMap<String, PathBuf>> {
    let mut make = Command::new("make");
    make.arg("--directory").arg(place::root().join("e2e/images")).args(IMAGES);
    // What `make` says of itself is meant for its own children.
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    program::logged(&mut make, log, task)?;
    let archive = |name: &str| {
        let link = place::left("images").join(format!("{name}.tar"));
        let path = fs::canonicalize(&link).with_context(|| format!("failed to find {}", link.display()))?;
        Ok((name.to_owned(), path))
    };
    IMAGES.into_iter().map(archive).collect()
}

/// Imports the archives that the nodes do not have yet.
///
/// # Errors
/// A node does not take one.
pub fn load(
    cluster: &Cluster,
    kubectl: &Kubectl,
    images: &BTreeMap<String, PathBuf>,
    log: &Path,
    task: &mut Task,
) -> Result<()> {
    let had = kubectl.find(&LOADED)?.unwrap_or_default();
    let new: BTreeMap<_, _> =
        images.iter().filter(|(name, path)| had["data"][name] != file_name(path)).collect();
    if new.is_empty() {
        return Ok(());
    }
    let archives: Vec<PathBuf> = new.values().map(|path| (*path).clone()).collect();
    cluster.load(&archives, log, task)?;
    let data: BTreeMap<_, _> = images.iter().map(|(name, path)| (name, file_name(path))).collect();
    let [_, name, _, namespace] = LOADED;
    let note = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data,
    });
    kubectl.apply(&note.to_string())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Installs the chart, or brings it up to date; `settings` are values as `--set-string` takes them.
///
/// # Errors
/// Helm's last words.
pub fn chart(helm: &Path, kubectl: &Kubectl, settings: &[String]) -> Result<()> {
    let mut command = Command::new(helm);
    command.args(["upgrade", "--install", "twofold"]).arg(place::root().join("charts/twofold"));
    command.args(["--namespace", NAMESPACE, "--create-namespace"]);
    command.args(["--set", "image.tag=test,image.pullPolicy=IfNotPresent,clusterDomain=cluster.local"]);
    for setting in settings {
        command.args(["--set", setting]);
    }
    command.arg("--kubeconfig").arg(kubectl.kubeconfig());
    command::run(&mut command, None)?;
    let enforce = "pod-security.kubernetes.io/enforce=restricted";
    kubectl.run(&["label", "namespace", NAMESPACE, enforce, "--overwrite"])?;
    kubectl.run(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]).map(drop)
}

/// Installs the operator from its image, and waits until it is ready. A changed image is a changed annotation, so
/// that the running operator is replaced.
///
/// # Errors
/// It does not become ready.
pub fn operator(helm: &Path, kubectl: &Kubectl, image: &Path) -> Result<()> {
    chart(helm, kubectl, &[format!("podAnnotations.archive={}", file_name(image))])?;
    kubectl.run(&["rollout", "status", DEPLOYMENT, "-n", NAMESPACE, "--timeout=180s"]).map(drop)
}
