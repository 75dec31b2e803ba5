//! What one cycle decided: data for the shell to carry out.

use crate::action::Action;
use crate::object::Key;
use twofold_allocator::tick::Timestamp;

/// The whole outcome of a cycle.
#[derive(Debug, Default)]
pub struct Decision {
    /// Writes, ordered within each owner by their stage.
    pub actions: Vec<Action>,
    /// Service agents to be asked; the answers come back as [`crate::input::Input::Report`].
    pub queries: Vec<Query>,
    /// When to decide again if nothing happens before.
    pub wake_at: Option<Timestamp>,
    /// Laws that were found broken. Then there are no actions, and the books have been rebuilt.
    pub violations: Vec<String>,
    /// What level one refused to take in: it changed nothing, and the others go on.
    pub warnings: Vec<String>,
    /// Figures for metrics.
    pub figures: Figures,
}

/// A question to the service agent in a pod: `GET http://ADDRESS/v1/node`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The pod.
    pub pod: Key,
    /// Which pod of that name.
    pub uid: String,
    /// Its address and port.
    pub address: String,
}

/// What a cycle did, and how things stand after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Offers made in this cycle.
    pub offers: u64,
    /// Offers accepted in this cycle.
    pub accepts: u64,
    /// Offers declined in this cycle.
    pub declines: u64,
    /// Pods launched in this cycle.
    pub launches: u64,
    /// Jobs that gave their room back for a guarantee in this cycle.
    pub reclaims: u64,
    /// Agents known.
    pub agents: u64,
    /// Frameworks known.
    pub frameworks: u64,
    /// Frameworks that wait for room.
    pub waiting: u64,
    /// Objects set aside because they cannot be read or carried out.
    pub set_aside: u64,
}
