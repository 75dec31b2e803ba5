//! In which order writes are sent.

use std::collections::BTreeMap;
use twofold_core::action::{Action, Stage};
use twofold_core::object::Key;

/// The actions of one owner, which follow one another in stages. Batches of different owners do not wait for each
/// other.
#[derive(Debug, Default)]
pub struct Batch(BTreeMap<Stage, Vec<Action>>);

impl Batch {
    /// Sorts the actions of a cycle into one batch for each owner; inside a stage they keep their order.
    #[must_use]
    pub fn by_owner(actions: Vec<Action>) -> Vec<Self> {
        let mut owners: BTreeMap<Key, Self> = BTreeMap::new();
        for action in actions {
            let batch = owners.entry(action.owner.clone()).or_default();
            batch.0.entry(action.write.stage()).or_default().push(action);
        }
        owners.into_values().collect()
    }

    pub(super) fn into_stages(self) -> impl Iterator<Item = Vec<Action>> {
        self.0.into_values()
    }
}
