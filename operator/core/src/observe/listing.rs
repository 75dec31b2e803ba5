//! Relists as full differences. A watch that was cut off says nothing of what vanished in the gap: whatever a
//! complete list does not show is gone.

use crate::object::{Key, Kind};
use std::collections::{BTreeMap, BTreeSet};

/// Which kinds have been listed, and what the lists under way have shown so far.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    done: BTreeSet<Kind>,
    open: BTreeMap<Kind, BTreeSet<Key>>,
}

impl Listing {
    /// A list of the kind begins.
    pub fn begin(&mut self, kind: Kind) {
        self.open.insert(kind, BTreeSet::new());
    }

    /// An object was seen, by a list or by a watch.
    pub fn saw(&mut self, key: &Key) {
        if let Some(seen) = self.open.get_mut(&key.kind) {
            seen.insert(key.clone());
        }
    }

    /// The list of the kind is complete: what it showed, or nothing where no list was under way.
    pub fn end(&mut self, kind: Kind) -> Option<BTreeSet<Key>> {
        self.done.insert(kind);
        self.open.remove(&kind)
    }

    /// Whether every kind has been listed once.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        Kind::ALL.iter().all(|kind| self.done.contains(kind))
    }
}
