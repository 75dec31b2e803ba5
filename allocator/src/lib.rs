//! Level one of two-level scheduling: who is offered resources next, and how much they may take.
//!
//! Changes and a [`tick::Tick`] go in, offers come out, answers go in, launches come out. Nothing here reads a clock,
//! does I/O, or depends on the order of a hash table: the same input gives the same output.
#![no_std]
extern crate alloc;

pub mod agent;
pub mod ask;
pub mod change;
pub mod domain;
pub mod framework;
pub mod gpu;
pub mod holding;
pub mod id;
pub mod offer;
pub mod quantity;
pub mod resources;
pub mod role;
pub mod tick;
