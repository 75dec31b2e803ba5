//! Histories of the whole brain on a cluster in memory: gangs are whole, a crash after any write changes nothing, and
//! nothing is written at rest.

use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::tick::Timestamp;
use twofold_core::action::Write;
use twofold_core::explain;
use twofold_core::object::{Key, Kind, Object};
use twofold_core::settings::Settings;
use twofold_core::simulate::cluster::Cluster;
use twofold_core::simulate::machine::{self, Plain};
use twofold_core::simulate::run::{History, Operator};

fn cluster(agents: u32, zones: u32, gpus: Option<u32>) -> Cluster {
    let mut cluster = Cluster::new(Timestamp(1_700_000_000_000));
    for index in 0..agents {
        let plain = Plain {
            name: format!("agent-{index}"),
            zone: Some(format!("zone-{}", index % zones)),
            cpus: 8,
            memory_gib: 32,
            gpus: gpus.map(|count| ("A100".to_owned(), count)),
        };
        cluster.put(machine::node(&plain).into());
    }
    cluster
}

fn job(name: &str, replicas: &[(&str, u32)], resources: &str) -> Object {
    let specs: Vec<_> = replicas
        .iter()
        .map(|(replica, count)| {
            format!(
                "    {replica}:\n      replicas: {count}\n      template:\n        spec:\n          containers:\n          \
                 - name: tensorflow\n            image: local/train:1\n            resources:\n              limits: {resources}\n"
            )
        })
        .collect();
    let text = format!(
        "apiVersion: kubeflow.org/v1\nkind: TFJob\nmetadata:\n  name: {name}\n  namespace: team\nspec:\n  \
         tfReplicaSpecs:\n{}",
        specs.concat()
    );
    let job: twofold_crds::TFJob = serde_saphyr::from_str(&text).expect("a job");
    job.into()
}

fn pods(cluster: &Cluster) -> BTreeMap<String, String> {
    let all = cluster.objects().filter_map(|(key, object)| match object {
        Object::Pod(pod) => Some((key.name.clone(), pod.spec.clone()?.node_name.unwrap_or_default())),
        _ => None,
    });
    all.collect()
}

fn settle(cluster: &mut Cluster, operator: &mut Operator) -> History {
    let history = operator.run(cluster, 200);
    assert_eq!(history.violations, Vec::<String>::new());
    assert!(history.at_rest, "the operator came to no rest");
    history
}

#[test]
fn a_job_of_one_worker_runs() {
    let mut cluster = cluster(3, 3, None);
    cluster.put(job("one", &[("Worker", 1)], "{cpu: 1, memory: 1Gi}"));
    let mut operator = Operator::start(Settings::default(), &mut cluster);
    settle(&mut cluster, &mut operator);
    assert_eq!(pods(&cluster).keys().collect::<Vec<_>>(), ["one-worker-0"]);
    let Some(Object::TFJob(job)) = cluster.get(&Key::new(Kind::TFJob, "team", "one")) else {
        panic!("no job")
    };
    let conditions = job.status.as_ref().expect("a status").conditions.iter();
    assert_eq!(conditions.map(|c| c.type_.as_str()).collect::<Vec<_>>(), ["Created", "Running"]);
}

#[test]
fn a_gang_that_does_not_fit_creates_no_pod_and_starts_whole_when_it_does() {
    let mut cluster = cluster(2, 2, Some(2));
    let replicas = [("Chief", 1), ("Worker", 1), ("PS", 1)];
    cluster.put(job("gang", &replicas, "{cpu: 1, memory: 1Gi, nvidia.com/gpu: 2}"));
    let mut operator = Operator::start(Settings::default(), &mut cluster);
    let history = settle(&mut cluster, &mut operator);
    assert!(
        history.writes.iter().all(|action| action.write.key().kind != Kind::Pod || !creates(&action.write))
    );
    assert_eq!(pods(&cluster), BTreeMap::new());
    let plain = Plain {
        name: "agent-2".to_owned(),
        zone: None,
        cpus: 8,
        memory_gib: 32,
        gpus: Some(("A100".to_owned(), 2)),
    };
    cluster.put(machine::node(&plain).into());
    settle(&mut cluster, &mut operator);
    assert_eq!(pods(&cluster).len(), 3);
}

