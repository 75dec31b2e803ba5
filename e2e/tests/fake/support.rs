//! What the tests here share.

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::runtime::Runtime;
use twofold_e2e::harness::api::Space;
use twofold_e2e::harness::operator::{Cluster, Operator};

/// The machines are shared, so tests take turns.
static TURN: Mutex<()> = Mutex::new(());

/// A test's own corner of the cluster.
pub(crate) struct Corner {
    pub(crate) cluster: Cluster,
    pub(crate) space: Space,
    _turn: MutexGuard<'static, ()>,
}

impl Corner {
    pub(crate) fn operator(&self, flags: &[&str]) -> Operator {
        Operator::start(&self.cluster, &self.space.name, flags).expect("the operator starts")
    }
}

/// Runs a test in a corner named after it, and clears the corner when the test has passed.
pub(crate) fn in_corner(name: &str, test: impl AsyncFnOnce(&Corner) -> anyhow::Result<()>) {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let cluster = Cluster::connect().await.expect("the cluster under test");
        let space = Space::make(cluster.client.clone(), name).await.expect("a namespace");
        let corner = Corner { cluster, space, _turn: turn };
        test(&corner).await.expect(name);
        corner.space.destroy().await.expect("the namespace goes");
    });
}

/// A machine of a test's own, which KWOK runs.
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) zone: Option<String>,
}

/// Machines of so many cores in a pool, made anew.
pub(crate) async fn machines(
    client: &Client,
    pool: &str,
    cores: u32,
    machines: &[Machine],
) -> anyhow::Result<()> {
    remove_machines(client, machines).await?;
    let api: Api<Node> = Api::all(client.clone());
    let resources = serde_json::json!({
        "cpu": cores.to_string(), "memory": "64Gi", "pods": "110", "ephemeral-storage": "100Gi",
    });
    for Machine { name, zone } in machines {
        let mut labels = serde_json::json!({
            "kwok.twofold.dev/heartbeat": "on", "pool": pool, "kubernetes.io/hostname": name,
            "kubernetes.io/os": "linux",
        });
        if let Some(zone) = zone {
            labels["topology.kubernetes.io/region"] = "local".into();
            labels["topology.kubernetes.io/zone"] = zone.as_str().into();
        }
        let node = serde_json::json!({
            "metadata": {"name": name, "annotations": {"kwok.x-k8s.io/node": "fake"}, "labels": labels},
            "status": {"allocatable": resources, "capacity": resources},
        });
        api.create(&PostParams::default(), &serde_json::from_value(node.clone())?).await?;
        api.patch_status(name, &PatchParams::default(), &Patch::Merge(&node)).await?;
    }
    Ok(())
}

/// Takes the machines away that are there.
pub(crate) async fn remove_machines(client: &Client, machines: &[Machine]) -> anyhow::Result<()> {
    let api: Api<Node> = Api::all(client.clone());
    for Machine { name, .. } in machines {
        if api.get_opt(name).await?.is_some() {
            api.delete(name, &DeleteParams::default()).await?;
        }
    }
    Ok(())
}

/// Deletes roles, which belong to no namespace.
pub(crate) async fn remove_roles(space: &Space, names: &[&str]) -> anyhow::Result<()> {
    let api = space.api("twofold.dev/v1alpha1", "AllocationRole");
    for name in names {
        api.delete(name, &DeleteParams::default()).await?;
    }
    Ok(())
}

/// A TFJob with these replicas, each container with these limits.
pub(crate) fn job(name: &str, replicas: &[(&str, u32)], limits: &str) -> String {
    let mut text = format!(
        "apiVersion: kubeflow.org/v1\nkind: TFJob\nmetadata: {{name: {name}}}\nspec:\n  tfReplicaSpecs:\n"
    );
    for (replica, count) in replicas {
        text.push_str(&format!(
            "    {replica}:\n      replicas: {count}\n      template:\n        spec:\n          containers:\n          \
             - {{name: tensorflow, image: local/train:1, resources: {{limits: {limits}}}}}\n"
        ));
    }
    text
}

/// The same with an annotation on its pods.
pub(crate) fn annotated(job: &str, key: &str, value: &str) -> String {
    let metadata = format!("      template:\n        metadata: {{annotations: {{{key}: {value:?}}}}}\n");
    job.replace("      template:\n", &metadata)
}

/// The phase of a pod; empty before it has any.
pub(crate) fn phase(pod: &Pod) -> String {
    pod.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default()
}
