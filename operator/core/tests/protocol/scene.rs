//! A leader at work on a cluster in memory, and what may happen to it.

use super::laws;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use twofold_allocator::tick::{Tick, Timestamp};
use twofold_core::action::{Action, Stage, Write};
use twofold_core::decide::{State, decide};
use twofold_core::input::{Cause, Failure, Input, Outcome};
use twofold_core::object::{Key, Kind, Object};
use twofold_core::observe::pod;
use twofold_core::settings::Settings;
use twofold_core::simulate::cluster::Cluster;
use twofold_core::simulate::machine::{self, Plain};
use twofold_core::simulate::run;

/// How long nothing must happen for a leader to be at rest.
const QUIET_MILLIS: u64 = 180_000;
/// More cycles than any leader needs until it is at rest.
const CYCLES_MOST: u64 = 300;

/// How much may go wrong in one history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Faults {
    /// How often a leader loses the lease.
    pub(crate) leaders: u32,
    /// How many writes the API server cannot take.
    pub(crate) refusals: u32,
    /// How many cycles begin while writes of the one before are under way.
    pub(crate) early: u32,
}

/// A bug to plant, so that the laws are seen to catch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Bug {
    /// Pods are made before what they need is on record.
    LaunchesFirst,
    /// The API server lets a second pod have the name of the first.
    NamesAreReused,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// The leader decides until it has something to write or is at rest. Machines move meanwhile.
    Decide,
    /// Its first write that others see is sent and done, with the statuses and events up to the next.
    Send,
    /// All that it has to write is sent and done.
    SendAll,
    /// Its first write is sent, and the API server cannot take it.
    Refuse,
    /// Another leader comes, which knows what is in the cluster. What the old one had decided may still come.
    NewLeader,
    /// The first write of a deposed leader that is still under way is done, and the others never.
    LateFirst,
    /// All writes of deposed leaders that are still under way are done.
    LateAll,
}

#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
    pub(crate) state: Arc<State>,
    pub(crate) left: Faults,
    pub(crate) at_rest: bool,
    /// The pods of each name that were free to start. One that came too late may be shut for ever, and make room for
    /// another.
    pub(crate) started: BTreeMap<String, BTreeSet<String>>,
    /// The laws that a leader itself found broken, and what else may never be.
    pub(crate) broken: BTreeSet<String>,
    bug: Option<Bug>,
    cycle: u64,
    inputs: Vec<Input>,
    writes: VecDeque<Action>,
    /// What deposed leaders had still to write, with the number of the leader.
    late: VecDeque<(u32, Action)>,
    /// Of these the later writes are not sent any more, as an earlier one failed.
    stopped: BTreeSet<Key>,
    marks: Marks,
}

/// What tells two scenes apart that do not go on alike, as sums over texts: what it is made of is large, and little of
/// it changes in a step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Marks {
    /// Each object, by its version and its content.
    objects: BTreeMap<Key, (Option<String>, u64)>,
    /// All that this leader was told, from which what it remembers follows, and what it will be told next.
    told: u64,
    writes: u64,
    late: u64,
}

/// The sum over a text, after another.
fn sum(before: u64, text: &str) -> u64 {
    let hasher = &mut DefaultHasher::new();
    (before, text).hash(hasher);
    hasher.finish()
}

impl Scene {
    fn mark(&self) -> impl Hash + PartialEq {
        (&self.marks, self.cluster.now(), self.left, self.at_rest, &self.started, &self.broken, &self.stopped)
    }

    /// Sums up what changed.
    fn remark(&mut self) {
        let objects = &mut self.marks.objects;
        objects.retain(|key, _| self.cluster.get(key).is_some());
        for (key, object) in self.cluster.objects() {
            let version = object.metadata().resource_version.clone();
            if objects.get(key).is_none_or(|(known, _)| *known != version) {
                objects.insert(key.clone(), (version, sum(0, &format!("{object:?}"))));
            }
        }
    }
}

impl Hash for Scene {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.mark().hash(hasher);
    }
}

impl PartialEq for Scene {
    fn eq(&self, other: &Self) -> bool {
        self.mark() == other.mark()
    }
}

