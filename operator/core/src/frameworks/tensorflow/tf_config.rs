//! `TF_CONFIG`: how a TensorFlow process learns who its peers are. The text is upstream's to the letter.

use super::defaults::{Job, ReplicaType, Replicas};
use serde::Serialize;
use std::collections::BTreeMap;

/// The annotation that, when `false`, leaves the evaluator out of the cluster. Upstream puts it in, but a
/// parameter-server program then waits for it at its start without end.
pub(super) const EVALUATOR_IN_CLUSTER: &str = "twofold.dev/evaluator-in-cluster";

#[derive(Serialize)]
struct Task {
    #[serde(rename = "type")]
    type_: &'static str,
    index: u32,
}

#[derive(Serialize)]
struct Dense {
    cluster: BTreeMap<&'static str, Vec<String>>,
    task: Task,
    environment: &'static str,
}

#[derive(Serialize)]
struct SparseCluster {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    chief: BTreeMap<String, String>,
    worker: BTreeMap<String, String>,
    ps: Vec<String>,
}

#[derive(Serialize)]
struct Sparse {
    cluster: SparseCluster,
    task: Task,
}

/// The value for one replica; none for a job of a single replica, which trains by itself.
pub(super) fn of(job: &Job<'_>, type_: ReplicaType, index: u32, domain: &str) -> Option<String> {
    if job.total() == 1 {
        return None;
    }
    let task = Task { type_: type_.lower(), index };
    let text = if job.resource.spec.enable_dynamic_worker {
        serde_json::to_string(&Sparse { cluster: sparse(job, type_, index, domain), task })
    } else {
        serde_json::to_string(&Dense { cluster: dense(job, domain), task, environment: "cloud" })
    };
    text.ok()
}

fn dense(job: &Job<'_>, domain: &str) -> BTreeMap<&'static str, Vec<String>> {
    let without_evaluator = job.annotation(EVALUATOR_IN_CLUSTER) == Some("false");
    job.replicas
        .iter()
        .filter(|replicas| !(without_evaluator && replicas.type_ == ReplicaType::Evaluator))
        .map(|replicas| (replicas.type_.lower(), addresses(job, replicas, domain)))
        .collect()
}

/// Only what does not change while workers come and go: oneself and the parameter servers. A chief or master gets an
/// entry of its own, without which TensorFlow refuses the configuration; upstream leaves it out.
fn sparse(job: &Job<'_>, type_: ReplicaType, index: u32, domain: &str) -> SparseCluster {
    let own = || {
        let replicas = job.of(type_)?;
        Some((index.to_string(), address(job, replicas, index, domain)))
    };
    let all_ps = || job.of(ReplicaType::Ps).map(|ps| addresses(job, ps, domain)).unwrap_or_default();
    let mut cluster = SparseCluster { chief: BTreeMap::new(), worker: BTreeMap::new(), ps: Vec::new() };
    match type_ {
        ReplicaType::Worker => {
            cluster.worker.extend(own());
            cluster.ps = all_ps();
        }
        ReplicaType::Ps => cluster.ps.extend(own().map(|(_, address)| address)),
        ReplicaType::Chief | ReplicaType::Master => {
            cluster.chief.extend(own());
            cluster.ps = all_ps();
        }
        ReplicaType::Evaluator => {}
    }
    cluster
}

fn addresses(job: &Job<'_>, replicas: &Replicas<'_>, domain: &str) -> Vec<String> {
    (0..replicas.count).map(|index| address(job, replicas, index, domain)).collect()
}

fn address(job: &Job<'_>, replicas: &Replicas<'_>, index: u32, domain: &str) -> String {
    let domain = if domain.is_empty() { String::new() } else { format!(".{domain}") };
    let host = job.child(replicas.type_, index);
    format!("{host}.{}.svc{domain}:{}", job.namespace, replicas.port())
}
