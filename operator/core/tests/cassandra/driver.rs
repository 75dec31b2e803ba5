//! A ring on a cluster in memory, moved by hand: pods are bound and run, servers join and report, pods die, and the
//! operator is killed between two writes or sends its last ones late.

use k8s_openapi::api::core::v1::{Pod, PodCondition, PodStatus};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use twofold_allocator::tick::{Tick, Timestamp};
use twofold_core::action::Action;
use twofold_core::decide::{State, decide};
use twofold_core::input::Input;
use twofold_core::object::{Key, Kind, Object};
use twofold_core::settings::Settings;
use twofold_core::simulate::cluster::Cluster;
use twofold_core::simulate::machine::{self, Plain};
use twofold_crds::{CassandraService, ServiceLedgerSpec};

/// A cluster with one ring and its operator.
pub(crate) struct Driver {
    pub(crate) cluster: Cluster,
    /// What the operator is started with.
    pub(crate) settings: Settings,
    state: State,
    cycle: u64,
    inputs: Vec<Input>,
    /// Claims that are there and whose volume holds a member, by UID.
    pub(crate) settled: BTreeSet<String>,
    /// How many volumes ever held one.
    pub(crate) joined: usize,
    /// For each operator that is no more, its writes that may still arrive, in order.
    pub(crate) late: Vec<VecDeque<Action>>,
    /// What was written, a line for each.
    pub(crate) told: Vec<String>,
}

impl Driver {
    /// A ring on agents in these zones; an empty zone is none.
    pub(crate) fn new(ring: CassandraService, zones: &[&str]) -> Self {
        let mut cluster = Cluster::new(Timestamp(1_700_000_000_000));
        for (index, zone) in zones.iter().enumerate() {
            let plain = Plain {
                name: format!("agent-{index}"),
                zone: (!zone.is_empty()).then(|| (*zone).to_owned()),
                cpus: 8,
                memory_gib: 32,
                gpus: None,
            };
            cluster.put(machine::node(&plain).into());
        }
        cluster.put(ring.into());
        let mut driver = Self {
            cluster,
            settings: Settings::default(),
            state: State::new(Settings::default()),
            cycle: 0,
            inputs: Vec::new(),
            settled: BTreeSet::new(),
            joined: 0,
            late: Vec::new(),
            told: Vec::new(),
        };
        driver.restart();
        driver
    }

    /// The operator is killed, and started anew.
    pub(crate) fn restart(&mut self) {
        self.cluster.events();
        self.state = State::new(self.settings.clone());
        self.inputs = self.cluster.list();
    }

    /// One cycle of which so many writes are done; the rest arrives late, and the operator is started anew. How many
    /// writes there were.
    pub(crate) fn cycle(&mut self, done: usize) -> usize {
        self.cycle += 1;
        self.cluster.pass(1_000);
        let mut inputs = std::mem::take(&mut self.inputs);
        inputs.extend(self.cluster.events());
        let tick = Tick { cycle: self.cycle, now: self.cluster.now() };
        let decision = decide(&mut self.state, inputs, tick);
        assert_eq!(decision.violations, Vec::<String>::new());
        let mut actions = decision.actions;
        actions.sort_by_key(|action| action.write.stage());
        let late = actions.split_off(actions.len().min(done));
        let count = actions.len();
        for action in actions {
            self.perform(action);
        }
        if !late.is_empty() {
            self.late.push(late.into());
            self.restart();
        }
        count
    }

    fn perform(&mut self, action: Action) {
        let outcome = self.cluster.perform(&action);
        let refused = outcome.result.as_ref().err().map(|failure| format!(" -> {:?}", failure.cause));
        let line = format!("{} {}{}", action.write.label(), action.write.key(), refused.unwrap_or_default());
        self.told.push(line);
        self.inputs.push(Input::Outcome(outcome));
    }

    /// Cycles until nothing is written.
    pub(crate) fn settle(&mut self) {
        for _ in 0..20 {
            if self.cycle(usize::MAX) == 0 {
                return;
            }
        }
        panic!("the operator came to no rest: {:#?}", self.told);
    }

    /// The next write of an operator that is no more arrives. When it is refused, that operator sends no more.
    pub(crate) fn arrive(&mut self, which: usize) {
        let count = self.late.len().max(1);
        let Some(queue) = self.late.get_mut(which % count) else { return };
        let Some(action) = queue.pop_front() else { return };
        if self.cluster.perform(&action).result.is_err() {
            queue.clear();
        }
        self.late.retain(|queue| !queue.is_empty());
    }

    pub(crate) fn pods(&self) -> Vec<Pod> {
        let pods = self.cluster.objects().filter_map(|(_, object)| match object {
            Object::Pod(pod) => Some(pod.as_ref().clone()),
            _ => None,
        });
        pods.collect()
    }

    pub(crate) fn pod(&self, name: &str) -> Option<Pod> {
        match self.cluster.get(&Key::new(Kind::Pod, "team-a", name)) {
            Some(Object::Pod(pod)) => Some(pod.as_ref().clone()),
            _ => None,
        }
    }

