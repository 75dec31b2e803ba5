//! Restart policies, the limit of restarts, the deadline.

use crate::scene::{Is, Scene, lines};
use twofold_allocator::id::RolePath;
use twofold_core::frameworks::{Framework, Reclaim};
use twofold_sdk::instance::InstanceId;
use twofold_sdk::observed::{InstanceView, TaskState, View};
use twofold_sdk::spec::Relaunch;

fn scene(policy: &str, more: &str) -> Scene {
    let mut scene = Scene::of(&[("Worker", 2)], more).policy(policy);
    scene.pods("worker", 0, 2, Is::Running);
    scene.tell();
    scene
}

const FAILED: &str = "TFJob team/mnist has failed because 1 Worker replica(s) failed.";
const FAILING: &str = "job \"mnist\" is failing because \"Worker\" replica(s) failed.";
const RESTARTING: &str = "job mnist is restarting because Worker replica(s) failed.";

#[test]
fn a_failure_is_final_or_retried_by_policy() {
    let cases = [
        ("Never", Is::Failed(1), FAILED),
        ("Never", Is::Failed(137), FAILED),
        ("Never", Is::Ended("Evicted"), FAILED),
        ("OnFailure", Is::Failed(1), RESTARTING),
        ("OnFailure", Is::Ended("Evicted"), RESTARTING),
        ("Always", Is::Failed(1), RESTARTING),
        ("ExitCode", Is::Failed(1), FAILING),
        ("ExitCode", Is::Failed(127), FAILING),
        ("ExitCode", Is::Failed(128), RESTARTING),
        ("ExitCode", Is::Failed(143), RESTARTING),
        ("ExitCode", Is::Ended("Evicted"), RESTARTING),
    ];
    for (policy, is, message) in cases {
        let state = if message == RESTARTING { "Restarting" } else { "Failed" };
        let mut scene = scene(policy, "");
        scene.pod("worker", 1, is);
        scene.tell();
        assert_eq!(scene.conditions().last().map(String::as_str), Some(state), "{policy} {is:?}");
        assert_eq!(scene.message(state), message, "{policy} {is:?}");
    }
}

#[test]
fn the_event_of_a_failure_by_exit_code_is_a_warning_and_of_another_is_not() {
    for (policy, warning) in [("ExitCode", true), ("Never", false)] {
        let mut scene = scene(policy, "");
        scene.pod("worker", 1, Is::Failed(1));
        let notes = scene.notes();
        let failed = notes.iter().find(|note| note.reason == "TFJobFailed").unwrap();
        assert_eq!(failed.warning, warning, "{policy}");
        let exited = notes.iter().find(|note| note.reason == "ExitedWithCode").unwrap();
        assert_eq!(exited.message, "Pod: team.mnist-worker-1 exited with code 1");
    }
}

#[test]
fn a_restarting_job_runs_again_when_its_replica_does() {
    let mut scene = scene("OnFailure", "");
    scene.pod("worker", 1, Is::Failed(1));
    assert_eq!(scene.tell(), ["ExitedWithCode", "TFJobRestarting"]);
    assert_eq!(scene.conditions(), ["Created", "Restarting"]);
    scene.gone("worker", 1);
    scene.tell();
    assert_eq!(scene.conditions(), ["Created", "Running"]);
    scene.pod("worker", 1, Is::Running);
    scene.tell();
    assert_eq!(scene.conditions(), ["Created", "Running"]);
    assert_eq!(scene.told().twofold.unwrap().restarts, Some(1));
}

#[test]
fn a_launch_that_failed_is_no_failure_of_the_replica() {
    for reason in ["OutOfcpu", "OutOfnvidia.com/gpu", "NodeAffinity", "UnexpectedAdmissionError"] {
        let mut scene = scene("Never", "runPolicy: {backoffLimit: 0}");
        scene.pod("worker", 1, Is::Ended(reason));
        scene.tell();
        assert_eq!(scene.conditions(), ["Created", "Running"], "{reason}");
        assert_eq!(scene.counts("Worker"), (1, 0, 0), "{reason}");
    }
}

#[test]
fn a_pod_that_goes_while_it_runs_restarts_the_job_unless_its_policy_is_never() {
    for (policy, state) in [("Never", "Failed"), ("OnFailure", "Restarting"), ("ExitCode", "Restarting")] {
        let mut scene = scene(policy, "runPolicy: {backoffLimit: 1}");
        scene.pod("worker", 1, Is::Going);
        scene.tell();
        assert_eq!(scene.conditions().last().map(String::as_str), Some(state), "{policy}");
    }
}

