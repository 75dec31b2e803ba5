//! Playing the loop: decide, perform, let machines move, until nothing moves any more.

use crate::action::{Action, Write};
use crate::decide::{State, decide};
use crate::decision::{Decision, Query};
use crate::input::Input;
use crate::object::{Key, Kind, Object};
use crate::observe::pod;
use crate::record::Phase;
use crate::settings::Settings;
use crate::simulate::{cluster::Cluster, machine};
use twofold_allocator::tick::Tick;

/// How long nothing must happen for an operator to be at rest, in milliseconds.
const QUIET_MILLIS: u64 = 180_000;

/// An operator at work on a cluster in memory.
#[derive(Debug)]
pub struct Operator {
    /// Its brain.
    pub state: State,
    cycle: u64,
    inputs: Vec<Input>,
    settings: Settings,
}

/// What an operator did before it came to rest.
#[derive(Debug, Default)]
pub struct History {
    /// How many cycles it took.
    pub cycles: u64,
    /// Every write that was sent, in order.
    pub writes: Vec<Action>,
    /// Laws that were found broken.
    pub violations: Vec<String>,
    /// Whether it came to rest.
    pub at_rest: bool,
}

impl Operator {
    /// An operator that has just started: it has listed everything and knows nothing else.
    #[must_use]
    pub fn start(settings: Settings, cluster: &mut Cluster) -> Self {
        cluster.events();
        Self { state: State::new(settings.clone()), cycle: 0, inputs: cluster.list(), settings }
    }

    /// The operator is killed, with all that it knew, and started again.
    pub fn restart(&mut self, cluster: &mut Cluster) {
        *self = Self::start(self.settings.clone(), cluster);
    }

    /// One cycle: what was decided.
    pub fn decide(&mut self, cluster: &mut Cluster) -> Decision {
        self.cycle += 1;
        let mut inputs = std::mem::take(&mut self.inputs);
        inputs.extend(cluster.events());
        decide(&mut self.state, inputs, Tick { cycle: self.cycle, now: cluster.now() })
    }

    /// Performs a decision's writes by stage. With a budget of creations of pods, the operator dies right after the
    /// last of them: what it decided beyond that is never sent. Whether it lives.
    pub fn perform(
        &mut self,
        cluster: &mut Cluster,
        decision: Decision,
        history: &mut History,
        budget: &mut Option<u64>,
    ) -> bool {
        let mut actions = decision.actions;
        actions.sort_by_key(|action| action.write.stage());
        for action in actions {
            let outcome = cluster.perform(&action);
            let creates = matches!(&action.write, Write::Create(object) if object.kind() == Kind::Pod);
            history.writes.push(action);
            self.inputs.push(Input::Outcome(outcome));
            if let Some(left) = budget.as_mut().filter(|_| creates) {
                *left -= 1;
                if *left == 0 {
                    *budget = None;
                    return false;
                }
            }
        }
        true
    }

    /// Runs until nothing was written and nothing moved for three minutes, or nothing is due at all, or for so many
    /// cycles.
    pub fn run(&mut self, cluster: &mut Cluster, most_cycles: u64) -> History {
        let mut history = History::default();
        let mut quiet_millis = 0;
        while history.cycles < most_cycles {
            history.cycles += 1;
            let decision = self.decide(cluster);
            history.violations.extend(decision.violations.iter().cloned());
            let wake_at = decision.wake_at;
            let idle = decision.actions.is_empty();
            self.inputs.extend(decision.queries.iter().map(|query| answer(query, cluster)));
            self.perform(cluster, decision, &mut history, &mut None);
            let moved = machine::step(cluster);
            let told = self.inputs.iter().any(|input| !matches!(input, Input::Report { .. }));
            if !idle || moved > 0 || told {
                quiet_millis = 0;
                continue;
            }
            let wait = wake_at.map(|at| at.millis_since(cluster.now()).max(1));
            history.at_rest = wait.is_none_or(|wait| quiet_millis + wait > QUIET_MILLIS);
            let (false, Some(wait)) = (history.at_rest, wait) else { return history };
            quiet_millis += wait;
            cluster.pass(wait);
        }
        history
    }
}

/// What the agent of a server says: in memory every server is well, and sees all the others of its ring that run.
#[must_use]
pub fn answer(query: &Query, cluster: &Cluster) -> Input {
    let members = cluster.objects().filter_map(|(_, object)| match object {
        Object::Pod(pod) => Some(pod::record(pod)),
        _ => None,
    });
    let owner = cluster.get(&query.pod).and_then(|pod| pod::controller(pod.metadata()));
    let ring: Vec<_> = members
        .filter(|member| member.phase == Phase::Running && member.controller == owner)
        .map(|member| {
            serde_json::json!({
                "address": member.ip, "hostId": host_id(&member.key), "status": "UN", "rack": "any",
            })
        })
        .collect();
    let answer = serde_json::json!({
        "instance": query.pod.name, "podUid": query.uid, "address": query.address, "mode": "Normal", "detail": "",
        "ready": true, "cqlAnswers": true, "bootstrapped": true, "hostId": host_id(&query.pod),
        "ring": {"known": ring, "ageMs": 0},
    });
    Input::Report { pod: query.pod.clone(), uid: query.uid.clone(), answer: Ok(answer) }
}

/// A server keeps its host id with its data, so with its name.
fn host_id(pod: &Key) -> String {
    format!("host-of-{}", pod.name)
}
