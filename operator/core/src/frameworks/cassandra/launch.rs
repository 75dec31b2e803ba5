//! Accepted launches become pods: first the record, then claims and configuration, then the pods.

use super::ledger::{self, Event};
use super::pod::Member;
use super::{claim, names, pod, racks, recording, support};
use crate::action::{Action, Write};
use crate::frameworks::Situation;
use crate::object::Object;
use twofold_allocator::id::AgentId;
use twofold_crds::{CassandraService, ServiceLedgerSpec};
use twofold_sdk::instance::InstanceId;

/// The writes of instances that go to these agents. When an agent is in no rack of the ring there are none at all: part
/// of a gang is no gang.
#[must_use]
pub fn writes(
    resource: &CassandraService,
    situation: &Situation<'_>,
    placed: &[(InstanceId, AgentId)],
) -> Vec<Action> {
    let known = recording::current(resource, situation);
    let Some(next) = recorded(resource, situation, known.as_ref(), placed) else { return Vec::new() };
    let mut actions: Vec<Action> = recording::write(resource, situation, next.clone()).into_iter().collect();
    actions.extend(support::writes(resource, situation, Some(&next)));
    for (instance, _) in placed {
        let Some(entry) = ledger::entry(&next, instance) else { continue };
        if recording::claim_of(situation, entry).is_none() {
            actions.push(create(resource, claim::claim(resource, instance, &next.cluster_id)));
        }
        let member = Member {
            instance: instance.clone(),
            agent: entry.agent.clone().unwrap_or_default(),
            rack: entry.rack.clone().unwrap_or_default(),
            cluster_id: next.cluster_id.clone(),
            incarnation: entry.incarnation,
            first_seed: ledger::begins_ring(&next, instance),
        };
        actions.push(create(resource, pod::pod(resource, situation.settings, &member)));
    }
    actions
}

/// The record with the launches in it; none when one of them has no rack, or its volume is lost.
fn recorded(
    resource: &CassandraService,
    situation: &Situation<'_>,
    known: Option<&ServiceLedgerSpec>,
    placed: &[(InstanceId, AgentId)],
) -> Option<ServiceLedgerSpec> {
    let first = || ledger::begun("CassandraService", names::name(resource), names::uid(resource));
    let mut next = known.cloned().unwrap_or_else(first);
    if known.is_none() {
        // The racks that the user lists are the ring's from the start, whether or not a node is in each.
        next.racks = racks::settled(resource, None);
    }
    for (instance, agent) in placed {
        let lost = known.and_then(|known| ledger::entry(known, instance));
        if lost.is_some_and(|entry| recording::has_lost_volume(situation, entry)) {
            return None;
        }
        let event = Event::Launched {
            instance: instance.clone(),
            agent: agent.to_string(),
            rack: racks::of_launch(resource, known, instance, situation.zones.get(agent.as_str()))?,
            claim: names::claim(resource, instance),
        };
        next = ledger::apply(&next, &event).ok()?;
    }
    Some(next)
}

fn create(resource: &CassandraService, object: impl Into<Object>) -> Action {
    Action { owner: recording::owner(resource), write: Write::Create(object.into()) }
}