#[test]
fn a_replica_whose_machine_is_proven_gone_counts_like_one_that_goes() {
    for (policy, state) in [("Never", "Failed"), ("OnFailure", "Restarting")] {
        let mut scene = scene(policy, "");
        let lost = View::Known(TaskState::Lost, scene.now);
        let seen = InstanceView { task: lost, ..InstanceView::absent(scene.now) };
        scene.view.instances.insert(InstanceId::new("worker", 1), seen);
        scene.tell();
        assert_eq!(scene.conditions().last().map(String::as_str), Some(state), "{policy}");
    }
}

#[test]
fn level_two_relaunches_by_the_same_rule() {
    let cases = [
        ("Never", Relaunch::Never),
        ("OnFailure", Relaunch::Always),
        ("Always", Relaunch::Always),
        ("ExitCode", Relaunch::ExitCodeAtLeast(128)),
    ];
    for (policy, relaunch) in cases {
        let spec = scene(policy, "").translate().unwrap();
        assert_eq!(spec.pod_types[0].relaunch, relaunch, "{policy}");
    }
}

#[test]
fn restarts_by_the_kubelet_count_while_their_pod_runs() {
    let cases = [
        ("OnFailure", 0, [0, 0], false),
        ("OnFailure", 0, [1, 0], true),
        ("OnFailure", 4, [1, 2], false),
        ("OnFailure", 4, [2, 2], true),
        ("Always", 1, [0, 1], true),
        ("ExitCode", 1, [1, 0], true),
        ("Never", 1, [5, 5], false),
    ];
    for (policy, limit, restarts, fails) in cases {
        let mut scene = scene(policy, &format!("runPolicy: {{backoffLimit: {limit}}}"));
        for (index, count) in (0..).zip(restarts) {
            scene.pod("worker", index, Is::RestartedInPlace(count));
        }
        scene.tell();
        let failed = scene.conditions().contains(&"Failed".to_owned());
        assert_eq!(failed, fails, "{policy} {limit} {restarts:?}");
    }
}

#[test]
fn restarts_by_us_count_once_each_and_for_good() {
    let mut scene = scene("ExitCode", "runPolicy: {backoffLimit: 3}");
    for round in 0..3 {
        assert!(!scene.conditions().contains(&"Failed".to_owned()), "round {round}");
        scene.named_pod("worker", 1, &format!("uid-{round}"), Is::Failed(137));
        scene.tell();
        scene.tell();
        assert_eq!(scene.told().twofold.unwrap().restarts, Some(round + 1));
        scene.gone("worker", 1);
        scene.tell();
    }
    assert_eq!(scene.conditions().last().map(String::as_str), Some("Failed"));
    let message = "Job mnist has failed because it has reached the specified backoff limit";
    assert_eq!(scene.message("Failed"), message);
    assert!(scene.told().completion_time.is_some());
    assert!(!scene.upkeep().wants_offers);
}

#[test]
fn counted_pods_are_forgotten_when_they_are_gone_and_a_resumed_job_counts_anew() {
    let mut scene = scene("OnFailure", "");
    scene.pod("worker", 1, Is::Failed(1));
    scene.tell();
    assert_eq!(scene.told().twofold.unwrap().restarted_pods, ["mnist-worker-1-1"]);
    scene.gone("worker", 1);
    scene.tell();
    assert!(scene.told().twofold.unwrap().restarted_pods.is_empty());
    scene.job.spec.run_policy.suspend = true;
    scene.tell();
    scene.job.spec.run_policy.suspend = false;
    scene.tell();
    assert_eq!(scene.told().twofold.unwrap().restarts, None);
}

#[test]
fn a_pod_that_is_deleted_while_it_runs_has_not_completed_though_it_ends_with_exit_code_zero() {
    let mut scene = scene("OnFailure", "");
    scene.pod("worker", 0, Is::WentWell);
    scene.tell();
    assert_eq!(scene.conditions(), ["Created", "Restarting"]);
    assert!(scene.told().twofold.unwrap().completed.is_empty());
    scene.pod("worker", 0, Is::Running);
    scene.tell();
    scene.pod("worker", 0, Is::Succeeded);
    scene.tell();
    assert!(scene.conditions().contains(&"Succeeded".to_owned()));
}

