//! Agents: machines as level one sees them.

use crate::domain::FaultDomain;
use crate::id::{AgentId, Word};
use crate::resources::Resources;
use alloc::collections::BTreeMap;

/// A machine: what it has, where it is, and whether it takes new work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The machine's name.
    pub id: AgentId,
    /// What it can give to tasks in all.
    pub capacity: Resources,
    /// Region and zone; none where the machine does not say.
    pub domain: Option<FaultDomain>,
    /// Free attributes, such as its labels, for constraints to match.
    pub attributes: BTreeMap<Word, Word>,
    /// Whether it takes new work.
    pub state: AgentState,
    /// Whether work without GPUs may use the room that its free GPUs need.
    pub gpu_room: GpuRoom,
}

/// Whether an agent takes new work. One that is gone is no agent any more: it is removed by a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgentState {
    /// It takes new work.
    Active,
    /// It takes no new work; what runs may go on until it is moved.
    Draining,
    /// Nothing is heard from it; what runs there is unknown and stays charged.
    Unreachable,
}

/// What work without GPUs may take from an agent with GPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum GpuRoom {
    /// Only the processor time and memory that the free GPUs would not need (free GPUs times the agent's share
    /// for each GPU). This is the rule unless the machine says otherwise.
    #[default]
    Kept,
    /// All that is free.
    Shared,
}
