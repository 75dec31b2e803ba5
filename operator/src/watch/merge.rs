//! One stream of inputs out of the watches of several namespaces.
//!
//! The brain takes a list of a kind for the whole truth. When only one namespace of several is listed anew, the
//! difference is therefore made here, from the names that are known of it.

use std::collections::BTreeMap;
use twofold_core::input::Input;
use twofold_core::object::{Key, Kind};

/// The parts of a kind and what is known of each.
#[derive(Debug)]
pub(super) struct Merge {
    kind: Kind,
    parts: Vec<Part>,
    begun: bool,
}

#[derive(Debug, Default)]
struct Part {
    /// Names and UIDs of the objects that are there.
    known: BTreeMap<Key, String>,
    /// Those of a list under way.
    listing: Option<BTreeMap<Key, String>>,
    listed: bool,
}

impl Merge {
    pub(super) fn new(kind: Kind, parts: usize) -> Self {
        Self { kind, parts: (0..parts).map(|_| Part::default()).collect(), begun: false }
    }

    /// What the brain is told when this comes from one part.
    pub(super) fn take(&mut self, part: usize, input: Input) -> Vec<Input> {
        if self.parts.len() == 1 {
            return vec![input];
        }
        let Some(state) = self.parts.get_mut(part) else { return Vec::new() };
        match &input {
            Input::ListBegan(_) => {
                state.listing = Some(BTreeMap::new());
                if std::mem::replace(&mut self.begun, true) {
                    return Vec::new();
                }
            }
            Input::Applied(object) => state.insert(object.key(), object.uid()),
            Input::Undecodable { key, .. } => state.keep(key.clone()),
            Input::Deleted { key, .. } => {
                state.known.remove(key);
                state.listing.iter_mut().for_each(|list| drop(list.remove(key)));
            }
            Input::ListEnded(_) => return self.end_list(part),
            Input::Outcome(_) | Input::Report { .. } => {}
        }
        vec![input]
    }

    fn end_list(&mut self, part: usize) -> Vec<Input> {
        let were_listed = self.parts.iter().all(|part| part.listed);
        let mut inputs = Vec::new();
        if let Some(state) = self.parts.get_mut(part) {
            let list = state.listing.take().unwrap_or_default();
            let before = std::mem::replace(&mut state.known, list);
            let gone = before.into_iter().filter(|(key, _)| !state.known.contains_key(key));
            inputs.extend(gone.map(|(key, uid)| Input::Deleted { key, uid }));
            state.listed = true;
        }
        if !were_listed && self.parts.iter().all(|part| part.listed) {
            inputs.push(Input::ListEnded(self.kind));
        }
        inputs
    }
}

impl Part {
    /// It is there, and which one of its name it is cannot be read: it is taken for the one that was there.
    fn keep(&mut self, key: Key) {
        let uid = self.known.get(&key).cloned().unwrap_or_default();
        self.insert(key, &uid);
    }

    fn insert(&mut self, key: Key, uid: &str) {
        if let Some(list) = &mut self.listing {
            list.insert(key.clone(), uid.to_owned());
        }
        self.known.insert(key, uid.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::ConfigMap;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

    const BEGAN: Input = Input::ListBegan(Kind::ConfigMap);
    const ENDED: Input = Input::ListEnded(Kind::ConfigMap);

    fn map(namespace: &str, name: &str) -> Input {
        let text = |text: &str| Some(text.to_owned());
        let metadata = ObjectMeta {
            namespace: text(namespace),
            name: text(name),
            uid: text(name),
            ..ObjectMeta::default()
        };
        Input::Applied(ConfigMap { metadata, ..ConfigMap::default() }.into())
    }

    fn told(merge: &mut Merge, part: usize, inputs: impl IntoIterator<Item = Input>) -> Vec<String> {
        let told = inputs.into_iter().flat_map(|input| merge.take(part, input));
        told.map(|input| match input {
            Input::ListBegan(_) => "began".to_owned(),
            Input::ListEnded(_) => "ended".to_owned(),
            Input::Applied(object) => format!("applied {}", object.key()),
            Input::Deleted { key, uid } => format!("deleted {key} {uid}"),
            other => format!("{other:?}"),
        })
        .collect()
    }

    #[test]
    fn the_kind_is_listed_when_every_namespace_is() {
        let mut merge = Merge::new(Kind::ConfigMap, 2);
        assert_eq!(told(&mut merge, 0, [BEGAN, map("a", "x"), ENDED]), ["began", "applied ConfigMap a/x"]);
        assert_eq!(told(&mut merge, 1, [BEGAN, map("b", "y")]), ["applied ConfigMap b/y"]);
        assert_eq!(told(&mut merge, 1, [ENDED]), ["ended"]);
    }

    #[test]
    fn a_namespace_that_is_listed_anew_loses_only_its_own() {
        let mut merge = Merge::new(Kind::ConfigMap, 2);
        told(&mut merge, 0, [BEGAN, map("a", "x"), map("a", "z"), ENDED]);
        told(&mut merge, 1, [BEGAN, map("b", "y"), ENDED]);
        let again = told(&mut merge, 0, [BEGAN, map("a", "z"), ENDED]);
        assert_eq!(again, ["applied ConfigMap a/z", "deleted ConfigMap a/x x"]);
    }

    #[test]
    fn one_that_cannot_be_read_any_more_is_the_one_that_was_there() {
        let mut merge = Merge::new(Kind::ConfigMap, 2);
        told(&mut merge, 0, [BEGAN, map("a", "x"), ENDED]);
        let Input::Applied(object) = map("a", "x") else { panic!("no map") };
        told(&mut merge, 0, [Input::Undecodable { key: object.key(), message: "no map".to_owned() }]);
        let again = told(&mut merge, 0, [BEGAN, ENDED]);
        assert_eq!(again, ["deleted ConfigMap a/x x"]);
    }

    #[test]
    fn a_list_that_was_broken_off_counts_for_nothing() {
        let mut merge = Merge::new(Kind::ConfigMap, 2);
        told(&mut merge, 0, [BEGAN, map("a", "x")]);
        told(&mut merge, 1, [BEGAN, ENDED]);
        assert_eq!(told(&mut merge, 0, [BEGAN, ENDED]), ["deleted ConfigMap a/x x", "ended"]);
    }

    #[test]
    fn one_watch_is_passed_on_as_it_is() {
        let mut merge = Merge::new(Kind::ConfigMap, 1);
        let inputs = [BEGAN, map("a", "x"), ENDED, BEGAN, ENDED];
        assert_eq!(
            told(&mut merge, 0, inputs),
            ["began", "applied ConfigMap a/x", "ended", "began", "ended"]
        );
    }
}
