//! Idle guarantees are lent and come back, on a cluster in memory: as much as is guaranteed and no more, jobs as a whole,
//! and once.

use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::tick::Timestamp;
use twofold_core::action::Write;
use twofold_core::explain;
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
    /// Four agents of four cores in two zones; role `prod` is guaranteed eight, and `batch` lends or not.
    fn new(reclaim: &str) -> Self {
        let mut cluster = Cluster::new(Timestamp(1_700_000_000_000));
        for index in 0..4 {
            let (name, zone) = (format!("agent-{index}"), Some(format!("zone-{}", index % 2)));
            cluster.put(machine::node(&Plain { name, zone, cpus: 4, memory_gib: 64, gpus: None }).into());
        }
        cluster.put(role("prod", "namespaces: [team], guarantee: {cpu: 8}"));
        cluster.put(role("batch", &format!("namespaces: [team], reclaim: {reclaim}")));
        let operator = Operator::start(Settings::default(), &mut cluster);
        Self { cluster, operator }
    }

    /// Four jobs of `batch`, each a gang of two workers of two cores: all that the cluster has.
    fn lent() -> Self {
        let mut world = Self::new("Allowed");
        for name in ["lent-a", "lent-b", "lent-c", "lent-d"] {
            world.cluster.put(job(name, "batch", 2, 2, ""));
            world.settle();
        }
        assert_eq!(
            world.jobs(),
            [("lent-a", 2), ("lent-b", 2), ("lent-c", 2), ("lent-d", 2)].map(owned).into()
        );
        world
    }

    fn settle(&mut self) -> History {
        let history = self.operator.run(&mut self.cluster, 300);
        assert_eq!(history.violations, Vec::<String>::new());
        assert!(history.at_rest, "the operator came to no rest");
        history
    }

    /// Machines ended the containers of the pods that were deleted, which are still there, with this exit code.
    fn end_deleted(&mut self, exit_code: i32) {
        let pods = self.cluster.objects().filter_map(|(_, object)| match object {
            Object::Pod(pod) if pod.metadata.deletion_timestamp.is_some() => Some(pod.as_ref().clone()),
            _ => None,
        });
        for pod in pods.collect::<Vec<_>>() {
            let ended = machine::ended(pod, exit_code, self.cluster.now());
            self.cluster.put(ended.into());
        }
    }

    /// How many pods there are of each service.
    fn jobs(&self) -> BTreeMap<String, usize> {
        let mut jobs = BTreeMap::new();
        for name in self.pods().keys() {
            let (job, _) =
                name.rsplit_once("-worker-").or_else(|| name.rsplit_once("-node-")).expect("a name");
            *jobs.entry(job.to_owned()).or_default() += 1;
        }
        jobs
    }

    /// The UIDs of all pods, by name.
    fn pods(&self) -> BTreeMap<String, String> {
        let pods = self.cluster.objects().filter(|(key, _)| key.kind == Kind::Pod);
        pods.map(|(key, object)| (key.name.clone(), object.uid().to_owned())).collect()
    }

    fn job(&self, name: &str) -> TFJob {
        match self.cluster.get(&Key::new(Kind::TFJob, "team", name)) {
            Some(Object::TFJob(job)) => job.as_ref().clone(),
            _ => panic!("no job {name}"),
        }
    }

    fn state(&self, name: &str) -> String {
        let status = self.job(name).status.unwrap_or_default();
        let last = status.conditions.last().cloned().unwrap_or_default();
        let ours = status.twofold.unwrap_or_default();
        let ready = ours.conditions.iter().find(|one| one.type_ == "Ready").map(|one| one.reason.clone());
        format!("{} {}, {}", last.type_, last.reason.unwrap_or_default(), ready.unwrap_or_default())
    }

    fn page(&self, name: &str) -> String {
        explain::page(&self.operator.state, &Key::new(Kind::TFJob, "team", name))
    }
}

fn owned((name, pods): (&str, usize)) -> (String, usize) {
    (name.to_owned(), pods)
}

fn role(name: &str, spec: &str) -> Object {
    let text = format!(
        "apiVersion: twofold.dev/v1alpha1\nkind: AllocationRole\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
    );
    serde_saphyr::from_str::<twofold_crds::AllocationRole>(&text).expect("a role").into()
}

