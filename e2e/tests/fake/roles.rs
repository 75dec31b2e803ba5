//! Two roles with weights 2:1, saturated: their shares stay within one pod of 2:1.

use crate::support::{Machine, in_corner, job, machines, phase, remove_machines, remove_roles};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DynamicObject, Patch, PatchParams};
use twofold_e2e::harness::api::Space;

/// Agents of one core each. A job and a ring both take three of them, so there is room for nine.
const AGENTS: u32 = 27;

fn pool() -> Vec<Machine> {
    let machine = |at| Machine { name: format!("pool-{at}"), zone: Some(format!("pool-{}", at % 3)) };
    (0..AGENTS).map(machine).collect()
}

/// The two roles below one whose limit decides when both may begin, and by how much they may go on.
fn roles(limit: u32) -> String {
    let child = |name: &str, weight: u32| {
        format!(
            "apiVersion: twofold.dev/v1alpha1\nkind: AllocationRole\nmetadata: {{name: {name}}}\nspec:\n  \
             weight: {weight}\n  parent: both\n  namespaces: [shares]\n  \
             agents: {{selector: {{matchLabels: {{pool: shared}}}}}}\n---\n"
        )
    };
    let parent = format!(
        "apiVersion: twofold.dev/v1alpha1\nkind: AllocationRole\nmetadata: {{name: both}}\nspec: {{limit: {{cpu: {limit}}}}}\n---\n"
    );
    parent + &child("heavy", 2) + &child("light", 1)
}

fn in_role(job: &str, role: &str) -> String {
    job.replace(
        "spec:\n  tfReplicaSpecs",
        &format!("spec:\n  runPolicy: {{schedulingPolicy: {{queue: {role}}}}}\n  tfReplicaSpecs"),
    ) + "---\n"
}

fn ring(name: &str, role: &str) -> String {
    format!(
        "apiVersion: twofold.dev/v1alpha1\nkind: CassandraService\nmetadata:\n  name: {name}\n  annotations: {{twofold.dev/readiness: pod}}\n\
         spec:\n  version: 5.0.9\n  nodes: 3\n  placement: {{role: {role}}}\n  resources: {{requests: {{cpu: 1, memory: 2Gi}}, limits: {{memory: 2Gi}}}}\n  \
         heap: 512Mi\n  storage: {{size: 1Gi}}\n---\n"
    )
}

/// Pods in use by role, each of one core: the role is what their names begin with.
async fn used(space: &Space) -> anyhow::Result<(u32, u32)> {
    let runs = |pod: &Pod| !matches!(phase(pod).as_str(), "Succeeded" | "Failed");
    let pods = space.pods().await?;
    let of = |role: &str| pods.iter().filter(|(name, pod)| name.starts_with(role) && runs(pod)).count();
    Ok((u32::try_from(of("heavy"))?, u32::try_from(of("light"))?))
}

/// Lets the pods of a job end with success.
async fn finish(space: &Space, job: &str) -> anyhow::Result<()> {
    let end = serde_json::json!({"metadata": {"annotations": {"kwok.twofold.dev/exit-code": "0"}}});
    for worker in 0..3 {
        let name = format!("{job}-worker-{worker}");
        space.api("v1", "Pod").patch(&name, &PatchParams::default(), &Patch::Merge(&end)).await?;
        space.until_pod(&name, "ended", |pod| pod.is_none_or(|pod| phase(pod) == "Succeeded")).await?;
    }
    Ok(())
}

#[test]
fn roles_of_weights_two_and_one_hold_shares_of_two_to_one() {
    in_corner("shares", async |corner| {
        let space = &corner.space;
        machines(&space.client, "shared", 1, &pool()).await?;
        let mut manifests = roles(0);
        for (role, jobs) in [("heavy", 7), ("light", 3)] {
            for index in 0..jobs {
                let job = job(&format!("{role}-{index}"), &[("Worker", 3)], "{cpu: 1, memory: 1Gi}");
                manifests += &in_role(&job, role);
            }
        }
        manifests +=
            &(ring("heavy-ring", "heavy") + &ring("light-ring", "light") + &ring("light-more", "light"));
        space.apply(&manifests).await?;
        let _operator = corner.operator(&[]);
        for name in ["heavy-6", "light-2"] {
            let waits = |job: &DynamicObject| {
                job.data.pointer("/status/twofold").is_some_and(|s| s.to_string().contains("limit"))
            };
            space.until(space.jobs(), name, "held by the limit", waits).await?;
        }
        for name in ["heavy-ring", "light-more"] {
            let waits = |ring: &DynamicObject| {
                ring.data.get("status").is_some_and(|s| s.to_string().contains("limit"))
            };
            space.until(space.rings(), name, "held by the limit", waits).await?;
        }
        space.apply(&roles(AGENTS)).await?;
        for finished in ["heavy-0", "light-0", "heavy-1"] {
            let (heavy, light) = space
                .until_holds("all agents are in use", async || {
                    let (heavy, light) = used(space).await?;
                    Ok((heavy + light == AGENTS).then_some((heavy, light)))
                })
                .await?;
            assert!(heavy.abs_diff(2 * light) <= 3, "before {finished} ends: {heavy} to {light}");
            finish(space, finished).await?;
        }
        space.destroy().await?;
        remove_machines(&space.client, &pool()).await?;
        remove_roles(space, &["heavy", "light", "both"]).await?;
        Ok(())
    });
}
