//! What a manifest need not say.

use crate::scene::Scene;
use twofold_core::frameworks::Framework;
use twofold_sdk::spec::{Gang, Goal, Relaunch, Strategy};

const LEAST: &str = "spec:
  tfReplicaSpecs:
    worker: {template: {spec: {containers: [{name: tensorflow, image: local/train:1}]}}}
    Ps: {template: {spec: {containers: [{name: tensorflow, image: local/train:1}]}}}";

#[test]
fn keys_are_read_without_regard_to_case_and_there_is_one_replica_that_never_restarts() {
    let spec = Scene::new(LEAST).translate().unwrap();
    let types: Vec<_> = spec
        .pod_types
        .iter()
        .map(|one| (one.name.as_str(), one.count, one.relaunch, one.goal, one.deploy))
        .collect();
    assert_eq!(
        types,
        [
            ("worker", 1, Relaunch::Never, Goal::Finish, Strategy::Parallel),
            ("ps", 1, Relaunch::Never, Goal::Finish, Strategy::Parallel),
        ]
    );
    assert_eq!(spec.gang, Gang::All);
    assert_eq!(spec.role.as_str(), "default");
    assert_eq!(spec.priority, 0);
}

#[test]
fn the_container_that_trains_has_the_port_that_tf_config_names() {
    let ports = |declared: &str| {
        let manifest = format!(
            "spec: {{tfReplicaSpecs: {{Worker: {{template: {{spec: {{containers: \
             [{{name: tensorflow, image: a, ports: {declared}}}]}}}}}}}}}}"
        );
        let scene = Scene::new(&manifest);
        let spec = scene.translate().unwrap();
        let pod = scene.job.samples(&spec, &scene.settings).remove(0).spec.unwrap();
        let ports = pod.containers.into_iter().flat_map(|container| container.ports.unwrap_or_default());
        ports.map(|port| (port.name.unwrap_or_default(), port.container_port)).collect::<Vec<_>>()
    };
    assert_eq!(ports("[]"), [("tfjob-port".to_owned(), 2222)]);
    assert_eq!(ports("[{containerPort: 80}]"), [(String::new(), 80), ("tfjob-port".to_owned(), 2222)]);
    assert_eq!(ports("[{name: tfjob-port, containerPort: 7777}]"), [("tfjob-port".to_owned(), 7777)]);
}

#[test]
fn nothing_of_this_is_written_back() {
    let mut scene = Scene::new(LEAST);
    let before = scene.job.spec.clone();
    scene.tell();
    assert_eq!(scene.job.spec, before);
}
