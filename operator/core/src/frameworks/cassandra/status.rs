//! What a ring's status says. It mirrors the record and what is seen; nothing is decided on it. It is written only
//! where it differs from what the resource shows.

use super::{aim, names, racks, recording, unsupported, upkeep};
use crate::action::{Action, Note, Target, Write};
use crate::condition::{merge_patch, time};
use crate::frameworks::{Problem, Situation, Waiting, plan_status};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::json;
use std::collections::BTreeMap;
use twofold_allocator::tick::Timestamp;
use twofold_crds::cassandra_service::{CassandraServiceStatus, RackStatus};
use twofold_crds::condition::{DEGRADED, READY, STALLED};
use twofold_crds::waiting::{MAX_WAITING_GROUPS, WaitingGroup};
use twofold_crds::{CassandraService, ServiceLedgerSpec};
use twofold_sdk::instance::InstanceId;
use twofold_sdk::plan::Plans;
use twofold_sdk::spec::ServiceSpec;

mod conditions;
mod nodes;

/// All that a status is made of.
struct Picture<'a> {
    resource: &'a CassandraService,
    situation: &'a Situation<'a>,
    ledger: Option<ServiceLedgerSpec>,
    /// What keeps the resource from being carried out; empty when it is.
    problems: &'a [Problem],
    /// Changes that are not carried out.
    unsupported: Vec<Problem>,
    /// Instances that are not launched, with the reason.
    held: BTreeMap<InstanceId, String>,
    /// Claims that are aimed at an agent which was given up.
    astray: Vec<aim::Astray<'a>>,
    plans: Option<&'a Plans>,
    waiting: Option<&'a Waiting>,
}

/// The writes by which the resource shows how it stands.
#[must_use]
pub fn writes(
    resource: &CassandraService,
    outcome: Result<(&ServiceSpec, &Plans, &Waiting), &[Problem]>,
    situation: &Situation<'_>,
) -> Vec<Action> {
    if resource.metadata.deletion_timestamp.is_some() {
        return Vec::new();
    }
    let ledger = recording::current(resource, situation);
    let picture = Picture {
        resource,
        situation,
        problems: outcome.err().unwrap_or_default(),
        unsupported: unsupported::changes(resource, situation, ledger.as_ref()),
        held: upkeep::held(resource, situation, ledger.as_ref()),
        plans: outcome.ok().map(|(_, plans, _)| plans),
        waiting: outcome.ok().map(|(_, _, waiting)| waiting),
        astray: ledger.as_ref().map(|ledger| aim::astray(situation, ledger)).unwrap_or_default(),
        ledger,
    };
    let shown = resource.status.clone().unwrap_or_default();
    let status = status(&picture, &shown);
    // Both are of one type that always has a document.
    let document = |status: &CassandraServiceStatus| serde_json::to_value(status).unwrap_or_default();
    let (before, after) = (document(&shown), document(&status));
    if before == after {
        return Vec::new();
    }
    let patch = merge_patch(&before, &after);
    let target = Target {
        key: recording::owner(resource),
        uid: names::uid(resource).to_owned(),
        resource_version: resource.metadata.resource_version.clone(),
    };
    let mut writes = vec![Write::Status { target: target.clone(), patch: json!({"status": patch}) }];
    writes.extend(events(&target, &shown.conditions, &status.conditions).into_iter().map(Write::Event));
    let owner = recording::owner(resource);
    writes.into_iter().map(|write| Action { owner: owner.clone(), write }).collect()
}

fn status(picture: &Picture<'_>, shown: &CassandraServiceStatus) -> CassandraServiceStatus {
    let Picture { resource, situation, ledger, waiting, plans, .. } = picture;
    let selector = names::selector(resource);
    let selector: Vec<String> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let ready = situation.view.instances.values().filter(|seen| seen.is_ready()).count();
    let recorded = ledger.as_ref().map(|ledger| ledger.racks.as_slice()).unwrap_or_default();
    CassandraServiceStatus {
        observed_generation: resource.metadata.generation,
        conditions: conditions::all(picture, &shown.conditions),
        nodes_ready: i32::try_from(ready).unwrap_or(i32::MAX),
        nodes_desired: resource.spec.nodes,
        selector: Some(selector.join(",")),
        cluster_id: ledger.as_ref().map(|ledger| ledger.cluster_id.clone()),
        racks: recorded
            .iter()
            .map(|rack| RackStatus {
                name: rack.name.clone(),
                zone: rack.zone.clone(),
                nodes: nodes_in(ledger.as_ref(), &rack.name),
            })
            .collect(),
        seeds: ledger
            .as_ref()
            .map(|ledger| racks::seeds(resource, ledger).iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
        plans: plans.map(plan_status::plans).unwrap_or_default(),
        nodes: nodes::all(picture, &shown.nodes),
        waiting: waiting
            .map(|waiting| groups(names::name(resource), waiting, &shown.waiting, situation.now))
            .unwrap_or_default(),
    }
}

fn nodes_in(ledger: Option<&ServiceLedgerSpec>, rack: &str) -> i32 {
    let instances = ledger.map(|ledger| ledger.instances.as_slice()).unwrap_or_default();
    let count = instances.iter().filter(|entry| entry.rack.as_deref() == Some(rack)).count();
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A group that was there before keeps the time since when it is there.
fn groups(service: &str, waiting: &Waiting, shown: &[WaitingGroup], now: Timestamp) -> Vec<WaitingGroup> {
    let groups = waiting.groups.iter().take(MAX_WAITING_GROUPS);
    groups
        .map(|group| {
            let message = Some(group.reason.chars().take(1024).collect());
            let known = shown.iter().find(|known| known.stage == group.stage && known.message == message);
            WaitingGroup {
                ask: service.to_owned(),
                stage: group.stage.clone(),
                reason: "Refused".to_owned(),
                message,
                agents: i32::try_from(group.agents).ok(),
                nearest: None,
                since: known.and_then(|known| known.since.clone()).or_else(|| Some(time(now))),
            }
        })
        .collect()
}

/// People are told when the ring becomes ready or stops being so, and when it cannot go on.
fn events(target: &Target, before: &[Condition], after: &[Condition]) -> Vec<Note> {
    let of = |conditions: &[Condition], kind: &str| conditions.iter().find(|c| c.type_ == kind).cloned();
    let changed = [READY, STALLED].into_iter().filter_map(|kind| {
        let (old, new) = (of(before, kind), of(after, kind)?);
        let was = old.as_ref().is_some_and(|old| old.status == "True");
        let is = new.status == "True";
        let same_reason = old.is_some_and(|old| old.reason == new.reason);
        (was != is || (kind == STALLED && is && !same_reason)).then_some((kind, is, new))
    });
    // A ring that grows is not ready for a while; nothing is wrong with it.
    let trouble =
        [DEGRADED, STALLED].into_iter().any(|kind| of(after, kind).is_some_and(|c| c.status == "True"));
    changed
        .filter(|(kind, is, _)| *kind == READY || *is)
        .map(|(kind, is, condition)| Note {
            target: target.clone(),
            warning: trouble && (kind == READY) != is,
            reason: condition.reason,
            action: "Observe".to_owned(),
            message: condition.message.chars().take(1000).collect(),
        })
        .collect()
}