/// A job of so many workers of so many cores, with more fields in its metadata.
fn job(name: &str, role: &str, workers: u32, cpus: u32, more: &str) -> Object {
    let text = format!(
        "apiVersion: kubeflow.org/v1\nkind: TFJob\nmetadata: {{name: {name}, namespace: team, {more}}}\nspec:\n  \
         runPolicy: {{backoffLimit: 0, schedulingPolicy: {{queue: {role}}}}}\n  tfReplicaSpecs:\n    Worker:\n      \
         replicas: {workers}\n      restartPolicy: Never\n      template: {{spec: {{containers: [{{name: tensorflow, \
         image: local/train:1, resources: {{limits: {{cpu: {cpus}, memory: 1Gi}}}}}}]}}}}\n"
    );
    serde_saphyr::from_str::<TFJob>(&text).expect("a job").into()
}

fn ring(name: &str, role: &str, nodes: u32) -> Object {
    let text = format!(
        "apiVersion: twofold.dev/v1alpha1\nkind: CassandraService\nmetadata:\n  name: {name}\n  namespace: team\n  \
         annotations: {{twofold.dev/readiness: pod}}\nspec:\n  version: 5.0.9\n  nodes: {nodes}\n  placement: {{role: {role}}}\n  \
         resources: {{requests: {{cpu: 4, memory: 2Gi}}, limits: {{memory: 2Gi}}}}\n  heap: 512Mi\n  storage: {{size: 1Gi}}\n"
    );
    serde_saphyr::from_str::<twofold_crds::CassandraService>(&text).expect("a ring").into()
}

/// The pods that were deleted, and the reasons of the events, each in order.
fn told(history: &History) -> (Vec<String>, Vec<String>) {
    let (mut deleted, mut events) = (Vec::new(), Vec::new());
    for action in &history.writes {
        match &action.write {
            Write::Delete { target, .. } if target.key.kind == Kind::Pod => {
                deleted.push(target.key.name.clone())
            }
            Write::Event(note) => events.push(note.reason.clone()),
            _ => {}
        }
    }
    (deleted, events)
}

/// Nothing is written however much time passes.
fn assert_rest(world: &mut World) {
    for _ in 0..60 {
        world.cluster.pass(30_000);
        let decision = world.operator.decide(&mut world.cluster);
        assert!(decision.actions.is_empty(), "written at rest: {:?}", decision.actions);
    }
}

#[test]
fn a_guaranteed_job_takes_back_its_guarantee_and_no_more_and_what_went_waits_without_a_failure() {
    let mut world = World::lent();
    world.cluster.put(job("wanted", "prod", 2, 4, ""));
    let history = world.settle();
    let (deleted, events) = told(&history);
    assert_eq!(deleted.len(), 4, "{deleted:?}");
    assert_eq!(events.iter().filter(|reason| *reason == "Reclaimed").count(), 2, "{events:?}");
    assert!(!events.iter().any(|reason| reason.contains("Fail")), "{events:?}");
    assert_eq!(world.jobs(), [("lent-c", 2), ("lent-d", 2), ("wanted", 2)].map(owned).into());
    for name in ["lent-a", "lent-b"] {
        assert_eq!(world.state(name), "Restarting TFJobReclaimed, Reclaimed");
        let ours = world.job(name).status.unwrap().twofold.unwrap();
        assert_eq!(ours.restarts, None);
        let record = ours.reclaimed.expect("a record");
        assert_eq!((record.role.as_str(), record.pods.len()), ("prod", 0));
    }
    assert_rest(&mut world);
}

#[test]
fn what_was_taken_back_starts_whole_when_there_is_room_and_may_be_taken_back_again() {
    let mut world = World::lent();
    world.cluster.put(job("wanted", "prod", 2, 4, ""));
    world.settle();
    world.cluster.remove(&Key::new(Kind::TFJob, "team", "wanted"));
    let history = world.settle();
    assert_eq!(told(&history).0, Vec::<String>::new());
    assert_eq!(world.jobs().values().copied().collect::<Vec<_>>(), [2; 4]);
    for name in ["lent-a", "lent-b"] {
        assert_eq!(world.state(name), "Running TFJobRunning, Running");
        assert_eq!(world.job(name).status.unwrap().twofold.unwrap().reclaimed, None);
    }
    world.cluster.put(job("again", "prod", 1, 4, ""));
    assert_eq!(told(&world.settle()).0.len(), 2);
    assert_eq!(world.jobs().get("again"), Some(&1));
    assert_rest(&mut world);
}

