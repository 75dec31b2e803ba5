//! Two roles with weights 2:1, saturated: their shares stay within one pod of 2:1.

use crate::support::{in_corner, job};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use std::collections::BTreeMap;
use twofold_e2e::harness::api::Space;

/// Nine times room for what one job, or one ring, takes.
const AGENTS: u32 = 9;

async fn pool(space: &Space) -> anyhow::Result<Vec<String>> {
    let api: Api<Node> = Api::all(space.client.clone());
    let mut names = Vec::new();
    for index in 0..AGENTS {
        let name = format!("pool-{index}");
        if api.get_opt(&name).await?.is_some() {
            api.delete(&name, &DeleteParams::default()).await?;
        }
        let resources =
            serde_json::json!({"cpu": "3", "memory": "64Gi", "pods": "110", "ephemeral-storage": "100Gi"});
        let node = serde_json::json!({
            "metadata": {
                "name": name,
                "annotations": {"kwok.x-k8s.io/node": "fake"},
                "labels": {
                    "kwok.twofold.dev/heartbeat": "on", "pool": "shared", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux",
                    "topology.kubernetes.io/region": "local", "topology.kubernetes.io/zone": format!("pool-{}", index % 3),
                },
            },
            "status": {"allocatable": resources, "capacity": resources},
        });
        api.create(&PostParams::default(), &serde_json::from_value(node.clone())?).await?;
        api.patch_status(&name, &PatchParams::default(), &Patch::Merge(&node)).await?;
        names.push(name);
    }
    Ok(names)
}

fn role(name: &str, weight: u32) -> String {
    format!(
        "apiVersion: twofold.dev/v1alpha1\nkind: AllocationRole\nmetadata: {{name: {name}}}\nspec:\n  weight: {weight}\n  \
         namespaces: [shares]\n  agents: {{selector: {{matchLabels: {{pool: shared}}}}}}\n---\n"
    )
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

/// CPUs in use by role, in thousandths: rings of 1 core a pod and jobs of 3, by the role that their name begins with.
async fn used(space: &Space) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut used = BTreeMap::from([("heavy".to_owned(), 0), ("light".to_owned(), 0)]);
    for (name, pod) in space.pods().await? {
        let ended =
            pod.status.as_ref().is_some_and(|s| matches!(s.phase.as_deref(), Some("Succeeded" | "Failed")));
        let cpus = if name.contains("-ring-") { 1_000 } else { 3_000 };
        let role = if name.starts_with("heavy") { "heavy" } else { "light" };
        *used.entry(role.to_owned()).or_default() += if ended { 0 } else { cpus };
    }
    Ok(used)
}

fn is_fair(used: &BTreeMap<String, u64>) -> bool {
    let (heavy, light) = (used["heavy"], used["light"]);
    heavy.abs_diff(2 * light) <= 2 * 3_000
}

#[test]
fn roles_of_weights_two_and_one_hold_shares_of_two_to_one() {
    in_corner("shares", async |corner| {
        let space = &corner.space;
        let names = pool(space).await?;
        let mut manifests = role("heavy", 2) + &role("light", 1);
        for index in 0..7 {
            manifests +=
                &in_role(&job(&format!("heavy-{index}"), &[("Worker", 1)], "{cpu: 3, memory: 1Gi}"), "heavy");
        }
        for index in 0..3 {
            manifests +=
                &in_role(&job(&format!("light-{index}"), &[("Worker", 1)], "{cpu: 3, memory: 1Gi}"), "light");
        }
        manifests +=
            &(ring("heavy-ring", "heavy") + &ring("light-ring", "light") + &ring("light-more-ring", "light"));
        space.apply(&manifests).await?;
        let _operator = corner.operator(&[]);
        let full = u64::from(AGENTS) * 3_000;
        for finished in 0..4 {
            let settled = space.until_holds("all CPUs are in use", async || {
                let used = used(space).await?;
                let whole = used.values().sum::<u64>() == full;
                Ok::<_, anyhow::Error>(whole.then_some(used))
            });
            let used = settled.await?;
            assert!(is_fair(&used), "after {finished} finished jobs: {used:?}");
            let pods = space.pods().await?;
            let running = pods.iter().find(|(name, pod)| {
                name.starts_with("heavy-")
                    && name.contains("-worker-")
                    && pod.status.as_ref().is_some_and(|s| s.phase.as_deref() == Some("Running"))
            });
            let Some((name, _)) = running else { break };
            let end = serde_json::json!({"metadata": {"annotations": {"kwok.twofold.dev/exit-code": "0"}}});
            space.api("v1", "Pod").patch(name, &PatchParams::default(), &Patch::Merge(&end)).await?;
            space
                .until_pod(name, "ended", |pod| {
                    pod.is_none_or(|pod| {
                        pod.status.as_ref().is_some_and(|s| s.phase.as_deref() == Some("Succeeded"))
                    })
                })
                .await?;
        }
        for name in names {
            Api::<Node>::all(space.client.clone()).delete(&name, &DeleteParams::default()).await?;
        }
        for name in ["heavy", "light"] {
            space
                .api("twofold.dev/v1alpha1", "AllocationRole")
                .delete(name, &DeleteParams::default())
                .await?;
        }
        Ok(())
    });
}
