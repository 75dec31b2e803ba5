//! A ring of three with its volumes, one member on each of three agents of two cores, and a job that waits for the two
//! cores of one agent: its role is guaranteed them, so it goes before everybody else.

use serde_json::json;
use std::collections::BTreeMap;
use twofold_allocator::tick::{Tick, Timestamp};
use twofold_core::condition;
use twofold_core::decide::{State, decide};
use twofold_core::explain;
use twofold_core::input::Input;
use twofold_core::object::{Key, Kind, Object};
use twofold_core::observe::claim::SELECTED;
use twofold_core::settings::Settings;
use twofold_core::simulate::cluster::Cluster;
use twofold_core::simulate::machine::{self, Plain};
use twofold_core::simulate::run::Operator;

pub(crate) const RING_ROLE: &str = "data";
const MEMBER: &str = "ring-node-1";

pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    state: State,
    inputs: Vec<Input>,
    cycle: u64,
    /// What was written since the ring was up and the job waits.
    pub(crate) written: Vec<Key>,
}

fn object(kind: Kind, text: &str) -> Object {
    Object::from_value(kind, serde_saphyr::from_str(text).expect("YAML")).expect("an object")
}

fn role(name: &str, spec: &str) -> Object {
    let text = format!("metadata: {{name: {name}}}\nspec: {{namespaces: [team]{spec}}}\n");
    object(Kind::AllocationRole, &text)
}

impl Scene {
    pub(crate) fn with_a_greedy_job() -> Self {
        let mut scene = Self::ring(3, "", "kubernetes.io/hostname");
        scene.cluster.put(role("greedy", ", guarantee: {cpu: 2}"));
        scene.cluster.put(object(
            Kind::TFJob,
            "metadata: {name: greedy, namespace: team}\nspec:\n  runPolicy: {schedulingPolicy: {queue: greedy}}\n  \
             tfReplicaSpecs: {Worker: {template: {spec: {containers: [{name: tensorflow, image: local/train:1, \
             resources: {limits: {cpu: 2, memory: 1Gi}}}]}}}}\n",
        ));
        scene.settle();
        assert_eq!((scene.members(), scene.job_pods()), (3, 0));
        scene.written.clear();
        scene
    }

    /// Two agents in each zone, volumes that reach the zone, and a role that is at its limit.
    pub(crate) fn with_zonal_volumes() -> Self {
        Self::ring(6, ", limit: {cpu: 3}", "topology.kubernetes.io/zone")
    }

    /// A ring with volumes on agents in three zones; a volume can be used from where this label is the same.
    fn ring(agents: u32, of_role: &str, reach: &str) -> Self {
        let mut cluster = Cluster::new(Timestamp(1_700_000_000_000));
        for index in 0..agents {
            let (name, zone) = (format!("agent-{index}"), Some(format!("zone-{}", index % 3)));
            cluster.put(machine::node(&Plain { name, zone, cpus: 2, memory_gib: 32, gpus: None }).into());
        }
        cluster.put(role(RING_ROLE, of_role));
        let state = State::new(Settings::default());
        let mut scene = Self { cluster, state, inputs: Vec::new(), cycle: 0, written: Vec::new() };
        scene.put_ring("1");
        // Servers that report are played by the loop alone.
        Operator::start(Settings::default(), &mut scene.cluster).run(&mut scene.cluster, 200);
        scene.make_volumes(reach);
        scene.restart();
        scene.settle();
        scene
    }

    pub(crate) fn put_ring(&mut self, cpu: &str) {
        let text = format!(
            "metadata: {{name: ring, namespace: team, annotations: {{twofold.dev/readiness: pod}}}}\nspec:\n  version: 5.0.9\n  \
             nodes: 3\n  placement: {{role: {RING_ROLE}}}\n  heap: 512Mi\n  storage: {{size: 1Gi}}\n  \
             resources: {{requests: {{cpu: {cpu}, memory: 2Gi}}, limits: {{memory: 2Gi}}}}\n"
        );
        self.cluster.put(object(Kind::CassandraService, &text));
    }

    pub(crate) fn grow_ring(&mut self, cpu: &str) {
        self.edit(Kind::CassandraService, "ring", |ring| {
            ring["spec"]["resources"]["requests"]["cpu"] = json!(cpu);
            ring["metadata"]["generation"] = json!(2);
        });
    }

