//! Offers and answers.

use crate::device::Grant;
use crate::id::{AgentId, AskId, FrameworkId, OfferId, RolePath, TaskId};
use crate::operation::Operation;
use crate::resources::Resources;
use crate::tick::Timestamp;
use alloc::vec::Vec;

/// Free resources shown to one framework, with the most that it may take. What is shown is asked for with
/// [`crate::allocator::Allocator::shown`]. The idea is Mesos' resource offer (Hindman et al., NSDI 2011), over many
/// agents at once so that a gang is one accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its number; an answer names it and is taken once.
    pub id: OfferId,
    /// Who it is made to.
    pub framework: FrameworkId,
    /// The role that an accept is charged to.
    pub role: RolePath,
    /// What may be taken.
    pub terms: Terms,
}

/// What an offer allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Terms {
    /// Up to `units` units of one ask, on any agents that the offer shows. The offer ends with its turn.
    Units {
        /// The ask.
        ask: AskId,
        /// At most so many units, at least one.
        units: u32,
    },
    /// These parts of these agents, for open demand. They are charged while the offer is live.
    Parts {
        /// The most that may be taken of each agent, by agent.
        parts: Vec<(AgentId, Resources)>,
        /// When the offer ends by itself; with its turn, when absent.
        expires: Option<Timestamp>,
    },
}

/// What a framework says to an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Take this much. All of it is booked, or nothing.
    Accept(Vec<Placement>),
    /// Do all this, in order. All of it is booked, or nothing.
    Operate(Vec<Operation>),
    /// Take nothing, and do not show these agents again until one of them has more to give or the time is over.
    Decline {
        /// Until when; for ever, when absent.
        until: Option<Timestamp>,
    },
}

/// One task that a framework puts on an agent of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The task's name, not in use.
    pub task: TaskId,
    /// Which of the ask's members it is, by position; 0 for open demand.
    pub member: usize,
    /// The agent.
    pub agent: AgentId,
    /// What it takes there, the model of its GPUs settled.
    pub resources: Resources,
    /// The devices that it has there, of an agent that shows them. Where none is named, some are chosen when the answer is
    /// settled; those of a [`Launch`] are always named.
    pub devices: Vec<Grant>,
}

/// Proof that an offer was accepted and still fits: the only way to a pod. Only settling an answer makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    pub(crate) framework: FrameworkId,
    pub(crate) role: RolePath,
    pub(crate) offer: OfferId,
    pub(crate) placement: Placement,
}

impl Launch {
    /// Who launches.
    #[must_use]
    pub fn framework(&self) -> &FrameworkId {
        &self.framework
    }

    /// The role that is charged: the holding that proves the launch names it too.
    #[must_use]
    pub fn role(&self) -> &RolePath {
        &self.role
    }

    /// The offer that was accepted.
    #[must_use]
    pub fn offer(&self) -> OfferId {
        self.offer
    }

    /// What is launched, and where.
    #[must_use]
    pub fn placement(&self) -> &Placement {
        &self.placement
    }
}
