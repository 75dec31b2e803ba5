//! Gangs: none or all.

use crate::support::{annotated, in_corner, job};
use k8s_openapi::api::core::v1::Node;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use twofold_e2e::harness::api::{Space, condition};
use twofold_e2e::harness::history::Recorder;
use twofold_e2e::harness::operator::explain;

const MODEL: &str = "gang-model";

/// A machine with GPUs of a model that no other test asks for.
async fn machine(client: &Client, name: &str, gpus: u32) -> anyhow::Result<()> {
    let api: Api<Node> = Api::all(client.clone());
    let resources = serde_json::json!({
        "cpu": "16", "memory": "64Gi", "pods": "110", "ephemeral-storage": "100Gi", "nvidia.com/gpu": gpus.to_string()
    });
    let node = serde_json::json!({
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {"kwok.twofold.dev/heartbeat": "on", "nvidia.com/gpu.product": MODEL, "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
        },
        "status": {"allocatable": resources, "capacity": resources},
    });
    api.create(&PostParams::default(), &serde_json::from_value(node.clone())?).await?;
    api.patch_status(name, &PatchParams::default(), &Patch::Merge(&node)).await?;
    Ok(())
}

async fn remove_machines(client: &Client, names: &[&str]) -> anyhow::Result<()> {
    let api: Api<Node> = Api::all(client.clone());
    for name in names {
        if api.get_opt(name).await?.is_some() {
            api.delete(name, &DeleteParams::default()).await?;
        }
    }
    Ok(())
}

fn gang(name: &str) -> String {
    let text =
        job(name, &[("Chief", 1), ("Worker", 1), ("PS", 1)], "{cpu: 1, memory: 1Gi, nvidia.com/gpu: 2}");
    text.replace(
        "          containers:",
        &format!("          nodeSelector: {{nvidia.com/gpu.product: {MODEL}}}\n          containers:"),
    )
}

/// Why the job waits, once it says so and names the nearest miss; `twofold explain` names it, too.
async fn waits(space: &Space, name: &str) -> anyhow::Result<String> {
    let said = |job: &kube::api::DynamicObject| {
        job.data.pointer("/status/twofold").map(ToString::to_string).unwrap_or_default()
    };
    let job = space
        .until(space.jobs(), name, "waiting with the nearest miss", |job| said(job).contains("nearest"))
        .await?;
    let page = explain(&format!("tfjob/{name}"), &space.name)?;
    assert!(page.contains("nearest: gang-") && page.contains("gpu"), "{page}");
    Ok(said(&job))
}

async fn runs_whole(space: &Space, name: &str) -> anyhow::Result<()> {
    space
        .until(space.jobs(), name, "Running", |job| condition(job, "Running").as_deref() == Some("True"))
        .await?;
    let pods = space.pods().await?;
    assert_eq!(pods.keys().filter(|pod| pod.starts_with(&format!("{name}-"))).count(), 3);
    Ok(())
}

#[test]
fn six_gpus_are_not_found_among_five_and_the_sixth_comes_with_a_new_machine() {
    in_corner("gang-five", async |corner| {
        let client = &corner.space.client;
        remove_machines(client, &["gang-a", "gang-b", "gang-c"]).await?;
        machine(client, "gang-a", 4).await?;
        machine(client, "gang-b", 1).await?;
        let recorder = Recorder::start(client.clone(), &corner.space.name);
        let _operator = corner.operator(&[]);
        corner.space.apply(&gang("five")).await?;
        let why = waits(&corner.space, "five").await?;
        assert!(why.contains("gang-b") || why.contains("gang-a"), "{why}");
        assert!(recorder.moments().is_empty(), "a pod was created: {:?}", recorder.moments());
        machine(client, "gang-c", 2).await?;
        runs_whole(&corner.space, "five").await?;
        corner.space.destroy().await?;
        remove_machines(client, &["gang-a", "gang-b", "gang-c"]).await
    });
}

#[test]
fn six_gpus_as_five_and_one_do_not_do_and_a_finished_job_makes_room() {
    in_corner("gang-split", async |corner| {
        let client = &corner.space.client;
        remove_machines(client, &["gang-d", "gang-e"]).await?;
        machine(client, "gang-d", 5).await?;
        machine(client, "gang-e", 3).await?;
        let _operator = corner.operator(&[]);
        let first = job("first", &[("Worker", 1)], "{cpu: 1, memory: 1Gi, nvidia.com/gpu: 2}").replace(
            "          containers:",
            "          nodeSelector: {kubernetes.io/hostname: gang-e}\n          containers:",
        );
        corner.space.apply(&annotated(&first, "kwok.twofold.dev/hold", "true")).await?;
        corner
            .space
            .until(corner.space.jobs(), "first", "Running", |job| {
                condition(job, "Running").as_deref() == Some("True")
            })
            .await?;
        corner.space.apply(&gang("split")).await?;
        waits(&corner.space, "split").await?;
        assert_eq!(corner.space.pods().await?.len(), 1, "a part of the gang was created");
        let end = serde_json::json!({"metadata": {"annotations": {"kwok.twofold.dev/exit-code": "0"}}});
        corner
            .space
            .api("v1", "Pod")
            .patch("first-worker-0", &PatchParams::default(), &Patch::Merge(&end))
            .await?;
        runs_whole(&corner.space, "split").await?;
        corner.space.destroy().await?;
        remove_machines(client, &["gang-d", "gang-e"]).await
    });
}
