//! The difference of two documents as a merge patch (RFC 7386), so that a status is written only where it changed.

use serde_json::{Map, Value};

/// The patch that makes `to` of `from`: null for what is no more, lists whole. None when they are equal.
#[must_use]
pub fn merge_patch(from: &Value, to: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (from, to) else {
        return (from != to).then(|| to.clone());
    };
    let mut patch = Map::new();
    for (key, value) in new {
        let change = match old.get(key) {
            Some(known) => merge_patch(known, value),
            None => Some(value.clone()),
        };
        patch.extend(change.map(|change| (key.clone(), change)));
    }
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    patch.extend(gone.map(|key| (key.clone(), Value::Null)));
    (!patch.is_empty()).then_some(Value::Object(patch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_in_the_patch() {
        let from = json!({"same": [1], "gone": 1, "deep": {"same": 1, "new": 1}, "list": [1, 2]});
        let to = json!({"same": [1], "deep": {"same": 1, "new": 2}, "list": [2], "more": {"a": 1}});
        assert_eq!(
            merge_patch(&from, &to),
            Some(json!({"gone": null, "deep": {"new": 2}, "list": [2], "more": {"a": 1}}))
        );
        assert_eq!(merge_patch(&from, &from), None);
    }
}
