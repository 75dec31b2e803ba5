//! Launches that fail: a foreign pod took the room between offer and bind.

use crate::support::{annotated, in_corner, job};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, ResourceExt as _};
use std::process::Command;
use twofold_e2e::harness::history::Recorder;
use twofold_e2e::harness::operator::local_cluster;

/// Stops or starts kube-scheduler.
fn kube_scheduler(action: &str) -> anyhow::Result<()> {
    let status = Command::new(local_cluster()).args(["component", action, "kube-scheduler"]).status()?;
    anyhow::ensure!(status.success(), "failed to {action} kube-scheduler");
    Ok(())
}

/// A pod of nobody's that takes a whole agent, bound past kube-scheduler.
async fn take_room(api: &Api<Pod>, agent: &str) -> anyhow::Result<()> {
    let pod = serde_json::json!({
        "metadata": {"name": format!("foreign-{agent}")},
        "spec": {
            "nodeName": agent,
            "containers": [{"name": "x", "image": "local/x:1", "resources": {"requests": {"cpu": "30"}}}],
        },
    });
    api.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
    Ok(())
}

fn pin(pod: &Pod) -> String {
    let affinity =
        serde_json::to_value(pod.spec.as_ref().and_then(|spec| spec.affinity.clone())).unwrap_or_default();
    let at = "/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchFields/0/values/0";
    affinity.pointer(at).and_then(|name| name.as_str()).unwrap_or_default().to_owned()
}

#[test]
fn a_pod_that_cannot_be_bound_is_withdrawn_and_placed_anew() {
    in_corner("unbound", async |corner| {
        let pods: Api<Pod> = Api::namespaced(corner.space.client.clone(), &corner.space.name);
        kube_scheduler("stop")?;
        let _operator = corner.operator(&["--bind-timeout-seconds", "8"]);
        corner.space.apply(&job("late", &[("Worker", 1)], "{cpu: 8, memory: 1Gi}")).await?;
        let first =
            corner.space.until_pod("late-worker-0", "created", |pod| pod.is_some()).await?.expect("a pod");
        take_room(&pods, &pin(&first)).await?;
        kube_scheduler("start")?;
        let uid = first.uid();
        let moved = |pod: Option<&Pod>| {
            pod.is_some_and(|pod| {
                pod.uid() != uid
                    && pod.status.as_ref().is_some_and(|status| status.phase.as_deref() == Some("Running"))
            })
        };
        let again =
            corner.space.until_pod("late-worker-0", "running elsewhere", moved).await?.expect("a pod");
        assert_ne!(pin(&again), pin(&first));
        Ok(())
    });
}

#[test]
fn a_gang_of_which_one_member_cannot_be_bound_is_withdrawn_whole() {
    in_corner("unbound-gang", async |corner| {
        let pods: Api<Pod> = Api::namespaced(corner.space.client.clone(), &corner.space.name);
        kube_scheduler("stop")?;
        let recorder = Recorder::start(corner.space.client.clone(), &corner.space.name);
        let _operator = corner.operator(&["--bind-timeout-seconds", "8"]);
        // Each takes more than half of an agent, so that they stand on different ones, and none runs soon.
        let gang = job("gang", &[("Worker", 2)], "{cpu: 20, memory: 1Gi}");
        corner.space.apply(&annotated(&gang, "kwok.twofold.dev/ready-delay", "40s")).await?;
        let first =
            corner.space.until_pod("gang-worker-0", "created", |pod| pod.is_some()).await?.expect("a pod");
        let second =
            corner.space.until_pod("gang-worker-1", "created", |pod| pod.is_some()).await?.expect("a pod");
        take_room(&pods, &pin(&first)).await?;
        kube_scheduler("start")?;
        for old in [&first, &second] {
            let uid = old.uid();
            let anew = |pod: Option<&Pod>| pod.is_some_and(|pod| pod.uid() != uid);
            corner.space.until_pod(&old.name_any(), "made anew", anew).await?;
        }
        let running = |pod: &Pod| pod.status.as_ref().is_some_and(|s| s.phase.as_deref() == Some("Running"));
        pods.delete(&format!("foreign-{}", pin(&first)), &DeleteParams::default()).await?;
        corner.space.until_all_pods(2, running).await?;
        assert!(!recorder.moments().is_empty());
        Ok(())
    });
}
