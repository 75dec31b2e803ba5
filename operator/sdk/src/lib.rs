//! Level two of two-level scheduling: what a service runs on an offer, in which order, and what it does when a part
//! of it breaks.
//!
//! A framework translates its own resource into one [`spec::ServiceSpec`] and what it sees of it into one
//! [`observed::ServiceView`]. From these two come, as plain data and by pure functions: the [`plan`]s and how far they
//! are, the [`requirement`]s that are asked of level one, the [`start`]s and [`removal`]s that are due, the
//! [`launch`]es that failed, and, for an offer, the answer with the reasons of every agent that was refused
//! ([`evaluate`]). Nothing here reads a clock or does I/O: the same input gives the same output.
#![no_std]
extern crate alloc;

pub mod admission;
pub mod backoff;
pub mod evaluate;
pub mod instance;
pub mod launch;
pub mod observed;
pub mod plan;
pub mod refusal;
pub mod removal;
pub mod requirement;
pub mod rule;
pub mod spec;
pub mod start;
pub mod validate;
pub mod workload;
