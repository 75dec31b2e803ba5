//! GPUs, counted by model.

use crate::id::Word;
use alloc::vec::Vec;

/// How many GPUs of each model: ordered by model, no model twice, no count of zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Gpus(pub(crate) Vec<(Word, u64)>);

/// GPUs that a member asks for. All of them come from one model on one agent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GpuRequest {
    /// The model asked for; any model when absent.
    pub model: Option<Word>,
    /// How many, at least one.
    pub count: u64,
}