#[test]
fn a_job_past_its_deadline_fails_and_asks_to_be_looked_at_in_time() {
    let mut scene = scene("Never", "runPolicy: {activeDeadlineSeconds: 30}");
    assert_eq!(scene.upkeep().wake_at, Some(scene.now.plus_millis(30_000)));
    scene.pass_time(29);
    assert_eq!(scene.tell(), Vec::<String>::new());
    scene.pass_time(1);
    assert!(!scene.upkeep().wants_offers);
    assert_eq!(scene.tell(), ["TFJobFailed", "JobTerminated"]);
    assert_eq!(scene.conditions(), ["Created", "Running=False", "Failed"]);
    let message = "Job mnist has failed because it was active longer than specified deadline";
    assert_eq!(scene.message("Failed"), message);
}

#[test]
fn the_gang_has_started_once_a_member_ran_and_is_whole_again_after_a_suspension() {
    let mut fresh = Scene::of(&[("Worker", 2)], "");
    let has_run = |scene: &Scene| scene.with_situation(|situation| scene.job.has_run(None, situation.pods));
    fresh.pod("worker", 0, Is::Pending).pod("worker", 1, Is::Ended("OutOfcpu"));
    assert!(!has_run(&fresh));
    let mut scene = scene("OnFailure", "");
    assert!(has_run(&scene));
    scene.gone("worker", 0);
    scene.gone("worker", 1);
    assert!(has_run(&scene));
    scene.job.spec.run_policy.suspend = true;
    scene.tell();
    scene.job.spec.run_policy.suspend = false;
    scene.tell();
    assert!(!has_run(&scene));
}

#[test]
fn a_restart_policy_inside_a_template_is_overwritten_with_a_warning() {
    let mut scene = Scene::of(&[("Worker", 2)], "").policy("OnFailure");
    let worker = scene.job.spec.tf_replica_specs.get_mut("Worker").unwrap();
    worker.template.spec.rest.insert("restartPolicy".to_owned(), "Always".into());
    let notes = scene.notes();
    let told: Vec<_> = notes.iter().map(|note| (note.reason.as_str(), note.warning)).collect();
    assert_eq!(told, [("SetPodTemplateRestartPolicy", true)]);
    assert!(scene.notes().is_empty());
    let spec = scene.translate().unwrap();
    let pod = scene.job.samples(&spec, &scene.settings).remove(0);
    assert_eq!(pod.spec.unwrap().restart_policy.as_deref(), Some("OnFailure"));
}

fn deletions(scene: &Scene) -> Vec<String> {
    lines(&scene.upkeep().actions).into_iter().filter(|line| line.starts_with("delete")).collect()
}

#[test]
fn what_is_taken_back_is_deleted_once_on_record_and_is_neither_a_failure_nor_a_restart() {
    for policy in ["Never", "OnFailure", "ExitCode"] {
        let mut scene = scene(policy, "runPolicy: {backoffLimit: 0}");
        assert!(scene.job.has_run(None, &[]));
        scene.reclaim = Some(taken_back(&scene));
        assert_eq!(deletions(&scene), Vec::<String>::new());
        assert_eq!(scene.tell(), ["Reclaimed"], "{policy}");
        scene.reclaim = None;
        assert!(scene.job.gives_back());
        assert_eq!(deletions(&scene), ["delete mnist-worker-0", "delete mnist-worker-1"], "{policy}");
        assert!(!scene.upkeep().wants_offers);
        scene.pod("worker", 0, Is::Going);
        scene.named_pod("worker", 0, "mnist-worker-0-0", Is::Going);
        scene.named_pod("worker", 1, "mnist-worker-1-0", Is::Failed(143));
        assert_eq!(scene.tell(), Vec::<String>::new(), "{policy}");
        assert_eq!(deletions(&scene), ["delete mnist-worker-1"], "{policy}");
        scene.gone("worker", 0);
        scene.gone("worker", 1);
        scene.tell();
        assert_eq!(scene.conditions(), ["Created", "Restarting"], "{policy}");
        assert!(scene.upkeep().wants_offers && !scene.job.gives_back() && !scene.job.has_run(None, &[]));
        scene.named_pod("worker", 0, "new-0", Is::Running);
        scene.named_pod("worker", 1, "new-1", Is::Running);
        scene.tell();
        assert_eq!(scene.conditions(), ["Created", "Running"], "{policy}");
        let ours = scene.told().twofold.unwrap();
        assert_eq!((ours.restarts, ours.reclaimed), (None, None), "{policy}");
    }
}

