//! One cycle, as a table of contents.

mod act;
mod claimant;
mod entry;
mod feed;
mod inverse;
mod outcomes;
mod path;
mod plans;
mod queries;
mod reserve;
mod roles;
mod rounds;
mod workload;

use crate::action::Action;
use crate::decision::{Decision, Figures};
use crate::frameworks::framework_id;
use crate::input::Input;
use crate::object::Key;
use crate::observe::touched::Touched;
use crate::observe::world::World;
use crate::settings::Settings;
pub use entry::Entry;
use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::allocator::Allocator;
use twofold_allocator::change::Change;
use twofold_allocator::id::FrameworkId;
use twofold_allocator::offer::{Answer, Launch, Offer};
use twofold_allocator::policy::Policy;
use twofold_allocator::tick::{Tick, Timestamp};

/// How often the books are compared with fresh ones, in milliseconds.
const AUDIT_MILLIS: u64 = 300_000;

/// All that the brain remembers between two cycles. It can be built again from the cluster at any time; a copy shows
/// what would be decided.
#[derive(Clone, Debug)]
pub struct State {
    settings: Settings,
    world: World,
    allocator: Allocator,
    tree: feed::Tree,
    services: BTreeMap<Key, Entry>,
    by_framework: BTreeMap<FrameworkId, Key>,
    dirty: BTreeSet<Key>,
    due: BTreeMap<Key, Timestamp>,
    in_flight: BTreeMap<Key, usize>,
    untold: Touched,
    asked: queries::Asked,
    usual: Option<workload::Usual>,
    roles_told: BTreeMap<Key, Timestamp>,
    audited: Timestamp,
    wake_at: Option<Timestamp>,
    violations: Vec<String>,
    warnings: Vec<String>,
}

impl State {
    /// An empty memory: nothing is decided until every kind has been listed once.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            world: World::default(),
            allocator: Allocator::new(policy()),
            tree: feed::Tree::default(),
            services: BTreeMap::new(),
            by_framework: BTreeMap::new(),
            dirty: BTreeSet::new(),
            due: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            untold: Touched::default(),
            asked: queries::Asked::default(),
            usual: None,
            roles_told: BTreeMap::new(),
            audited: Timestamp::default(),
            wake_at: None,
            violations: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Whether every kind has been listed, so that decisions can be made.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.world.is_complete()
    }

    /// The records of the cluster.
    #[must_use]
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Level one.
    #[must_use]
    pub fn allocator(&self) -> &Allocator {
        &self.allocator
    }

    /// The services and jobs that are known.
    #[must_use]
    pub fn services(&self) -> &BTreeMap<Key, Entry> {
        &self.services
    }

    /// Tells level one of a change. One that is refused changes nothing and stops nobody else; it is said.
    fn tell(&mut self, change: Change) {
        if let Err(refused) = self.allocator.apply(change) {
            self.warnings.push(refused.to_string());
        }
    }

    /// Answers an offer; what was launched. A refused answer launches nothing and stops nobody else; it is said.
    fn answer(&mut self, offer: &Offer, answer: Answer) -> Vec<Launch> {
        self.allocator.settle(offer.id, answer).unwrap_or_else(|error| {
            self.warnings.push(format!("{}: {error}", offer.framework));
            Vec::new()
        })
    }

    /// Asks for a cycle at this time at the latest.
    fn wake(&mut self, at: Option<Timestamp>) {
        self.wake_at = [self.wake_at, at].into_iter().flatten().min();
    }

    /// Asks to look at a service at this time at the latest, though nothing of it may change until then.
    fn look_again(&mut self, key: &Key, at: Option<Timestamp>) {
        let first = [self.due.get(key).copied(), at].into_iter().flatten().min();
        self.due.extend(first.map(|first| (key.clone(), first)));
    }
}

/// Takes in what happened and decides what to do at this tick.
pub fn decide(state: &mut State, inputs: Vec<Input>, tick: Tick) -> Decision {
    state.wake_at = None;
    // 1 observe
    let mut actions = observe(state, inputs, tick.now);
    if !state.is_synced() {
        return Decision { figures: figures(state), ..Decision::default() };
    }
    // 2 plans, 3 feed
    let before = *state.allocator.stats();
    feed(state);
    let looked_at = ready(state, tick.now);
    for key in &looked_at {
        actions.extend(plans::refresh(state, key, tick.now));
    }
    // 4 allocate, 5 evaluate, 6 settle
    let turns = rounds::run(state, tick);
    let given_back = inverse::run(state, &actions, &turns, tick.now);
    // 7 render
    for key in looked_at.iter().chain(turns.keys()).chain(&given_back).collect::<BTreeSet<_>>() {
        let launches = turns.get(key).map(Vec::as_slice).unwrap_or_default();
        actions.extend(act::service(state, key, launches, tick.now));
    }
    actions.extend(roles::statuses(state, tick.now));
    // check
    check(state, tick.now);
    finish(state, actions, before, tick)
}

