//! Playing the loop: decide, perform, let machines move, until nothing moves any more.

use crate::action::{Action, Write};
use crate::decide::{State, decide};
use crate::decision::{Decision, Query};
use crate::input::Input;
use crate::object::Kind;
use crate::settings::Settings;
use crate::simulate::{cluster::Cluster, machine};
use twofold_allocator::tick::Tick;

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

    /// Runs until nothing is decided, nothing moves and nothing is due within a minute, or for so many cycles.
    pub fn run(&mut self, cluster: &mut Cluster, most_cycles: u64) -> History {
        let mut history = History::default();
        while history.cycles < most_cycles {
            history.cycles += 1;
            let decision = self.decide(cluster);
            history.violations.extend(decision.violations.iter().cloned());
            let wake_at = decision.wake_at;
            let idle = decision.actions.is_empty();
            self.inputs.extend(decision.queries.iter().map(answer));
            self.perform(cluster, decision, &mut history, &mut None);
            let moved = machine::step(cluster);
            let told = self.inputs.iter().any(|input| !matches!(input, Input::Report { .. }));
            if idle && moved == 0 && !told {
                match wake_at.map(|at| at.millis_since(cluster.now())) {
                    Some(wait) if wait <= 60_000 => cluster.pass(wait.max(1)),
                    _ => {
                        history.at_rest = true;
                        return history;
                    }
                }
            }
        }
        history
    }
}

/// What the agent of a server says that is well: in memory every server is.
fn answer(query: &Query) -> Input {
    let host = format!("host-{}", query.uid);
    let answer = serde_json::json!({
        "instance": query.pod.name, "podUid": query.uid, "mode": "Normal", "detail": "", "ready": true,
        "cqlAnswers": true, "bootstrapped": true, "hostId": host, "ring": {"unknown": "not asked"},
    });
    Input::Report { pod: query.pod.clone(), uid: query.uid.clone(), answer: Ok(answer) }
}
