//! A job in level two's language.

use crate::scene::Scene;
use twofold_allocator::ask::Constraint;
use twofold_allocator::gpu::GpuRequest;
use twofold_allocator::resources::Resources;
use twofold_sdk::admission::{HostPort, Protocol, TaintEffect, Tolerated, Toleration};
use twofold_sdk::instance::InstanceId;
use twofold_sdk::spec::{Finish, FinishRule, Packing};

fn finish(replicas: &[(&str, u32)], more: &str) -> Option<Vec<FinishRule>> {
    Scene::of(replicas, more).translate().expect("a valid job").finish.map(|Finish { when_any }| when_any)
}

#[test]
fn the_finish_is_the_chiefs_else_the_workers() {
    let all_of = |name: &str| FinishRule::AllOf(name.into());
    assert_eq!(finish(&[("Chief", 1), ("Worker", 2)], ""), Some(vec![all_of("chief")]));
    assert_eq!(finish(&[("Master", 1), ("Worker", 2)], ""), Some(vec![all_of("master")]));
    assert_eq!(finish(&[("Worker", 2)], "successPolicy: AllWorkers"), Some(vec![all_of("worker")]));
    assert_eq!(
        finish(&[("Worker", 2), ("PS", 1)], ""),
        Some(vec![all_of("worker"), FinishRule::Instance(InstanceId::new("worker", 0))])
    );
    assert_eq!(finish(&[("PS", 2), ("Evaluator", 1)], ""), None);
}

#[test]
fn the_placement_is_the_annotations_else_the_gradient_for_gpus() {
    let packing = |limits: &str, annotation: Option<&str>| {
        let container = format!("name: tensorflow, image: a, resources: {{limits: {{{limits}}}}}");
        let worker = format!("{{template: {{spec: {{containers: [{{{container}}}]}}}}}}");
        let mut scene = Scene::new(&format!("spec: {{tfReplicaSpecs: {{Worker: {worker}}}}}"));
        scene.job.metadata.annotations =
            annotation.map(|said| [("twofold.dev/placement".to_owned(), said.to_owned())].into());
        scene.translate().unwrap().packing
    };
    assert_eq!(packing("nvidia.com/gpu: 1", None), Packing::FragmentationGradient);
    assert_eq!(packing("cpu: 1", None), Packing::BestFit);
    assert_eq!(packing("nvidia.com/gpu: 1", Some("BestFit")), Packing::BestFit);
    assert_eq!(packing("cpu: 1", Some("FragmentationGradient")), Packing::FragmentationGradient);
}

#[test]
fn the_role_is_the_queue_else_the_annotation_else_the_default() {
    let role = |queue: &str, annotation: &str| {
        let more = format!("runPolicy: {{schedulingPolicy: {{queue: {queue}}}}}");
        let mut scene = Scene::of(&[("Worker", 1)], &more);
        scene.job.metadata.annotations =
            Some([("twofold.dev/role".to_owned(), annotation.to_owned())].into());
        scene.translate().unwrap().role.as_str().to_owned()
    };
    assert_eq!(role("vision", "speech"), "vision");
    assert_eq!(role("\"\"", "speech"), "speech");
    assert_eq!(role("\"\"", ""), "default");
}

#[test]
fn the_priority_is_an_annotation() {
    let mut scene = Scene::of(&[("Worker", 1)], "");
    scene.job.metadata.annotations = Some([("twofold.dev/priority".to_owned(), "-7".to_owned())].into());
    assert_eq!(scene.translate().unwrap().priority, -7);
}

#[test]
fn shape_and_admission_come_from_the_template() {
    let scene = Scene::new(
        "spec:
           tfReplicaSpecs:
             Worker:
               replicas: 2
               template:
                 spec:
                   hostNetwork: true
                   nodeSelector: {disk: ssd}
                   tolerations: [{key: gpu, operator: Exists, effect: NoSchedule}]
                   affinity:
                     nodeAffinity:
                       requiredDuringSchedulingIgnoredDuringExecution:
                         nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: Exists}]}]
                   containers:
                   - name: tensorflow
                     image: a
                     resources: {requests: {cpu: 1500m}, limits: {cpu: 2, memory: 4Gi, nvidia.com/gpu: 1}}",
    );
    let spec = scene.translate().unwrap();
    let worker = &spec.pod_types[0];
    assert_eq!(worker.shape.base, Resources { pods: 1, ..Resources::new(1_500, 4 << 30) });
    assert_eq!(worker.shape.gpu, Some(GpuRequest { model: None, count: 1, one_island: false }));
    let admission = &worker.admission;
    assert_eq!(
        admission.tolerations,
        [Toleration {
            key: Some("gpu".into()),
            value: Tolerated::Exists,
            effect: Some(TaintEffect::NoSchedule)
        }]
    );
    assert_eq!(admission.selector.get(&"disk".into()), Some(&"ssd".into()));
    assert_eq!(admission.affinity, [vec![Constraint::AttributeExists("zone".into())]]);
    assert_eq!(admission.host_ports, [HostPort { protocol: Protocol::Tcp, port: 2222 }].into());
}
