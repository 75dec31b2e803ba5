//! The process that owns the processes of a cluster. It is told what to do over a socket in the cluster's
//! directory, one request a connection, and knows nothing of Kubernetes.

mod client;
mod server;

use serde::{Deserialize, Serialize};

pub use client::{Client, spawn};
pub use server::{init, supervise};

use super::process::Identity;

/// A program that is to run for as long as the cluster does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    pub name: String,
    pub argv: Vec<String>,
    pub env: Vec<(String, String)>,
}

impl Component {
    /// A component without an environment of its own.
    pub fn new(name: impl Into<String>, argv: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { name: name.into(), argv: argv.into_iter().map(Into::into).collect(), env: Vec::new() }
    }
}

/// Whether a component runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    Running {
        pid: u32,
    },
    /// It was told to stop.
    Stopped,
    /// It ended by itself.
    Ended {
        how: String,
    },
}

/// A component and its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub name: String,
    pub state: State,
}

/// Who supervises, as `supervisor.json` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The process to end when the cluster is to end; seen from outside its namespaces.
    pub process: Identity,
    /// The PID namespace, if it has one of its own.
    pub namespace: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Request {
    /// Starts a component, unless it runs.
    Start(Component),
    /// Starts a stopped component as it was started before.
    Again {
        name: String,
    },
    /// Ends a component: SIGTERM, and SIGKILL ten seconds later.
    Stop {
        name: String,
    },
    List,
    /// Runs a command where the components run.
    Run {
        argv: Vec<String>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
enum Response {
    Done,
    List(Vec<Status>),
    Output { code: Option<i32>, stdout: String, stderr: String },
    Failed(String),
}
