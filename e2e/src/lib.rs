//! Tests of Twofold on a real API server, and the local cluster that they run on.

pub mod demo;
#[cfg(feature = "cluster")]
pub mod harness;
pub mod local_cluster;