#[test]
fn a_job_without_gpus_fills_the_agents_without_them_first() {
    let mut cluster = Cluster::new(Timestamp(1_700_000_000_000));
    for (name, gpus) in [("a", Some(("A100".to_owned(), 4))), ("b", None)] {
        let plain = Plain { name: name.to_owned(), zone: None, cpus: 8, memory_gib: 32, gpus };
        cluster.put(machine::node(&plain).into());
    }
    cluster.put(job("plain", &[("Worker", 3)], "{cpu: 1, memory: 1Gi}"));
    let mut operator = Operator::start(Settings::default(), &mut cluster);
    settle(&mut cluster, &mut operator);
    assert_eq!(pods(&cluster).into_values().collect::<Vec<_>>(), ["b", "b", "b"]);
}

fn creates(write: &Write) -> bool {
    matches!(write, Write::Create(_))
}

#[test]
fn nothing_is_written_at_rest() {
    let mut cluster = cluster(6, 3, None);
    cluster.put(job("calm", &[("Chief", 1), ("Worker", 2)], "{cpu: 1, memory: 1Gi}"));
    let mut operator = Operator::start(Settings::default(), &mut cluster);
    settle(&mut cluster, &mut operator);
    for _ in 0..20 {
        cluster.pass(60_000);
        let decision = operator.decide(&mut cluster);
        assert!(decision.actions.is_empty(), "written at rest: {:?}", decision.actions);
    }
}

/// Plays until rest, killing the operator right after its k-th creation of a pod.
fn play_with_crash(kill_after: Option<u64>) -> (BTreeSet<String>, usize) {
    let mut cluster = cluster(9, 3, None);
    cluster.put(job("a", &[("Chief", 1), ("Worker", 3), ("PS", 2)], "{cpu: 2, memory: 2Gi}"));
    cluster.put(job("b", &[("Worker", 4)], "{cpu: 3, memory: 2Gi}"));
    let mut operator = Operator::start(Settings::default(), &mut cluster);
    let mut created = Vec::new();
    let mut budget = kill_after;
    for _ in 0..100 {
        let decision = operator.decide(&mut cluster);
        assert_eq!(decision.violations, Vec::<String>::new());
        let mut history = History::default();
        let lives = operator.perform(&mut cluster, decision, &mut history, &mut budget);
        let pods = history.writes.iter().filter(|action| creates(&action.write));
        created.extend(pods.map(|action| action.write.key()).filter(|key| key.kind == Kind::Pod));
        if !lives {
            operator.restart(&mut cluster);
        }
        machine::step(&mut cluster);
        cluster.pass(1_000);
    }
    let names = created.iter().map(|key| key.name.clone()).collect::<BTreeSet<_>>();
    assert_eq!(names.len(), created.len(), "a name was made twice");
    (pods(&cluster).into_keys().collect(), created.len())
}

#[test]
fn an_operator_killed_after_any_creation_ends_where_the_undisturbed_one_ends() {
    let (undisturbed, creations) = play_with_crash(None);
    assert_eq!((undisturbed.len(), creations), (10, 10));
    for kill_after in 1..=10 {
        assert_eq!(
            play_with_crash(Some(kill_after)),
            (undisturbed.clone(), creations),
            "killed after {kill_after}"
        );
    }
}

fn ring(name: &str, nodes: u32) -> Object {
    let text = format!(
        "apiVersion: twofold.dev/v1alpha1\nkind: CassandraService\nmetadata:\n  name: {name}\n  namespace: team\nspec:\n  \
         version: 5.0.9\n  nodes: {nodes}\n  resources:\n    requests: {{cpu: 1, memory: 2Gi}}\n    \
         limits: {{cpu: 1, memory: 2Gi}}\n  heap: 512Mi\n  storage:\n    size: 1Gi\n"
    );
    let service: twofold_crds::CassandraService = serde_saphyr::from_str(&text).expect("a ring");
    service.into()
}

fn ready(cluster: &Cluster, name: &str) -> Option<String> {
    let Some(Object::CassandraService(service)) =
        cluster.get(&Key::new(Kind::CassandraService, "team", name))
    else {
        panic!("no service")
    };
    let conditions = &service.status.as_ref()?.conditions;
    conditions.iter().find(|c| c.type_ == "Ready").map(|c| c.status.clone())
}

