//! What the status of a role says: charged, guarantee and limit in force, share.

use super::State;
use crate::action::{Action, Target, Write};
use crate::condition::{self, Verdict};
use crate::object::{Key, Kind};
use crate::observe::role;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use std::collections::BTreeMap;
use twofold_allocator::quantity::Quantity;
use twofold_allocator::report::RoleReport;
use twofold_allocator::resources::{Amounts, Kind as Resource, Listed};
use twofold_allocator::tick::Timestamp;
use twofold_crds::AllocationRole;
use twofold_crds::allocation_role::AllocationRoleStatus;
use twofold_crds::condition::READY;

/// How long a role's status stands before its figures are told anew.
const RETELL_MILLIS: u64 = 2_000;

/// The statuses that differ from what the roles show, each told at most every two seconds.
pub(super) fn statuses(state: &mut State, now: Timestamp) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut wake = None;
    state.roles_told.retain(|key, _| state.world.roles.contains_key(&key.name));
    for resource in state.world.roles.values() {
        let key = Key::new(Kind::AllocationRole, "", resource.metadata.name.as_deref().unwrap_or_default());
        if state.in_flight.contains_key(&key) {
            continue;
        }
        let wanted = status(state, resource, now);
        if resource.status.as_ref() == Some(&wanted) {
            continue;
        }
        let again = state.roles_told.get(&key).map(|told| told.plus_millis(RETELL_MILLIS));
        if let Some(again) = again.filter(|again| *again > now) {
            wake = [wake, Some(again)].into_iter().flatten().min();
            continue;
        }
        state.roles_told.insert(key.clone(), now);
        let target = Target {
            uid: resource.metadata.uid.clone().unwrap_or_default(),
            resource_version: resource.metadata.resource_version.clone(),
            key: key.clone(),
        };
        let before = resource.status.as_ref().map(|status| serde_json::json!(status)).unwrap_or_default();
        let patch =
            serde_json::json!({ "status": condition::merge_patch(&before, &serde_json::json!(wanted)) });
        actions.push(Action { owner: key, write: Write::Status { target, patch } });
    }
    state.wake(wake);
    actions
}

fn status(state: &State, resource: &AllocationRole, now: Timestamp) -> AllocationRoleStatus {
    let generation = resource.metadata.generation;
    let known = resource.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let mut told =
        AllocationRoleStatus { observed_generation: generation, ..AllocationRoleStatus::default() };
    let verdict = match role::role(resource, &state.world.roles) {
        Ok(role) => {
            told.path = Some(role.path.as_str().to_owned());
            let report = state.allocator.role_report(&role.path);
            told.guarantee = quantities(&state.tree.guarantee(&role.path));
            told.limit = quantities(&state.tree.limit(&role.path));
            if let Some(report) = &report {
                told.charged = quantities(&report.charged.amounts());
                told.share = Some(share(report.share));
            }
            in_force(report.as_ref())
        }
        Err(problems) => {
            let first = problems.into_iter().next();
            let reason = first.as_ref().map_or("Invalid", |problem| problem.reason);
            let message = first.map(|problem| format!("{}: {}", problem.field, problem.message));
            Verdict { status: Some(false), reason, message: message.unwrap_or_default() }
        }
    };
    told.conditions = vec![condition::set(known, READY, verdict, generation, now)];
    told
}

fn in_force(report: Option<&RoleReport<'_>>) -> Verdict {
    match report.map(|report| &report.excess).filter(|over| !over.is_empty()) {
        Some(over) => Verdict {
            status: Some(true),
            reason: "OverLimit",
            message: format!(
                "{} more is charged than the limit; nothing is stopped, nothing is added",
                Listed(over)
            ),
        },
        None => Verdict { status: Some(true), reason: "InForce", message: "the role is in force".to_owned() },
    }
}

fn quantities(amounts: &Amounts) -> BTreeMap<String, Text> {
    let one = |(kind, amount): (&Resource, &u64)| {
        let text = match kind {
            Resource::Cpu => Quantity::milli(*amount).to_string(),
            Resource::Memory | Resource::Disk => Quantity::whole(*amount).binary().to_string(),
            Resource::Pods | Resource::Gpu | Resource::GpuModel(_) | Resource::Other(_) => amount.to_string(),
            Resource::Ports | Resource::PortRange(..) => amount.to_string(),
        };
        (role::resource_name(kind), Text(text))
    };
    amounts
        .iter()
        .filter(|(kind, _)| !matches!(kind, Resource::GpuModel(_) | Resource::PortRange(..)))
        .map(one)
        .collect()
}

/// A share as a decimal fraction with four digits, rounded down.
fn share((part, of): (u128, u128)) -> String {
    let ten_thousandths = part.saturating_mul(10_000).checked_div(of).unwrap_or_default();
    format!("{}.{:04}", ten_thousandths / 10_000, ten_thousandths % 10_000)
}
