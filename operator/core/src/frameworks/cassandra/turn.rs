//! Start turns: a member with data starts at once, one without only when the ring can take it in.

use super::ledger::{self, Event};
use super::report::{self, Ring};
use super::{names, recording};
use crate::action::{Action, Target, Write};
use crate::frameworks::Situation;
use crate::object::{Key, Kind};
use crate::record::PodRecord;
use twofold_crds::service_ledger::{InstanceState, LedgerInstance};
use twofold_crds::{CassandraService, ServiceLedgerSpec};
use twofold_sdk::instance::InstanceId;

/// The writes that let instances start. One without data is first put on record as the holder of the slot, and let
/// start when the record shows it.
#[must_use]
pub fn writes(resource: &CassandraService, situation: &Situation<'_>, starts: &[InstanceId]) -> Vec<Action> {
    let Some(current) = recording::current(resource, situation) else { return Vec::new() };
    let mut next = current.clone();
    let mut actions = Vec::new();
    for instance in starts {
        let name = instance.to_string();
        let (Some(pod), Some(entry)) = (report::pod_of(situation, &name), ledger::entry(&current, instance))
        else {
            continue;
        };
        // A pod of an older time is not the one that the record speaks of. It is on its way out.
        if recording::incarnation(pod) != Some(entry.incarnation) || pod.deleting.is_some() {
            continue;
        }
        match entry.state {
            InstanceState::Member if recording::has_lost_volume(situation, entry) => {}
            InstanceState::Member => actions.push(lift(resource, pod, None)),
            InstanceState::Joining if shown_as_holder(situation, instance) => {
                actions.push(lift(resource, pod, Some(name)));
            }
            InstanceState::Empty | InstanceState::Joining => {
                if obstacle(resource, situation, &current, instance).is_none() {
                    let event = Event::LetStart { instance: instance.clone() };
                    next = ledger::apply(&next, &event).unwrap_or(next);
                }
            }
        }
    }
    if next != current {
        actions.extend(recording::write(resource, situation, next));
    }
    actions
}

/// Whether the record in the cluster, not only the one that is about to be written, shows the instance as the holder.
fn shown_as_holder(situation: &Situation<'_>, instance: &InstanceId) -> bool {
    situation.ledger.is_some_and(|ledger| {
        ledger::holds_slot(&ledger.spec, instance)
            && ledger::entry(&ledger.spec, instance)
                .is_some_and(|entry| entry.state == InstanceState::Joining)
    })
}

fn lift(resource: &CassandraService, pod: &PodRecord, slot: Option<String>) -> Action {
    let write = Write::LiftGate {
        pod: Target::of(pod),
        ledger: Key::new(Kind::ServiceLedger, names::namespace(resource), names::name(resource)),
        slot,
    };
    Action { owner: recording::owner(resource), write }
}

/// Why an instance without data may not start now; none when it may. Whoever holds the slot already goes on, since
/// what the ring shows of it may be its own half-finished join.
#[must_use]
pub fn obstacle(
    resource: &CassandraService,
    situation: &Situation<'_>,
    ledger: &ServiceLedgerSpec,
    instance: &InstanceId,
) -> Option<String> {
    if let Err(refused) = ledger::apply(ledger, &Event::LetStart { instance: instance.clone() }) {
        return Some(refused.to_string());
    }
    if ledger::holds_slot(ledger, instance) || report::trusts_pods(resource) {
        return None;
    }
    let members = || ledger.instances.iter().filter(|entry| entry.state == InstanceState::Member);
    members().find_map(|member| disagreement(situation, member, members()).err())
}

/// Every member must see every member up and normal, and nobody else on the way in or out: a member that is down when
/// another joins leaves that one without its data. What a member cannot tell counts as a no.
fn disagreement<'a>(
    situation: &Situation<'_>,
    member: &LedgerInstance,
    members: impl Iterator<Item = &'a LedgerInstance>,
) -> Result<(), String> {
    let name = &member.name;
    let pod = report::pod_of(situation, name).ok_or_else(|| format!("{name} has no pod"))?;
    let said = report::of_pod_now(pod, situation).map_err(|why| format!("{name}: {why}"))?;
    let peers = match said.ring {
        Ring::Known { known } => known,
        Ring::Unknown { unknown } => return Err(format!("{name} cannot see the ring: {unknown}")),
    };
    if let Some(odd) = peers.iter().find(|peer| peer.status != "UN") {
        let who = odd.host_id.as_deref().unwrap_or("a node without host id");
        return Err(format!("{name} sees {who} as {}, not as UN", odd.status));
    }
    for other in members {
        let host_id = other.host_id.as_ref();
        let host_id = host_id.ok_or_else(|| format!("the host id of {} is not known yet", other.name))?;
        if !peers.iter().any(|peer| peer.host_id.as_ref() == Some(host_id)) {
            return Err(format!("{name} does not see {} in the ring", other.name));
        }
    }
    Ok(())
}