#[test]
fn a_ring_of_three_stands_in_three_zones_and_comes_back_after_all_its_pods_are_deleted() {
    let mut cluster = cluster(6, 3, None);
    cluster.put(ring("ring", 3));
    let mut operator = Operator::start(Settings::default(), &mut cluster);
    settle(&mut cluster, &mut operator);
    assert_eq!(ready(&cluster, "ring").as_deref(), Some("True"));
    let before = pods(&cluster);
    let zones: BTreeSet<_> = before.values().map(|agent| zone(agent)).collect();
    assert_eq!((before.len(), zones.len()), (3, 3));
    for name in before.keys() {
        cluster.remove(&Key::new(Kind::Pod, "team", name));
    }
    settle(&mut cluster, &mut operator);
    let after = pods(&cluster);
    let zone_of = |pods: &BTreeMap<String, String>| {
        pods.iter().map(|(name, agent)| (name.clone(), zone(agent))).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(zone_of(&after), zone_of(&before), "an instance changed its rack");
    assert_eq!(ready(&cluster, "ring").as_deref(), Some("True"));
}

fn zone(agent: &str) -> u32 {
    agent.trim_start_matches("agent-").parse::<u32>().expect("an index") % 3
}

#[test]
fn empty_members_start_one_at_a_time_the_first_before_all_others() {
    let mut cluster = cluster(6, 3, None);
    cluster.put(ring("slow", 3));
    let mut operator = Operator::start(Settings::default(), &mut cluster);
    let history = settle(&mut cluster, &mut operator);
    let lifted: Vec<_> = history
        .writes
        .iter()
        .filter_map(|action| match &action.write {
            Write::LiftGate { pod, slot, .. } => Some((pod.key.name.clone(), slot.is_some())),
            _ => None,
        })
        .collect();
    assert_eq!(lifted.len(), 3, "{lifted:?}");
    assert_eq!(lifted.first(), Some(&("slow-node-0".to_owned(), true)));
    assert!(lifted.iter().all(|(_, with_slot)| *with_slot));
}

#[test]
fn a_gang_is_whole_after_every_cycle_of_writes() {
    let mut cluster = cluster(9, 3, None);
    let sizes = BTreeMap::from([("a", 6usize), ("b", 4), ("c", 5)]);
    cluster.put(job("a", &[("Chief", 1), ("Worker", 3), ("PS", 2)], "{cpu: 4, memory: 2Gi}"));
    cluster.put(job("b", &[("Worker", 4)], "{cpu: 5, memory: 2Gi}"));
    cluster.put(job("c", &[("Worker", 5)], "{cpu: 3, memory: 2Gi}"));
    let mut operator = Operator::start(Settings::default(), &mut cluster);
    for cycle in 0..60 {
        let decision = operator.decide(&mut cluster);
        operator.perform(&mut cluster, decision, &mut History::default(), &mut None);
        for (name, size) in &sizes {
            let members = pods(&cluster).keys().filter(|pod| pod.starts_with(&format!("{name}-"))).count();
            assert!(members == 0 || members == *size, "cycle {cycle}: {members} of {size} of {name}");
        }
        machine::step(&mut cluster);
        cluster.pass(1_000);
    }
}

fn foreign_pod(name: &str) -> Object {
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: team}}\nspec:\n  nodeName: agent-0\n  \
         containers: [{{name: x, image: local/x:1}}]\n"
    );
    serde_saphyr::from_str::<k8s_openapi::api::core::v1::Pod>(&text).expect("a pod").into()
}

#[test]
fn a_pod_of_somebody_elses_that_has_the_name_holds_up_its_job_alone_and_only_while_it_is_there() {
    let mut cluster = cluster(3, 3, None);
    cluster.put(foreign_pod("held-worker-0"));
    cluster.put(job("held", &[("Worker", 1)], "{cpu: 1, memory: 1Gi}"));
    cluster.put(job("free", &[("Worker", 1)], "{cpu: 1, memory: 1Gi}"));
    let mut operator = Operator::start(Settings::default(), &mut cluster);
    let history = operator.run(&mut cluster, 60);
    assert_eq!(history.violations, Vec::<String>::new());
    assert_eq!(pods(&cluster).into_keys().collect::<Vec<_>>(), ["free-worker-0", "held-worker-0"]);
    cluster.remove(&Key::new(Kind::Pod, "team", "held-worker-0"));
    operator.run(&mut cluster, 60);
    assert_eq!(pods(&cluster).into_keys().collect::<Vec<_>>(), ["free-worker-0", "held-worker-0"]);
}

