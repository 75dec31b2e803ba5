//! Writes that come to nothing, again and again: they are tried less and less often, and nobody else is held up. What a
//! fresh start knows of such things.

use serde_json::Value;
use twofold_allocator::tick::{Tick, Timestamp};
use twofold_core::action::{Action, Write};
use twofold_core::decide::{State, decide};
use twofold_core::explain;
use twofold_core::input::{Cause, Failure, Input, Outcome};
use twofold_core::object::{Key, Kind, Object};
use twofold_core::settings::Settings;
use twofold_core::simulate::cluster::Cluster;
use twofold_core::simulate::machine::{self, Plain};
use twofold_core::simulate::run::Operator;

fn cluster(agents: u32) -> Cluster {
    let mut cluster = Cluster::new(Timestamp(1_700_000_000_000));
    for index in 0..agents {
        let name = format!("agent-{index}");
        cluster.put(machine::node(&Plain { name, zone: None, cpus: 8, memory_gib: 32, gpus: None }).into());
    }
    cluster
}

fn job(cpus: u32) -> Object {
    let text = format!(
        "apiVersion: kubeflow.org/v1\nkind: TFJob\nmetadata: {{name: one, namespace: team}}\nspec:\n  tfReplicaSpecs:\n    \
         Worker:\n      template:\n        spec:\n          containers:\n          - name: tensorflow\n            \
         image: local/train:1\n            resources: {{limits: {{cpu: {cpus}, memory: 1Gi}}}}\n"
    );
    serde_saphyr::from_str::<twofold_crds::TFJob>(&text).expect("a job").into()
}

/// Plays a hundred seconds in which a write becomes what `answer` says; how many statuses were sent.
fn statuses(mut answer: impl FnMut(&mut Cluster, &Action) -> Outcome) -> usize {
    let mut cluster = cluster(1);
    cluster.put(job(1));
    let mut state = State::new(Settings::default());
    let (mut inputs, mut sent) = (cluster.list(), 0);
    for cycle in 0..100 {
        inputs.extend(cluster.events());
        let decision = decide(&mut state, std::mem::take(&mut inputs), Tick { cycle, now: cluster.now() });
        for action in decision.actions {
            sent += usize::from(matches!(action.write, Write::Status { .. }));
            inputs.push(Input::Outcome(answer(&mut cluster, &action)));
        }
        machine::step(&mut cluster);
        cluster.pass(1_000);
    }
    assert!(cluster.get(&Key::new(Kind::Pod, "team", "one-worker-0")).is_some(), "its pod was not made");
    sent
}

#[test]
fn a_field_that_the_definition_of_the_kind_drops_is_not_sent_again_and_again() {
    let sent = statuses(|cluster, action| {
        let Write::Status { target, patch } = &action.write else { return cluster.perform(action) };
        let mut kept = patch.clone();
        let fields = kept["status"].as_object_mut().expect("a status");
        fields.remove("twofold");
        if fields.is_empty() {
            let unchanged = cluster.get(&target.key).cloned();
            return Outcome { action: action.clone(), result: Ok(unchanged) };
        }
        let write = Write::Status { target: target.clone(), patch: kept };
        let result = cluster.perform(&Action { write, ..action.clone() }).result;
        Outcome { action: action.clone(), result }
    });
    assert!(sent < 8, "sent {sent} times");
}

#[test]
fn a_write_that_always_comes_too_late_is_tried_less_and_less_often() {
    let sent = statuses(|cluster, action| match &action.write {
        Write::Status { .. } => {
            let failure = Failure { cause: Cause::Conflict, message: "it was changed".to_owned() };
            Outcome { action: action.clone(), result: Err(failure) }
        }
        _ => cluster.perform(action),
    });
    assert!(sent < 14, "sent {sent} times");
}

/// What a deposed leader still sends may come between: the pod is there, and it was not this leader that made it. All is
/// well before anything is tried again.
#[test]
fn a_creation_that_another_was_first_with_is_not_shown_as_a_failure_for_ever() {
    let mut cluster = cluster(1);
    cluster.put(job(1));
    let mut state = State::new(Settings::default());
    let mut inputs = cluster.list();
    for cycle in 0..200 {
        inputs.extend(cluster.events());
        let decision = decide(&mut state, std::mem::take(&mut inputs), Tick { cycle, now: cluster.now() });
        let idle = decision.actions.is_empty();
        for action in decision.actions {
            let mut outcome = cluster.perform(&action);
            if matches!(action.write, Write::Create(Object::Pod(_))) {
                let message = "it is there".to_owned();
                outcome.result = Err(Failure { cause: Cause::AlreadyExists, message });
            }
            inputs.push(Input::Outcome(outcome));
        }
        let moved = machine::step(&mut cluster);
        cluster.pass(if idle && moved == 0 { 1_000 } else { 0 });
    }
    let Some(Object::TFJob(job)) = cluster.get(&Key::new(Kind::TFJob, "team", "one")) else {
        panic!("no job")
    };
    let status = serde_json::to_string(&job.status).expect("a status");
    assert!(!status.contains("it is there") && status.contains("all pods run"), "{status}");
}