#[test]
fn what_ends_well_when_it_is_taken_back_runs_again() {
    for exit_code in [0, 143] {
        let mut world = World::lent();
        world.cluster.let_pods_linger();
        world.cluster.put(job("wanted", "prod", 2, 4, ""));
        world.settle();
        world.end_deleted(exit_code);
        world.settle();
        world.cluster.end_lingering();
        world.settle();
        assert_eq!(world.jobs(), [("lent-c", 2), ("lent-d", 2), ("wanted", 2)].map(owned).into());
        for name in ["lent-a", "lent-b"] {
            assert_eq!(world.state(name), "Restarting TFJobReclaimed, Reclaimed", "{exit_code}");
        }
        world.cluster.remove(&Key::new(Kind::TFJob, "team", "wanted"));
        world.settle();
        assert_eq!(world.jobs().values().copied().collect::<Vec<_>>(), [2; 4], "{exit_code}");
    }
}

#[test]
fn a_gang_of_which_a_part_has_completed_starts_whole_again() {
    let mut world = World::new("Allowed");
    let Object::TFJob(mut lent) = job("lent", "batch", 4, 3, "") else { panic!("no job") };
    lent.spec.success_policy = Some("AllWorkers".to_owned());
    world.cluster.put(Object::TFJob(lent));
    world.settle();
    let key = Key::new(Kind::Pod, "team", "lent-worker-1");
    let Some(Object::Pod(pod)) = world.cluster.get(&key).cloned() else { panic!("no pod") };
    let ended = machine::ended(*pod, 0, world.cluster.now());
    world.cluster.put(ended.into());
    world.settle();
    world.cluster.put(job("wanted", "prod", 2, 4, ""));
    world.settle();
    assert_eq!(world.jobs(), [owned(("wanted", 2))].into());
    assert_eq!(world.state("lent"), "Restarting TFJobReclaimed, Reclaimed");
    assert_rest(&mut world);
    world.cluster.remove(&Key::new(Kind::TFJob, "team", "wanted"));
    world.settle();
    assert_eq!(world.jobs(), [owned(("lent", 4))].into());
    assert_eq!(world.state("lent"), "Running TFJobRunning, Running");
    let ours = world.job("lent").status.unwrap().twofold.unwrap();
    assert_eq!((ours.completed, ours.reclaimed), (Vec::new(), None));
}

#[test]
fn a_ring_takes_back_its_guarantee() {
    let mut world = World::lent();
    world.cluster.put(ring("ring", "prod", 2));
    let (deleted, _) = told(&world.settle());
    assert_eq!(deleted.len(), 4, "{deleted:?}");
    assert_eq!(world.jobs(), [("lent-c", 2), ("lent-d", 2), ("ring", 2)].map(owned).into());
    assert_rest(&mut world);
}

/// A world of two zones in which the agents that level one looks at first are in one of them.
#[test]
fn a_ring_that_is_spread_over_zones_takes_back_room_in_each_and_none_that_it_cannot_use() {
    let mut world = World::new("Allowed");
    for index in 0..4 {
        let (name, zone) = (format!("agent-{index}"), Some(format!("zone-{}", index / 2)));
        world.cluster.put(machine::node(&Plain { name, zone, cpus: 4, memory_gib: 64, gpus: None }).into());
    }
    for name in ["lent-a", "lent-b", "lent-c", "lent-d"] {
        world.cluster.put(job(name, "batch", 2, 2, ""));
        world.settle();
    }
    world.cluster.put(ring("ring", "prod", 2));
    let (deleted, _) = told(&world.settle());
    assert_eq!(deleted.len(), 4, "{deleted:?}");
    assert_eq!(world.jobs().get("ring"), Some(&2));
    assert_rest(&mut world);
}

#[test]
fn nothing_ends_for_a_job_that_may_not_run_there() {
    let mut world = World::lent();
    for index in 0..3 {
        let key = Key::new(Kind::Node, "", &format!("agent-{index}"));
        let Some(Object::Node(mut node)) = world.cluster.get(&key).cloned() else { panic!("no agent") };
        let taint = serde_json::json!([{"key": "kept", "value": "yes", "effect": "NoSchedule"}]);
        node.spec.get_or_insert_default().taints = serde_json::from_value(taint).expect("taints");
        world.cluster.put(Object::Node(node));
    }
    world.cluster.put(job("both", "prod", 2, 4, ""));
    assert_eq!(told(&world.settle()).0, Vec::<String>::new());
    assert_rest(&mut world);
    world.cluster.put(job("one", "prod", 1, 4, ""));
    let (deleted, _) = told(&world.settle());
    assert_eq!(deleted, ["lent-d-worker-0", "lent-d-worker-1"]);
    assert_eq!(world.jobs().get("one"), Some(&1));
}

