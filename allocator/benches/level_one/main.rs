//! Level one by the clock: `cargo bench -p twofold-allocator`. A table on the screen, and a line of JSON for each value in
//! `target/bench/allocator.jsonl`. Every offer is answered, on one thread, with the laws on what is touched in force
//! where a row does not say otherwise. Each point is the median of three runs; the first argument that is a number
//! replaces the three; words choose rows, and `--all` adds the points that take minutes, as in
//! `cargo bench -p twofold-allocator -- deal 1 --all`.

#![allow(
    clippy::unwrap_used,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    reason = "a measurement that cannot go on fails"
)]

mod deal;
mod decline;
mod domains;
mod event;
mod fill;
mod gang;
mod growth;
mod mixed;
mod quota;
mod refuse;
mod report;
mod world;

use report::Report;

/// A row and what measures it.
type Row = (&'static str, fn(&mut Report));

const ROWS: [Row; 12] = [
    ("memory", refuse::memory),
    ("deal", deal::run),
    ("refuse", refuse::run),
    ("decline", decline::run),
    ("quota", quota::run),
    ("event", event::run),
    ("fill", fill::run),
    ("many", fill::many),
    ("mixed", mixed::run),
    ("gang", gang::run),
    ("domains", domains::run),
    ("growth", growth::run),
];

const HELP: &str = "cargo bench -p twofold-allocator -- [ROW]... [RUNS] [--all]
Rows: memory deal refuse decline quota event fill many mixed gang domains growth.
RUNS: how often each point is measured, 3 unless given. --all: also the points that take minutes.";

fn main() {
    if std::env::args().any(|argument| argument == "--help") {
        println!("{HELP}");
        return;
    }
    // `cargo test --benches` builds and starts this too; only `cargo bench` measures.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let report = &mut Report::new();
    for (row, measure) in ROWS {
        if report.wants(row) {
            measure(report);
        }
    }
}
