//! What became of our writes.

use super::entry::Entry;
use super::{State, feed};
use crate::action::{Action, Note, Target, Write};
use crate::frameworks::Problem;
use crate::input::{Cause, Failure, Outcome};
use crate::object::{Key, Kind, Object};
use serde_json::Value;
use std::collections::BTreeSet;
use twofold_allocator::change::Change;
use twofold_allocator::tick::Timestamp;

/// Takes note of one outcome; what people should be told of it.
pub(super) fn note(state: &mut State, outcome: &Outcome, now: Timestamp) -> Option<Action> {
    let owner = &outcome.action.owner;
    if let (Write::Create(Object::Pod(pod)), Err(_)) = (&outcome.action.write, &outcome.result) {
        let key = Key::new(
            Kind::Pod,
            pod.metadata.namespace.as_deref().unwrap_or_default(),
            pod.metadata.name.as_deref().unwrap_or_default(),
        );
        if !state.world.pods.contains_key(&key) {
            state.tell(Change::HoldingGone(feed::task(&key)));
        }
    }
    let event = state.services.get_mut(owner).and_then(|entry| {
        match (&outcome.action.write, &outcome.result) {
            (write @ Write::DryRun(_), result) => tried(entry, write, result.as_ref().err(), now),
            (Write::Event(_), _) => {}
            (write, Ok(object)) => done(entry, write, object.as_ref()),
            (write, Err(failure)) => failed(entry, write, failure, now),
        }
        event(outcome, &entry.uid)
    });
    settle(state, owner, now);
    event
}

/// One write fewer is under way for this owner.
fn settle(state: &mut State, owner: &Key, now: Timestamp) {
    if let Some(open) = state.in_flight.get_mut(owner) {
        *open = open.saturating_sub(1);
        if *open == 0 {
            state.in_flight.remove(owner);
            if let Some(entry) = state.services.get_mut(owner)
                && entry.setback.until.is_none_or(|until| until <= now)
            {
                entry.setback.clear();
            }
        }
    }
    state.dirty.insert(owner.clone());
}

/// What was written is not stale. A status that the API server took and did not store is not sent again as it is: its
/// definition of the kind has no such field.
fn done(entry: &mut Entry, write: &Write, object: Option<&Object>) {
    if entry.stale.as_ref() == Some(&write.key()) {
        entry.stale = None;
    }
    if let (Write::Status { target, patch }, Some(object)) = (write, object) {
        let stored = object.metadata().resource_version != target.resource_version;
        entry.not_stored = if stored { BTreeSet::new() } else { fields(patch) };
    }
}

/// The fields of the status that a patch is about.
pub(super) fn fields(patch: &Value) -> BTreeSet<String> {
    patch["status"].as_object().into_iter().flat_map(|status| status.keys().cloned()).collect()
}

fn tried(entry: &mut Entry, write: &Write, failure: Option<&Failure>, now: Timestamp) {
    entry.trial.open = entry.trial.open.saturating_sub(1);
    let Some(failure) = failure else { return };
    match failure.cause {
        Cause::Invalid => {
            entry.trial.refused = Some(Problem {
                reason: "InvalidTemplate",
                field: "template".to_owned(),
                message: format!("the API server refuses its pods: {}", failure.message),
            });
        }
        Cause::AlreadyExists => {}
        Cause::Conflict | Cause::NotFound | Cause::Forbidden | Cause::Unavailable | Cause::NotSent => {
            entry.trial.sent = false;
            entry.setback.note(write, &failure.message, now);
        }
    }
}

fn failed(entry: &mut Entry, write: &Write, failure: &Failure, now: Timestamp) {
    match failure.cause {
        Cause::NotSent => {}
        // The first time the watch is behind, and is about to show what changed.
        Cause::Conflict | Cause::NotFound if entry.stale.replace(write.key()) != Some(write.key()) => {}
        Cause::Conflict
        | Cause::NotFound
        | Cause::AlreadyExists
        | Cause::Invalid
        | Cause::Forbidden
        | Cause::Unavailable => entry.setback.note(write, &failure.message, now),
    }
}

/// The events that people of the batch world look for, about the resource on whose behalf a child was written.
fn event(outcome: &Outcome, uid: &str) -> Option<Action> {
    let owner = &outcome.action.owner;
    let (verb, key) = match &outcome.action.write {
        Write::Create(object) => ("Create", object.key()),
        Write::Delete { target, .. } => ("Delete", target.key.clone()),
        _ => return None,
    };
    if !matches!(key.kind, Kind::Pod | Kind::Service) {
        return None;
    }
    let kind = key.kind.name();
    let (warning, reason, message) = match &outcome.result {
        Ok(_) => {
            let done = if verb == "Create" { "Created" } else { "Deleted" };
            (
                false,
                format!("Successful{verb}{kind}"),
                format!("{done} {}: {}", kind.to_lowercase(), key.name),
            )
        }
        Err(failure) if matches!(failure.cause, Cause::NotSent | Cause::NotFound | Cause::Conflict) => {
            return None;
        }
        Err(failure) => {
            let doing = if verb == "Create" { "creating" } else { "deleting" };
            (true, format!("Failed{verb}{kind}"), format!("Error {doing}: {}", failure.message))
        }
    };
    let target = Target { key: owner.clone(), uid: uid.to_owned(), resource_version: None };
    let note = Note { target, warning, reason, action: verb.to_owned(), message };
    Some(Action { owner: owner.clone(), write: Write::Event(note) })
}
