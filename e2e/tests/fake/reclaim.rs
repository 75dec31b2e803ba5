//! An idle guarantee is lent to a job, and taken back when its role wants it.

use crate::support::{in_corner, job, phase};
use k8s_openapi::api::core::v1::Node;
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use std::collections::BTreeSet;
use twofold_e2e::harness::api::{Space, condition, condition_of};

const AGENTS: [&str; 2] = ["lent-0", "lent-1"];

/// Both roles see these two agents of four cores alone.
const ROLES: &str = "apiVersion: twofold.dev/v1alpha1
kind: AllocationRole
metadata: {name: owner}
spec:
  namespaces: [reclaim]
  guarantee: {cpu: 4}
  agents: {selector: {matchLabels: {pool: lent}}}
---
apiVersion: twofold.dev/v1alpha1
kind: AllocationRole
metadata: {name: borrower}
spec:
  namespaces: [reclaim]
  reclaim: Allowed
  agents: {selector: {matchLabels: {pool: lent}}}
";

async fn remove_agents(client: &Client) -> anyhow::Result<()> {
    let api: Api<Node> = Api::all(client.clone());
    for name in AGENTS {
        if api.get_opt(name).await?.is_some() {
            api.delete(name, &DeleteParams::default()).await?;
        }
    }
    Ok(())
}

async fn agents(client: &Client) -> anyhow::Result<()> {
    remove_agents(client).await?;
    let api: Api<Node> = Api::all(client.clone());
    let resources =
        serde_json::json!({"cpu": "4", "memory": "64Gi", "pods": "110", "ephemeral-storage": "100Gi"});
    for name in AGENTS {
        let node = serde_json::json!({
            "metadata": {
                "name": name,
                "annotations": {"kwok.x-k8s.io/node": "fake"},
                "labels": {
                    "kwok.twofold.dev/heartbeat": "on", "pool": "lent", "kubernetes.io/hostname": name,
                    "kubernetes.io/os": "linux",
                },
            },
            "status": {"allocatable": resources, "capacity": resources},
        });
        api.create(&PostParams::default(), &serde_json::from_value(node.clone())?).await?;
        api.patch_status(name, &PatchParams::default(), &Patch::Merge(&node)).await?;
    }
    Ok(())
}

/// A job of so many workers of two cores, which no failure may befall.
fn in_role(name: &str, role: &str, workers: u32) -> String {
    let policy = format!(
        "spec:\n  runPolicy: {{backoffLimit: 0, schedulingPolicy: {{queue: {role}}}}}\n  tfReplicaSpecs"
    );
    job(name, &[("Worker", workers)], "{cpu: 2, memory: 1Gi}").replace("spec:\n  tfReplicaSpecs", &policy)
}

async fn runs(space: &Space, name: &str) -> anyhow::Result<()> {
    let running = |job: &DynamicObject| condition(job, "Running").as_deref() == Some("True");
    space.until(space.jobs(), name, "Running", running).await.map(drop)
}

#[test]
fn a_job_that_was_lent_a_guarantee_gives_it_back_whole_waits_and_starts_again() {
    in_corner("reclaim", async |corner| {
        let space = &corner.space;
        agents(&space.client).await?;
        space.apply(ROLES).await?;
        let _operator = corner.operator(&[]);
        space.apply(&in_role("lent", "borrower", 4)).await?;
        runs(space, "lent").await?;
        space.until_all_pods(4, |pod| phase(pod) == "Running").await?;
        space.apply(&in_role("owned", "owner", 2)).await?;
        runs(space, "owned").await?;
        let gave_back = |job: &DynamicObject| {
            let ready = condition_of(job, "/status/twofold/conditions", "Ready");
            ready.is_some_and(|ready| ready.to_string().contains("Reclaimed"))
        };
        let lent = space.until(space.jobs(), "lent", "waiting for its room", gave_back).await?;
        assert_eq!(condition(&lent, "Failed"), None);
        assert_eq!(lent.data.pointer("/status/twofold/restarts"), None);
        space.until_all_pods(2, |pod| phase(pod) == "Running").await?;
        let names: BTreeSet<String> = space.pods().await?.into_keys().collect();
        assert_eq!(names, ["owned-worker-0", "owned-worker-1"].map(str::to_owned).into());
        space.jobs().delete("owned", &DeleteParams::default()).await?;
        space.until_all_pods(4, |pod| phase(pod) == "Running").await?;
        runs(space, "lent").await?;
        space.destroy().await?;
        remove_agents(&space.client).await?;
        for role in ["owner", "borrower"] {
            space
                .api("twofold.dev/v1alpha1", "AllocationRole")
                .delete(role, &DeleteParams::default())
                .await?;
        }
        Ok(())
    });
}