#[test]
fn a_job_may_be_taken_back_by_its_annotation_or_its_role_while_its_record_is_kept() {
    let cases =
        [(None, false, false), (None, true, true), (Some("false"), true, false), (Some("true"), false, true)];
    for (annotation, role, reclaimable) in cases {
        let mut scene = scene("Never", "");
        let annotations =
            annotation.map(|value| [("twofold.dev/reclaimable".to_owned(), value.to_owned())].into());
        scene.job.metadata.annotations = annotations;
        let said = |scene: &Scene| scene.job.is_reclaimable(&|name| name == "default" && role);
        assert_eq!(said(&scene), reclaimable, "{annotation:?} {role}");
        scene.job.status.as_mut().unwrap().twofold = None;
        assert!(!said(&scene));
    }
}

#[test]
fn a_pod_that_ended_well_before_it_was_deleted_has_completed() {
    let mut scene = scene("Never", "successPolicy: AllWorkers");
    scene.reclaim = Some(taken_back(&scene));
    scene.tell();
    scene.reclaim = None;
    scene.named_pod("worker", 0, "mnist-worker-0-0", Is::Succeeded);
    scene.tell();
    assert_eq!(deletions(&scene), ["delete mnist-worker-1"]);
    assert_eq!(scene.counts("Worker"), (0, 1, 0));
    assert_eq!(scene.told().twofold.unwrap().completed, ["worker-0"]);
}

fn taken_back(scene: &Scene) -> Reclaim {
    let pods = scene.pods.values().filter_map(|pod| pod.metadata.uid.clone()).collect();
    Reclaim {
        role: RolePath::from("company/prod"),
        pods,
        at: scene.now,
        until: scene.now.plus_millis(60_000),
    }
}

#[test]
fn a_pod_that_ends_well_because_it_is_taken_back_has_not_completed() {
    for more in ["successPolicy: AllWorkers", "runPolicy: {backoffLimit: 0}"] {
        let mut scene = scene("Never", more);
        scene.reclaim = Some(taken_back(&scene));
        scene.tell();
        scene.reclaim = None;
        scene.named_pod("worker", 0, "mnist-worker-0-0", Is::WentWell);
        scene.named_pod("worker", 1, "mnist-worker-1-0", Is::Going);
        for _ in 0..2 {
            assert_eq!(scene.tell(), Vec::<String>::new(), "{more}");
            assert_eq!(scene.conditions(), ["Created", "Restarting"], "{more}");
            assert_eq!(scene.counts("Worker"), (0, 0, 0), "{more}");
            let ours = scene.told().twofold.unwrap();
            assert_eq!(ours.completed, Vec::<String>::new(), "{more}");
            assert_eq!(ours.reclaimed.unwrap().pods.len(), 2, "{more}");
            scene.named_pod("worker", 1, "mnist-worker-1-0", Is::WentWell);
        }
        scene.gone("worker", 0);
        scene.gone("worker", 1);
        scene.tell();
        assert!(scene.upkeep().wants_offers && scene.job.finished().is_empty(), "{more}");
    }
}

#[test]
fn restarts_by_the_kubelet_of_what_is_taken_back_do_not_count() {
    for limit in [0, 1] {
        let mut scene = scene("OnFailure", &format!("runPolicy: {{backoffLimit: {limit}}}"));
        scene.reclaim = Some(taken_back(&scene));
        scene.tell();
        scene.reclaim = None;
        scene.named_pod("worker", 1, "mnist-worker-1-0", Is::RestartedInPlace(1));
        scene.tell();
        assert_eq!(scene.conditions(), ["Created", "Restarting"], "{limit}");
        scene.named_pod("worker", 1, "another", Is::RestartedInPlace(1));
        scene.tell();
        assert!(scene.conditions().contains(&"Failed".to_owned()), "{limit}");
    }
}

#[test]
fn a_job_that_is_over_in_the_pass_that_takes_it_back_is_over() {
    let cases = [("", Is::Succeeded, "Succeeded"), ("", Is::Failed(1), "Failed")];
    let late = ("runPolicy: {activeDeadlineSeconds: 30}", Is::Running, "Failed");
    for (more, is, state) in cases.into_iter().chain([late]) {
        let mut scene = scene("Never", more);
        scene.pass_time(60);
        scene.reclaim = Some(taken_back(&scene));
        scene.named_pod("worker", 0, "mnist-worker-0-0", is);
        assert!(!scene.tell().contains(&"Reclaimed".to_owned()), "{more} {is:?}");
        assert_eq!(scene.conditions(), ["Created", "Running=False", state], "{more} {is:?}");
        assert_eq!(scene.told().twofold.unwrap().reclaimed, None, "{more} {is:?}");
        assert!(!scene.job.gives_back(), "{more} {is:?}");
    }
}

