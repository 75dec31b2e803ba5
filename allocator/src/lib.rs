//! Level one of two-level scheduling: who is offered resources next, and how much they may take.
//!
//! Changes and a [`tick::Tick`] go in, offers come out, answers go in, launches come out. Nothing here reads a clock,
//! does I/O, or depends on the order of a hash table: the same input gives the same output.
#![no_std]
extern crate alloc;

pub mod agent;
pub mod allocator;
mod apply;
pub mod ask;
mod books;
pub mod change;
mod constraint;
pub mod domain;
pub mod explain;
mod filter;
pub mod framework;
pub mod gpu;
pub mod headroom;
pub mod holding;
pub mod id;
pub mod invariants;
pub mod offer;
mod order;
pub mod policy;
mod pool;
pub mod quantity;
mod refusal;
pub mod refused;
pub mod report;
pub mod resources;
pub mod role;
pub mod settle;
mod share;
pub mod shown;
mod slab;
pub mod stats;
pub mod tick;
mod turn;
mod validate;
pub mod view;
mod wide;
