//! From launches and plans to writes.

use super::entry::Entry;
use super::plans::with_situation;
use super::rounds::Launched;
use super::{State, outcomes};
use crate::action::{Action, Stage, Write};
use crate::explain;
use crate::frameworks::{Problem, Waiting};
use crate::object::{Key, Object};
use std::collections::BTreeMap;
use twofold_allocator::tick::Timestamp;
use twofold_sdk::start;

/// How long a waiting service's reasons stand in its status before they are told anew.
const RETELL_MILLIS: u64 = 10_000;

/// The writes of one service after the turns of this cycle: pods for its launches, start turns, status.
pub(super) fn service(state: &mut State, key: &Key, launches: &[Launched], now: Timestamp) -> Vec<Action> {
    let Some(mut entry) = state.services.remove(key) else { return Vec::new() };
    let mut actions = Vec::new();
    if let Ok(spec) = entry.translated.clone() {
        let held = entry.setback.holds(now);
        let starts = if held { Vec::new() } else { start::starts(&spec, &entry.view) };
        let placed = with_situation(&entry, &state.world, &state.settings, now, |framework, situation| {
            let mut actions = Vec::new();
            if !starts.is_empty() {
                actions.extend(framework.start(&spec, situation, &starts));
            }
            if !launches.is_empty() {
                actions.extend(framework.launch(&spec, situation, launches));
            }
            actions
        });
        actions.extend(placed.unwrap_or_default());
        retell(state, &mut entry, now);
    }
    actions.extend(status(state, &entry, now));
    state.services.insert(key.clone(), entry);
    actions
}

/// Says anew what a service waits for: at once when it begins or ends to wait, else not too often.
fn retell(state: &mut State, entry: &mut Entry, now: Timestamp) {
    let again = entry.waiting_at.plus_millis(RETELL_MILLIS);
    let still_waits = !entry.waiting.summary.is_empty() && !entry.asks.is_empty();
    if still_waits && again > now {
        state.look_again(&entry.key, Some(again));
        return;
    }
    entry.waiting = explain::waiting(entry, &state.allocator);
    entry.waiting_at = now;
}

fn status(state: &State, entry: &Entry, now: Timestamp) -> Vec<Action> {
    if entry.setback.holds(now) && entry.setback.stage == Some(Stage::Status) {
        return Vec::new();
    }
    let refused: Option<Vec<Problem>> = match (&entry.translated, &entry.barred, &entry.trial.refused) {
        (Err(problems), _, _) if problems.is_empty() => return Vec::new(),
        (Err(problems), _, _) => Some(problems.clone()),
        (Ok(_), Some(problem), _) | (Ok(_), None, Some(problem)) => Some(vec![problem.clone()]),
        (Ok(_), None, None) => None,
    };
    let none = Waiting::default();
    let told = with_situation(entry, &state.world, &state.settings, now, |framework, situation| {
        match (&refused, &entry.translated, &entry.plans) {
            (Some(problems), _, _) => framework.status(Err(problems), situation),
            (None, Ok(spec), Some(plans)) => {
                let waiting = if plans.finished { &none } else { &entry.waiting };
                framework.status(Ok((spec, plans, waiting)), situation)
            }
            _ => Vec::new(),
        }
    });
    let mut told = told.unwrap_or_default();
    if !entry.not_stored.is_empty() {
        told.retain(|action| match &action.write {
            Write::Status { patch, .. } => !outcomes::fields(patch).is_subset(&entry.not_stored),
            _ => true,
        });
    }
    told
}

/// Of the ledger writes of one service only the last is sent: each builds on those before it, and a ledger can be
/// replaced only once from one version.
pub(super) fn only_last_ledgers(actions: Vec<Action>) -> Vec<Action> {
    let is_ledger = |action: &Action| {
        matches!(
            &action.write,
            Write::Create(Object::ServiceLedger(_)) | Write::Replace(Object::ServiceLedger(_))
        )
    };
    let written = actions.iter().enumerate().filter(|(_, action)| is_ledger(action));
    let last: BTreeMap<_, _> = written.map(|(at, action)| (action.owner.clone(), at)).collect();
    let kept = actions.into_iter().enumerate();
    kept.filter(|(at, action)| !is_ledger(action) || last.get(&action.owner) == Some(at))
        .map(|(_, action)| action)
        .collect()
}
