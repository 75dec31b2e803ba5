//! Conditions and status patches, so that nothing is written that is already said.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff;
use serde_json::{Map, Value};
use twofold_allocator::tick::Timestamp;

/// What a condition is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the condition holds: yes, no, or unknown.
    pub status: Option<bool>,
    /// A word in camel case.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
}

/// The condition of a type with a verdict. The time of its last transition is kept while its status does not change.
#[must_use]
pub fn set(
    known: &[Condition],
    type_: &str,
    verdict: Verdict,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let status = match verdict.status {
        Some(true) => "True",
        Some(false) => "False",
        None => "Unknown",
    };
    let before = known.iter().find(|condition| condition.type_ == type_ && condition.status == status);
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: verdict.reason.to_owned(),
        message: verdict.message,
        observed_generation: generation,
        last_transition_time: before
            .map_or_else(|| time(now), |condition| condition.last_transition_time.clone()),
    }
}

/// A time as Kubernetes writes it, to the second.
#[must_use]
pub fn time(at: Timestamp) -> Time {
    let seconds = i64::try_from(at.0 / 1_000).unwrap_or_default();
    Time(jiff::Timestamp::from_second(seconds).unwrap_or_default())
}

/// The JSON merge patch that leads from one value to another (RFC 7396): what is no more becomes null.
#[must_use]
pub fn merge_patch(before: &Value, after: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (before, after) else { return after.clone() };
    let mut patch = Map::new();
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        patch.insert(name.clone(), Value::Null);
    }
    for (name, value) in after {
        match before.get(name) {
            Some(known) if known == value => {}
            Some(known) => {
                patch.insert(name.clone(), merge_patch(known, value));
            }
            None => {
                patch.insert(name.clone(), value.clone());
            }
        }
    }
    Value::Object(patch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_names_what_changed_and_nulls_what_is_gone() {
        let before = json!({"a": 1, "b": {"c": 1, "d": 2}, "e": [1]});
        let after = json!({"b": {"c": 1, "f": 3}, "e": [1, 2]});
        assert_eq!(merge_patch(&before, &after), json!({"a": null, "b": {"d": null, "f": 3}, "e": [1, 2]}));
    }

    #[test]
    fn a_condition_keeps_its_transition_time_while_its_status_stays() {
        let verdict = |status| Verdict { status, reason: "Any", message: String::new() };
        let first = set(&[], "Ready", verdict(Some(false)), None, Timestamp(1_000));
        let same = set(std::slice::from_ref(&first), "Ready", verdict(Some(false)), None, Timestamp(9_000));
        let other = set(std::slice::from_ref(&first), "Ready", verdict(Some(true)), None, Timestamp(9_000));
        assert_eq!(same.last_transition_time, time(Timestamp(1_000)));
        assert_eq!(other.last_transition_time, time(Timestamp(9_000)));
    }
}
