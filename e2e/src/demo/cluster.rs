//! A cluster with real nodes in three zones: kind where Docker answers, else `local-cluster`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{kube::Kubectl, place, program};
use crate::local_cluster::{
    command::{exists, output, run, run_words},
    leftovers::is_root,
    progress::Task,
};

/// What makes the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Containers of Docker.
    Kind,
    /// Namespaces of this machine.
    Local,
}

/// A cluster by its name.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub name: String,
    pub provider: Provider,
}

impl Provider {
    /// What this machine can do.
    ///
    /// # Errors
    /// It can do neither: what either needs.
    pub fn choose() -> Result<Self> {
        let docker = docker_answers();
        if docker && exists("kind") {
            return Ok(Self::Kind);
        }
        if is_root() {
            return Ok(Self::Local);
        }
        if docker {
            bail!("Docker answers, but kind is missing: install kind, kubectl and helm, or run this as root");
        }
        bail!("real nodes need root (namespaces, mounts, control groups), or Docker and kind")
    }
}

/// Whether there is a Docker engine that this user may use.
#[must_use]
pub fn docker_answers() -> bool {
    exists("docker")
        && output(Command::new("docker").arg("info"), None).is_ok_and(|output| output.status.success())
}

impl Cluster {
    /// Starts the cluster, or finds it as it is.
    ///
    /// # Errors
    /// It does not start.
    pub fn up(&self, log: &Path, task: &mut Task) -> Result<()> {
        match self.provider {
            Provider::Local => {
                let words = ["up", "--real", "3", "--zones", "3"];
                program::logged(&mut self.local(&words)?, log, task)
            }
            Provider::Kind if self.is_there()? => Ok(()),
            Provider::Kind => {
                let mut command = Command::new("kind");
                command.args(["create", "cluster", "--wait", "180s", "--name", &self.name, "--config"]);
                command.arg(place::root().join("e2e/kind.yaml"));
                if let Some(image) = env::var_os("KIND_IMAGE") {
                    command.arg("--image").arg(image);
                }
                program::logged(&mut command, log, task)
            }
        }
    }

    /// Whether the cluster was begun and not removed.
    ///
    /// # Errors
    /// The provider does not answer.
    pub fn is_there(&self) -> Result<bool> {
        match self.provider {
            Provider::Local => {
                let list = run(&mut self.local(&["list"])?, None)?;
                Ok(list.lines().any(|line| line.split_whitespace().next() == Some(&self.name)))
            }
            Provider::Kind => {
                let list = run_words(&["kind", "get", "clusters"])?;
                Ok(list.lines().any(|line| line.trim() == self.name))
            }
        }
    }

    /// The administrator's kubectl. Files that it needs go into the folder.
    ///
    /// # Errors
    /// There is no such cluster.
    pub fn kubectl(&self, folder: &Path) -> Result<Kubectl> {
        match self.provider {
            Provider::Local => {
                let kubeconfig = run(&mut self.local(&["kubeconfig"])?, None)?;
                Ok(Kubectl::new(self.tool("kubectl")?, kubeconfig.trim().into()))
            }
            Provider::Kind => {
                let path = folder.join("kubeconfig");
                let content = run_words(&["kind", "get", "kubeconfig", "--name", &self.name])?;
                fs::write(&path, content).with_context(|| format!("failed to write {}", path.display()))?;
                Ok(Kubectl::new(self.tool("kubectl")?, path))
            }
        }
    }

    /// The path of kubectl or helm.
    ///
    /// # Errors
    /// `local-cluster` does not say where its binaries are.
    pub fn tool(&self, name: &str) -> Result<PathBuf> {
        match self.provider {
            Provider::Kind => Ok(name.into()),
            Provider::Local => Ok(PathBuf::from(run(&mut self.local(&["bin"])?, None)?.trim()).join(name)),
        }
    }

    /// Imports image archives into every node.
    ///
    /// # Errors
    /// An archive cannot be read, or a node does not take it.
    pub fn load(&self, archives: &[PathBuf], log: &Path, task: &mut Task) -> Result<()> {
        match self.provider {
            Provider::Local => program::logged(self.local(&["load"])?.args(archives), log, task),
            Provider::Kind => archives.iter().try_for_each(|archive| {
                let mut command = Command::new("kind");
                command.args(["load", "image-archive", "--name", &self.name]).arg(archive);
                program::logged(&mut command, log, task)
            }),
        }
    }

    /// Stops or starts the kubelet of a node; its pods go on.
    ///
    /// # Errors
    /// There is no such node.
    pub fn kubelet(&self, action: &str, node: &str) -> Result<()> {
        match self.provider {
            Provider::Local => run(&mut self.local(&["node", action, node])?, None).map(drop),
            Provider::Kind => run_words(&["docker", "exec", node, "systemctl", action, "kubelet"]).map(drop),
        }
    }

    /// Removes the cluster and all that is its own.
    ///
    /// # Errors
    /// Something cannot be removed.
    pub fn down(&self, log: &Path, task: &mut Task) -> Result<()> {
        match self.provider {
            Provider::Local => program::logged(&mut self.local(&["down"])?, log, task),
            Provider::Kind => {
                let mut command = Command::new("kind");
                program::logged(command.args(["delete", "cluster", "--name", &self.name]), log, task)
            }
        }
    }

    fn local(&self, words: &[&str]) -> Result<Command> {
        let mut command = Command::new(sibling("local-cluster")?);
        command.args(["--name", &self.name]).args(words);
        Ok(command)
    }
}

/// A program that is built together with this one.
///
/// # Errors
/// It is not there.
pub fn sibling(name: &str) -> Result<PathBuf> {
    let path = env::current_exe().context("failed to find this program")?.with_file_name(name);
    if !path.is_file() {
        bail!("{} is missing: `cargo build --package twofold-e2e --bins` makes it", path.display());
    }
    Ok(path)
}