    pub(crate) fn ring(&self) -> CassandraService {
        match self.cluster.get(&Key::new(Kind::CassandraService, "team-a", "demo")) {
            Some(Object::CassandraService(ring)) => ring.as_ref().clone(),
            _ => panic!("no ring"),
        }
    }

    pub(crate) fn ledger(&self) -> Option<ServiceLedgerSpec> {
        match self.cluster.get(&Key::new(Kind::ServiceLedger, "team-a", "demo")) {
            Some(Object::ServiceLedger(ledger)) => Some(ledger.spec.clone()),
            _ => None,
        }
    }

    /// Pods that are free of their gate are bound and run; their servers start.
    pub(crate) fn run_pods(&mut self) {
        for mut pod in self.pods() {
            let gated = pod.spec.as_ref().and_then(|spec| spec.scheduling_gates.as_ref()).is_some();
            if gated || pod.status.is_some() {
                continue;
            }
            let index: String = name(&pod).chars().filter(char::is_ascii_digit).collect();
            pod.spec.as_mut().expect("a spec").node_name = Some(agent(&pod));
            pod.status = Some(PodStatus {
                phase: Some("Running".to_owned()),
                pod_ip: Some(format!("10.0.0.{index}")),
                start_time: Some(twofold_core::condition::time(self.cluster.now())),
                ..PodStatus::default()
            });
            self.cluster.put(pod.into());
        }
    }

    /// The server of a running pod has joined its ring: its volume says so, and its pod is ready.
    pub(crate) fn join(&mut self, pod: &str) {
        let Some(mut pod) = self.pod(pod).filter(|pod| pod.status.is_some()) else { return };
        self.joined += usize::from(self.settled.insert(self.claim_uid(&pod)));
        pod.status.as_mut().expect("a status").conditions = Some(vec![PodCondition {
            type_: "Ready".to_owned(),
            status: "True".to_owned(),
            last_transition_time: Some(twofold_core::condition::time(self.cluster.now())),
            ..PodCondition::default()
        }]);
        self.cluster.put(pod.into());
    }

    /// The agents of all running pods say how their servers are; all see the same ring.
    pub(crate) fn report(&mut self) {
        let running: Vec<Pod> = self.pods().into_iter().filter(|pod| pod.status.is_some()).collect();
        let settled = |pod: &Pod| self.settled.contains(&self.claim_uid(pod));
        let ring: Vec<_> = running
            .iter()
            .filter(|pod| settled(pod))
            .map(|pod| serde_json::json!({"address": "10.0.0.1", "hostId": format!("host-{}", name(pod)), "status": "UN", "rack": "r"}))
            .collect();
        let mut reports = Vec::new();
        for pod in &running {
            let joined = settled(pod);
            let uid = pod.metadata.uid.clone().unwrap_or_default();
            let answer = serde_json::json!({
                "instance": name(pod), "podUid": uid, "mode": if joined { "Normal" } else { "Joining" }, "detail": "",
                "ready": joined, "cqlAnswers": joined, "bootstrapped": joined,
                "hostId": joined.then(|| format!("host-{}", name(pod))),
                "ring": {"known": ring, "ageMs": 10},
            });
            let key = Key::new(Kind::Pod, "team-a", name(pod));
            reports.push(Input::Report { pod: key, uid, answer: Ok(answer) });
        }
        self.inputs.extend(reports);
    }

    /// A pod is deleted by somebody else.
    pub(crate) fn kill(&mut self, pod: &str) {
        self.cluster.remove(&Key::new(Kind::Pod, "team-a", pod));
    }

    /// A pod and its volume are lost.
    pub(crate) fn lose(&mut self, pod: &str) {
        let claim = Key::new(Kind::PersistentVolumeClaim, "team-a", &format!("data-{pod}"));
        if let Some(claim) = self.cluster.get(&claim) {
            self.settled.remove(claim.uid());
        }
        self.kill(pod);
        self.cluster.remove(&claim);
    }

    /// The UID of the claim that a pod uses.
    pub(crate) fn claim_uid(&self, pod: &Pod) -> String {
        let key = Key::new(Kind::PersistentVolumeClaim, "team-a", &format!("data-{}", name(pod)));
        self.cluster.get(&key).map(|claim| claim.uid().to_owned()).unwrap_or_default()
    }

    /// Brings the ring up, without a look at what is written.
    pub(crate) fn bring_up(&mut self, nodes: u32) {
        for _ in 0..=nodes {
            self.settle();
            self.run_pods();
            for pod in self.pods() {
                self.join(name(&pod));
            }
            self.report();
        }
        self.settle();
    }

    /// The agent of each pod by the pod's name.
    pub(crate) fn places(&self) -> BTreeMap<String, String> {
        self.pods().iter().map(|pod| (name(pod).to_owned(), agent(pod))).collect()
    }
}

pub(crate) fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

fn agent(pod: &Pod) -> String {
    twofold_core::observe::pod::record(pod).agent.map(|agent| agent.to_string()).unwrap_or_default()
}

/// Whether a pod may begin a new ring.
pub(crate) fn is_first_seed(pod: &Pod) -> bool {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    containers.flat_map(|c| c.env.iter().flatten()).any(|env| env.name == "TWOFOLD_FIRST_SEED")
}
