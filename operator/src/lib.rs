//! The shell of the Twofold operator: watches a cluster, has the brain decide, and carries out what was decided.
//!
//! Everything that decides is in `twofold-core`, which knows neither a client nor a clock. Here is what is left:
//! [`watch`] and [`inquiry`] bring inputs, [`cycle`] passes them to the brain, [`perform`] is the only part that
//! changes anything, while [`leader`] sees to it that one copy does so at a time.

pub mod args;
pub mod clock;
pub mod cycle;
pub mod explain;
pub mod health;
pub mod http;
pub mod inquiry;
mod kinds;
pub mod leader;
pub mod manifests;
pub mod metrics;
pub mod operator;
pub mod perform;
pub mod simulate;
pub mod telemetry;
pub mod watch;
