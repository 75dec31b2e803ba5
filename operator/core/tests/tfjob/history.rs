//! Jobs under the whole brain on a cluster in memory.

use std::collections::BTreeMap;
use twofold_allocator::tick::Timestamp;
use twofold_core::action::Write;
use twofold_core::object::{Key, Kind, Object};
use twofold_core::settings::Settings;
use twofold_core::simulate::cluster::Cluster;
use twofold_core::simulate::machine::{self, Plain};
use twofold_core::simulate::run::{History, Operator};
use twofold_crds::TFJob;

struct World {
    cluster: Cluster,
    operator: Operator,
}

impl World {
    /// A cluster of four machines with this job, at rest.
    fn with(spec: &str) -> Self {
        let mut cluster = Cluster::new(Timestamp(1_700_000_000_000));
        for index in 0..4 {
            let name = format!("agent-{index}");
            let plain = Plain { name, zone: Some("a".to_owned()), cpus: 4, memory_gib: 8, gpus: None };
            cluster.put(machine::node(&plain).into());
        }
        let text = format!(
            "{{apiVersion: kubeflow.org/v1, kind: TFJob, metadata: {{name: mnist, namespace: team}}, spec: {spec}}}"
        );
        let job: TFJob = serde_saphyr::from_str(&text).expect("a TFJob");
        cluster.put(job.into());
        let operator = Operator::start(Settings::default(), &mut cluster);
        let mut world = Self { cluster, operator };
        world.settle();
        world
    }

    fn settle(&mut self) -> History {
        let history = self.operator.run(&mut self.cluster, 300);
        assert_eq!(history.violations, Vec::<String>::new());
        assert!(history.at_rest, "the operator came to no rest");
        history
    }

    fn job(&self) -> TFJob {
        match self.cluster.get(&Key::new(Kind::TFJob, "team", "mnist")) {
            Some(Object::TFJob(job)) => job.as_ref().clone(),
            _ => panic!("no job"),
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut TFJob)) {
        let mut job = self.job();
        change(&mut job);
        job.metadata.generation = job.metadata.generation.map(|generation| generation + 1);
        self.cluster.put(job.into());
    }

    /// A pod ends with this exit code.
    fn end(&mut self, name: &str, exit_code: i32) {
        let Some(Object::Pod(pod)) = self.cluster.get(&Key::new(Kind::Pod, "team", name)) else {
            panic!("no pod {name}")
        };
        let ended = machine::ended(pod.as_ref().clone(), exit_code, self.cluster.now());
        self.cluster.put(ended.into());
    }

    fn remove(&mut self, name: &str) {
        self.cluster.remove(&Key::new(Kind::Pod, "team", name));
    }

    /// Names of the objects of a kind, with the phase of pods.
    fn all(&self, kind: Kind) -> BTreeMap<String, String> {
        let of_kind = self.cluster.objects().filter(|(key, _)| key.kind == kind);
        let phase = |object: &Object| match object {
            Object::Pod(pod) => {
                pod.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default()
            }
            _ => String::new(),
        };
        of_kind.map(|(key, object)| (key.name.clone(), phase(object))).collect()
    }

    fn pods(&self) -> Vec<String> {
        self.all(Kind::Pod).into_iter().map(|(name, phase)| format!("{name} {phase}")).collect()
    }

    fn conditions(&self) -> Vec<String> {
        let status = self.job().status.unwrap_or_default();
        status.conditions.into_iter().map(|one| format!("{}={}", one.type_, one.status)).collect()
    }
}

/// A spec in flow style: these replicas of one type, with a policy, and more.
fn spec(count: u32, policy: &str, more: &str) -> String {
    format!(
        "{{tfReplicaSpecs: {{Worker: {{replicas: {count}, restartPolicy: {policy}, template: {{spec: {{containers: \
         [{{name: tensorflow, image: a, resources: {{limits: {{cpu: 1, memory: 1Gi}}}}}}]}}}}}}}}, {more}}}"
    )
}

fn creations(history: &History) -> Vec<String> {
    let pods = history.writes.iter().filter(|action| matches!(&action.write, Write::Create(Object::Pod(_))));
    pods.map(|action| action.write.key().name).collect()
}