    fn make_volumes(&mut self, reach: &str) {
        for (pod, agent) in self.pods() {
            let node = self.cluster.get(&Key::new(Kind::Node, "", &agent)).expect("a node");
            let value = node.metadata().labels.as_ref().expect("labels")[reach].clone();
            let (claim, volume) = (format!("data-{pod}"), format!("volume-of-{pod}"));
            self.cluster.put(object(
                Kind::PersistentVolume,
                &format!(
                    "metadata: {{name: {volume}}}\nspec: {{nodeAffinity: {{required: {{nodeSelectorTerms: [{{matchExpressions: \
                     [{{key: {reach}, operator: In, values: [{value}]}}]}}]}}}}}}\n"
                ),
            ));
            self.edit(Kind::PersistentVolumeClaim, &claim, |claim| {
                claim["spec"]["volumeName"] = json!(volume);
            });
        }
    }

    fn edit(&mut self, kind: Kind, name: &str, change: impl FnOnce(&mut serde_json::Value)) {
        let namespace = if kind.is_namespaced() { "team" } else { "" };
        let known = self.cluster.get(&Key::new(kind, namespace, name)).expect("an object to change");
        let mut value = known.to_value();
        change(&mut value);
        self.cluster.put(Object::from_value(kind, value).expect("an object"));
    }

    /// The operator is killed, with all that it knew, and started again.
    pub(crate) fn restart(&mut self) {
        self.cluster.events();
        self.state = State::new(Settings::default());
        self.inputs = self.cluster.list();
    }

    /// One cycle, of whose writes so many are sent before the operator is killed; how many were.
    pub(crate) fn cycle(&mut self, most: usize) -> usize {
        self.cycle += 1;
        let mut inputs = std::mem::take(&mut self.inputs);
        inputs.extend(self.cluster.events());
        let tick = Tick { cycle: self.cycle, now: self.cluster.now() };
        let decision = decide(&mut self.state, inputs, tick);
        assert_eq!((decision.violations, decision.warnings), (vec![], vec![]));
        let mut actions = decision.actions;
        actions.sort_by_key(|action| action.write.stage());
        let sent = actions.len().min(most);
        for action in actions.into_iter().take(most) {
            self.written.push(action.write.key());
            self.inputs.push(Input::Outcome(self.cluster.perform(&action)));
        }
        machine::step(&mut self.cluster);
        self.cluster.pass(1_000);
        sent
    }

    /// Cycles until a minute has passed without a write.
    pub(crate) fn settle(&mut self) {
        let mut quiet = 0;
        for _ in 0..400 {
            quiet = if self.cycle(usize::MAX) == 0 { quiet + 1 } else { 0 };
            let of_job = self.job_agent();
            assert!(
                self.kept().iter().all(|(_, agent)| Some(agent) != of_job.as_ref()),
                "the job runs in kept room"
            );
            if quiet == 60 {
                return;
            }
        }
        panic!("the operator came to no rest: {:?}", self.written);
    }

    /// The same, but for an operator that is killed after so many writes.
    pub(crate) fn settle_until_killed(&mut self, writes: usize) {
        let (mut left, mut quiet) = (writes, 0);
        while quiet < 60 {
            let sent = self.cycle(left);
            left -= sent;
            quiet = if sent == 0 { quiet + 1 } else { 0 };
            if left == 0 {
                break;
            }
        }
        self.restart();
    }

    /// The member's pod is on its way out.
    pub(crate) fn ends(&mut self) {
        let now = json!(condition::time(self.cluster.now()));
        self.edit(Kind::Pod, MEMBER, |pod| pod["metadata"]["deletionTimestamp"] = now);
    }

    /// The member's pod ended badly; it is made anew after a while.
    pub(crate) fn fails(&mut self) {
        let now = self.cluster.now();
        let Some(Object::Pod(pod)) = self.cluster.get(&Key::new(Kind::Pod, "team", MEMBER)).cloned() else {
            panic!("no pod")
        };
        self.cluster.put(machine::ended(*pod, 1, now).into());
    }

    /// The member's pod is gone.
    pub(crate) fn gone(&mut self) {
        self.cluster.remove(&Key::new(Kind::Pod, "team", MEMBER));
    }

