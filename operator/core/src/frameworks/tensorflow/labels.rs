//! The labels of a job's pods and services. Upstream's Python SDK and Kueue select by the first four.

use super::defaults::{Job, ReplicaType};
use crate::observe::pod::{INDEX, POD_TYPE};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use std::collections::BTreeMap;

const OPERATOR_NAME: &str = "training.kubeflow.org/operator-name";
const JOB_NAME: &str = "training.kubeflow.org/job-name";
const REPLICA_TYPE: &str = "training.kubeflow.org/replica-type";
const REPLICA_INDEX: &str = "training.kubeflow.org/replica-index";
const JOB_ROLE: &str = "training.kubeflow.org/job-role";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// What a replica's service selects its pod by.
pub(super) fn selector(job: &Job<'_>, type_: ReplicaType, index: u32) -> BTreeMap<String, String> {
    [
        (OPERATOR_NAME, "tfjob-controller".to_owned()),
        (JOB_NAME, job.name.to_owned()),
        (REPLICA_TYPE, type_.lower().to_owned()),
        (REPLICA_INDEX, index.to_string()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

/// The labels of a replica's service: those of upstream and ours.
pub(super) fn service(job: &Job<'_>, type_: ReplicaType, index: u32) -> BTreeMap<String, String> {
    let mut labels = selector(job, type_, index);
    labels.extend(
        [
            (POD_TYPE, type_.lower().to_owned()),
            (INDEX, index.to_string()),
            (MANAGED_BY, "twofold".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    labels
}

/// The labels of a replica's pod. The one that leads the job is marked, for it is the one whose log people want.
pub(super) fn pod(job: &Job<'_>, type_: ReplicaType, index: u32) -> BTreeMap<String, String> {
    let mut labels = service(job, type_, index);
    let leads = if job.has_lead() { type_.is_lead() } else { type_ == ReplicaType::Worker && index == 0 };
    if leads {
        labels.insert(JOB_ROLE.to_owned(), "master".to_owned());
    }
    labels
}

/// The reference by which a child belongs to its job.
pub(super) fn owner(job: &Job<'_>) -> OwnerReference {
    OwnerReference {
        api_version: "kubeflow.org/v1".to_owned(),
        kind: "TFJob".to_owned(),
        name: job.name.to_owned(),
        uid: job.uid().to_owned(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