impl Scene {
    /// A cluster with these objects, beside machines of 4 cores, and a leader that has just started.
    pub(crate) fn new(agents: u32, objects: Vec<Object>, left: Faults, bug: Option<Bug>) -> Self {
        let mut cluster = Cluster::new(Timestamp(1_700_000_000_000));
        for index in 0..agents {
            let plain =
                Plain { name: format!("agent-{index}"), zone: None, cpus: 4, memory_gib: 32, gpus: None };
            cluster.put(machine::node(&plain).into());
        }
        for object in objects {
            cluster.put(object);
        }
        let mut scene = Self {
            cluster,
            state: Arc::new(State::new(Settings::default())),
            left,
            at_rest: false,
            started: BTreeMap::new(),
            broken: BTreeSet::new(),
            bug,
            cycle: 0,
            inputs: Vec::new(),
            writes: VecDeque::new(),
            late: VecDeque::new(),
            stopped: BTreeSet::new(),
            marks: Marks::default(),
        };
        scene.lead();
        scene.remark();
        scene
    }

    /// What may happen next. At rest only what comes from outside does. A leader that stays is in no danger between its
    /// writes, so it sends them all.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let Faults { leaders, refusals, early } = self.left;
        let (writes, late) = (!self.writes.is_empty(), !self.late.is_empty());
        let stays = self.left == Faults::default();
        let may = [
            (Step::Send, writes && !stays),
            (Step::SendAll, writes && stays),
            (Step::Decide, (!writes && !self.at_rest) || (writes && early > 0 && !self.inputs.is_empty())),
            (Step::Refuse, writes && refusals > 0),
            (Step::NewLeader, leaders > 0 && self.cycle > 0),
            (Step::LateFirst, self.late.len() > 1),
            (Step::LateAll, late),
        ];
        may.into_iter().filter(|(_, may)| *may).map(|(step, _)| step).collect()
    }

    pub(crate) fn happen(&mut self, step: Step) {
        match step {
            Step::Decide => self.decide(),
            Step::Send => self.send_one(),
            Step::SendAll => {
                while let Some(action) = self.writes.pop_front() {
                    self.send(action);
                }
            }
            Step::Refuse => {
                self.left.refusals -= 1;
                self.refuse();
            }
            Step::NewLeader => self.depose(),
            Step::LateFirst => {
                self.late.truncate(1);
                self.finish_late();
            }
            Step::LateAll => self.finish_late(),
        }
        self.broken.extend(laws::broken(&self.cluster, &self.started));
        if self.at_rest {
            self.broken.extend(laws::broken_at_rest(&self.cluster));
        }
        self.remark();
    }

    fn depose(&mut self) {
        self.left.leaders -= 1;
        let calm = self.at_rest && self.late.is_empty();
        let stopped = std::mem::take(&mut self.stopped);
        self.writes.retain(|action| !stopped.contains(&action.owner));
        self.marks.late = sum(self.marks.late, &format!("{:?}", self.writes));
        let leader = self.left.leaders;
        self.late.extend(self.writes.drain(..).map(|action| (leader, action)));
        self.lead();
        if calm {
            self.decide();
            let writes: Vec<_> = self.writes.iter().map(|action| action.write.key()).collect();
            self.must(writes.is_empty(), || format!("a new leader writes at rest: {writes:?}"));
        }
    }

    /// A deposed leader, too, sends nothing more for what a write failed of.
    fn finish_late(&mut self) {
        let mut stopped = BTreeSet::new();
        while let Some((leader, action)) = self.late.pop_front() {
            let owner = (leader, action.owner.clone());
            if !stopped.contains(&owner) {
                self.at_rest = false;
                if self.perform(&action).result.is_err() {
                    stopped.insert(owner);
                }
            }
        }
        self.marks.late = 0;
    }

    fn must(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.broken.insert(otherwise());
        }
    }

    /// A leader starts with an empty memory and lists everything.
    fn lead(&mut self) {
        self.cluster.events();
        self.state = Arc::new(State::new(Settings::default()));
        (self.cycle, self.at_rest) = (0, false);
        (self.marks.told, self.marks.writes) = (0, 0);
        self.stopped.clear();
        self.inputs = self.cluster.list();
    }

    fn decide(&mut self) {
        if !self.writes.is_empty() {
            self.left.early -= 1;
            return self.cycle().1.into_iter().for_each(|action| self.writes.push_back(action));
        }
        self.stopped.clear();
        let mut quiet_millis = 0;
        loop {
            let moved = machine::step(&mut self.cluster);
            let (wake_at, writes) = self.cycle();
            if !writes.is_empty() || !self.broken.is_empty() {
                self.writes = writes.into();
                return;
            }
            let told = self.inputs.iter().any(|input| !matches!(input, Input::Report { .. }));
            if moved > 0 || told {
                quiet_millis = 0;
                continue;
            }
            let wait = wake_at.map(|at| at.millis_since(self.cluster.now()).max(1));
            let Some(wait) = wait.filter(|wait| quiet_millis + wait <= QUIET_MILLIS) else {
                self.at_rest = true;
                return;
            };
            quiet_millis += wait;
            self.cluster.pass(wait);
        }
    }

    /// One cycle of the brain itself: when it wants to wake, and what it wants written, in order.
    fn cycle(&mut self) -> (Option<Timestamp>, Vec<Action>) {
        self.cycle += 1;
        let mut inputs = std::mem::take(&mut self.inputs);
        inputs.extend(self.cluster.events());
        let tick = Tick { cycle: self.cycle, now: self.cluster.now() };
        self.marks.told = sum(self.marks.told, &format!("{inputs:?}{tick:?}"));
        let decision = decide(Arc::make_mut(&mut self.state), inputs, tick);
        self.broken.extend(decision.violations);
        self.must(self.cycle < CYCLES_MOST, || format!("a leader has no rest after {CYCLES_MOST} cycles"));
        let books = self.state.allocator().audit();
        self.broken.extend(books.iter().map(ToString::to_string));
        self.inputs.extend(decision.queries.iter().map(|query| run::answer(query, &self.cluster)));
        let mut actions = decision.actions;
        actions.sort_by_key(|action| action.write.stage());
        if self.bug == Some(Bug::LaunchesFirst) {
            actions.sort_by_key(|action| action.write.key().kind != Kind::Pod);
        }
        (decision.wake_at, actions)
    }

    fn send_one(&mut self) {
        while let Some(action) = self.writes.pop_front() {
            let seen = action.write.stage() <= Stage::Pod;
            self.send(action);
            if seen {
                break;
            }
        }
        while self.writes.front().is_some_and(|action| action.write.stage() > Stage::Pod) {
            self.writes.pop_front().into_iter().for_each(|action| self.send(action));
        }
    }

    fn send(&mut self, action: Action) {
        let outcome = if self.stopped.contains(&action.owner) {
            failed(action, Cause::NotSent)
        } else {
            self.perform(&action)
        };
        if outcome.result.is_err() {
            self.stopped.insert(outcome.action.owner.clone());
        }
        self.hear(outcome);
    }

    fn refuse(&mut self) {
        let Some(action) = self.writes.pop_front() else { return };
        self.stopped.insert(action.owner.clone());
        self.hear(failed(action, Cause::Unavailable));
    }

    /// What became of a write is known to the leader in its next cycle.
    fn hear(&mut self, outcome: Outcome) {
        let word = outcome.result.as_ref().map_err(|failure| failure.cause).map(|_| ());
        self.marks.told = sum(self.marks.told, &format!("{word:?}"));
        self.marks.writes = self.writes.len() as u64;
        self.inputs.push(Input::Outcome(outcome));
    }

    fn perform(&mut self, action: &Action) -> Outcome {
        if let (Some(Bug::NamesAreReused), Write::Create(object @ Object::Pod(_))) = (self.bug, &action.write)
        {
            self.cluster.remove(&object.key());
        }
        let outcome = self.cluster.perform(action);
        if let Ok(Some(Object::Pod(pod))) = &outcome.result {
            let pod = pod::record(pod);
            if !pod.gated {
                self.started.entry(pod.key.name).or_default().insert(pod.identity.uid);
            }
        }
        outcome
    }
}

fn failed(action: Action, cause: Cause) -> Outcome {
    let failure = Failure { cause, message: "the API server could not take it".to_owned() };
    Outcome { action, result: Err(failure) }
}
