//! Pods that are run beside the services, to look at them from outside.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::kube::{Kubectl, Look, text};
use crate::local_cluster::progress::Task;

/// How long such a pod may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a pod runs, and which claim it may read.
#[derive(Clone, Debug)]
pub struct Visitor<'a> {
    pub namespace: &'a str,
    pub name: &'a str,
    pub image: &'a str,
    /// The words after the image's entry point, or in its place.
    pub entry_point: &'a [&'a str],
    pub words: &'a [&'a str],
    /// A claim and where it is mounted.
    pub claim: Option<(&'a str, &'a str)>,
}

/// How a pod ended, and what it wrote.
#[derive(Clone, Debug)]
pub struct Ended {
    pub succeeded: bool,
    pub log: String,
}

/// Runs a pod to its end. One of that name, of a run before, is removed first.
///
/// # Errors
/// It does not end in time: what keeps it.
pub fn run(kubectl: &Kubectl, visitor: &Visitor<'_>, task: &mut Task) -> Result<Ended> {
    let Visitor { namespace, name, .. } = visitor;
    kubectl.run(&["delete", "pod", name, "-n", namespace, "--ignore-not-found", "--grace-period=1"])?;
    kubectl.apply(&manifest(visitor).to_string())?;
    let what = format!("the end of pod {namespace}/{name}");
    let succeeded = kubectl.until(&what, PATIENCE, task, || {
        let pod = kubectl.get(&["pod", name, "-n", namespace])?;
        Ok(match text(&pod, "/status/phase").as_str() {
            "Succeeded" => Look::Done(true),
            "Failed" => Look::Done(false),
            phase => Look::Waiting(format!("{name} is {phase}: {}", hindrance(&pod))),
        })
    })?;
    let log = kubectl.run(&["logs", name, "-n", namespace]);
    Ok(Ended {
        succeeded,
        log: log.with_context(|| format!("failed to read the log of {namespace}/{name}"))?,
    })
}

/// Why a pod does not run: what its container waits for, or the scheduler's word.
fn hindrance(pod: &Value) -> String {
    let waiting = text(pod, "/status/containerStatuses/0/state/waiting/reason");
    match waiting.as_str() {
        "" => {
            super::kube::condition(pod, "PodScheduled").map(|said| text(said, "/message")).unwrap_or_default()
        }
        _ => waiting,
    }
}

fn manifest(visitor: &Visitor<'_>) -> Value {
    let Visitor { namespace, name, image, entry_point, words, claim } = visitor;
    let mut mounts = vec![json!({"name": "tmp", "mountPath": "/tmp"})];
    let mut volumes = vec![json!({"name": "tmp", "emptyDir": {}})];
    if let Some((claim, path)) = claim {
        mounts.push(json!({"name": "claim", "mountPath": path, "readOnly": true}));
        volumes.push(json!({"name": "claim", "persistentVolumeClaim": {"claimName": claim}}));
    }
    let mut container = json!({
        "name": "visitor",
        "image": image,
        "args": words,
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    });
    if !entry_point.is_empty() {
        container["command"] = json!(entry_point);
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": false,
            "enableServiceLinks": false,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 65532, "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": volumes,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_only_reads_its_claim() {
        let visitor = Visitor {
            namespace: "demo",
            name: "look",
            image: "image:1",
            entry_point: &["python3", "read.py"],
            words: &["/data"],
            claim: Some(("data", "/data")),
        };
        let pod = manifest(&visitor);
        assert_eq!(pod["spec"]["containers"][0]["volumeMounts"][1]["readOnly"], true);
        assert_eq!(pod["spec"]["containers"][0]["command"][1], "read.py");
        assert_eq!(pod["spec"]["volumes"][1]["persistentVolumeClaim"]["claimName"], "data");
    }

    #[test]
    fn what_keeps_a_pod_is_said_by_its_container_or_by_the_scheduler() {
        let unbound = json!({"status": {"conditions": [{"type": "PodScheduled", "message": "0/3 nodes"}]}});
        assert_eq!(hindrance(&unbound), "0/3 nodes");
        let waiting = json!({"status": {"containerStatuses": [
            {"state": {"waiting": {"reason": "ErrImagePull"}}}
        ]}});
        assert_eq!(hindrance(&waiting), "ErrImagePull");
    }
}
