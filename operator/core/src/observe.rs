//! The cluster, as far as decisions need it: watch events go in, records and changes for level one come out.

pub mod agent;
pub mod claim;
pub mod home;
pub mod listing;
pub mod pod;
pub mod requests;
pub mod role;
pub mod service;
pub mod touched;
pub mod world;
