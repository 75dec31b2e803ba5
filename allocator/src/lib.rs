#![doc = include_str!("../README.md")]
//!
//! # Reading order
//!
//! - **What is told**: [`change`], and the things that a change names: [`agent`] in its [`domain`], [`role`],
//!   [`framework`], its demand in [`ask`], [`holding`]. Why a change may be [`refused`].
//! - **In what**: [`resources`] with units, [`gpu`]s by model or as [`device`]s, names in [`id`], time in [`tick`]; [`quantity`] reads
//!   what people write.
//! - **What decides**: [`allocator`] is what a caller holds, made with a [`policy`]. [`headroom`] and [`hold`] are the
//!   two ideas that a caller meets in refusals.
//! - **What comes out**: an [`offer`], what it shows ([`shown`], and [`view`] for what hides an agent), and what
//!   becomes of the answer ([`settle`]).
//! - **What can be asked**: [`explain`] why an ask waits, [`report`] on agents and roles, [`stats`], and whether the
//!   laws hold ([`invariants`]).
#![no_std]
extern crate alloc;

pub mod agent;
pub mod allocator;
mod apply;
pub mod ask;
mod books;
pub mod change;
mod class;
mod constraint;
pub mod counts;
pub mod device;
mod digest;
pub mod domain;
pub mod explain;
mod filter;
pub mod framework;
pub mod gpu;
pub mod headroom;
pub mod hold;
pub mod holding;
pub mod id;
pub mod invariants;
pub mod inverse;
pub mod offer;
pub mod operation;
mod order;
pub mod other;
#[cfg(not(feature = "planted"))]
mod plant;
#[cfg(feature = "planted")]
pub mod plant;
pub mod policy;
mod pool;
pub mod ports;
pub mod quantity;
pub mod reclaim;
mod refusal;
pub mod refused;
mod region;
pub mod report;
pub mod reservation;
pub mod resources;
mod revocable;
pub mod role;
pub mod score;
mod seen;
pub mod settle;
mod share;
pub mod shown;
mod slab;
pub mod stats;
pub mod tick;
mod turn;
mod validate;
pub mod view;
mod wake;
mod wide;
