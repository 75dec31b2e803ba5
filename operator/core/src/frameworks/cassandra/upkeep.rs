//! What is done around the instances of a ring in each cycle.

use super::ledger;
use super::revision::Revision;
use super::{aim, names, recording, report, support, translate};
use crate::action::{Action, Target, Write};
use crate::frameworks::{Situation, Upkeep};
use crate::record::PodRecord;
use std::collections::BTreeMap;
use twofold_allocator::tick::Timestamp;
use twofold_crds::service_ledger::InstanceState;
use twofold_crds::{CassandraService, ServiceLedgerSpec};
use twofold_sdk::instance::InstanceId;
use twofold_sdk::observed::{TaskState, View};

/// What is to be done, and which instances are not to be launched.
#[must_use]
pub fn upkeep(resource: &CassandraService, situation: &Situation<'_>) -> Upkeep {
    if resource.metadata.deletion_timestamp.is_some() {
        return Upkeep::default();
    }
    let current = recording::current(resource, situation);
    let mut actions = support::writes(resource, situation, current.as_ref());
    let mut held = held(resource, situation, current.as_ref());
    if let Some(current) = &current {
        actions.extend(recording::write(resource, situation, current.clone()));
        actions.extend(removals(resource, situation, current));
        if situation.settings.allow_claim_patch {
            for astray in aim::astray(situation, current) {
                actions.push(aim::again(resource, &astray));
                held.entry(astray.instance).or_insert_with(|| "its claim is let go elsewhere".to_owned());
            }
        }
    }
    Upkeep { actions, wants_offers: true, held, wake_at: wake_at(resource, situation) }
}

/// Instances that are not launched, with the reason.
#[must_use]
pub fn held(
    resource: &CassandraService,
    situation: &Situation<'_>,
    ledger: Option<&ServiceLedgerSpec>,
) -> BTreeMap<InstanceId, String> {
    let Some(ledger) = ledger else {
        if situation.claims.is_empty() {
            return BTreeMap::new();
        }
        let all = (0..translate::count(resource, None)).map(|index| InstanceId::new(names::POD_TYPE, index));
        return all.map(|instance| (instance, ledger_lost(resource))).collect();
    };
    let entries = ledger.instances.iter();
    entries
        .filter_map(|entry| {
            let instance = names::instance(&entry.name)?;
            let claim = entry.claim_name.as_deref().unwrap_or_default();
            let being_deleted = recording::claim_of(situation, entry).is_some_and(|claim| claim.deleting);
            let why = if recording::has_lost_volume(situation, entry) {
                format!(
                    "claim {claim} with the data of member {instance} is gone or another; replacing a lost member is \
                     not supported: restore the claim, or, to begin anew without the ring's data, delete the service, \
                     its claims and ServiceLedger {}",
                    names::name(resource)
                )
            } else if being_deleted {
                format!("claim {claim} of {instance} is being deleted; wait until it is gone")
            } else {
                return None;
            };
            Some((instance, why))
        })
        .chain(aim::held(situation, ledger))
        .collect()
}

fn ledger_lost(resource: &CassandraService) -> String {
    let name = names::name(resource);
    format!(
        "there are claims of this service but no ServiceLedger {name}, so it is not known whether they hold a ring's \
         data; restore the ledger, or delete the claims to begin anew"
    )
}

/// Pods that no longer fit: gated ones of another time, and ones that do not run and were rendered from an earlier
/// spec, so that a mistake in the spec can be mended. A pod whose state is not known is left alone.
fn removals(
    resource: &CassandraService,
    situation: &Situation<'_>,
    ledger: &ServiceLedgerSpec,
) -> Vec<Action> {
    let pods = situation.pods.iter().copied().filter(|pod| pod.deleting.is_none());
    let unfit = pods.filter(|pod| {
        let Some((instance, state)) = state_of(situation, pod) else { return false };
        let Some(revision) = pod.revision.as_deref().and_then(Revision::parse) else { return false };
        let Some(entry) = ledger::entry(ledger, &instance) else { return false };
        let begins = ledger::begins_ring(ledger, &instance);
        let of_another_time = revision.incarnation != entry.incarnation || revision.first_seed != begins;
        let wanted = Revision::of(resource, entry.incarnation, begins);
        let outdated = !wanted.differences(&revision).is_empty();
        match state {
            TaskState::Gated => of_another_time || outdated,
            TaskState::Launched | TaskState::Starting => outdated,
            TaskState::Running { ready: false } => outdated && waits(pod),
            TaskState::Running { ready: true }
            | TaskState::Absent
            | TaskState::Succeeded
            | TaskState::Failed { .. }
            | TaskState::Terminating
            | TaskState::Unreachable
            | TaskState::Lost => false,
        }
    });
    unfit.map(|pod| delete(resource, pod)).collect()
}

fn state_of<'a>(situation: &Situation<'a>, pod: &PodRecord) -> Option<(InstanceId, &'a TaskState)> {
    let (pod_type, index) = pod.instance.as_ref()?;
    let instance = InstanceId::new(pod_type, *index);
    match &situation.view.instances.get(&instance)?.task {
        View::Known(state, _) => Some((instance, state)),
        View::Unknown(_) => None,
    }
}

/// Whether a container is not running: its image cannot be pulled, or it ends again and again.
fn waits(pod: &PodRecord) -> bool {
    pod.containers.iter().any(|container| container.waiting.is_some())
}

fn delete(resource: &CassandraService, pod: &PodRecord) -> Action {
    let write = Write::Delete { target: Target::of(pod), grace_seconds: None };
    Action { owner: recording::owner(resource), write }
}

/// Where pods are taken at their word, a ready one becomes a member only after a while.
fn wake_at(resource: &CassandraService, situation: &Situation<'_>) -> Option<Timestamp> {
    if !report::trusts_pods(resource) {
        return None;
    }
    let ledger = situation.ledger?;
    let not_yet = ledger.spec.instances.iter().filter(|entry| entry.state != InstanceState::Member);
    let ready = not_yet.filter_map(|entry| report::pod_of(situation, &entry.name)?.ready);
    ready.map(|since| since.plus_millis(report::MIN_READY_MILLIS)).filter(|at| *at > situation.now).min()
}
