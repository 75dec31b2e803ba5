//! Conditions of our own kinds.
//!
//! They are `metav1.Condition`s, keyed by type, so that `kubectl wait --for=condition=Ready` works.
//! A condition that is absent means the same as one whose status is `Unknown`.
//! `TFJob.status.conditions` is another list with other rules: see [`crate::tfjob`].

pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// The object does what its spec says.
pub const READY: &str = "Ready";
/// Work towards the spec is going on.
pub const PROGRESSING: &str = "Progressing";
/// It serves, but with less than its spec asks for.
pub const DEGRADED: &str = "Degraded";
/// Nothing will happen until somebody changes the spec or the cluster; the reason says what.
pub const STALLED: &str = "Stalled";
