//! Reservations: the room of an instance on record is kept while its pod is away, so that it finds it when it comes back.
//! While the pod runs, what it takes is its room. All follows from ledger, claims, volumes and pods; level one is told the
//! difference to what it has.

use super::State;
use super::entry::Entry;
use super::feed::with_model;
use super::path;
use crate::frameworks::framework_id;
use crate::object::{Key, Kind};
use crate::observe::home::{self, Home};
use crate::observe::service::{Belongings, belongings, instance_of};
use crate::observe::touched::Touched;
use crate::observe::world::World;
use crate::record::{Phase, PodRecord};
use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::allocator::Allocator;
use twofold_allocator::change::Change;
use twofold_allocator::counts::Counts;
use twofold_allocator::id::{AgentId, FrameworkId, ReservationId, Word};
use twofold_allocator::reservation::{Reservation, ReservedFor};
use twofold_allocator::resources::Resources;
use twofold_crds::service_ledger::LedgerInstance;
use twofold_sdk::evaluate;
use twofold_sdk::instance::InstanceId;
use twofold_sdk::spec::ServiceSpec;

/// What becomes of the room of each instance: kept like this, or as it was where nothing can be told. What is not listed
/// is kept no more.
type Wanted = BTreeMap<ReservationId, Option<Reservation>>;

/// The reservation that a pod is in, comes back to or leaves. It is named whether it is there or not, so that room that is
/// kept later is never counted twice.
pub(super) fn of_pod(world: &World, pod: &PodRecord) -> Option<ReservationId> {
    let key = owner_of(world, pod)?;
    Some(instance_of(pod)?.reservation(&framework_id(&key)))
}

/// Whether the room of a pod that is ending stays with its instance.
pub(super) fn is_kept(world: &World, pod: &PodRecord) -> bool {
    let (Some(key), Some(instance)) = (owner_of(world, pod), instance_of(pod)) else { return false };
    let Some(resource) = world.resources.get(&key).filter(|resource| !resource.is_being_deleted()) else {
        return false;
    };
    let belongings = belongings(world, &key, resource.uid());
    let name = instance.to_string();
    let entry = belongings.ledger.iter().flat_map(|ledger| &ledger.spec.instances).find(|e| e.name == name);
    let home = entry.map(|entry| home::of(world, &belongings, entry));
    match home {
        Some(Home::Only(agent) | Home::First(agent)) => pod.agent == Some(agent),
        Some(Home::Nowhere | Home::Unknown) | None => false,
    }
}

/// The service that a pod belongs to, by UID, if it keeps a ledger.
fn owner_of(world: &World, pod: &PodRecord) -> Option<Key> {
    let key = world.owner_of(&pod.key).filter(|key| key.kind.keeps_ledger())?;
    let uid = pod.controller.as_ref().map(|controller| controller.uid.as_str());
    (world.resources.get(&key).map(|resource| resource.uid()) == uid).then_some(key)
}

/// Follows what was touched. Services with writes under way are followed too: others have turns meanwhile.
pub(super) fn follow(state: &mut State, touched: &Touched) {
    let mut keys: BTreeSet<Key> = touched.services.union(&touched.gone).cloned().collect();
    if !touched.agents.is_empty() {
        let there = at_home_on(state, touched);
        state.dirty.extend(there.iter().filter(|key| state.world.resources.contains_key(key)).cloned());
        keys.extend(there);
    }
    for key in keys {
        let entry = state.services.remove(&key);
        tell(state, &key, entry.as_ref());
        state.services.extend(entry.map(|entry| (key, entry)));
    }
}

/// The services with instances that room is, or may be, kept for on agents that changed.
fn at_home_on(state: &State, touched: &Touched) -> Vec<Key> {
    let on = |entry: &LedgerInstance| {
        entry.agent.as_deref().is_some_and(|agent| touched.agents.contains(&agent.into()))
    };
    let ledgers = state.world.ledgers.iter().filter(|(_, ledger)| ledger.spec.instances.iter().any(on));
    let services = ledgers.map(|(key, _)| Key { kind: Kind::CassandraService, ..key.clone() });
    let kept = state.allocator.reservations().map(|report| report.reservation);
    let kept = kept.filter(|reservation| touched.agents.contains(&reservation.agent));
    let owners = kept.filter_map(|reservation| state.by_framework.get(framework_of(reservation)?).cloned());
    services.chain(owners).collect()
}

