//! What the brain is told: watch events, the outcomes of its own writes, and what service agents report.

use crate::action::Action;
use crate::object::{Key, Kind, Object};

/// One thing that happened outside.
#[derive(Clone, Debug)]
pub enum Input {
    /// A list of the kind begins: what is not applied before [`Input::ListEnded`] is gone.
    ListBegan(Kind),
    /// The object is there, or is now like this.
    Applied(Object),
    /// The object is gone.
    Deleted {
        /// Where it was.
        key: Key,
        /// Which one it was.
        uid: String,
    },
    /// The object is there but cannot be read. It is set aside with the reason; others go on.
    Undecodable {
        /// Where it is.
        key: Key,
        /// What is wrong with it.
        message: String,
    },
    /// The list of the kind is complete.
    ListEnded(Kind),
    /// What became of a write that was decided.
    Outcome(Outcome),
    /// What the service agent in a pod said of its server, or why it did not.
    Report {
        /// The pod.
        pod: Key,
        /// Which pod of that name.
        uid: String,
        /// The agent's answer as JSON, or why there is none.
        answer: Result<serde_json::Value, String>,
    },
}

/// What became of one action.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The action.
    pub action: Action,
    /// The object as the API server returned it (none for a deletion that is complete and for an event), or what
    /// went wrong.
    pub result: Result<Option<Object>, Failure>,
}

/// Why a write failed. What became of it is known: a write whose answer was lost is read again before it is
/// reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub cause: Cause,
    /// The API server's own words.
    pub message: String,
}

/// What kind of failure a write met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The object has changed since the decision: decide again.
    Conflict,
    /// An object of this name is there.
    AlreadyExists,
    /// The object is not there (any more).
    NotFound,
    /// The API server refuses the content: terminal until the content changes.
    Invalid,
    /// Not permitted: by roles, a quota or an admission policy.
    Forbidden,
    /// The API server could not take it now.
    Unavailable,
    /// Not sent, since an earlier write for the same object failed or leadership was lost.
    NotSent,
}