#[test]
fn a_fresh_start_can_explain_what_waits_without_a_write() {
    let mut cluster = cluster(2);
    cluster.put(job(100));
    Operator::start(Settings::default(), &mut cluster).run(&mut cluster, 60);
    let mut state = State::new(Settings::default());
    let first = decide(&mut state, cluster.list(), Tick { cycle: 1, now: cluster.now() });
    decide(&mut state, explain::unsent(first.actions), Tick { cycle: 2, now: cluster.now() });
    let page = explain::page(&state, &Key::new(Kind::TFJob, "team", "one"));
    assert!(page.contains("cannot fit even on the empty cluster") && page.contains("agent-0"), "{page}");
}

#[test]
fn a_pod_that_its_machine_turned_away_goes_elsewhere_also_after_a_restart() {
    let mut cluster = cluster(2);
    cluster.put(job(1));
    let mut operator = Operator::start(Settings::default(), &mut cluster);
    operator.run(&mut cluster, 60);
    let pod = Key::new(Kind::Pod, "team", "one-worker-0");
    let agent = |cluster: &Cluster| match cluster.get(&pod) {
        Some(Object::Pod(pod)) => pod.spec.as_ref().and_then(|spec| spec.node_name.clone()),
        _ => None,
    };
    let before = agent(&cluster);
    let Some(Object::Pod(turned_away)) = cluster.get(&pod).cloned() else { panic!("no pod") };
    let mut value = serde_json::to_value(&turned_away).expect("a pod");
    value["status"] = serde_json::json!({"phase": "Failed", "reason": "OutOfcpu"});
    cluster.put(Object::from_value(Kind::Pod, value).expect("a pod"));
    operator.restart(&mut cluster);
    let first = operator.decide(&mut cluster);
    assert_eq!(first.warnings, Vec::<String>::new());
    operator.perform(&mut cluster, first, &mut twofold_core::simulate::run::History::default(), &mut None);
    operator.run(&mut cluster, 60);
    assert!(before.is_some() && agent(&cluster).is_some() && agent(&cluster) != before);
}

#[test]
fn a_summary_of_many_refusals_stays_short() {
    let mut cluster = cluster(1);
    let Object::TFJob(mut many) = job(100) else { panic!("no job") };
    let replicas = serde_json::to_value(&many.spec).expect("a spec");
    let mut spec: Value = replicas;
    spec["tfReplicaSpecs"]["Worker"]["replicas"] = 300.into();
    many.spec = serde_json::from_value(spec).expect("a spec");
    cluster.put(Object::TFJob(many));
    let mut operator = Operator::start(Settings::default(), &mut cluster);
    let history = operator.run(&mut cluster, 60);
    let longest = history.writes.iter().filter_map(|action| match &action.write {
        Write::Status { patch, .. } => Some(patch.to_string().len()),
        _ => None,
    });
    assert!(longest.max().is_some_and(|longest| longest < 16_384));
}

#[test]
fn a_machine_of_another_architecture_gets_no_member_of_a_ring_and_one_that_does_not_say_does() {
    for (architecture, pods) in [("arm64", 0), ("amd64", 1), ("", 1)] {
        let mut cluster = cluster(1);
        let Some(Object::Node(mut node)) = cluster.get(&Key::new(Kind::Node, "", "agent-0")).cloned() else {
            panic!("no node")
        };
        let info = node.status.as_mut().and_then(|status| status.node_info.as_mut()).expect("its info");
        info.architecture = architecture.to_owned();
        cluster.put(Object::Node(node));
        let text = "apiVersion: twofold.dev/v1alpha1\nkind: CassandraService\nmetadata: {name: one, namespace: team}\n\
                    spec: {version: 5.0.9, nodes: 1, storage: {size: 1Gi}}\n";
        cluster.put(serde_saphyr::from_str::<twofold_crds::CassandraService>(text).expect("a ring").into());
        Operator::start(Settings::default(), &mut cluster).run(&mut cluster, 100);
        let made = cluster.objects().filter(|(key, _)| key.kind == Kind::Pod).count();
        assert_eq!(made, pods, "{architecture:?}");
    }
}
