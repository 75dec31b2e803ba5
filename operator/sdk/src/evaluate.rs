//! The answer to an offer: where each instance goes, all or nothing for a gang, and why not.

use crate::admission::AgentFacts;
use crate::instance::InstanceId;
use crate::observed::ServiceView;
use crate::refusal::Refusals;
use crate::requirement::AskPlan;
use crate::spec::ServiceSpec;
use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use twofold_allocator::agent::Agent;
use twofold_allocator::id::AgentId;
use twofold_allocator::offer::Answer;
use twofold_allocator::resources::Resources;
use twofold_allocator::tick::Timestamp;

/// An agent and what of it may be taken.
#[derive(Clone, Debug)]
pub struct Room<'a> {
    /// The agent.
    pub agent: &'a Agent,
    /// What of it is free for the member that it is shown to.
    pub free: Cow<'a, Resources>,
}

/// All that an answer depends on.
#[derive(Clone, Copy, Debug)]
pub struct Inquiry<'a> {
    /// The service.
    pub spec: &'a ServiceSpec,
    /// What is seen of it; where its other instances are comes from here.
    pub view: &'a ServiceView,
    /// What is asked.
    pub ask: &'a AskPlan,
    /// For each member of the ask, the agents that it is shown, ordered by name.
    pub rooms: &'a [Vec<Room<'a>>],
    /// What is known of the agents beyond that. An agent that is not listed is refused.
    pub facts: &'a BTreeMap<AgentId, AgentFacts>,
    /// How many units may be taken.
    pub units: u32,
    /// The time.
    pub now: Timestamp,
}

/// An answer with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// What level one is told.
    pub answer: Answer,
    /// The instance of each accepted placement, by position.
    pub placed: Vec<InstanceId>,
    /// Why the others were not placed; none when all were.
    pub refusals: Option<Refusals>,
}
