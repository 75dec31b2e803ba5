//! The room of a ring's member is kept while its pod is away.

use crate::support::{Machine, in_corner, job, machines, phase, remove_machines, remove_roles};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, DynamicObject};
use serde_json::Value;
use twofold_e2e::harness::api::{Space, condition};
use twofold_e2e::harness::history::Recorder;

/// Three machines, each in a zone of its own. KWOK makes volumes on machines of such names only.
fn agents() -> Vec<Machine> {
    let names = (0..3).map(|at| format!("fake-kept-{at}"));
    names.map(|name| Machine { zone: Some(name.clone()), name }).collect()
}

/// A role for the ring, and one that is guaranteed two cores, so that it goes before all others.
fn roles() -> String {
    let role = |name: &str, more: &str| {
        format!(
            "apiVersion: twofold.dev/v1alpha1\nkind: AllocationRole\nmetadata: {{name: {name}}}\nspec:\n  namespaces: [kept]\n  \
             agents: {{selector: {{matchLabels: {{pool: kept}}}}}}\n{more}---\n"
        )
    };
    role("kept", "") + &role("greedy", "  guarantee: {cpu: 2}\n")
}

/// A member takes one core of each agent.
const RING: &str = "
apiVersion: twofold.dev/v1alpha1
kind: CassandraService
metadata:
  name: ring
  annotations: {twofold.dev/readiness: pod}
spec:
  version: 5.0.9
  nodes: 3
  placement: {role: kept}
  resources: {requests: {cpu: 1, memory: 2Gi}, limits: {memory: 2Gi}}
  heap: 512Mi
  storage: {size: 1Gi}
";

/// A job that takes both cores of one agent: all that it lacks is the room of a member.
fn greedy() -> String {
    job("greedy", &[("Worker", 1)], "{cpu: 2, memory: 1Gi}").replace(
        "spec:\n  tfReplicaSpecs",
        "spec:\n  runPolicy: {schedulingPolicy: {queue: greedy}}\n  tfReplicaSpecs",
    )
}

fn is_ready(ring: &DynamicObject) -> bool {
    condition(ring, "Ready").as_deref() == Some("True")
}

/// What the ring's role is charged, by its status.
async fn charged(space: &Space) -> anyhow::Result<Value> {
    let role = space.api("twofold.dev/v1alpha1", "AllocationRole").get("kept").await?;
    Ok(role.data.pointer("/status/charged").cloned().unwrap_or_default())
}

fn agent(pod: &Pod) -> Option<String> {
    pod.spec.as_ref().and_then(|spec| spec.node_name.clone())
}

/// The member comes back as another pod on the same agent, and its role is charged as before.
async fn comes_back(space: &Space, before: &Pod, was_charged: &Value) -> anyhow::Result<()> {
    let back = |pod: Option<&Pod>| {
        pod.is_some_and(|pod| pod.metadata.uid != before.metadata.uid && phase(pod) == "Running")
    };
    let again = space.until_pod("ring-node-1", "Running again", back).await?.expect("a pod");
    assert_eq!(agent(&again), agent(before), "another took its room");
    space.until(space.rings(), "ring", "Ready", is_ready).await?;
    space
        .until_holds("the role is charged as before", async || {
            Ok((charged(space).await? == *was_charged).then_some(()))
        })
        .await
}

#[test]
fn a_member_finds_its_room_again_though_a_job_with_a_guarantee_waits_for_it() {
    in_corner("kept", async |corner| {
        let space = &corner.space;
        machines(&space.client, "kept", 2, &agents()).await?;
        space.apply(&roles()).await?;
        let operator = corner.operator(&[]);
        space.apply(RING).await?;
        space.until(space.rings(), "ring", "Ready", is_ready).await?;
        space.apply(&greedy()).await?;
        let waits = |job: &DynamicObject| {
            job.data.pointer("/status/twofold").is_some_and(|said| said.to_string().contains("nearest"))
        };
        space.until(space.jobs(), "greedy", "waiting", waits).await?;
        let was_charged = charged(space).await?;
        let recorder = Recorder::start(space.client.clone(), &space.name);
        let pods = space.api("v1", "Pod");

        let before = space.pods().await?["ring-node-1"].clone();
        pods.delete("ring-node-1", &DeleteParams::default()).await?;
        comes_back(space, &before, &was_charged).await?;

        // The pod is lost while there is no operator: the next one knows of the room by ledger and claim alone.
        let before = space.pods().await?["ring-node-1"].clone();
        operator.kill()?;
        pods.delete("ring-node-1", &DeleteParams::default()).await?;
        space.until_pod("ring-node-1", "gone", |pod| pod.is_none()).await?;
        let _operator = corner.operator(&[]);
        comes_back(space, &before, &was_charged).await?;
        let of_job = recorder.moments().into_iter().filter(|moment| moment.pod.starts_with("greedy-"));
        assert_eq!(of_job.count(), 0, "the job was given room that was kept");

        space.rings().delete("ring", &DeleteParams::default()).await?;
        let runs = |job: &DynamicObject| condition(job, "Running").as_deref() == Some("True");
        space.until(space.jobs(), "greedy", "Running in the room of a deleted ring", runs).await?;
        space.destroy().await?;
        remove_machines(&space.client, &agents()).await?;
        remove_roles(space, &["kept", "greedy"]).await?;
        Ok(())
    });
}
