//! What goes when a job is over or put aside.

use crate::scene::{Is, Scene, lines};
use twofold_core::action::Write;

/// A succeeded job with a pod in each state, and all its services.
fn over(policy: &str) -> Scene {
    let mut scene =
        Scene::of(&[("Worker", 4), ("PS", 1)], &format!("runPolicy: {{cleanPodPolicy: {policy}}}"));
    let actions = scene.upkeep().actions;
    scene.perform_services(&actions);
    scene.pod("worker", 0, Is::Succeeded).pod("worker", 1, Is::Running).pod("worker", 2, Is::Pending);
    scene.pod("ps", 0, Is::Running);
    scene.tell();
    assert_eq!(scene.conditions().last().map(String::as_str), Some("Succeeded"));
    scene
}

#[test]
fn pods_go_by_the_policy_each_with_its_service() {
    let of_running = ["mnist-ps-0", "mnist-worker-1", "mnist-worker-2"];
    let of_all = ["mnist-ps-0", "mnist-worker-0", "mnist-worker-1", "mnist-worker-2"];
    let cases: [(&str, &[&str]); 5] =
        [("None", &[]), ("\"\"", &[]), ("Running", &of_running), ("All", &of_all), ("Whatever", &of_all)];
    for (policy, names) in cases {
        let upkeep = over(policy).upkeep();
        let wanted: Vec<String> =
            names.iter().flat_map(|name| [format!("delete {name}"), format!("delete {name}")]).collect();
        assert_eq!(lines(&upkeep.actions), wanted, "{policy}");
        assert!(!upkeep.wants_offers);
    }
}

#[test]
fn nothing_goes_before_the_end_is_on_record() {
    let mut scene =
        Scene::of(&[("Worker", 1)], "runPolicy: {cleanPodPolicy: All, ttlSecondsAfterFinished: 0}");
    let actions = scene.upkeep().actions;
    scene.perform_services(&actions);
    scene.pod("worker", 0, Is::Succeeded);
    let before = scene.upkeep();
    assert!(before.actions.is_empty());
    assert!(!before.wants_offers);
    scene.tell();
    assert_eq!(lines(&scene.upkeep().actions), ["delete mnist", "event mnist"]);
}

#[test]
fn a_deletion_names_exactly_the_pod_that_was_judged_and_is_not_repeated() {
    let mut scene = over("Running");
    scene.pod("ps", 0, Is::Going);
    let actions = scene.upkeep().actions;
    let pods: Vec<_> = actions
        .iter()
        .filter_map(|action| match &action.write {
            Write::Delete { target, .. } if target.resource_version.is_some() => {
                Some((target.key.name.as_str(), target.uid.as_str()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(pods, [("mnist-worker-1", "mnist-worker-1-0"), ("mnist-worker-2", "mnist-worker-2-0")]);
}

#[test]
fn a_finished_job_is_deleted_when_its_time_is_over() {
    let mut scene = Scene::of(&[("Worker", 1)], "runPolicy: {ttlSecondsAfterFinished: 60}");
    scene.pod("worker", 0, Is::Failed(1));
    scene.tell();
    let upkeep = scene.upkeep();
    assert!(upkeep.actions.is_empty());
    assert_eq!(upkeep.wake_at, Some(scene.now.plus_millis(60_000)));
    scene.pass_time(60);
    let upkeep = scene.upkeep();
    assert_eq!(lines(&upkeep.actions), ["delete mnist", "event mnist"]);
    let Write::Delete { target, .. } = &upkeep.actions[0].write else { panic!("no deletion") };
    assert_eq!(target.uid, "job-uid");
}

#[test]
fn a_suspended_job_gives_everything_back_whatever_its_policy() {
    let mut scene = Scene::of(&[("Worker", 2)], "runPolicy: {cleanPodPolicy: None}");
    let actions = scene.upkeep().actions;
    scene.perform_services(&actions);
    scene.pod("worker", 0, Is::Running).pod("worker", 1, Is::Failed(1));
    scene.job.spec.run_policy.suspend = true;
    assert!(scene.upkeep().actions.is_empty(), "it is put on record first");
    scene.tell();
    let upkeep = scene.upkeep();
    assert_eq!(
        lines(&upkeep.actions),
        ["delete mnist-worker-0", "delete mnist-worker-1", "delete mnist-worker-0", "delete mnist-worker-1"]
    );
    assert!(!upkeep.wants_offers);
}

#[test]
fn pods_and_services_of_others_stay() {
    let mut scene = over("All");
    let other: Vec<_> = scene
        .support
        .iter()
        .map(|(key, record)| {
            let mut record = record.clone();
            if let Some(controller) = &mut record.controller {
                "another-uid".clone_into(&mut controller.uid);
            }
            (key.clone(), record)
        })
        .collect();
    scene.support = other.into_iter().collect();
    let deleted: Vec<_> = scene.upkeep().actions.iter().map(|action| action.write.key().kind).collect();
    assert!(deleted.iter().all(|kind| *kind == twofold_core::object::Kind::Pod), "{deleted:?}");
}
