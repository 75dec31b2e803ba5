#![doc = include_str!("../README.md")]
#![no_std]
extern crate alloc;

pub mod agent;
pub mod allocator;
mod apply;
pub mod ask;
mod books;
pub mod change;
mod constraint;
pub mod device;
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
pub mod offer;
mod order;
#[cfg(not(feature = "planted"))]
mod plant;
#[cfg(feature = "planted")]
pub mod plant;
pub mod policy;
mod pool;
pub mod quantity;
mod refusal;
pub mod refused;
pub mod report;
pub mod resources;
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