#[test]
fn a_job_that_wins_after_it_was_taken_back_keeps_its_pods_by_its_policy_and_no_record() {
    let mut scene = scene("Never", "runPolicy: {cleanPodPolicy: None}");
    scene.reclaim = Some(taken_back(&scene));
    scene.tell();
    scene.named_pod("worker", 0, "mnist-worker-0-0", Is::Succeeded);
    assert_eq!(deletions(&scene), Vec::<String>::new());
    scene.tell();
    assert_eq!(scene.conditions().last().map(String::as_str), Some("Succeeded"));
    assert_eq!(scene.told().twofold.unwrap().reclaimed, None);
    assert_eq!(deletions(&scene), Vec::<String>::new());
    assert_eq!(scene.tell(), Vec::<String>::new());
}

#[test]
fn a_job_that_is_suspended_after_it_was_taken_back_has_no_record_and_is_launched_whole_when_it_goes_on() {
    let mut scene = scene("OnFailure", "");
    scene.reclaim = Some(taken_back(&scene));
    scene.tell();
    scene.job.spec.run_policy.suspend = true;
    scene.tell();
    assert_eq!(scene.told().twofold.unwrap().reclaimed, None);
    assert_eq!(scene.conditions(), ["Created", "Restarting=False", "Suspended"]);
    assert_eq!(deletions(&scene), ["delete mnist-worker-0", "delete mnist-worker-1"]);
    scene.gone("worker", 0);
    scene.gone("worker", 1);
    scene.job.spec.run_policy.suspend = false;
    scene.tell();
    assert!(scene.upkeep().wants_offers && !scene.job.has_run(None, &[]));
}

#[test]
fn what_has_completed_runs_again_with_the_whole_that_is_taken_back() {
    for is_collected in [false, true] {
        let mut scene = Scene::of(&[("Worker", 3)], "successPolicy: AllWorkers").policy("Never");
        scene.pods("worker", 0, 3, Is::Running);
        scene.tell();
        scene.named_pod("worker", 1, "mnist-worker-1-0", Is::Succeeded);
        scene.tell();
        assert_eq!(scene.told().twofold.unwrap().completed, ["worker-1"]);
        if is_collected {
            scene.gone("worker", 1);
        }
        let running = ["mnist-worker-0-0", "mnist-worker-2-0"].map(str::to_owned).into();
        scene.reclaim = Some(Reclaim { pods: running, ..taken_back(&scene) });
        scene.tell();
        scene.reclaim = None;
        let all = ["delete mnist-worker-0", "delete mnist-worker-1", "delete mnist-worker-2"];
        let expected: Vec<_> = all.into_iter().filter(|line| !is_collected || *line != all[1]).collect();
        assert_eq!(deletions(&scene), expected);
        for index in [0, 1, 2] {
            assert!(!scene.upkeep().wants_offers);
            scene.gone("worker", index);
            scene.tell();
        }
        assert_eq!(scene.told().twofold.unwrap().completed, Vec::<String>::new());
        assert!(scene.upkeep().wants_offers && scene.job.finished().is_empty());
        assert!(!scene.job.has_run(None, &[]));
        scene.pods("worker", 0, 3, Is::Running);
        scene.tell();
        assert_eq!(scene.conditions(), ["Created", "Running"]);
        assert_eq!(scene.counts("Worker"), (3, 0, 0));
    }
}

#[test]
fn a_job_whose_last_replica_ends_well_before_it_is_deleted_has_won() {
    let mut scene = scene("Never", "successPolicy: AllWorkers");
    scene.named_pod("worker", 1, "mnist-worker-1-0", Is::Succeeded);
    scene.tell();
    scene.gone("worker", 1);
    scene.reclaim = Some(taken_back(&scene));
    scene.tell();
    scene.reclaim = None;
    scene.named_pod("worker", 0, "mnist-worker-0-0", Is::Succeeded);
    scene.tell();
    assert_eq!(scene.conditions().last().map(String::as_str), Some("Succeeded"));
}