/// The same for one service, once it is known what it declares, and what of its view it is: where room is kept for it.
pub(super) fn renew(state: &mut State, entry: &mut Entry) {
    tell(state, &entry.key, Some(entry));
    let framework = framework_id(&entry.key);
    for (instance, seen) in &mut entry.view.instances {
        let kept = state.allocator.reservation(&instance.reservation(&framework));
        seen.kept = kept.map(|report| report.reservation.agent.clone());
    }
}

/// Tells level one the difference. What was not kept before is kept if that takes nothing from anybody: after a restart
/// limits, guarantees and what runs hold for it as for everything else.
fn tell(state: &mut State, key: &Key, entry: Option<&Entry>) {
    if !key.kind.keeps_ledger() {
        return;
    }
    let known = Known { world: &state.world, allocator: &state.allocator, key, entry };
    for change in changes(&known) {
        let refused = matches!(&change, Change::Reservation(wanted) if !state.allocator.may_reserve(wanted));
        if !refused {
            state.tell(change);
        }
    }
}

/// The difference between what is kept for a service and what should be.
fn changes(known: &Known<'_>) -> Vec<Change> {
    let Some(wanted) = wanted(known) else { return Vec::new() };
    let framework = framework_id(known.key);
    let kept = known.allocator.reservations().map(|report| report.reservation);
    let kept: BTreeMap<_, _> = kept
        .filter(|reservation| framework_of(reservation) == Some(&framework))
        .map(|reservation| (&reservation.id, reservation))
        .collect();
    let gone = kept.keys().filter(|id| !wanted.contains_key(**id));
    let mut changes: Vec<_> = gone.map(|id| Change::ReservationGone((*id).clone())).collect();
    let changed = wanted.values().flatten().filter(|wanted| kept.get(&wanted.id) != Some(wanted));
    changes.extend(changed.cloned().map(Change::Reservation));
    changes
}

fn framework_of(reservation: &Reservation) -> Option<&FrameworkId> {
    match &reservation.owner {
        ReservedFor::Instance { framework, .. } => Some(framework),
        ReservedFor::Role(_) => None,
    }
}

/// What is known around a service.
#[derive(Clone, Copy)]
struct Known<'a> {
    world: &'a World,
    allocator: &'a Allocator,
    key: &'a Key,
    entry: Option<&'a Entry>,
}

impl Known<'_> {
    /// Whether an agent would take an instance that could go elsewhere: it lets it in, the last launch there did not fail,
    /// and nobody else took what is kept. Kept in vain, the room would count against the role that it needs elsewhere.
    fn takes_back(&self, instance: &InstanceId, agent: &AgentId) -> bool {
        let Some(report) = self.allocator.agent(agent).filter(|report| report.excess.is_empty()) else {
            return false;
        };
        let Some(entry) = self.entry else { return true };
        let failed = entry.memory.get(instance).is_some_and(|memory| memory.failed_launches > 0);
        let spec = entry.translated.as_ref().ok();
        let pod_type = spec.and_then(|spec| spec.pod_type(&instance.pod_type));
        let (seen, facts) = (entry.view.instances.get(instance), self.world.facts.get(agent));
        !failed && pod_type.is_none_or(|pod_type| evaluate::admits(pod_type, seen, report.agent, facts))
    }
}

