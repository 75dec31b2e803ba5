//! All tasks, by name.

use super::task::TaskBook;
use crate::digest::Digest;
use crate::id::TaskId;
use alloc::collections::BTreeMap;
use core::hash::Hasher;

/// All tasks. They stand in the order of a digest of their names: a look-up compares twenty of them, and names are long
/// and begin alike. Names of one digest stand by name, so that no two are ever taken for one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tasks(BTreeMap<Key, TaskBook>);

type Key = (u64, TaskId);

fn key(id: TaskId) -> Key {
    let mut digest = Digest::default();
    digest.write(id.as_str().as_bytes());
    (digest.finish(), id)
}

impl Tasks {
    pub(crate) fn get(&self, id: &TaskId) -> Option<&TaskBook> {
        self.0.get(&key(id.clone()))
    }

    pub(crate) fn insert(&mut self, id: TaskId, task: TaskBook) {
        self.0.insert(key(id), task);
    }

    pub(crate) fn remove(&mut self, id: &TaskId) -> Option<TaskBook> {
        self.0.remove(&key(id.clone()))
    }

    /// All, in no order that means anything.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&TaskId, &TaskBook)> {
        self.0.iter().map(|((_, id), task)| (id, task))
    }
}
