//! What `make demo` and `make test` do with a cluster: bring one up, build and load the images, install the chart,
//! apply the manifests of `e2e/demo`, and look at what came of it.
//!
//! Other programs do the work: kubectl, helm, make, `local-cluster` or kind. Whatever is looked at is left in a
//! folder as it was seen, and judged by pure functions ([`ring`], [`training`]).

pub mod checks;
pub mod cluster;
pub mod deps;
mod disk;
pub mod evidence;
pub mod fake;
pub mod install;
pub mod kube;
pub mod machine;
pub mod place;
pub mod pods;
pub mod program;
pub mod real;
pub mod ring;
pub mod stage;
pub mod steps;
pub mod training;
pub mod up;
