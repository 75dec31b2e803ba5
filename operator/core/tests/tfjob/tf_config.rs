//! `TF_CONFIG`, to the letter.

use crate::scene::Scene;
use twofold_core::frameworks::Framework;

/// The values of `TF_CONFIG` in the sample pods, by replica type.
fn configs(scene: &Scene) -> Vec<(String, Option<String>)> {
    let spec = scene.translate().expect("a valid job");
    let samples = scene.job.samples(&spec, &scene.settings);
    let config = |pod: k8s_openapi::api::core::v1::Pod| {
        let containers = pod.spec.unwrap_or_default().containers;
        let trainer = containers.into_iter().find(|container| container.name == "tensorflow");
        let env = trainer.and_then(|trainer| trainer.env).unwrap_or_default();
        let value =
            env.into_iter().rfind(|variable| variable.name == "TF_CONFIG").and_then(|found| found.value);
        (pod.metadata.name.unwrap_or_default(), value)
    };
    samples.into_iter().map(config).collect()
}

fn of(scene: &Scene, pod: &str) -> String {
    configs(scene)
        .into_iter()
        .find(|(name, _)| name == pod)
        .and_then(|(_, config)| config)
        .unwrap_or_default()
}

#[test]
fn the_cluster_is_sorted_by_type_and_holds_the_evaluator() {
    let mut scene = Scene::of(&[("Worker", 1), ("PS", 1), ("Evaluator", 1)], "");
    scene.job.metadata.name = Some("test-tfjob".to_owned());
    scene.job.metadata.namespace = Some("ns3".to_owned());
    assert_eq!(
        of(&scene, "test-tfjob-worker-0"),
        "{\"cluster\":{\"evaluator\":[\"test-tfjob-evaluator-0.ns3.svc:2222\"],\"ps\":[\"test-tfjob-ps-0.ns3.svc:2222\"],\
         \"worker\":[\"test-tfjob-worker-0.ns3.svc:2222\"]},\"task\":{\"type\":\"worker\",\"index\":0},\
         \"environment\":\"cloud\"}"
    );
}

#[test]
fn an_annotation_leaves_the_evaluator_out() {
    let mut scene = Scene::of(&[("Chief", 1), ("Evaluator", 1)], "");
    scene.job.metadata.annotations =
        Some([("twofold.dev/evaluator-in-cluster".to_owned(), "false".to_owned())].into());
    assert_eq!(
        of(&scene, "mnist-chief-0"),
        "{\"cluster\":{\"chief\":[\"mnist-chief-0.team.svc:2222\"]},\"task\":{\"type\":\"chief\",\"index\":0},\
         \"environment\":\"cloud\"}"
    );
}

#[test]
fn hosts_carry_the_cluster_domain_and_ports_are_those_of_their_type() {
    let mut scene = Scene::of(&[("Master", 1), ("Worker", 2)], "");
    scene.settings.cluster_domain = "tf.training.io".to_owned();
    let worker = scene.job.spec.tf_replica_specs.get_mut("Worker").unwrap();
    let port =
        serde_json::from_value(serde_json::json!({"name": "tfjob-port", "containerPort": 3333})).unwrap();
    worker.template.spec.containers[0].ports.push(port);
    assert_eq!(
        of(&scene, "mnist-worker-1"),
        "{\"cluster\":{\"master\":[\"mnist-master-0.team.svc.tf.training.io:2222\"],\
         \"worker\":[\"mnist-worker-0.team.svc.tf.training.io:3333\",\"mnist-worker-1.team.svc.tf.training.io:3333\"]},\
         \"task\":{\"type\":\"worker\",\"index\":1},\"environment\":\"cloud\"}"
    );
}

#[test]
fn a_single_replica_trains_by_itself() {
    assert_eq!(configs(&Scene::of(&[("Worker", 1)], "")), [("mnist-worker-0".to_owned(), None)]);
}

#[test]
fn dynamic_workers_know_themselves_and_the_parameter_servers_only() {
    let scene = Scene::of(&[("Chief", 1), ("Worker", 2), ("PS", 2)], "enableDynamicWorker: true");
    let ps = "\"mnist-ps-0.team.svc:2222\",\"mnist-ps-1.team.svc:2222\"";
    assert_eq!(
        of(&scene, "mnist-worker-1"),
        format!(
            "{{\"cluster\":{{\"worker\":{{\"1\":\"mnist-worker-1.team.svc:2222\"}},\"ps\":[{ps}]}},\
             \"task\":{{\"type\":\"worker\",\"index\":1}}}}"
        )
    );
    assert_eq!(
        of(&scene, "mnist-ps-1"),
        "{\"cluster\":{\"worker\":{},\"ps\":[\"mnist-ps-1.team.svc:2222\"]},\"task\":{\"type\":\"ps\",\"index\":1}}"
    );
    assert_eq!(
        of(&scene, "mnist-chief-0"),
        format!(
            "{{\"cluster\":{{\"chief\":{{\"0\":\"mnist-chief-0.team.svc:2222\"}},\"worker\":{{}},\"ps\":[{ps}]}},\
             \"task\":{{\"type\":\"chief\",\"index\":0}}}}"
        )
    );
}

#[test]
fn it_comes_after_what_the_user_sets_and_only_in_the_first_container_of_that_name() {
    let scene = Scene::new(
        "spec:
           tfReplicaSpecs:
             Worker:
               replicas: 2
               template:
                 spec:
                   containers:
                   - {name: sidecar, image: a}
                   - {name: tensorflow, image: a, env: [{name: TF_CONFIG, value: mine}, {name: A, value: b}]}",
    );
    let spec = scene.translate().unwrap();
    let pod = scene.job.samples(&spec, &scene.settings).remove(0).spec.unwrap();
    let names: Vec<Vec<String>> = pod
        .containers
        .into_iter()
        .map(|container| container.env.into_iter().flatten().map(|variable| variable.name).collect())
        .collect();
    assert_eq!(names, [vec![], vec!["TF_CONFIG".to_owned(), "A".to_owned(), "TF_CONFIG".to_owned()]]);
}
