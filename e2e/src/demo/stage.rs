//! A cluster with Twofold and the demo's workloads on it: what `demo up` and the tests on real nodes share.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    cluster::{Cluster, Provider},
    install,
    kube::{Kubectl, Look, condition, conditions, holds, text},
    machine, place,
    steps::Steps,
};
use crate::local_cluster::{layout, progress::Task};

/// The namespace of the workloads.
pub const NAMESPACE: &str = "demo";
/// The ring and its pods.
pub const RING: &str = "ring";
/// The job.
pub const JOB: &str = "training";
/// How many nodes the ring has.
pub const NODES: usize = 3;
/// What the demo applies, in this order.
const MANIFESTS: [&str; 3] = ["roles", "ring", "training"];
/// How long a ring or a job may take on a machine that is busy with other things.
pub const PATIENCE: Duration = Duration::from_secs(900);

/// A running cluster, and the folder that evidence goes to.
pub struct Stage {
    pub cluster: Cluster,
    pub kubectl: Kubectl,
    pub folder: PathBuf,
    pub steps: Steps,
}

impl Stage {
    /// Brings up the cluster with the operator. Every step looks first whether it is done, so that a run that was
    /// interrupted goes on.
    ///
    /// # Errors
    /// A step fails: which, and the log to look at.
    pub fn set(name: &str, folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder).with_context(|| format!("failed to create {}", folder.display()))?;
        let cluster = Cluster { name: name.to_owned(), provider: Provider::choose()? };
        if !cluster.is_there()? {
            machine::remember(&folder.join("before.json"))?;
        }
        let log = |step: &str| folder.join(format!("log/{step}.log"));
        let mut steps = Steps::default();
        steps.run("cluster", |task| cluster.up(&log("cluster"), task))?;
        let kubectl = cluster.kubectl(&folder)?;
        let images = steps.run("images", |task| install::images(&log("images"), task))?;
        steps.run("load", |task| install::load(&cluster, &kubectl, &images, &log("load"), task))?;
        let helm = cluster.tool("helm")?;
        let operator = images.get("operator").context("there is no image of the operator")?;
        steps.run("install", |_| install::operator(&helm, &kubectl, operator))?;
        Ok(Self { cluster, kubectl, folder, steps })
    }

    /// Applies the manifests.
    ///
    /// # Errors
    /// The API server's refusal.
    pub fn apply(&self) -> Result<()> {
        MANIFESTS.iter().try_for_each(|name| {
            let path = place::root().join(format!("e2e/demo/{name}.yaml"));
            self.kubectl.run(&["apply", "-f", &path.display().to_string()]).map(drop)
        })
    }

    /// Waits until the ring is Ready.
    ///
    /// # Errors
    /// It does not become so.
    pub fn await_ring(&self, task: &mut Task) -> Result<()> {
        self.kubectl.until("a ring that is Ready", PATIENCE, task, || {
            let ring = self.ring()?;
            let ready = holds(&ring, "Ready")
                && ring["status"]["observedGeneration"] == ring["metadata"]["generation"];
            Ok(if ready { Look::Done(()) } else { Look::Waiting(progress_of(&ring)) })
        })
    }

    /// Waits until the job has succeeded.
    ///
    /// # Errors
    /// It fails, or does not end.
    pub fn await_training(&self, task: &mut Task) -> Result<()> {
        self.kubectl.until("a job that has succeeded", PATIENCE, task, || {
            let job = self.kubectl.get(&["tfjob", JOB, "-n", NAMESPACE])?;
            Ok(match (holds(&job, "Succeeded"), holds(&job, "Failed")) {
                (true, _) => Look::Done(()),
                (false, true) => Look::Never(conditions(&job)),
                (false, false) => Look::Waiting(conditions(&job)),
            })
        })
    }

    /// The ring as the API server has it.
    ///
    /// # Errors
    /// There is none.
    pub fn ring(&self) -> Result<Value> {
        self.kubectl.get(&["cassandraservice", RING, "-n", NAMESPACE])
    }

    /// The ring's pods by name.
    #[must_use]
    pub fn pods() -> [String; NODES] {
        std::array::from_fn(|index| format!("{RING}-node-{index}"))
    }

    /// A pod of the ring, or nothing.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub fn pod(&self, name: &str) -> Result<Option<Value>> {
        self.kubectl.find(&["pod", name, "-n", NAMESPACE])
    }

    /// Leaves a piece of evidence in the folder.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn leave(&self, file: &str, content: &str) -> Result<()> {
        layout::write(self.folder.join(file), content)
    }

    /// Leaves what helps to understand a failure, as far as it can be had, and says where.
    #[must_use]
    pub fn leave_symptoms(&self) -> String {
        let looks: [(&str, &[&str]); 4] = [
            ("objects.txt", &["get", "all,pvc,cassandraservices,tfjobs,serviceledgers", "-A", "-o", "wide"]),
            ("services.yaml", &["get", "cassandraservices,tfjobs,serviceledgers", "-A", "-o", "yaml"]),
            ("pods.txt", &["describe", "pods", "-n", NAMESPACE]),
            ("operator.log", &["logs", install::DEPLOYMENT, "-n", install::NAMESPACE]),
        ];
        for (file, words) in looks {
            let content = self.kubectl.run(words).unwrap_or_else(|error| format!("{error:#}\n"));
            // The failure itself is what counts.
            let _ = self.leave(&format!("failure/{file}"), &content);
        }
        format!("{} shows pods, services and the operator's log", self.folder.join("failure").display())
    }
}

/// How far a ring is, from its status.
#[must_use]
pub fn progress_of(ring: &Value) -> String {
    let count = |name: &str| ring["status"][name].as_u64().unwrap_or_default();
    let nodes = ring["status"]["nodes"].as_array().map_or(&[] as &[Value], Vec::as_slice);
    let nodes: Vec<String> =
        nodes.iter().map(|node| format!("{} {}", text(node, "/name"), text(node, "/state"))).collect();
    let what = match holds(ring, "Stalled") {
        true => condition(ring, "Stalled").map(|stalled| text(stalled, "/message")).unwrap_or_default(),
        false => nodes.join(", "),
    };
    format!("{} of {} nodes up; {what}", count("nodesReady"), count("nodesDesired"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_ring_on_its_way_is_told_by_its_nodes() {
        let ring = json!({"status": {
            "nodesReady": 1, "nodesDesired": 3,
            "nodes": [{"name": "node-0", "state": "Ready"}, {"name": "node-1", "state": "Joining"}],
        }});
        assert_eq!(progress_of(&ring), "1 of 3 nodes up; node-0 Ready, node-1 Joining");
    }

    #[test]
    fn a_ring_that_cannot_go_on_says_why() {
        let ring = json!({"status": {
            "nodesDesired": 3, "conditions": [{"type": "Stalled", "status": "True", "message": "no role 'data'"}],
        }});
        assert_eq!(progress_of(&ring), "0 of 3 nodes up; no role 'data'");
    }

    #[test]
    fn the_manifests_are_there() {
        for name in MANIFESTS {
            assert!(place::root().join(format!("e2e/demo/{name}.yaml")).is_file(), "{name}");
        }
    }
}
