//! Operations that the operator asks for by HTTP, each under an idempotency key.
//!
//! The record lives as long as the agent: a drained server is brought back by a restart of its pod, and after
//! that the key is not known any more, which the operator must read as *unknown*, not as *not done*.

use serde::Serialize;

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum State {
    Running,
    Done,
    Failed,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Operation {
    pub key: String,
    pub kind: &'static str,
    pub state: State,
    pub message: String,
}

/// What a request for an operation leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// New: it is to be started.
    Start(Operation),
    /// Asked for before under this key.
    Same(Operation),
    /// Another one is under way or done.
    Conflict(String),
}

impl Operation {
    /// A drain that has just begun.
    pub fn drain(key: &str) -> Self {
        Self { key: key.to_owned(), kind: "drain", state: State::Running, message: String::new() }
    }
}

/// Decides about a request for a drain under `key`. A failed drain may be asked for again under a new key.
pub fn request(current: Option<&Operation>, key: &str) -> Answer {
    match current {
        Some(operation) if operation.key == key => Answer::Same(operation.clone()),
        Some(operation) if operation.state != State::Failed => {
            Answer::Conflict(format!("drain {} is {:?}", operation.key, operation.state))
        }
        Some(_) | None => Answer::Start(Operation::drain(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_starts_one_operation() {
        let drain = Operation::drain("k1");
        assert_eq!(request(None, "k1"), Answer::Start(drain.clone()));
        assert_eq!(request(Some(&drain), "k1"), Answer::Same(drain.clone()));
        assert_eq!(request(Some(&drain), "k2"), Answer::Conflict("drain k1 is Running".to_owned()));
        let failed = Operation { state: State::Failed, ..drain };
        assert_eq!(request(Some(&failed), "k2"), Answer::Start(Operation::drain("k2")));
    }
}