#[test]
fn an_amount_that_cannot_be_counted_stops_its_own_job_alone() {
    let mut cluster = cluster(3, 3, None);
    cluster.put(job("vast", &[("Worker", 1)], "{cpu: 1, memory: 2Pi}"));
    cluster.put(job("well", &[("Worker", 1)], "{cpu: 1, memory: 1Gi}"));
    let mut operator = Operator::start(Settings::default(), &mut cluster);
    settle(&mut cluster, &mut operator);
    assert_eq!(pods(&cluster).into_keys().collect::<Vec<_>>(), ["well-worker-0"]);
    let Some(Object::TFJob(job)) = cluster.get(&Key::new(Kind::TFJob, "team", "vast")) else {
        panic!("no job")
    };
    let status = serde_json::to_string(&job.status).expect("a status");
    assert!(status.contains("limits[memory]"), "{status}");
}

#[test]
fn a_child_whose_name_is_taken_is_tried_less_and_less_often_and_the_failure_is_shown() {
    let mut cluster = cluster(3, 3, None);
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: taken-worker-0, namespace: team}\n";
    cluster
        .put(serde_saphyr::from_str::<k8s_openapi::api::core::v1::Service>(text).expect("a service").into());
    cluster.put(job("taken", &[("Worker", 1)], "{cpu: 1, memory: 1Gi}"));
    let mut operator = Operator::start(Settings::default(), &mut cluster);
    let history = operator.run(&mut cluster, 60);
    let tried = history.writes.iter().filter(|action| action.write.key().kind == Kind::Service).count();
    assert!(tried <= 12, "tried {tried} times in {} cycles", history.cycles);
    let Some(Object::TFJob(job)) = cluster.get(&Key::new(Kind::TFJob, "team", "taken")) else {
        panic!("no job")
    };
    let status = serde_json::to_string(&job.status).expect("a status");
    assert!(status.contains("already exists"), "{status}");
}

/// The pod is on its way out: its machine lets it end.
fn ends(cluster: &mut Cluster, name: &str) {
    let key = Key::new(Kind::Pod, "team", name);
    let Some(Object::Pod(mut pod)) = cluster.get(&key).cloned() else { panic!("no pod {name}") };
    pod.metadata.deletion_timestamp = Some(twofold_core::condition::time(cluster.now()));
    cluster.put(Object::Pod(pod));
}

#[test]
fn room_that_ends_is_held_for_the_gang_that_waits_and_not_given_to_what_came_later() {
    let mut cluster = cluster(2, 2, None);
    let whole = "{cpu: 8, memory: 1Gi}";
    let mut operator = Operator::start(Settings::default(), &mut cluster);
    for (name, workers) in [("a", 1), ("b", 1), ("gang", 2), ("later", 1)] {
        let job = job(name, &[("Worker", workers)], whole);
        let Object::TFJob(mut job) = job else { panic!("no job") };
        for replica in job.spec.tf_replica_specs.values_mut() {
            replica.restart_policy = Some("Never".to_owned());
        }
        cluster.put(Object::TFJob(job));
        cluster.pass(1_000);
        settle(&mut cluster, &mut operator);
    }
    assert_eq!(pods(&cluster).into_keys().collect::<Vec<_>>(), ["a-worker-0", "b-worker-0"]);
    for ending in ["a-worker-0", "b-worker-0"] {
        ends(&mut cluster, ending);
    }
    operator.run(&mut cluster, 20);
    let page = explain::page(&operator.state, &Key::new(Kind::TFJob, "team", "gang"));
    assert!(page.contains("held on agent-"), "{page}");
    for (ended, then) in
        [("a-worker-0", vec!["b-worker-0"]), ("b-worker-0", vec!["gang-worker-0", "gang-worker-1"])]
    {
        cluster.remove(&Key::new(Kind::Pod, "team", ended));
        operator.run(&mut cluster, 20);
        assert_eq!(pods(&cluster).into_keys().collect::<Vec<_>>(), then);
    }
}