    /// The member's pod is gone, and its agent takes no new work for now.
    pub(crate) fn gone_but_not_back(&mut self) {
        let agent = self.member();
        self.cordon(&agent, true);
        self.gone();
        self.settle();
        assert_eq!(self.member(), "");
    }

    pub(crate) fn cordon(&mut self, agent: &str, cordoned: bool) {
        self.edit(Kind::Node, agent, |node| node["spec"] = json!({"unschedulable": cordoned}));
    }

    pub(crate) fn taint(&mut self, agent: &str) {
        let taint = json!({"key": "maintenance", "effect": "NoSchedule"});
        self.edit(Kind::Node, agent, |node| node["spec"] = json!({"taints": [taint]}));
    }

    /// The member's claim has no volume yet; kube-scheduler aimed it at this agent, or no more.
    pub(crate) fn aim_claim(&mut self, agent: Option<&str>) {
        self.edit(Kind::PersistentVolumeClaim, &format!("data-{MEMBER}"), |claim| {
            claim["spec"]["volumeName"] = json!(null);
            let aim = agent.map_or(json!({}), |agent| json!({SELECTED: agent}));
            claim["metadata"]["annotations"] = aim;
        });
    }

    pub(crate) fn foreign_pod(&mut self, agent: &str) {
        self.cluster.put(object(
            Kind::Pod,
            &format!(
                "metadata: {{name: foreign, namespace: team}}\nspec: {{nodeName: {agent}, containers: [{{name: x, image: \
                 local/x:1, resources: {{requests: {{cpu: 2}}}}}}]}}\n"
            ),
        ));
    }

    /// The ring is being deleted in the foreground, and its agents take new work.
    pub(crate) fn mark_ring_deleted(&mut self) {
        let now = json!(condition::time(self.cluster.now()));
        self.edit(Kind::CassandraService, "ring", |ring| ring["metadata"]["deletionTimestamp"] = now);
        self.uncordon_all();
    }

    pub(crate) fn remove_ring_but_its_data(&mut self) {
        self.cluster.remove(&Key::new(Kind::CassandraService, "team", "ring"));
        self.uncordon_all();
    }

    fn uncordon_all(&mut self) {
        (0..3).for_each(|index| self.cordon(&format!("agent-{index}"), false));
    }

    /// Pods with their agents.
    fn all_pods(&self) -> BTreeMap<String, String> {
        let pods = self.cluster.objects().filter_map(|(key, object)| match object {
            Object::Pod(pod) => Some((key.name.clone(), pod.spec.clone()?.node_name.unwrap_or_default())),
            _ => None,
        });
        pods.collect()
    }

    fn pods(&self) -> BTreeMap<String, String> {
        let mut pods = self.all_pods();
        pods.retain(|name, _| name.starts_with("ring-"));
        pods
    }

    fn job_agent(&self) -> Option<String> {
        self.all_pods().remove("greedy-worker-0")
    }

    pub(crate) fn members(&self) -> usize {
        self.pods().len()
    }

    /// The agent of the member; empty while it has no pod.
    pub(crate) fn member(&self) -> String {
        self.pods().remove(MEMBER).unwrap_or_default()
    }

    pub(crate) fn job_pods(&self) -> usize {
        self.all_pods().keys().filter(|name| name.starts_with("greedy-")).count()
    }

    /// Whose room is kept, and on which agent.
    pub(crate) fn kept(&self) -> Vec<(String, String)> {
        let kept = self.state.allocator().reservations().map(|report| report.reservation);
        kept.map(|kept| {
            let name = kept.id.as_str().replace("CassandraService/team/ring/", "ring-");
            (name, kept.agent.to_string())
        })
        .collect()
    }

    /// What a role's status says is charged to it, and its share.
    pub(crate) fn role(&self, name: &str) -> (String, String) {
        let status = self.cluster.get(&Key::new(Kind::AllocationRole, "", name)).expect("a role").to_value();
        let text = |field: &str| status["status"][field].to_string();
        (text("charged"), text("share"))
    }

    pub(crate) fn page(&self, kind: Kind, name: &str) -> String {
        explain::page(&self.state, &Key::new(kind, "team", name))
    }
}
