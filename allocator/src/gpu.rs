//! GPUs that are asked for.

use crate::counts::Counts;
use crate::id::Word;

/// GPUs that a member asks for. All of them come from one model on one agent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GpuRequest {
    /// The model asked for; any model when absent.
    pub model: Option<Word>,
    /// How many, at least one.
    pub count: u64,
    /// Whether all of them come from one island. Then only agents that show their devices will do for more than one.
    pub one_island: bool,
}

impl GpuRequest {
    /// The first model, by name, that has enough GPUs among these.
    #[must_use]
    pub fn choose<'a>(&self, free: &'a Counts) -> Option<&'a Word> {
        let is_wanted = |model: &Word| self.model.as_ref().is_none_or(|wanted| wanted == model);
        free.iter().find(|(model, count)| *count >= self.count && is_wanted(model)).map(|(model, _)| model)
    }
}
