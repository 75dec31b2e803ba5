//! The thinnest path: one job of one worker, from manifest to Succeeded.

use crate::support::{in_corner, job};
use kube::api::{DeleteParams, ListParams};
use twofold_e2e::harness::api::{condition, condition_of, text};
use twofold_e2e::harness::audit::Audit;
use twofold_e2e::harness::history::Recorder;

#[test]
fn a_job_of_one_worker_runs_on_the_chosen_agent_and_succeeds() {
    in_corner("single", async |corner| {
        let audit = Audit::from_now()?;
        let _operator = corner.operator(&[]);
        let manifest = job("one", &[("Worker", 1)], "{cpu: 1, memory: 1Gi}");
        let ends = manifest.replace(
            "      template:\n",
            "      template:\n        metadata: {annotations: {kwok.twofold.dev/exit-code: '0', kwok.twofold.dev/exit-delay: 3s}}\n",
        );
        corner.space.apply(&ends).await?;
        let jobs = corner.space.jobs();
        let done = |job: &_| condition(job, "Succeeded").as_deref() == Some("True");
        let job = corner.space.until(jobs, "one", "Succeeded", done).await?;
        assert_eq!(condition(&job, "Created").as_deref(), Some("True"));
        assert_eq!(condition(&job, "Running").as_deref(), Some("False"));
        let last = job.data.pointer("/status/conditions").and_then(|list| list.as_array()?.last().cloned());
        assert_eq!(last.map(|last| text(&last, "/type")).as_deref(), Some("Succeeded"));
        let pods = corner.space.pods().await?;
        let spec = pods["one-worker-0"].spec.clone().expect("a spec");
        let affinity = serde_json::to_value(&spec.affinity)?;
        let pin = "/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/matchFields/0/values/0";
        assert_eq!(Some(text(&affinity, pin)), spec.node_name, "bound elsewhere than its pin");
        let refused: Vec<_> = audit.operator_calls()?.into_iter().filter(|call| call.code == 403).collect();
        assert!(refused.is_empty(), "the chart's role does not allow {refused:?}");
        Ok(())
    });
}

#[test]
fn a_ring_of_three_is_ready_in_three_zones_and_a_deleted_member_comes_back() {
    in_corner("ring", async |corner| {
        let _operator = corner.operator(&[]);
        corner.space.apply(RING).await?;
        let rings = corner.space.rings();
        let ready = |ring: &_| condition(ring, "Ready").as_deref() == Some("True");
        let ring = corner.space.until(rings.clone(), "ring", "Ready", ready).await?;
        let racks = ring.data.pointer("/status/racks").and_then(|racks| racks.as_array().map(Vec::len));
        assert_eq!(racks, Some(3));
        let before = corner.space.pods().await?;
        let recorder = Recorder::start(corner.space.client.clone(), &corner.space.name);
        recorder.until(|seen| seen.len() >= 3).await?;
        let pods = corner.space.api("v1", "Pod");
        pods.delete("ring-node-1", &DeleteParams::default()).await?;
        let old = before["ring-node-1"].metadata.uid.clone();
        let back = |pod: Option<&k8s_openapi::api::core::v1::Pod>| {
            pod.is_some_and(|pod| {
                pod.metadata.uid != old
                    && pod.status.as_ref().is_some_and(|s| s.phase.as_deref() == Some("Running"))
            })
        };
        corner.space.until_pod("ring-node-1", "Running again", back).await?;
        corner.space.until(rings, "ring", "Ready", ready).await?;
        recorder.until(|seen| seen.iter().any(|moment| !moment.there)).await?;
        let moved: Vec<_> =
            recorder.moments().into_iter().filter(|moment| !moment.there).map(|moment| moment.pod).collect();
        assert_eq!(moved, ["ring-node-1"], "other members were touched");
        let claims = corner.space.api("v1", "PersistentVolumeClaim").list(&ListParams::default()).await?;
        assert_eq!(claims.items.len(), 3);
        assert!(
            condition_of(&ring, "/status/conditions", "Stalled")
                .is_none_or(|c| text(&c, "/status") != "True")
        );
        Ok(())
    });
}

pub(crate) const RING: &str = "
apiVersion: twofold.dev/v1alpha1
kind: CassandraService
metadata:
  name: ring
  annotations: {twofold.dev/readiness: pod}
spec:
  version: 5.0.9
  nodes: 3
  resources: {requests: {cpu: 1, memory: 2Gi}, limits: {cpu: 1, memory: 2Gi}}
  heap: 512Mi
  storage: {size: 1Gi}
";
