//! The shell against a mock API server: exact calls, and what is made of the answers. No test waits for real time.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not recognised as tests")]

mod api;
mod cycle;
mod inquiry;
mod leader;
mod leases;
mod pages;
mod perform;
mod perform_gate;
mod perform_lost;
mod perform_order;
mod watch;