#[test]
fn a_job_runs_succeeds_and_keeps_its_pods() {
    let mut world = World::with(&spec(2, "Never", "successPolicy: AllWorkers"));
    assert_eq!(world.pods(), ["mnist-worker-0 Running", "mnist-worker-1 Running"]);
    world.end("mnist-worker-0", 0);
    world.end("mnist-worker-1", 0);
    world.settle();
    assert_eq!(world.conditions(), ["Created=True", "Running=False", "Succeeded=True"]);
    assert_eq!(world.pods(), ["mnist-worker-0 Succeeded", "mnist-worker-1 Succeeded"]);
    world.remove("mnist-worker-0");
    assert!(creations(&world.settle()).is_empty());
}

#[test]
fn services_are_written_before_the_first_pod() {
    let mut world = World::with("{tfReplicaSpecs: {}}");
    world.change(|job| {
        let replicas = "{replicas: 3, template: {spec: {containers: [{name: tensorflow, image: a}]}}}";
        let replicas = serde_saphyr::from_str(replicas).expect("replicas");
        job.spec.tf_replica_specs.insert("Worker".to_owned(), replicas);
    });
    let history = world.settle();
    let created = history.writes.iter().filter(|action| matches!(action.write, Write::Create(_)));
    let kinds: Vec<Kind> = created.map(|action| action.write.key().kind).collect();
    assert_eq!(kinds, [[Kind::Service; 3], [Kind::Pod; 3]].concat());
}

#[test]
fn a_worker_that_failed_for_good_fails_the_job_and_nothing_is_launched_or_deleted() {
    let mut world = World::with(&spec(2, "ExitCode", ""));
    world.end("mnist-worker-1", 1);
    let history = world.settle();
    assert_eq!(world.conditions(), ["Created=True", "Running=False", "Failed=True"]);
    assert!(creations(&history).is_empty());
    assert_eq!(world.pods(), ["mnist-worker-0 Running", "mnist-worker-1 Failed"]);
}

#[test]
fn a_worker_that_completed_does_not_run_again_when_its_pod_is_gone() {
    let mut world = World::with(&spec(3, "OnFailure", "successPolicy: AllWorkers"));
    world.end("mnist-worker-1", 0);
    world.settle();
    world.remove("mnist-worker-1");
    assert!(creations(&world.settle()).is_empty());
    let World { cluster, .. } = &mut world;
    world.operator = Operator::start(Settings::default(), cluster);
    assert!(creations(&world.settle()).is_empty());
    world.remove("mnist-worker-2");
    assert_eq!(creations(&world.settle()), ["mnist-worker-2"]);
    world.end("mnist-worker-0", 0);
    world.end("mnist-worker-2", 0);
    world.settle();
    assert_eq!(world.conditions(), ["Created=True", "Running=False", "Succeeded=True"]);
}

#[test]
fn pods_of_a_finished_job_stay_or_go_by_its_policy() {
    let cases: [(&str, &[&str], usize); 3] = [
        ("None", &["mnist-worker-0 Succeeded", "mnist-worker-1 Running", "mnist-worker-2 Failed"], 3),
        ("Running", &["mnist-worker-0 Succeeded", "mnist-worker-2 Failed"], 2),
        ("All", &[], 0),
    ];
    for (policy, pods, services) in cases {
        let mut world =
            World::with(&spec(3, "OnFailure", &format!("runPolicy: {{cleanPodPolicy: {policy}}}")));
        world.end("mnist-worker-0", 0);
        world.end("mnist-worker-2", 1);
        world.settle();
        assert_eq!(world.conditions().last().map(String::as_str), Some("Succeeded=True"), "{policy}");
        assert_eq!(world.pods(), pods, "{policy}");
        assert_eq!(world.all(Kind::Service).len(), services, "{policy}");
    }
}

#[test]
fn a_suspended_job_gives_everything_back_and_starts_whole_when_it_goes_on() {
    let mut world = World::with(&spec(3, "OnFailure", ""));
    world.change(|job| job.spec.run_policy.suspend = true);
    world.settle();
    assert_eq!(world.conditions(), ["Created=True", "Running=False", "Suspended=True"]);
    assert_eq!((world.all(Kind::Pod).len(), world.all(Kind::Service).len()), (0, 0));
    world.change(|job| job.spec.run_policy.suspend = false);
    assert_eq!(creations(&world.settle()).len(), 3);
    assert_eq!(world.conditions(), ["Created=True", "Suspended=False", "Running=True"]);
}

