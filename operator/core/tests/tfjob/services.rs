//! One service for each replica, before there are pods.

use crate::scene::{Scene, lines};
use twofold_core::action::{Stage, Write};
use twofold_core::object::Object;

#[test]
fn every_replica_has_a_service_before_any_pod() {
    let scene = Scene::of(&[("Worker", 2), ("PS", 1), ("Chief", 1)], "");
    let upkeep = scene.upkeep();
    assert_eq!(
        lines(&upkeep.actions),
        ["create mnist-chief-0", "create mnist-worker-0", "create mnist-worker-1", "create mnist-ps-0"]
    );
    assert!(upkeep.actions.iter().all(|action| action.write.stage() < Stage::Pod));
    assert!(upkeep.wants_offers);
}

#[test]
fn services_that_stand_are_not_written_again() {
    let mut scene = Scene::of(&[("Worker", 2)], "");
    let actions = scene.upkeep().actions;
    scene.perform_services(&actions);
    assert!(scene.upkeep().actions.is_empty());
}

#[test]
fn a_service_whose_content_changes_is_applied_and_a_surplus_one_goes() {
    let mut scene = Scene::of(&[("Worker", 3), ("PS", 1)], "");
    let actions = scene.upkeep().actions;
    scene.perform_services(&actions);
    let worker = scene.job.spec.tf_replica_specs.get_mut("Worker").unwrap();
    worker.replicas = Some(2);
    let port =
        serde_json::from_value(serde_json::json!({"name": "tfjob-port", "containerPort": 3333})).unwrap();
    worker.template.spec.containers[0].ports.push(port);
    let actions = scene.upkeep().actions;
    assert_eq!(lines(&actions), ["apply mnist-worker-0", "apply mnist-worker-1", "delete mnist-worker-2"]);
    scene.perform_services(&actions);
    assert!(scene.upkeep().actions.is_empty());
}

#[test]
fn a_service_of_somebody_else_is_not_taken_over() {
    let mut scene = Scene::of(&[("Worker", 1)], "");
    let actions = scene.upkeep().actions;
    scene.perform_services(&actions);
    for record in scene.support.values_mut() {
        record.controller = None;
        record.revision = None;
    }
    assert_eq!(lines(&scene.upkeep().actions), ["create mnist-worker-0"]);
}

#[test]
fn a_job_whose_name_begins_with_ours_keeps_its_services() {
    let mut scene = Scene::of(&[("Worker", 1)], "");
    let mut longer = Scene::of(&[("Worker", 1)], "");
    longer.job.metadata.name = Some("mnist-worker".to_owned());
    longer.job.metadata.uid = Some("longer-uid".to_owned());
    let actions = [scene.upkeep().actions, longer.upkeep().actions].concat();
    scene.perform_services(&actions);
    assert!(scene.upkeep().actions.is_empty());
}

#[test]
fn the_ports_are_those_of_the_container_that_trains_each_with_a_name() {
    let scene = Scene::new(
        "spec:
           tfReplicaSpecs:
             Worker:
               template:
                 spec:
                   containers:
                   - {name: sidecar, image: a, ports: [{containerPort: 9}]}
                   - {name: tensorflow, image: a, ports: [{containerPort: 8080}, {name: dns, containerPort: 53, protocol: UDP}]}",
    );
    let actions = scene.upkeep().actions;
    let Write::Create(Object::Service(service)) = &actions[0].write else { panic!("no service") };
    let spec = service.spec.as_ref().unwrap();
    let ports: Vec<_> = spec
        .ports
        .iter()
        .flatten()
        .map(|port| {
            (
                port.name.as_deref().unwrap_or_default(),
                port.port,
                port.protocol.as_deref().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(ports, [("port-8080", 8080, "TCP"), ("dns", 53, "UDP"), ("tfjob-port", 2222, "TCP")]);
}