/// What should be kept for a service; none where that cannot be told. A service that is being deleted, or may not use its
/// role, keeps nothing.
fn wanted(known: &Known<'_>) -> Option<Wanted> {
    let Known { world, key, entry, .. } = *known;
    let resource = world.resources.get(key).filter(|resource| !resource.is_being_deleted());
    let refused = |entry: &Entry| {
        entry.barred.is_some() || entry.translated.as_ref().is_err_and(|problems| problems.is_empty())
    };
    let Some(resource) = resource.filter(|_| !entry.is_some_and(refused)) else {
        return Some(Wanted::new());
    };
    let ledger_key = Key { kind: Kind::ServiceLedger, ..key.clone() };
    let Some(ledger) = world.ledgers.get(&ledger_key) else {
        let lost = world.unreadable.contains_key(&ledger_key)
            || world.claims_of(resource.uid(), &key.namespace).next().is_some();
        return (!lost).then(Wanted::new);
    };
    if ledger.spec.service.kind != key.kind.name() {
        return Some(Wanted::new());
    }
    let pods = world.pods_by_owner.get(resource.uid()).into_iter().flatten();
    let pods = pods.filter_map(|pod| world.pods.get(pod));
    let pods: BTreeMap<_, _> = pods.filter_map(|pod| Some((instance_of(pod)?, pod))).collect();
    let recorded = ledger.spec.instances.iter();
    let away = recorded.filter_map(|entry| {
        let instance = InstanceId::parse(&entry.name)?;
        let pod = pods.get(&instance).copied();
        (!pod.is_some_and(is_up)).then_some(Away { instance, recorded: entry, pod })
    });
    let away: Vec<_> = away.collect();
    if away.is_empty() {
        return Some(Wanted::new());
    }
    let belongings = belongings(world, key, resource.uid());
    let kept = away.iter().filter_map(|away| room(known, &belongings, away));
    Some(kept.collect())
}

/// An instance on record whose pod is ending, over or gone.
struct Away<'a> {
    instance: InstanceId,
    recorded: &'a LedgerInstance,
    pod: Option<&'a PodRecord>,
}

/// Whether a pod takes room that it is not about to leave.
fn is_up(pod: &PodRecord) -> bool {
    pod.deleting.is_none() && !matches!(pod.phase, Phase::Succeeded | Phase::Failed)
}

/// What an instance takes: as its pod does or last did, else as its next would.
fn takes(pod: Option<&PodRecord>, instance: &InstanceId, entry: Option<&Entry>) -> Option<Resources> {
    let seen = pod.map(|pod| pod.resources.clone());
    let remembered = || entry?.memory.get(instance)?.took.clone();
    let declared = || declared(entry?.translated.as_ref().ok()?, instance);
    seen.or_else(remembered).or_else(declared)
}

/// The room of an instance that is away, with its name; none when it has no home to come back to.
fn room(
    known: &Known<'_>,
    belongings: &Belongings<'_>,
    away: &Away<'_>,
) -> Option<(ReservationId, Option<Reservation>)> {
    let Known { world, key, entry, .. } = *known;
    let framework = framework_id(key);
    let id = away.instance.reservation(&framework);
    let agent = match home::of(world, belongings, away.recorded) {
        Home::Nowhere => return None,
        Home::Unknown => return Some((id, None)),
        Home::Only(agent) => agent,
        Home::First(agent) if away.pod.is_some() || known.takes_back(&away.instance, &agent) => agent,
        Home::First(_) => return None,
    };
    let takes = takes(away.pod, &away.instance, entry).map(|takes| with_model(&takes, &agent, world));
    let reservation = takes.map(|resources| Reservation {
        id: id.clone(),
        owner: ReservedFor::Instance {
            framework,
            role: path::of(world, key),
            instance: Word::from(away.recorded.name.as_str()),
        },
        agent,
        resources,
        volume: home::volume(world, belongings, away.recorded),
        refines: None,
    });
    Some((id, reservation))
}

fn declared(spec: &ServiceSpec, instance: &InstanceId) -> Option<Resources> {
    let shape = &spec.pod_type(&instance.pod_type)?.shape;
    let gpus = shape.gpu.as_ref().map(|gpu| Counts::of(Word::from(""), gpu.count)).unwrap_or_default();
    Some(Resources { gpus, ..shape.base.clone() })
}
