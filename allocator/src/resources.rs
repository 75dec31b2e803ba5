//! Amounts of resources: integers with units, never floats. There is no subtraction operator: [`Resources::take`]
//! fails with the shortfall, so an over-commitment cannot pass for a small number.

use crate::gpu::Gpus;
use crate::id::Word;
use alloc::collections::BTreeMap;

/// What an agent has, a task uses, or a role is charged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Resources {
    /// Processor time in thousandths of a core.
    pub cpu_milli: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Local disk that lives as long as its task, in bytes (`ephemeral-storage`).
    pub disk_bytes: u64,
    /// Places for pods.
    pub pods: u64,
    /// GPUs, counted by model.
    pub gpus: Gpus,
    /// Other countable resources by name.
    pub other: BTreeMap<Word, u64>,
}

/// The name of one amount in [`Resources`], as limits, guarantees and shares speak of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Thousandths of a core.
    Cpu,
    /// Bytes of memory.
    Memory,
    /// Bytes of ephemeral disk.
    Disk,
    /// Places for pods.
    Pods,
    /// GPUs of all models together.
    Gpu,
    /// GPUs of one model.
    GpuModel(Word),
    /// Another countable resource.
    Other(Word),
}

/// Amounts by kind: a limit, a guarantee, a need or a shortfall. A kind that is absent is not spoken of, which is
/// not the same as zero: no limit on memory, or a limit of no memory.
pub type Amounts = BTreeMap<Kind, u64>;
