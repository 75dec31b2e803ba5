//! A cluster in memory: the whole brain without Kubernetes. The same world answers `twofold simulate`, and stands in for
//! a cluster in the histories that tests play through.

pub mod cluster;
pub mod machine;
pub mod run;