#[test]
fn a_suspended_job_does_not_start_in_part_when_it_goes_on() {
    let mut world = World::with(&spec(3, "OnFailure", ""));
    world.change(|job| job.spec.run_policy.suspend = true);
    world.settle();
    for index in 0..4 {
        let cpus = if index == 0 { 2 } else { 4 };
        let text = format!(
            "{{metadata: {{name: other-{index}, namespace: other}}, spec: {{nodeName: agent-{index}, containers: [{{name: a, \
             resources: {{requests: {{cpu: {cpus}}}}}}}]}}}}"
        );
        let pod: k8s_openapi::api::core::v1::Pod = serde_saphyr::from_str(&text).expect("a pod");
        world.cluster.put(pod.into());
    }
    world.change(|job| job.spec.run_policy.suspend = false);
    assert!(creations(&world.settle()).is_empty());
    world.cluster.remove(&Key::new(Kind::Pod, "other", "other-1"));
    assert_eq!(creations(&world.settle()).len(), 3);
}

#[test]
fn a_job_past_its_deadline_fails_without_anything_else_happening() {
    let mut world =
        World::with(&spec(1, "Never", "runPolicy: {activeDeadlineSeconds: 300, cleanPodPolicy: All}"));
    assert_eq!(world.conditions(), ["Created=True", "Running=True"]);
    world.cluster.pass(300_000);
    world.change(|_| {});
    world.settle();
    assert_eq!(world.conditions(), ["Created=True", "Running=False", "Failed=True"]);
    assert!(world.pods().is_empty());
}

#[test]
fn workers_come_and_go_with_their_number() {
    let mut world = World::with(&spec(2, "OnFailure", ""));
    let set = |count: i32| {
        move |job: &mut TFJob| {
            let worker = job.spec.tf_replica_specs.get_mut("Worker").expect("workers");
            worker.replicas = Some(count);
        }
    };
    world.change(set(4));
    assert_eq!(creations(&world.settle()), ["mnist-worker-2", "mnist-worker-3"]);
    world.change(set(1));
    world.settle();
    assert_eq!(world.pods(), ["mnist-worker-0 Running"]);
    assert_eq!(world.all(Kind::Service).into_keys().collect::<Vec<_>>(), ["mnist-worker-0"]);
    assert_eq!(world.conditions(), ["Created=True", "Running=True"]);
}

#[test]
fn a_worker_that_failed_is_launched_again_alone_and_the_restart_is_counted() {
    let mut world = World::with(&spec(3, "OnFailure", ""));
    world.end("mnist-worker-1", 1);
    let history = world.settle();
    assert_eq!(creations(&history), ["mnist-worker-1"]);
    assert_eq!(world.conditions(), ["Created=True", "Running=True"]);
    assert_eq!(world.job().status.unwrap().twofold.unwrap().restarts, Some(1));
}

#[test]
fn a_job_that_is_over_is_deleted_when_its_time_has_come() {
    let mut world = World::with(&spec(1, "Never", "runPolicy: {ttlSecondsAfterFinished: 30}"));
    world.end("mnist-worker-0", 0);
    world.settle();
    assert!(world.cluster.get(&Key::new(Kind::TFJob, "team", "mnist")).is_none());
    assert_eq!((world.all(Kind::Pod).len(), world.all(Kind::Service).len()), (0, 0));
}

#[test]
fn a_gang_that_is_not_bound_in_time_is_withdrawn_whole_and_placed_anew() {
    let mut world = World::with("{tfReplicaSpecs: {}}");
    world.change(|job| {
        let replicas = "{replicas: 2, template: {spec: {containers: [{name: tensorflow, image: a}]}}}";
        let replicas = serde_saphyr::from_str(replicas).expect("replicas");
        job.spec.tf_replica_specs.insert("Worker".to_owned(), replicas);
    });
    let mut history = History::default();
    while creations(&history).is_empty() {
        let decision = world.operator.decide(&mut world.cluster);
        world.operator.perform(&mut world.cluster, decision, &mut history, &mut None);
    }
    let decision = world.operator.decide(&mut world.cluster);
    world.operator.perform(&mut world.cluster, decision, &mut history, &mut None);
    let wake_at = world.operator.decide(&mut world.cluster).wake_at.expect("a time to look again");
    world.cluster.pass(wake_at.millis_since(world.cluster.now()));
    let decision = world.operator.decide(&mut world.cluster);
    let withdrawn = decision.actions.iter().filter(|action| matches!(action.write, Write::Delete { .. }));
    let withdrawn: Vec<String> = withdrawn.map(|action| action.write.key().name).collect();
    assert_eq!(withdrawn, ["mnist-worker-0", "mnist-worker-1"]);
    world.operator.perform(&mut world.cluster, decision, &mut history, &mut None);
    assert_eq!(creations(&world.settle()).len(), 2);
    assert_eq!(world.conditions(), ["Created=True", "Running=True"]);
}
