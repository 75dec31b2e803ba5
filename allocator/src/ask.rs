//! Demand: what a framework would launch if it could.

use crate::counts::Counts;
use crate::gpu::GpuRequest;
use crate::id::{AgentId, AskId, ReservationId, VolumeId, Word};
use crate::reservation::Reach;
use crate::resources::{Amounts, Kind, Resources};
use crate::tick::Timestamp;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// What a framework wants now. Each change of demand replaces the one before it. An accept lowers it: a gang is wanted
/// no more, of other members so many less as were placed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    /// Nothing: no offers are made.
    #[default]
    None,
    /// Known work, in the order of its importance. An ask that is not eligible is skipped and does not block those
    /// behind it.
    Asks(Vec<Ask>),
    /// Whole agents, as a Mesos framework takes them, cut to what limits and headroom leave; an agent whose
    /// remainder does not hold `least` is not dealt.
    Open {
        /// The least of one agent that is worth an offer. An agent with nothing free is never dealt.
        least: Resources,
    },
}

/// Work that is placed together. A *unit* is given whole or not at all: all its `least` members together. Where every
/// `least` is zero a unit is one member, and what it takes is read from the first member that has a count: members of
/// different shapes that are no gang belong in asks of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Its name within the framework.
    pub id: AskId,
    /// Its members; those of one shape and one set of constraints stand together.
    pub members: Vec<Member>,
    /// Higher goes first within the framework's role; it is looked at before the framework's own.
    pub priority: i32,
    /// Since when it waits. The oldest is held for first; the order of turns does not look at it.
    pub since: Timestamp,
    /// Whether its units may be asked back: then guarantees that are idle are lent to them.
    pub reclaimable: bool,
}

/// Equal members of an ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// What one of them takes.
    pub shape: Shape,
    /// How many are wanted in all, at least `least`.
    pub count: u32,
    /// How many of them are in the unit.
    pub least: u32,
    /// Which agents they may be shown; all must hold.
    pub constraints: Vec<Constraint>,
    /// The reservation that they come back to, if it is kept for their framework: its agent comes first, with what is
    /// idle of it besides what is free, and its volume must be in reach.
    pub reservation: Option<ReservationId>,
}

/// What one member takes. Until it is placed, the model of its GPUs may be open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shape {
    /// All but GPUs.
    pub base: Resources,
    /// GPUs, if any.
    pub gpu: Option<GpuRequest>,
}

impl Shape {
    /// Whether one of these fits in `free`.
    #[must_use]
    pub fn fits(&self, free: &Resources) -> bool {
        free.contains(&self.base) && self.gpu.as_ref().is_none_or(|gpu| gpu.choose(&free.gpus).is_some())
    }

    /// What one of these takes from `free`, with the model of its GPUs settled: the first by name that has enough.
    ///
    /// # Errors
    /// The amounts that are missing, when it does not fit; GPUs of an open model as [`Kind::Gpu`].
    pub fn on(&self, free: &Resources) -> Result<Resources, Amounts> {
        let mut taken = self.base.clone();
        let mut missing = free.shortfall(&self.base);
        if let Some(request) = &self.gpu {
            match request.choose(&free.gpus) {
                Some(model) => taken.gpus = Counts::of(model.clone(), request.count),
                None => {
                    let (kind, best) = match &request.model {
                        Some(model) => (Kind::GpuModel(model.clone()), free.gpus.count(model)),
                        None => {
                            (Kind::Gpu, free.gpus.iter().map(|(_, count)| count).max().unwrap_or_default())
                        }
                    };
                    missing.insert(kind, request.count.saturating_sub(best));
                }
            }
        }
        if missing.is_empty() { Ok(taken) } else { Err(missing) }
    }
}

/// A question about an agent that level one can answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Constraint {
    /// The attribute has one of these values.
    AttributeIn(Word, BTreeSet<Word>),
    /// The attribute is absent or has none of these values.
    AttributeNotIn(Word, BTreeSet<Word>),
    /// The attribute is there.
    AttributeExists(Word),
    /// The attribute is not there.
    AttributeAbsent(Word),
    /// The attribute is an integer above the bound.
    AttributeAbove(Word, i64),
    /// The attribute is an integer below the bound.
    AttributeBelow(Word, i64),
    /// The zone is one of these.
    ZoneIn(BTreeSet<Word>),
    /// The agent is one of these.
    AgentIn(BTreeSet<AgentId>),
    /// The agent is none of these.
    AgentNotIn(BTreeSet<AgentId>),
    /// The volume can be used there.
    InReach(VolumeId, Reach),
    /// At least one of these holds; never, when there are none.
    Any(Vec<Constraint>),
    /// All of these hold.
    All(Vec<Constraint>),
}
