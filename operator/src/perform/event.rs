//! Events for people, as `events.k8s.io/v1`.

use super::Reporter;
use super::request::MANAGER;
use k8s_openapi::Resource as _;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use twofold_core::action::Note;

/// How long the same event is not published again.
const QUIET: SignedDuration = SignedDuration::from_mins(10);
/// The most events that are remembered for this.
const REMEMBERED: usize = 4_096;
/// The API server's bounds, in bytes.
const NOTE_BYTES: usize = 1_024;
const WORD_BYTES: usize = 128;
const NAME_BYTES: usize = 230;

/// The event that a note becomes. Its name is made of what it says and of the time in steps of ten minutes, so that
/// two copies that say the same make one event.
pub(super) fn of(note: &Note, instance: &str, now: Timestamp) -> Event {
    let key = &note.target.key;
    let about = ObjectReference {
        api_version: Some(key.kind.api_version().to_owned()),
        kind: Some(key.kind.name().to_owned()),
        namespace: (!key.namespace.is_empty()).then(|| key.namespace.clone()),
        name: Some(key.name.clone()),
        uid: Some(note.target.uid.clone()),
        resource_version: note.target.resource_version.clone(),
        field_path: None,
    };
    let words =
        Words { warning: note.warning, reason: &note.reason, action: &note.action, message: &note.message };
    event(about, &words, instance, now)
}

/// The event that says that a law is broken. It is about the Lease, which stands for the operator.
pub(super) fn of_violation(violation: &str, reporter: &Reporter, now: Timestamp) -> Event {
    let about = ObjectReference {
        api_version: Some(Lease::API_VERSION.to_owned()),
        kind: Some(Lease::KIND.to_owned()),
        namespace: Some(reporter.namespace.clone()),
        name: Some(reporter.lease.clone()),
        ..ObjectReference::default()
    };
    let message = format!("nothing was written in this cycle, and the books were built anew: {violation}");
    let words = Words { warning: true, reason: "LawBroken", action: "Decide", message: &message };
    event(about, &words, &reporter.identity, now)
}

#[derive(Hash)]
struct Words<'a> {
    warning: bool,
    reason: &'a str,
    action: &'a str,
    message: &'a str,
}

fn event(about: ObjectReference, words: &Words<'_>, instance: &str, now: Timestamp) -> Event {
    let mut hasher = DefaultHasher::new();
    (&about.uid, words, now.as_second() / QUIET.as_secs()).hash(&mut hasher);
    let name = about.name.as_deref().unwrap_or_default();
    let stem = start(name, NAME_BYTES).trim_end_matches(['.', '-']);
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{stem}.{:016x}", hasher.finish())),
            namespace: about.namespace.clone(),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        reporting_controller: Some(MANAGER.to_owned()),
        reporting_instance: Some(start(instance, WORD_BYTES).to_owned()),
        type_: Some(if words.warning { "Warning" } else { "Normal" }.to_owned()),
        reason: Some(start(words.reason, WORD_BYTES).to_owned()),
        action: Some(start(words.action, WORD_BYTES).to_owned()),
        note: Some(start(words.message, NOTE_BYTES).to_owned()),
        regarding: Some(about),
        ..Event::default()
    }
}

/// What was said a short time ago.
#[derive(Debug, Default)]
pub(super) struct Notes(BTreeMap<String, Timestamp>);

impl Notes {
    /// Whether this is new; it is remembered then.
    pub(super) fn is_new(&mut self, event: &Event, now: Timestamp) -> bool {
        let text = [&event.type_, &event.reason, &event.action, &event.note];
        let about = event.regarding.as_ref().map(|about| (&about.kind, &about.uid));
        let said = format!("{about:?} {text:?}");
        if self.0.get(&said).is_some_and(|then| now.duration_since(*then) < QUIET) {
            return false;
        }
        if self.0.len() >= REMEMBERED {
            self.0.retain(|_, then| now.duration_since(*then) < QUIET);
        }
        if self.0.len() >= REMEMBERED {
            self.0.clear();
        }
        self.0.insert(said, now);
        true
    }
}

/// The start of a text, at most so many bytes, whole characters.
fn start(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use twofold_core::action::Target;
    use twofold_core::object::{Key, Kind};

    fn note(message: &str) -> Note {
        let key = Key::new(Kind::TFJob, "ml", "mnist");
        let target = Target { key, uid: "u1".to_owned(), resource_version: None };
        let (reason, action) = ("Waiting".to_owned(), "Place".to_owned());
        Note { target, warning: false, reason, action, message: message.to_owned() }
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_same_note_within_ten_minutes_is_one_event() {
        let mut notes = Notes::default();
        let mut is_new = |text: &str, at: i64| notes.is_new(&of(&note(text), "me", second(at)), second(at));
        assert!(is_new("a", 0));
        assert!(!is_new("a", 599));
        assert!(is_new("b", 1));
        assert!(is_new("a", 600));
        let name = |text: &str, at| of(&note(text), "me", second(at)).metadata.name;
        assert_eq!(name("a", 0), name("a", 599));
        assert_ne!(name("a", 0), name("a", 600));
        assert_ne!(name("a", 0), name("b", 0));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut notes = Notes::default();
        for index in 0..10_000 {
            notes.is_new(&of(&note(&index.to_string()), "me", second(0)), second(0));
        }
        assert!(notes.0.len() <= REMEMBERED);
    }

    #[test]
    fn long_notes_are_cut_at_a_whole_character() {
        let event = of(&note(&"ü".repeat(2_000)), "me", second(0));
        assert_eq!(event.note.unwrap().len(), 1_024);
    }
}
