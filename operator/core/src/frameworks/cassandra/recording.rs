//! What is seen of a ring is put on record: pods and claims by UID, who has joined, and by which host id.

use super::ledger::{self, Event};
use super::names;
use super::report;
use super::revision::Revision;
use crate::action::{Action, Write};
use crate::frameworks::Situation;
use crate::object::{Key, Kind, Object};
use crate::record::{ClaimRecord, PodRecord};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use twofold_crds::cassandra_service::OnDelete;
use twofold_crds::service_ledger::{InstanceState, LedgerInstance};
use twofold_crds::{CassandraService, ServiceLedger, ServiceLedgerSpec};

/// The record with everything in it that is seen now; none before the first launch.
#[must_use]
pub fn current(resource: &CassandraService, situation: &Situation<'_>) -> Option<ServiceLedgerSpec> {
    let recorded = &situation.ledger?.spec;
    let mut next = recorded.clone();
    if recorded.service.uid != names::uid(resource) {
        next = with(next, &Event::Adopted { uid: names::uid(resource).to_owned() });
    }
    for entry in &recorded.instances {
        for event in events(resource, situation, entry) {
            next = with(next, &event);
        }
    }
    Some(next)
}

/// What is seen is of instances on record, so nothing here can be refused; what is, changes nothing.
fn with(ledger: ServiceLedgerSpec, event: &Event) -> ServiceLedgerSpec {
    ledger::apply(&ledger, event).unwrap_or(ledger)
}

fn events(resource: &CassandraService, situation: &Situation<'_>, entry: &LedgerInstance) -> Vec<Event> {
    let Some(instance) = names::instance(&entry.name) else { return Vec::new() };
    let mut events = Vec::new();
    if let Some(claim) = claim_of(situation, entry) {
        events.push(Event::ClaimSeen { instance: instance.clone(), uid: claim.identity.uid.clone() });
    }
    let Some(pod) = report::pod_of(situation, &entry.name) else { return events };
    if incarnation(pod) == Some(entry.incarnation) {
        events.push(Event::PodSeen { instance: instance.clone(), uid: pod.identity.uid.clone() });
    }
    let joins = entry.state != InstanceState::Member && report::has_joined(resource, pod, situation);
    if joins {
        events.push(Event::Joined { instance: instance.clone() });
    }
    if joins || entry.state == InstanceState::Member {
        let said = report::of_pod(pod, situation).ok();
        if let Some(host_id) = said.filter(|said| said.bootstrapped).and_then(|said| said.host_id) {
            events.push(Event::HostIdKnown { instance, host_id });
        }
    }
    events
}

/// For which time of its instance a pod was made.
#[must_use]
pub fn incarnation(pod: &PodRecord) -> Option<i64> {
    Some(Revision::parse(pod.revision.as_deref()?)?.incarnation)
}

/// The claim of an instance.
#[must_use]
pub fn claim_of<'a>(situation: &Situation<'a>, entry: &LedgerInstance) -> Option<&'a ClaimRecord> {
    let mut claims = situation.claims.iter().copied();
    claims.find(|claim| claim.instance.as_deref() == Some(entry.name.as_str()))
}

/// Whether a member's volume is gone: there is no claim, or another one of its name.
#[must_use]
pub fn has_lost_volume(situation: &Situation<'_>, entry: &LedgerInstance) -> bool {
    let same = |claim: &ClaimRecord| entry.claim_uid.as_ref().is_none_or(|uid| *uid == claim.identity.uid);
    entry.state == InstanceState::Member && !claim_of(situation, entry).is_some_and(same)
}

/// The write that puts a record in place of the one that is there; none where they are equal.
#[must_use]
pub fn write(
    resource: &CassandraService,
    situation: &Situation<'_>,
    next: ServiceLedgerSpec,
) -> Option<Action> {
    let write = match situation.ledger {
        None => Write::Create(Object::from(first(resource, next))),
        Some(known) if known.spec == next => return None,
        Some(known) => Write::Replace(Object::from(ServiceLedger { spec: next, ..known.clone() })),
    };
    Some(Action { owner: owner(resource), write })
}

/// On whose behalf all writes are done.
#[must_use]
pub fn owner(resource: &CassandraService) -> Key {
    Key::new(Kind::CassandraService, names::namespace(resource), names::name(resource))
}

/// The ledger lives as long as the data: it goes with the resource only where the claims do.
fn first(resource: &CassandraService, spec: ServiceLedgerSpec) -> ServiceLedger {
    let goes_with_resource = resource.spec.storage.on_delete == OnDelete::Delete;
    ServiceLedger {
        metadata: ObjectMeta {
            name: Some(names::name(resource).to_owned()),
            namespace: Some(names::namespace(resource).to_owned()),
            labels: Some(names::labels(resource)),
            owner_references: goes_with_resource.then(|| vec![names::owner(resource)]),
            ..ObjectMeta::default()
        },
        spec,
    }
}
