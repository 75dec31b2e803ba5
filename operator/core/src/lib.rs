//! Observe, decide, render: the whole brain of the operator. What happened goes in as [`input::Input`], what to do
//! comes out as [`decision::Decision`]; no client, no clock and no runtime in between.

pub mod action;
pub mod condition;
pub mod decide;
pub mod decision;
pub mod explain;
pub mod frameworks;
pub mod input;
pub mod memory;
pub mod object;
pub mod observe;
pub mod record;
pub mod settings;
pub mod simulate;
