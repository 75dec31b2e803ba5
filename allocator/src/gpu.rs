//! GPUs, counted by model.

use crate::id::Word;
use alloc::vec::Vec;

/// How many GPUs of each model: ordered by model, no model twice, no count of zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Gpus(pub(crate) Vec<(Word, u64)>);

impl Gpus {
    /// So many GPUs of one model.
    #[must_use]
    pub fn of(model: Word, count: u64) -> Self {
        let mut gpus = Self::default();
        gpus.add(&model, count);
        gpus
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// GPUs of all models together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// GPUs of one model.
    #[must_use]
    pub fn count(&self, model: &Word) -> u64 {
        self.0.iter().find(|(known, _)| known == model).map_or(0, |(_, count)| *count)
    }

    /// The models and their counts, by model.
    pub fn iter(&self) -> impl Iterator<Item = (&Word, u64)> {
        self.0.iter().map(|(model, count)| (model, *count))
    }

    /// Adds GPUs of one model.
    pub fn add(&mut self, model: &Word, count: u64) {
        if count == 0 {
            return;
        }
        match self.0.binary_search_by(|(known, _)| known.cmp(model)) {
            Ok(at) => {
                if let Some((_, sum)) = self.0.get_mut(at) {
                    *sum = sum.saturating_add(count);
                }
            }
            Err(at) => self.0.insert(at, (model.clone(), count)),
        }
    }

    /// Leaves one model out.
    pub(crate) fn remove(&mut self, model: &Word) {
        self.0.retain(|(known, _)| known != model);
    }

    /// Takes up to `count` GPUs of one model away and says how many were missing.
    pub(crate) fn take_up_to(&mut self, model: &Word, count: u64) -> u64 {
        let Some((_, have)) = self.0.iter_mut().find(|(known, _)| known == model) else {
            return count;
        };
        let missing = count.saturating_sub(*have);
        *have = have.saturating_sub(count);
        if *have == 0 {
            self.0.retain(|(_, left)| *left > 0);
        }
        missing
    }
}

/// GPUs that a member asks for. All of them come from one model on one agent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GpuRequest {
    /// The model asked for; any model when absent.
    pub model: Option<Word>,
    /// How many, at least one.
    pub count: u64,
}

impl GpuRequest {
    /// The first model, by name, that has enough GPUs among these.
    #[must_use]
    pub fn choose<'a>(&self, free: &'a Gpus) -> Option<&'a Word> {
        free.0
            .iter()
            .find(|(model, count)| {
                *count >= self.count && self.model.as_ref().is_none_or(|wanted| wanted == model)
            })
            .map(|(model, _)| model)
    }
}
