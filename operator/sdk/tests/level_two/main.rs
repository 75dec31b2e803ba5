//! Level two as a whole: text cases, properties, and seeded histories of a service in a small world.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod cases;
mod command;
mod declare;
mod generate;
mod histories;
mod placements;
mod statuses;
mod validation;
mod world;
