//! An idle guarantee is lent to a job, and taken back when its role wants it.

use crate::support::{Machine, in_corner, job, machines, phase, remove_machines, remove_roles};
use kube::api::{DeleteParams, DynamicObject};
use std::collections::BTreeSet;
use twofold_e2e::harness::api::{Space, condition, condition_of};

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

fn agents() -> [Machine; 2] {
    ["lent-0", "lent-1"].map(|name| Machine { name: name.to_owned(), zone: None })
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
        machines(&space.client, "lent", 4, &agents()).await?;
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
        remove_machines(&space.client, &agents()).await?;
        remove_roles(space, &["owner", "borrower"]).await?;
        Ok(())
    });
}
