//! `twofold-agent`: PID 1 of a data-service pod. What it is given and what it answers is in [`contract`].

pub mod config;
pub mod contract;
pub mod cql;
pub mod event;
pub mod http;
pub mod install;
pub mod member;
pub mod nodetool;
pub mod places;
pub mod process;
pub mod ring;
pub mod seeds;
pub mod seek;
pub mod server;
pub mod shared;
pub mod view;
pub mod watch;

/// One line beside the server's own log.
pub(crate) fn log(message: &str) {
    eprintln!("twofold-agent: {message}");
}