#[test]
fn without_leave_nothing_is_lent_and_nothing_taken_back() {
    let mut world = World::new("Never");
    for name in ["kept-a", "kept-b", "kept-c"] {
        world.cluster.put(job(name, "batch", 2, 2, ""));
        world.settle();
    }
    assert_eq!(world.jobs(), [("kept-a", 2), ("kept-b", 2)].map(owned).into());
    world.cluster.put(job("wanted", "prod", 2, 4, ""));
    assert_eq!(told(&world.settle()).0, Vec::<String>::new());
    assert_eq!(world.jobs(), [("kept-a", 2), ("kept-b", 2), ("wanted", 2)].map(owned).into());
}

#[test]
fn the_annotation_of_a_job_goes_before_its_role() {
    let mut world = World::new("Allowed");
    for name in ["kept-a", "kept-b"] {
        world.cluster.put(job(name, "batch", 2, 2, "annotations: {twofold.dev/reclaimable: 'false'}"));
        world.settle();
    }
    for name in ["lent-a", "lent-b"] {
        world.cluster.put(job(name, "batch", 2, 2, ""));
        world.settle();
    }
    world.cluster.put(job("wanted", "prod", 2, 4, ""));
    assert_eq!(told(&world.settle()).0.len(), 4);
    assert_eq!(world.jobs(), [("kept-a", 2), ("kept-b", 2), ("wanted", 2)].map(owned).into());
    let mut world = World::new("Never");
    world.cluster.put(job("lent", "batch", 4, 4, "annotations: {twofold.dev/reclaimable: 'true'}"));
    world.settle();
    assert_eq!(world.jobs(), [owned(("lent", 4))].into());
}

#[test]
fn a_role_that_lends_no_more_is_left_alone() {
    let mut world = World::lent();
    world.cluster.put(role("batch", "namespaces: [team], reclaim: Never"));
    world.settle();
    world.cluster.put(job("wanted", "prod", 2, 4, ""));
    assert_eq!(told(&world.settle()).0, Vec::<String>::new());
    assert_eq!(world.jobs().get("wanted"), None);
    assert!(
        world.page("wanted").contains("nothing is asked back: nothing runs that is marked as reclaimable")
    );
    world.cluster.put(role("batch", "namespaces: [team], reclaim: Allowed"));
    assert_eq!(told(&world.settle()).0.len(), 4);
    assert_eq!(world.jobs().get("wanted"), Some(&2));
}

#[test]
fn a_gang_goes_whole_and_does_not_come_back_into_what_it_left() {
    let mut world = World::new("Allowed");
    world.cluster.put(job("lent", "batch", 4, 3, ""));
    world.settle();
    world.cluster.put(job("wanted", "prod", 1, 2, ""));
    let (deleted, _) = told(&world.settle());
    assert_eq!(deleted.iter().collect::<BTreeSet<_>>().len(), 4, "{deleted:?}");
    assert_eq!(deleted.len(), 4, "{deleted:?}");
    assert_eq!(world.jobs(), [owned(("wanted", 1))].into());
    assert_eq!(world.state("lent"), "Restarting TFJobReclaimed, Reclaimed");
    assert_rest(&mut world);
}

#[test]
fn a_job_that_is_over_is_not_asked() {
    let mut world = World::new("Allowed");
    world.cluster.put(job("over", "batch", 4, 4, ""));
    world.settle();
    let Some(Object::Pod(pod)) = world.cluster.get(&Key::new(Kind::Pod, "team", "over-worker-0")).cloned()
    else {
        panic!("no pod")
    };
    let ended = machine::ended(*pod, 0, world.cluster.now());
    world.cluster.put(ended.into());
    world.settle();
    assert_eq!(world.state("over"), "Succeeded TFJobSucceeded, Finished");
    world.cluster.put(job("wanted", "prod", 2, 4, ""));
    assert_eq!(told(&world.settle()).0, Vec::<String>::new());
}

#[test]
fn a_ring_is_never_taken_back_whatever_its_role_allows() {
    let mut world = World::new("Allowed");
    world.cluster.put(ring("kept", "batch", 2));
    world.settle();
    world.cluster.put(job("lent", "batch", 2, 4, ""));
    world.settle();
    assert_eq!(world.jobs(), [("kept", 2), ("lent", 2)].map(owned).into());
    world.cluster.put(role("prod", "namespaces: [team], guarantee: {cpu: 16}"));
    for name in ["wanted-a", "wanted-b", "wanted-c", "wanted-d"] {
        world.cluster.put(job(name, "prod", 1, 4, ""));
    }
    let (deleted, _) = told(&world.settle());
    assert_eq!(deleted, ["lent-worker-0", "lent-worker-1"]);
    assert_eq!(world.jobs(), [("kept", 2), ("wanted-a", 1), ("wanted-b", 1)].map(owned).into());
    assert_rest(&mut world);
}

