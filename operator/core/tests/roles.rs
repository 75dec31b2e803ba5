//! Two roles with weights 2:1 below one with a limit, on a cluster in memory.

use twofold_allocator::tick::Timestamp;
use twofold_core::object::{Key, Kind, Object};
use twofold_core::settings::Settings;
use twofold_core::simulate::cluster::Cluster;
use twofold_core::simulate::machine::{self, Plain};
use twofold_core::simulate::run::Operator;

/// Agents of one core each. A job and a ring both take three of them, so there is room for nine.
const AGENTS: u32 = 27;

fn role(name: &str, spec: &str) -> Object {
    let text = format!(
        "apiVersion: twofold.dev/v1alpha1\nkind: AllocationRole\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"
    );
    serde_saphyr::from_str::<twofold_crds::AllocationRole>(&text).expect("a role").into()
}

fn parent(limit: u32) -> Object {
    role("both", &format!("limit: {{cpu: {limit}}}"))
}

fn job(name: &str, role: &str) -> Object {
    let text = format!(
        "apiVersion: kubeflow.org/v1\nkind: TFJob\nmetadata: {{name: {name}, namespace: team}}\nspec:\n  \
         runPolicy: {{schedulingPolicy: {{queue: {role}}}}}\n  tfReplicaSpecs:\n    Worker:\n      replicas: 3\n      \
         template: {{spec: {{containers: [{{name: tensorflow, image: local/train:1, resources: {{limits: {{cpu: 1, memory: 1Gi}}}}}}]}}}}\n"
    );
    serde_saphyr::from_str::<twofold_crds::TFJob>(&text).expect("a job").into()
}

fn ring(name: &str, role: &str) -> Object {
    let text = format!(
        "apiVersion: twofold.dev/v1alpha1\nkind: CassandraService\nmetadata:\n  name: {name}\n  namespace: team\n  \
         annotations: {{twofold.dev/readiness: pod}}\nspec:\n  version: 5.0.9\n  nodes: 3\n  placement: {{role: {role}}}\n  \
         resources: {{requests: {{cpu: 1, memory: 2Gi}}, limits: {{memory: 2Gi}}}}\n  heap: 512Mi\n  storage: {{size: 1Gi}}\n"
    );
    serde_saphyr::from_str::<twofold_crds::CassandraService>(&text).expect("a ring").into()
}

/// Pods of each role that are not over, by what their names begin with.
fn used(cluster: &Cluster) -> (usize, usize) {
    let pods = cluster.objects().filter_map(|(key, object)| match object {
        Object::Pod(pod) => Some((key, pod.status.as_ref().and_then(|status| status.phase.clone()))),
        _ => None,
    });
    let running = pods.filter(|(_, phase)| phase.as_deref() != Some("Succeeded"));
    let names: Vec<&str> = running.map(|(key, _)| key.name.as_str()).collect();
    let of = |role| names.iter().filter(|name| name.starts_with(role)).count();
    (of("heavy"), of("light"))
}

#[test]
fn roles_of_weights_two_and_one_fill_the_cluster_two_to_one_once_their_limit_is_raised() {
    let mut cluster = Cluster::new(Timestamp(1_700_000_000_000));
    for index in 0..AGENTS {
        let zone = Some(format!("zone-{}", index % 3));
        let name = format!("agent-{index}");
        cluster.put(machine::node(&Plain { name, zone, cpus: 1, memory_gib: 64, gpus: None }).into());
    }
    cluster.put(parent(0));
    cluster.put(role("heavy", "weight: 2, parent: both, namespaces: [team]"));
    cluster.put(role("light", "weight: 1, parent: both, namespaces: [team]"));
    for (role, jobs) in [("heavy", 7), ("light", 3)] {
        for index in 0..jobs {
            cluster.put(job(&format!("{role}-{index}"), role));
        }
    }
    for (name, role) in [("heavy-ring", "heavy"), ("light-ring", "light"), ("light-more", "light")] {
        cluster.put(ring(name, role));
    }
    let mut operator = Operator::start(Settings::default(), &mut cluster);
    operator.run(&mut cluster, 200);
    assert_eq!(used(&cluster), (0, 0));
    cluster.put(parent(AGENTS));
    for finished in ["heavy-0", "light-0", "heavy-1"] {
        let history = operator.run(&mut cluster, 400);
        assert_eq!(history.violations, Vec::<String>::new());
        let (heavy, light) = used(&cluster);
        assert_eq!(heavy + light, AGENTS as usize, "before {finished} ends: {heavy} to {light}");
        assert!(heavy.abs_diff(2 * light) <= 3, "before {finished} ends: {heavy} to {light}");
        for worker in 0..3 {
            let key = Key::new(Kind::Pod, "team", &format!("{finished}-worker-{worker}"));
            if let Some(Object::Pod(pod)) = cluster.get(&key).cloned() {
                let now = cluster.now();
                cluster.put(Object::from(machine::ended(*pod, 0, now)));
            }
        }
    }
}

#[test]
fn what_runs_and_what_waits_goes_with_a_role_that_is_moved_in_the_tree() {
    let mut cluster = Cluster::new(Timestamp(1_700_000_000_000));
    for index in 0..3 {
        let name = format!("agent-{index}");
        cluster.put(machine::node(&Plain { name, zone: None, cpus: 1, memory_gib: 64, gpus: None }).into());
    }
    cluster.put(parent(AGENTS));
    cluster.put(role("light", "namespaces: [team]"));
    cluster.put(job("light-0", "light"));
    cluster.put(job("light-1", "light"));
    let mut operator = Operator::start(Settings::default(), &mut cluster);
    let charged = |operator: &Operator, path: &str| {
        let report = operator.state.allocator().role_report(&path.into());
        report.map(|report| report.charged.cpu_milli)
    };
    operator.run(&mut cluster, 200);
    assert_eq!((charged(&operator, "light"), charged(&operator, "both")), (Some(3000), Some(0)));

    cluster.put(role("light", "parent: both, namespaces: [team]"));
    let history = operator.run(&mut cluster, 200);
    assert_eq!(history.violations, Vec::<String>::new());
    assert_eq!((charged(&operator, "light"), charged(&operator, "both/light")), (None, Some(3000)));

    for worker in 0..3 {
        let key = Key::new(Kind::Pod, "team", &format!("light-0-worker-{worker}"));
        let Some(Object::Pod(pod)) = cluster.get(&key).cloned() else { panic!("{key:?} runs") };
        let now = cluster.now();
        cluster.put(Object::from(machine::ended(*pod, 0, now)));
    }
    operator.run(&mut cluster, 400);
    let waited = Key::new(Kind::Pod, "team", "light-1-worker-0");
    assert!(cluster.get(&waited).is_some(), "what waited is launched in the role where that is now");
    assert_eq!(charged(&operator, "both/light"), Some(3000));
}
