//! The states of a job: conditions, counts and times, by upstream's rules.

use crate::scene::{Is, Scene};

/// Pods of one type: failed, succeeded, active.
type Counts = (u32, u32, u32);

struct Case {
    what: &'static str,
    replicas: &'static [(&'static str, u32)],
    all_workers: bool,
    chief: Counts,
    worker: Counts,
    ps: Counts,
    policy: &'static str,
    shows: &'static str,
}

const PLAIN: Case = Case {
    what: "",
    replicas: &[("Worker", 1)],
    all_workers: false,
    chief: (0, 0, 0),
    worker: (0, 0, 0),
    ps: (0, 0, 0),
    policy: "Never",
    shows: "",
};
const CHIEF_AND_WORKER: &[(&str, u32)] = &[("Chief", 1), ("Worker", 1)];
const FOUR: &[(&str, u32)] = &[("Worker", 4), ("PS", 2)];
const FOUR_ALONE: &[(&str, u32)] = &[("Worker", 4)];
const CHIEF_AND_FOUR: &[(&str, u32)] = &[("Chief", 1), ("Worker", 4), ("PS", 2)];

/// The cases of upstream's own test of its status. Where it gives a succeeded pod without saying which, it is not
/// worker 0.
#[rustfmt::skip]
const CASES: [Case; 19] = [
    Case { what: "the chief succeeded", replicas: CHIEF_AND_WORKER, chief: (0, 1, 0), worker: (0, 1, 0), shows: "Succeeded", ..PLAIN },
    Case { what: "the chief runs", replicas: CHIEF_AND_WORKER, chief: (0, 0, 1), shows: "Running", ..PLAIN },
    Case { what: "the chief failed", replicas: CHIEF_AND_WORKER, chief: (1, 0, 0), shows: "Failed", ..PLAIN },
    Case { what: "the only worker failed", worker: (1, 0, 0), shows: "Failed", ..PLAIN },
    Case { what: "the only worker succeeded", worker: (0, 1, 0), shows: "Succeeded", ..PLAIN },
    Case { what: "the only worker runs", worker: (0, 0, 1), shows: "Running", ..PLAIN },
    Case { what: "two workers succeeded, two run", replicas: FOUR, worker: (0, 2, 2), ps: (0, 0, 2), shows: "Running", ..PLAIN },
    Case { what: "two workers run, two failed", replicas: FOUR, worker: (2, 0, 2), ps: (0, 0, 2), shows: "Failed", ..PLAIN },
    Case { what: "two workers succeeded, two failed", replicas: FOUR, worker: (2, 2, 0), ps: (0, 0, 2), shows: "Failed", ..PLAIN },
    Case { what: "worker 0 succeeded, three run", replicas: FOUR, worker: (0, 1, 3), ps: (0, 0, 2), shows: "Succeeded", ..PLAIN },
    Case { what: "worker 0 succeeded, three run, all must", replicas: FOUR_ALONE, all_workers: true, worker: (0, 1, 3), shows: "Running", ..PLAIN },
    Case { what: "all four succeeded, all must", replicas: FOUR_ALONE, all_workers: true, worker: (0, 4, 0), shows: "Succeeded", ..PLAIN },
    Case { what: "one succeeded, two run, one failed, all must", replicas: FOUR_ALONE, all_workers: true, worker: (1, 1, 2), shows: "Failed", ..PLAIN },
    Case { what: "the chief runs, workers failed", replicas: CHIEF_AND_FOUR, chief: (0, 0, 1), worker: (4, 0, 0), ps: (0, 0, 2), shows: "Running=False", ..PLAIN },
    Case { what: "the chief runs, workers succeeded", replicas: CHIEF_AND_FOUR, chief: (0, 0, 1), worker: (0, 4, 0), ps: (0, 0, 2), shows: "Running", ..PLAIN },
    Case { what: "the chief runs, a parameter server failed", replicas: CHIEF_AND_FOUR, chief: (0, 0, 1), worker: (0, 4, 0), ps: (1, 0, 1), shows: "Failed", ..PLAIN },
    Case { what: "the chief failed, workers succeeded", replicas: CHIEF_AND_FOUR, chief: (1, 0, 0), worker: (0, 4, 0), ps: (0, 0, 2), shows: "Failed", ..PLAIN },
    Case { what: "the chief succeeded, workers failed", replicas: CHIEF_AND_FOUR, chief: (0, 1, 0), worker: (4, 0, 0), ps: (0, 0, 2), shows: "Succeeded", ..PLAIN },
    Case { what: "the chief failed and is launched again", replicas: CHIEF_AND_FOUR, chief: (1, 0, 0), worker: (4, 0, 0), ps: (0, 0, 2), policy: "ExitCode", shows: "Restarting", ..PLAIN },
];