#[test]
fn a_cordoned_machine_keeps_its_pods() {
    let mut world = World::lent();
    world.cluster.put(ring("ring", "prod", 1));
    world.settle();
    for index in 0..4 {
        let key = Key::new(Kind::Node, "", &format!("agent-{index}"));
        let Some(Object::Node(mut node)) = world.cluster.get(&key).cloned() else { panic!("no agent") };
        node.spec.get_or_insert_default().unschedulable = Some(true);
        world.cluster.put(Object::Node(node));
    }
    let before = world.pods();
    assert_eq!(told(&world.settle()).0, Vec::<String>::new());
    assert_rest(&mut world);
    assert_eq!(world.pods(), before);
}

/// Plays a reclaim of pods that take their time to end, with the operator killed after its k-th write; the jobs that
/// are there in the end, and every pod that was deleted.
fn play(kill_after: Option<usize>) -> (BTreeMap<String, usize>, Vec<String>, usize) {
    let mut world = World::new("Allowed");
    for name in ["lent-a", "lent-b", "lent-c"] {
        world.cluster.put(job(name, "batch", 2, 2, ""));
        world.settle();
    }
    world.cluster.put(job("lent-gang", "batch", 4, 1, ""));
    world.settle();
    let before = world.pods();
    world.cluster.let_pods_linger();
    world.cluster.put(job("wanted", "prod", 2, 4, ""));
    let (mut history, mut left) = (History::default(), kill_after);
    for cycle in 0..80 {
        let mut decision = world.operator.decide(&mut world.cluster);
        assert_eq!(decision.violations, Vec::<String>::new());
        decision.actions.sort_by_key(|action| action.write.stage());
        let dies = left.is_some_and(|left| left <= decision.actions.len());
        if let Some(left) = left.as_mut() {
            decision.actions.truncate(*left);
            *left -= decision.actions.len();
        }
        world.operator.perform(&mut world.cluster, decision, &mut history, &mut None);
        if dies {
            left = None;
            world.operator.restart(&mut world.cluster);
        }
        machine::step(&mut world.cluster);
        if cycle % 10 == 4 {
            world.end_deleted(0);
        }
        if cycle % 10 == 9 {
            world.cluster.end_lingering();
        }
        world.cluster.pass(1_000);
    }
    let gone: BTreeSet<_> = before.values().collect();
    let gone = gone.difference(&world.pods().values().collect()).count();
    let (mut deleted, events) = told(&history);
    assert!(!events.iter().any(|reason| reason == "TFJobFailed"), "{events:?}");
    assert!(!events.iter().any(|reason| reason == "TFJobSucceeded"), "{events:?}");
    deleted.sort();
    deleted.dedup();
    assert_eq!(gone, deleted.len());
    assert_rest(&mut world);
    (world.jobs(), deleted, history.writes.len())
}

#[test]
fn an_operator_killed_after_any_write_takes_back_the_same_and_no_more() {
    let (jobs, deleted, writes) = play(None);
    assert_eq!(jobs.get("wanted"), Some(&2));
    assert!(writes > 10, "{writes}");
    for kill_after in 1..=writes {
        let (then, gone, _) = play(Some(kill_after));
        assert_eq!((then, gone), (jobs.clone(), deleted.clone()), "killed after {kill_after} writes");
    }
}

#[test]
fn a_page_says_from_whom_room_is_asked_back() {
    let mut world = World::lent();
    world.cluster.put(job("wanted", "prod", 2, 4, ""));
    let mut history = History::default();
    while !told(&history).1.iter().any(|reason| reason == "Reclaimed") {
        let decision = world.operator.decide(&mut world.cluster);
        world.operator.perform(&mut world.cluster, decision, &mut history, &mut None);
    }
    let page = world.page("wanted");
    assert!(page.contains("room on 2 agents asked back from 2 others, of which 2 end"), "{page}");
    assert!(page.contains("asked back from TFJob/team/lent-a of role batch: it ends"), "{page}");
    assert_eq!(told(&history).0, Vec::<String>::new(), "a pod was deleted before that was on record");
}
