//! Refusals are values: for every agent that was not taken, the stages that said no and what was missing.

use crate::admission::{HostPort, Taint};
use crate::instance::InstanceId;
use alloc::string::String;
use alloc::vec::Vec;
use twofold_allocator::id::{AgentId, Word};
use twofold_allocator::resources::Kind;

/// The stages of an evaluation, in order. All of them are run, so that every reason is told at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// What Kubernetes asks of the agent before it lets a pod in.
    Admits,
    /// The pod type's placement rule.
    Placement,
    /// Processor time, memory, disk, pods and other countable resources.
    Scalars,
    /// GPUs.
    Gpu,
    /// Where the instance's volumes can be used.
    Volume,
}

/// Why an agent was refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The agent takes no new work.
    Draining,
    /// Nothing is heard from the agent.
    Unreachable,
    /// What Kubernetes would ask of the agent is not known.
    FactsUnknown,
    /// A taint that is not tolerated.
    Taint(Taint),
    /// A wanted attribute is absent or has another value.
    Selector(Word, Word),
    /// No term of the required node affinity holds.
    Affinity,
    /// The port of the agent is taken.
    HostPort(HostPort),
    /// The image does not run on this architecture.
    Architecture(Word),
    /// The placement rule says no, in these words.
    Rule(String),
    /// Not enough of a resource.
    Short {
        /// Of which.
        kind: Kind,
        /// How much one instance takes, in the kind's unit.
        need: u64,
    },
    /// The volumes cannot be used there; the text says where they can.
    Volume(String),
}

/// Agents refused for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The stage that said no.
    pub stage: Stage,
    /// Why.
    pub reason: Reason,
    /// How many agents.
    pub agents: u32,
    /// The most that any of them had free, where the reason is an amount.
    pub most_free: Option<u64>,
}

/// The agent that came nearest, for one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// The instance.
    pub instance: InstanceId,
    /// The agent.
    pub agent: AgentId,
    /// Why not.
    pub reasons: Vec<Missing>,
}

/// One reason of one agent, with the amount that was free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The stage that said no.
    pub stage: Stage,
    /// Why.
    pub reason: Reason,
    /// How much was free, where the reason is an amount.
    pub free: Option<u64>,
}

/// Why instances of an ask were not placed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// How many instances were placed before the first that was not; of a gang, in its best attempt.
    pub fitting: u32,
    /// How many there were to place.
    pub wanted: u32,
    /// How many agents were looked at for the first that was not placed.
    pub agents: u32,
    /// Its reasons by stage, the most frequent first within a stage.
    pub groups: Vec<Group>,
    /// The agent that came nearest; none when there was no agent.
    pub nearest: Option<Nearest>,
}
