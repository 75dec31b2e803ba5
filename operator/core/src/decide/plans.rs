//! From a custom resource and what is seen of it to plans and asks.

use super::entry::Entry;
use super::{State, feed, path, reserve};
use crate::action::{Action, Stage, Target, Write};
use crate::frameworks::{Framework, Problem, Situation, framework_id};
use crate::object::{Key, Kind, Object};
use crate::observe::service::{self, Belongings};
use crate::observe::world::{Resource, World};
use crate::record::PodRecord;
use crate::settings::Settings;
use twofold_allocator::ask::Demand;
use twofold_allocator::change::Change;
use twofold_allocator::framework::Framework as Consumer;
use twofold_allocator::tick::Timestamp;
use twofold_sdk::instance::InstanceId;
use twofold_sdk::launch::{self, LaunchFailure, Withdrawal};
use twofold_sdk::observed::{InstanceView, TaskState, View};
use twofold_sdk::removal::{self, RemovalReason};
use twofold_sdk::requirement::AskPlan;
use twofold_sdk::spec::ServiceSpec;
use twofold_sdk::{plan, requirement, start, validate};

/// How long a service waits before it looks again whether the name of one of its pods is free, in milliseconds.
const NAME_MILLIS: u64 = 10_000;

/// Runs a closure with all that is known around an entry's resource.
pub(super) fn with_situation<T>(
    entry: &Entry,
    world: &World,
    settings: &Settings,
    now: Timestamp,
    run: impl FnOnce(&dyn Framework, &Situation<'_>) -> T,
) -> Option<T> {
    let resource = world.resources.get(&entry.key)?;
    let Belongings { pods, claims, ledger } = service::belongings(world, &entry.key, &entry.uid);
    let aims = claims.iter().filter_map(|claim| claim.selected_agent.as_ref());
    let gone = aims.filter(|agent| world.is_gone(agent)).cloned().collect();
    let situation = Situation {
        now,
        settings,
        pods: &pods,
        claims: &claims,
        support: &world.support,
        ledger,
        reports: &world.reports,
        view: &entry.view,
        zones: &world.zones,
        gone: &gone,
        reclaim: entry.reclaim.as_ref(),
    };
    Some(run(resource.framework(), &situation))
}

/// Looks at one service again: what it is, what is seen of it, what must go, what it asks for.
pub(super) fn refresh(state: &mut State, key: &Key, now: Timestamp) -> Vec<Action> {
    state.due.remove(key);
    let Some(resource) = state.world.resources.get(key).cloned() else { return forget(state, key) };
    let uid = resource.uid().to_owned();
    let mut entry = match state.services.remove(key) {
        Some(entry) if entry.uid == uid => entry,
        _ => Entry::new(key.clone(), uid),
    };
    let belongings = service::belongings(&state.world, key, &entry.uid);
    let framework = resource.framework();
    entry.translated = translate(framework, key, &belongings, state);
    entry.barred = None;
    let reclaimable = state.world.is_reclaimable(key);
    entry.reclaim =
        entry.reclaim.filter(|reclaim| reclaimable && now < reclaim.until && !framework.gives_back());
    if let Ok(spec) = &mut entry.translated {
        spec.reclaimable = reclaimable;
        entry.barred = path::resolve(framework.role(), &key.namespace, &state.world).err();
        spec.role = path::of(&state.world, key);
    }
    entry.view = service::view(framework, &belongings, &state.world, &mut entry.memory, now);
    mark_pods(state, &mut entry, reclaimable);
    let actions = match entry.translated.clone() {
        Ok(spec) => plan_service(state, &mut entry, &spec, framework, now),
        Err(_) => {
            withdraw_demand(state, &mut entry);
            Vec::new()
        }
    };
    state.services.insert(key.clone(), entry);
    actions
}

/// Tells level one of a service's pods again where they are charged to another role than before, or may be taken back
/// now, or no more. What was wanted in the role before is wanted there no more.
fn mark_pods(state: &mut State, entry: &mut Entry, reclaimable: bool) {
    let role = path::of(&state.world, &entry.key);
    let moved = entry.role != role;
    if moved {
        tell_no_demand(state, entry);
        entry.role = role;
    }
    if std::mem::replace(&mut entry.reclaimable, reclaimable) != reclaimable || moved {
        let changes: Vec<_> = feed::of_service(&state.world, &entry.uid).collect();
        changes.into_iter().for_each(|change| state.tell(change));
    }
}

fn forget(state: &mut State, key: &Key) -> Vec<Action> {
    state.services.remove(key);
    state.by_framework.remove(&framework_id(key));
    state.tell(Change::FrameworkGone(framework_id(key)));
    Vec::new()
}

fn translate(
    framework: &dyn Framework,
    key: &Key,
    belongings: &Belongings<'_>,
    state: &State,
) -> Result<ServiceSpec, Vec<Problem>> {
    let namespaces = &state.settings.namespaces;
    if !namespaces.is_empty() && !namespaces.contains(&key.namespace) {
        return Err(Vec::new());
    }
    let spec = framework.translate(belongings.ledger, &state.settings, &state.world.zones)?;
    let wrong = validate::validate(&spec);
    if !wrong.is_empty() {
        let problem = |problem: validate::Problem| Problem {
            reason: "InvalidSpec",
            field: problem.field,
            message: problem.text,
        };
        return Err(wrong.into_iter().map(problem).collect());
    }
    Ok(spec)
}

fn plan_service(
    state: &mut State,
    entry: &mut Entry,
    spec: &ServiceSpec,
    framework: &dyn Framework,
    now: Timestamp,
) -> Vec<Action> {
    tell_framework(state, spec);
    reserve::renew(state, entry);
    let upkeep = with_situation(entry, &state.world, &state.settings, now, |framework, situation| {
        framework.upkeep(spec, situation)
    });
    let Some(upkeep) = upkeep else { return Vec::new() };
    // After a write that failed nothing is tried for a while, but to say so.
    let held = entry.setback.holds(now);
    let mut actions = if held { Vec::new() } else { upkeep.actions };
    state.look_again(&entry.key, upkeep.wake_at);
    if entry.view.instances.values().all(|seen| seen.failed_launches == 0) {
        entry.launch_failure = None;
    }
    // What was launched before a creation was refused is withdrawn in time all the same.
    if upkeep.wants_offers && (!held || entry.setback.only_creations) {
        actions.extend(remove(state, entry, spec, now));
        state.look_again(&entry.key, bind_deadline(entry, state.settings.bind_timeout_millis, now));
    }
    let plans = plan::plans(spec, &entry.view, now);
    state.look_again(&entry.key, plans.wake());
    let mut asks = requirement::asks(spec, &entry.view, &plans);
    asks.retain(|ask| !ask.members.iter().flatten().any(|instance| upkeep.held.contains_key(instance)));
    wait_for_names(state, entry, spec, &mut asks, now);
    entry.plans = Some(plans);
    if !held && actions.is_empty() && asks.is_empty() {
        forget_setback(entry, spec);
    }
    let generation = state.world.resources.get(&entry.key).map(Resource::generation).unwrap_or_default();
    let wanted = upkeep.wants_offers && entry.barred.is_none() && !asks.is_empty() && !held;
    if wanted && !entry.trial.passed(generation) {
        actions.extend(try_out(state, entry, spec, framework, generation));
    }
    let ready = wanted && entry.trial.passed(generation);
    entry.asks = if ready { asks } else { Vec::new() };
    entry.refusals.retain(|id, _| entry.asks.iter().any(|ask| ask.ask.id == *id));
    state.look_again(&entry.key, entry.setback.until.filter(|_| held));
    tell_demand(state, entry, spec);
    actions
}

/// Nothing is left to try again: what failed came about in another way, or is wanted no more.
fn forget_setback(entry: &mut Entry, spec: &ServiceSpec) {
    if entry.setback.stage < Some(Stage::Status) && start::starts(spec, &entry.view).is_empty() {
        entry.setback.clear();
    }
}

/// Leaves out asks of which a name is taken: by a pod of an earlier resource of the same name that is still ending, or by
/// somebody else's.
fn wait_for_names(
    state: &mut State,
    entry: &mut Entry,
    spec: &ServiceSpec,
    asks: &mut Vec<AskPlan>,
    now: Timestamp,
) {
    let taken = |instance: &InstanceId| {
        let key = Key::new(Kind::Pod, &spec.namespace, &instance.pod_name(&spec.name));
        let pod = state.world.pods.get(&key)?;
        let ours = pod.controller.as_ref().is_some_and(|controller| controller.uid == entry.uid);
        (!ours).then_some(key.name)
    };
    let names: Vec<String> =
        asks.iter().flat_map(|ask| ask.members.iter().flatten()).filter_map(taken).collect();
    let Some(first) = names.first() else { return };
    asks.retain(|ask| ask.members.iter().flatten().all(|instance| taken(instance).is_none()));
    entry.launch_failure = Some(format!("a pod named {first} exists and does not belong to it"));
    state.look_again(&entry.key, Some(now.plus_millis(NAME_MILLIS)));
}

/// A service with writes under way takes part in no turn until they are known: its view is older than they are.
pub(super) fn pause_demand(state: &mut State) {
    let paused: Vec<_> = state
        .in_flight
        .keys()
        .filter_map(|key| state.services.get(key))
        .filter(|entry| entry.demand != Demand::None)
        .map(|entry| framework_id(&entry.key))
        .collect();
    for framework in paused {
        state.tell(Change::Pause { framework, paused: true });
    }
}

fn tell_framework(state: &mut State, spec: &ServiceSpec) {
    state.tell(Change::Framework(Consumer {
        id: spec.framework.clone(),
        roles: vec![spec.role.clone()],
        region_aware: false,
        priority: spec.priority,
        since: spec.since,
    }));
}

fn tell_demand(state: &mut State, entry: &mut Entry, spec: &ServiceSpec) {
    state.tell(Change::Pause { framework: spec.framework.clone(), paused: false });
    let asks: Vec<_> = entry.asks.iter().map(|ask| ask.ask.clone()).collect();
    let demand = if asks.is_empty() { Demand::None } else { Demand::Asks(asks) };
    if demand != entry.demand {
        entry.demand = demand.clone();
        let (framework, role) = (spec.framework.clone(), spec.role.clone());
        state.tell(Change::Demand { framework, role, demand });
    }
}

fn withdraw_demand(state: &mut State, entry: &mut Entry) {
    entry.asks.clear();
    entry.plans = None;
    tell_no_demand(state, entry);
}

fn tell_no_demand(state: &mut State, entry: &mut Entry) {
    if entry.demand != Demand::None {
        entry.demand = Demand::None;
        let (framework, role) = (framework_id(&entry.key), entry.role.clone());
        state.tell(Change::Demand { framework, role, demand: Demand::None });
    }
}

/// The strict dry run of a resource's pods, once for each generation: a typo in a template is found before anything is
/// created.
fn try_out(
    state: &State,
    entry: &mut Entry,
    spec: &ServiceSpec,
    framework: &dyn Framework,
    generation: i64,
) -> Vec<Action> {
    if entry.trial.sent && entry.trial.generation == generation {
        return Vec::new();
    }
    let samples = framework.samples(spec, &state.settings);
    entry.trial = super::entry::Trial { generation, open: samples.len(), refused: None, sent: true };
    samples.into_iter().map(|pod| action(entry, Write::DryRun(Object::from(pod)))).collect()
}

/// When the first of the pods that are not bound yet has waited for too long.
fn bind_deadline(entry: &Entry, timeout_millis: u64, now: Timestamp) -> Option<Timestamp> {
    let launched = |seen: &&InstanceView| matches!(seen.task, View::Known(TaskState::Launched, _));
    let deadlines =
        entry.view.instances.values().filter(launched).map(|seen| seen.since.plus_millis(timeout_millis));
    deadlines.filter(|deadline| *deadline > now).min()
}

/// Pods that are in the way or whose launch failed. Each is deleted as exactly the pod that was judged.
fn remove(state: &mut State, entry: &mut Entry, spec: &ServiceSpec, now: Timestamp) -> Vec<Action> {
    let mut actions = Vec::new();
    let failed = launch::withdrawals(spec, &entry.view, now, state.settings.bind_timeout_millis);
    for Withdrawal { instance, why, avoid } in failed {
        let Some(pod) = pod_of(state, entry, &instance) else { continue };
        if let Some((agent, until)) = avoid {
            state.tell(Change::Avoid { framework: spec.framework.clone(), agent, until });
            state.look_again(&entry.key, Some(until));
        }
        entry.memory.of(&instance).launch_failed();
        let own = pod.unschedulable.as_deref().unwrap_or("no reason given");
        entry.launch_failure = match &why {
            LaunchFailure::NotBound(_) => Some(format!("{} was not bound in time: {own}", pod.key.name)),
            why => Some(format!("{}: {why}", pod.key.name)),
        };
        actions.push(delete(entry, &pod, matches!(why, LaunchFailure::AgentGone)));
    }
    for removal in removal::removals(spec, &entry.view, now) {
        let Some(pod) = pod_of(state, entry, &removal.instance) else { continue };
        if pod.deleting.is_none() || removal.why == RemovalReason::Lost {
            actions.push(delete(entry, &pod, removal.why == RemovalReason::Lost));
        }
    }
    actions
}

fn pod_of(state: &State, entry: &Entry, instance: &InstanceId) -> Option<PodRecord> {
    let pods = state.world.pods_by_owner.get(&entry.uid)?;
    pods.iter()
        .filter_map(|key| state.world.pods.get(key))
        .find(|pod| service::instance_of(pod).as_ref() == Some(instance))
        .cloned()
}

/// The deletion of exactly this pod. Only where its machine is proven gone is it not given time to end.
pub(super) fn delete(entry: &Entry, pod: &PodRecord, at_once: bool) -> Action {
    action(entry, Write::Delete { target: Target::of(pod), grace_seconds: at_once.then_some(0) })
}

pub(super) fn action(entry: &Entry, write: Write) -> Action {
    Action { owner: entry.key.clone(), write }
}