fn play(case: &Case) -> Scene {
    let more = if case.all_workers { "successPolicy: AllWorkers" } else { "" };
    let mut scene = Scene::of(case.replicas, more).policy(case.policy);
    let first_is_done = case.what.starts_with("worker 0");
    for (type_, (failed, succeeded, active)) in
        [("chief", case.chief), ("worker", case.worker), ("ps", case.ps)]
    {
        let mut next = 0;
        if first_is_done {
            next = scene.pods(type_, next, succeeded, Is::Succeeded);
        }
        next = scene.pods(type_, next, active, Is::Running);
        next = scene.pods(type_, next, failed, Is::Failed(137));
        if !first_is_done {
            scene.pods(type_, next, succeeded, Is::Succeeded);
        }
    }
    scene.tell();
    scene
}

#[test]
fn the_state_follows_from_the_counts_as_upstream_says() {
    for case in &CASES {
        let conditions = play(case).conditions();
        assert!(conditions.iter().any(|one| one == case.shows), "{}: {conditions:?}", case.what);
    }
}

#[test]
fn where_one_type_succeeds_and_another_fails_at_once_both_are_said_and_failed_is_last() {
    let case = CASES.iter().find(|case| case.what == "the chief succeeded, workers failed").unwrap();
    assert_eq!(play(case).conditions(), ["Created", "Succeeded", "Failed"]);
}