fn observe(state: &mut State, inputs: Vec<Input>, now: Timestamp) -> Vec<Action> {
    let mut notes = Vec::new();
    for input in inputs {
        if let Input::Outcome(outcome) = &input {
            notes.extend(outcomes::note(state, outcome, now));
        }
        state.world.take(input, now, &mut state.untold);
    }
    notes
}

/// Tells level one what the world shows. Nothing is told before everything has been listed once.
fn feed(state: &mut State) {
    let touched = std::mem::take(&mut state.untold);
    if touched.roles {
        for change in state.tree.changes(&state.world) {
            state.tell(change);
        }
        state.dirty.extend(state.world.resources.keys().cloned());
    }
    // Room is kept before the task that leaves it is off the books, so that it is charged all the time.
    let (ended, there): (Vec<_>, Vec<_>) = feed::changes(&state.world, &touched)
        .into_iter()
        .partition(|change| matches!(change, Change::HoldingGone(_)));
    there.into_iter().for_each(|change| state.tell(change));
    reserve::follow(state, &touched);
    ended.into_iter().for_each(|change| state.tell(change));
    for id in &touched.agents {
        let pods = state.world.pods_by_agent.get(id).into_iter().flatten();
        let owners = pods.filter_map(|pod| state.world.owner_of(pod));
        state.dirty.extend(owners.collect::<Vec<_>>());
    }
    if !touched.agents.is_empty() {
        let waiting = state.services.values().filter(|entry| !entry.asks.is_empty());
        state.dirty.extend(waiting.map(|entry| entry.key.clone()));
    }
    for key in touched.services.iter().chain(&touched.gone) {
        state.by_framework.insert(framework_id(key), key.clone());
    }
    state.dirty.extend(touched.services);
    state.dirty.extend(touched.gone);
}

/// The services to look at now: those that changed or whose time has come, and that have no write under way.
fn ready(state: &mut State, now: Timestamp) -> Vec<Key> {
    let due = std::mem::take(&mut state.due).into_iter();
    let (come, ahead): (BTreeMap<_, _>, BTreeMap<_, _>) = due.partition(|(_, at)| *at <= now);
    state.due = ahead;
    state.dirty.extend(come.into_keys());
    let dirty = std::mem::take(&mut state.dirty).into_iter();
    let (now, later): (BTreeSet<_>, BTreeSet<_>) = dirty.partition(|key| !state.in_flight.contains_key(key));
    state.dirty = later;
    now.into_iter().collect()
}

/// The laws on what was touched; everything once in a while. When one is broken nothing is performed, and the books
/// are built anew.
fn check(state: &mut State, now: Timestamp) {
    let broken = if now.millis_since(state.audited) >= AUDIT_MILLIS {
        state.audited = now;
        state.allocator.audit()
    } else {
        state.allocator.check_touched()
    };
    state.violations.extend(broken.iter().map(ToString::to_string));
}

/// Level one asks nothing to move off an agent that drains: who only cordons a machine does not want its pods gone, and
/// who drains it evicts them himself, within their disruption budgets.
fn policy() -> Policy {
    Policy { inverse_offers_of_draining: false, ..Policy::default() }
}

fn rebuild(state: &mut State) {
    state.allocator = Allocator::new(policy());
    state.tree = feed::Tree::default();
    state.services.clear();
    state.untold = feed::everything(&state.world);
}

fn finish(
    state: &mut State,
    actions: Vec<Action>,
    before: twofold_allocator::stats::Stats,
    tick: Tick,
) -> Decision {
    let violations = std::mem::take(&mut state.violations);
    let warnings = std::mem::take(&mut state.warnings);
    let mut figures = figures(state);
    let after = *state.allocator.stats();
    figures.offers = after.offers - before.offers;
    figures.accepts = after.accepted - before.accepted;
    figures.declines = after.declined - before.declined;
    figures.launches = after.launches - before.launches;
    figures.reclaims = after.inverse_accepted - before.inverse_accepted;
    if !violations.is_empty() {
        rebuild(state);
        return Decision {
            violations,
            warnings,
            figures,
            wake_at: Some(tick.now.plus_millis(1_000)),
            ..Decision::default()
        };
    }
    let actions = act::only_last_ledgers(actions);
    for action in &actions {
        *state.in_flight.entry(action.owner.clone()).or_default() += 1;
    }
    plans::pause_demand(state);
    let queries = queries::due(state, tick.now);
    if state.allocator.ended_early() {
        state.wake(Some(tick.now));
    }
    state.wake(state.due.values().min().copied());
    state.wake(state.allocator.next_expiry());
    Decision { actions, queries, wake_at: state.wake_at, violations, warnings, figures }
}

fn figures(state: &State) -> Figures {
    Figures {
        agents: state.world.agents.len() as u64,
        frameworks: state.services.len() as u64,
        waiting: state.services.values().filter(|entry| !entry.asks.is_empty()).count() as u64,
        set_aside: (state.world.unreadable.len()
            + state.services.values().filter(|entry| entry.translated.is_err()).count())
            as u64,
        ..Figures::default()
    }
}
