//! What is ours to say of a job.

use crate::scene::{Is, Scene};
use twofold_core::frameworks::{Waiting, WaitingGroup};

/// Our conditions: type, status, reason.
fn ours(scene: &Scene) -> Vec<String> {
    let twofold = scene.told().twofold.unwrap_or_default();
    twofold.conditions.iter().map(|one| format!("{}={} {}", one.type_, one.status, one.reason)).collect()
}

fn message(scene: &Scene, type_: &str) -> String {
    let twofold = scene.told().twofold.unwrap_or_default();
    twofold.conditions.into_iter().find(|one| one.type_ == type_).map(|one| one.message).unwrap_or_default()
}

#[test]
fn a_job_that_waits_says_for_what() {
    let mut scene = Scene::of(&[("Worker", 2)], "");
    scene.waiting = Waiting {
        summary: "agent-0 lacks cpu 500m".to_owned(),
        groups: vec![WaitingGroup { stage: "Scalars".to_owned(), reason: "cpu 500m".to_owned(), agents: 3 }],
    };
    scene.tell();
    assert_eq!(ours(&scene), ["Ready=False WaitingForRoom", "Progressing=True WaitingForRoom"]);
    assert_eq!(message(&scene, "Progressing"), "agent-0 lacks cpu 500m");
    let twofold = scene.told().twofold.unwrap();
    assert_eq!(twofold.role.as_deref(), Some("default"));
    assert_eq!(twofold.waiting[0].agents, Some(3));
    assert_eq!(twofold.gang.map(|gang| (gang.desired, gang.launched, gang.bound)), Some((2, 0, 0)));
    assert!(scene.status().is_empty());
}

#[test]
fn a_job_starts_is_ready_and_is_over() {
    let mut scene = Scene::of(&[("Worker", 2)], "");
    scene.pod("worker", 0, Is::Running).pod("worker", 1, Is::Pending);
    scene.tell();
    assert_eq!(ours(&scene), ["Ready=False Starting", "Progressing=True Starting"]);
    assert_eq!(message(&scene, "Progressing"), "1 of 2 pods run or have succeeded");
    scene.pod("worker", 1, Is::Running);
    scene.tell();
    assert_eq!(ours(&scene), ["Ready=True Running", "Progressing=False Running"]);
    scene.pod("worker", 0, Is::Succeeded);
    scene.tell();
    assert_eq!(ours(&scene), ["Ready=False Finished", "Progressing=False Finished"]);
}

#[test]
fn a_refused_job_is_stalled_with_the_field_and_comes_out_of_it() {
    let mut scene = Scene::of(&[("Worker", 1)], "");
    let worker = scene.job.spec.tf_replica_specs.get_mut("Worker").unwrap();
    worker.template.spec.rest.insert("schedulerName".to_owned(), "volcano".into());
    scene.tell();
    assert_eq!(
        ours(&scene),
        [
            "Ready=False ForeignScheduler",
            "Progressing=False ForeignScheduler",
            "Stalled=True ForeignScheduler"
        ]
    );
    assert!(
        message(&scene, "Stalled").starts_with("spec.tfReplicaSpecs[Worker].template.spec.schedulerName: ")
    );
    assert_eq!(scene.conditions(), ["Created"]);
    assert!(scene.status().is_empty());
    let worker = scene.job.spec.tf_replica_specs.get_mut("Worker").unwrap();
    worker.template.spec.rest.clear();
    scene.tell();
    assert_eq!(ours(&scene), ["Ready=False Starting", "Progressing=True Starting"]);
}

#[test]
fn a_running_job_is_followed_even_when_it_is_refused_now() {
    let mut scene = Scene::of(&[("Worker", 1)], "");
    scene.pod("worker", 0, Is::Running);
    scene.tell();
    scene.job.metadata.annotations = Some([("twofold.dev/priority".to_owned(), "high".to_owned())].into());
    scene.pod("worker", 0, Is::Succeeded);
    scene.tell();
    assert_eq!(scene.conditions(), ["Created", "Running=False", "Succeeded"]);
}

#[test]
fn an_image_that_cannot_be_pulled_is_said_once() {
    let mut scene = Scene::of(&[("Worker", 1)], "");
    for (reason, events) in [("ErrImagePull", vec!["ImagePullFailed"]), ("ImagePullBackOff", vec![])] {
        scene.pod("worker", 0, Is::Pending);
        let status = serde_json::json!({"phase": "Pending", "containerStatuses": [{"name": "tensorflow", "image": "",
            "imageID": "", "ready": false, "restartCount": 0, "state": {"waiting": {"reason": reason, "message": "no"}}}]});
        scene.pods.get_mut("mnist-worker-0").unwrap().status = serde_json::from_value(status).unwrap();
        assert_eq!(scene.tell(), events, "{reason}");
    }
    assert!(ours(&scene).contains(&"Degraded=True ImagePullFailed".to_owned()), "{:?}", ours(&scene));
    assert_eq!(
        message(&scene, "Degraded"),
        "pod mnist-worker-0: container tensorflow cannot pull its image; check the image's name, its registry and \
         imagePullSecrets"
    );
}

#[test]
fn fields_without_effect_are_named_and_stop_nothing() {
    let policy = "{minAvailable: 1, priorityClass: high, scheduleTimeoutSeconds: 5, minResources: {cpu: 1}}";
    let mut scene = Scene::of(&[("Worker", 2)], &format!("runPolicy: {{schedulingPolicy: {policy}}}"));
    assert!(scene.upkeep().wants_offers);
    scene.tell();
    assert_eq!(
        ours(&scene),
        ["Ready=False Starting", "Progressing=True Starting", "Unsupported=True FieldsWithoutEffect"]
    );
    assert!(message(&scene, "Unsupported").starts_with(
        "spec.runPolicy.schedulingPolicy.minAvailable has no effect: all pods start together; spec.runPolicy."
    ));
    let mut scene = Scene::of(&[("Worker", 2)], "runPolicy: {schedulingPolicy: {minAvailable: 2, queue: a}}");
    scene.tell();
    assert_eq!(ours(&scene).len(), 2);
}