#[test]
fn a_job_is_created_runs_and_succeeds() {
    let mut scene = Scene::of(&[("Worker", 2), ("PS", 1)], "");
    scene.tell();
    assert_eq!(scene.conditions(), ["Created"]);
    assert_eq!(scene.message("Created"), "TFJob mnist is created.");
    scene.pods("worker", 0, 2, Is::Running);
    scene.pod("ps", 0, Is::Running);
    scene.pass_time(5);
    scene.tell();
    assert_eq!(scene.conditions(), ["Created", "Running"]);
    assert_eq!(scene.message("Running"), "TFJob team/mnist is running.");
    assert_eq!(scene.counts("Worker"), (2, 0, 0));
    scene.pods("worker", 0, 2, Is::Succeeded);
    scene.pass_time(5);
    assert_eq!(scene.tell(), ["ExitedWithCode", "ExitedWithCode", "TFJobSucceeded", "JobTerminated"]);
    assert_eq!(scene.conditions(), ["Created", "Running=False", "Succeeded"]);
    assert_eq!(scene.message("Succeeded"), "TFJob team/mnist successfully completed.");
    assert_eq!(scene.counts("PS"), (1, 0, 0));
    let told = scene.told();
    let text = |time: Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| {
        serde_json::json!(time).as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(text(told.start_time), "2023-11-14T22:13:20Z");
    assert_eq!(text(told.completion_time), "2023-11-14T22:13:30Z");
}

#[test]
fn in_a_job_that_succeeded_what_still_runs_is_called_successful() {
    let mut scene = Scene::of(&[("Worker", 1), ("PS", 1)], "");
    scene.pod("worker", 0, Is::Succeeded).pod("ps", 0, Is::Running);
    scene.tell();
    assert_eq!(scene.counts("PS"), (1, 0, 0));
    scene.tell();
    assert_eq!(scene.counts("PS"), (0, 1, 0));
    assert!(scene.status().is_empty());
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    for is in
        [Is::Pending, Is::Running, Is::RestartedInPlace(3), Is::Succeeded, Is::Failed(1), Is::Failed(137)]
    {
        for policy in ["Never", "OnFailure", "ExitCode"] {
            let mut scene = Scene::of(&[("Worker", 3), ("PS", 1)], "").policy(policy);
            scene.pods("worker", 0, 2, Is::Running);
            scene.pod("worker", 2, is).pod("ps", 0, Is::Running);
            scene.tell();
            scene.tell();
            scene.pass_time(60);
            assert!(scene.status().is_empty(), "{is:?} {policy}: {:?}", scene.conditions());
        }
    }
}

#[test]
fn parameter_servers_alone_neither_run_nor_succeed() {
    let mut scene = Scene::of(&[("PS", 2)], "");
    scene.pods("ps", 0, 2, Is::Running);
    scene.tell();
    assert_eq!(scene.conditions(), ["Created"]);
    scene.pods("ps", 0, 2, Is::Succeeded);
    scene.tell();
    assert_eq!(scene.conditions(), ["Created"]);
}

#[test]
fn every_chief_must_succeed() {
    let mut scene = Scene::of(&[("Master", 2)], "");
    scene.pod("master", 0, Is::Succeeded).pod("master", 1, Is::Running);
    scene.tell();
    assert_eq!(scene.conditions(), ["Created", "Running"]);
    scene.pod("master", 1, Is::Succeeded);
    scene.tell();
    assert_eq!(scene.conditions(), ["Created", "Running=False", "Succeeded"]);
}

#[test]
fn worker_zero_has_completed_only_when_its_trainer_ended_with_zero() {
    let mut scene = Scene::of(&[("Worker", 2)], "");
    scene.pod("worker", 0, Is::Running).pod("worker", 1, Is::Succeeded);
    scene.tell();
    assert_eq!(scene.conditions(), ["Created", "Running"]);
    scene.pod("worker", 0, Is::Succeeded).pod("worker", 1, Is::Running);
    scene.tell();
    assert_eq!(scene.conditions(), ["Created", "Running=False", "Succeeded"]);
}

#[test]
fn surplus_pods_count_as_nothing() {
    let mut scene = Scene::of(&[("Worker", 1)], "");
    scene.pod("worker", 0, Is::Running).pod("worker", 1, Is::Going).pod("worker", 2, Is::Failed(1));
    scene.tell();
    assert_eq!(scene.counts("Worker"), (1, 0, 0));
    assert_eq!(scene.conditions(), ["Created", "Running"]);
}

#[test]
fn a_dynamic_worker_may_fail() {
    let mut scene = Scene::of(&[("Worker", 2)], "enableDynamicWorker: true");
    scene.pod("worker", 0, Is::Running).pod("worker", 1, Is::Failed(1));
    scene.tell();
    assert_eq!(scene.conditions(), ["Created", "Running"]);
    assert_eq!(scene.counts("Worker"), (1, 0, 1));
}

#[test]
fn a_suspended_job_says_so_and_goes_on_with_a_new_start_time() {
    let mut scene = Scene::of(&[("Worker", 1)], "");
    scene.pod("worker", 0, Is::Running);
    scene.tell();
    scene.job.spec.run_policy.suspend = true;
    assert_eq!(scene.tell(), ["TFJobSuspended"]);
    assert_eq!(scene.conditions(), ["Created", "Running=False", "Suspended"]);
    assert_eq!(scene.message("Suspended"), "TFJob mnist is suspended.");
    assert_eq!(scene.counts("Worker"), (0, 0, 0));
    scene.gone("worker", 0);
    assert_eq!(scene.tell(), Vec::<String>::new());
    scene.job.spec.run_policy.suspend = false;
    scene.pass_time(100);
    assert_eq!(scene.tell(), ["TFJobResumed"]);
    assert_eq!(scene.message("Suspended"), "TFJob mnist is resumed.");
    scene.pod("worker", 0, Is::Running);
    scene.tell();
    assert_eq!(scene.conditions(), ["Created", "Suspended=False", "Running"]);
    assert_eq!(serde_json::json!(scene.told().start_time), "2023-11-14T22:15:00Z");
}

#[test]
fn a_suspended_job_goes_on_once_its_pods_are_gone_however_they_end() {
    for policy in ["Never", "OnFailure"] {
        let mut scene = Scene::of(&[("Worker", 2)], "").policy(policy);
        scene.pods("worker", 0, 2, Is::Running);
        scene.tell();
        scene.job.spec.run_policy.suspend = true;
        scene.tell();
        scene.pod("worker", 0, Is::WentWell).pod("worker", 1, Is::Going);
        scene.job.spec.run_policy.suspend = false;
        assert_eq!(scene.tell(), Vec::<String>::new(), "{policy}");
        assert!(!scene.upkeep().wants_offers, "{policy}");
        assert_eq!(scene.conditions(), ["Created", "Running=False", "Suspended"], "{policy}");
        scene.gone("worker", 0);
        scene.gone("worker", 1);
        assert_eq!(scene.tell(), ["TFJobResumed"], "{policy}");
        assert!(scene.upkeep().wants_offers, "{policy}");
        assert!(scene.told().twofold.unwrap().completed.is_empty(), "{policy}");
    }
}

#[test]
fn a_job_that_begins_suspended_has_no_start_time() {
    let mut scene = Scene::of(&[("Worker", 1)], "runPolicy: {suspend: true}");
    scene.tell();
    assert_eq!(scene.conditions(), ["Created", "Suspended"]);
    assert_eq!(scene.told().start_time, None);
}

#[test]
fn a_finished_job_cannot_be_suspended() {
    let mut scene = Scene::of(&[("Worker", 1)], "");
    scene.pod("worker", 0, Is::Succeeded);
    scene.tell();
    scene.job.spec.run_policy.suspend = true;
    assert!(scene.status().is_empty());
    assert!(scene.upkeep().actions.is_empty());
}

#[test]
fn a_job_of_another_manager_or_on_its_way_out_is_left_alone() {
    let mut foreign = Scene::of(&[("Worker", 1)], "runPolicy: {managedBy: kueue.x-k8s.io/multikueue}");
    let mut going = Scene::of(&[("Worker", 1)], "");
    going.job.metadata.deletion_timestamp = foreign
        .job
        .metadata
        .creation_timestamp
        .clone()
        .or_else(|| serde_json::from_str("\"2023-11-14T22:13:20Z\"").ok());
    for scene in [&mut foreign, &mut going] {
        scene.pod("worker", 0, Is::Failed(1));
        let upkeep = scene.upkeep();
        assert!(upkeep.actions.is_empty() && !upkeep.wants_offers && upkeep.wake_at.is_none());
        assert!(scene.status().is_empty());
    }
    let ours = Scene::of(&[("Worker", 1)], "runPolicy: {managedBy: kubeflow.org/training-operator}");
    assert!(ours.upkeep().wants_offers);
}

#[test]
fn a_replica_that_is_on_record_is_not_counted_again_from_its_pod() {
    for policy in ["", "successPolicy: AllWorkers"] {
        let mut scene = Scene::of(&[("Worker", 2)], policy).policy("Never");
        scene.pods("worker", 0, 1, Is::Running);
        scene.pods("worker", 1, 1, Is::Succeeded);
        scene.tell();
        scene.tell();
        assert_eq!(scene.conditions(), ["Created", "Running"], "{policy}");
        assert_eq!(scene.counts("Worker"), (1, 1, 0));
    }
}
