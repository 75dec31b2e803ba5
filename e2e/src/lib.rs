//! Tests of Twofold on a real API server, and the local cluster that they run on.

pub mod demo;
pub mod local_cluster;
