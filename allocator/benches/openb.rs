//! The `openb` trace by the clock and by the book: `cargo bench -p twofold-allocator --bench openb -- --trace DIR`, with
//! the folder of the trace (Alibaba's GPU cluster trace of 2023, published with Weng et al., USENIX ATC 2023; it is no part
//! of this repository). A table on the screen, and a line of JSON for each list and policy in `target/bench/openb.jsonl`.
//!
//! The tasks of a list come one after the other, shuffled and topped up until they ask for 130 % of all GPUs, and stay;
//! one that fits nowhere is gone. What counts is the part of all GPUs that is in use once requests worth 90, 100 and 130 %
//! of them have come: the mean of ten seeds. `fragmented` is the part that is free and, by the paper's measure, of no use
//! to the typical task.
//!
//! The books of level one count GPUs by model and know no shares, so that the run keeps the state of the agents itself,
//! with the crate's devices and scores. Words choose lists, a number replaces the ten seeds.

#![allow(
    clippy::unwrap_used,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    reason = "a measurement that cannot go on fails"
)]

#[path = "openb/cluster.rs"]
mod cluster;
#[path = "openb/published.rs"]
mod published;
#[path = "openb/trace.rs"]
mod trace;

use cluster::Cluster;
use published::PUBLISHED;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;
use trace::Machine;
use twofold_allocator::score::{Piece, Scoring, Typical, Workload};

/// The first of the seeds, as in the published runs.
const FIRST_SEED: u64 = 42;
/// The typical workload covers this many percent of the tasks of a list; more than the paper's, so that the few tasks
/// that want eight GPUs, and get a twentieth of them all, are part of it.
const TYPICAL_PERCENT: u32 = 99;
/// The part of the tasks that the paper's measure of fragmentation looks at.
const MEASURED_PERCENT: u32 = 95;

/// What one run, or the mean of several, gives: percent of all GPUs, and seconds.
#[derive(Clone, Copy, Default)]
struct Outcome {
    at90: f64,
    at100: f64,
    at130: f64,
    fragmented: f64,
    seconds: f64,
}

/// A list of tasks, its shapes numbered.
struct List {
    tasks: Vec<Piece>,
    shapes: Vec<usize>,
    typical: Vec<Typical>,
    measured: Vec<Typical>,
}

impl List {
    fn read(folder: &Path, name: &str) -> Result<Self, String> {
        let tasks = trace::tasks(folder, name)?;
        let mut known = BTreeMap::new();
        let shapes = tasks.iter().map(|task| {
            let next = known.len();
            *known.entry((task.base.cpu_milli, task.base.memory_bytes, task.devices.clone())).or_insert(next)
        });
        let shapes = shapes.collect();
        let typical = Typical::most_common(&tasks, TYPICAL_PERCENT);
        let measured = Typical::most_common(&tasks, MEASURED_PERCENT);
        Ok(Self { tasks, shapes, typical, measured })
    }
}

/// One seed of one list under one policy. The clock runs over the whole of it: tables, scores and placements.
fn run(machines: &[Machine], list: &List, order: &[usize], gradient: bool) -> Outcome {
    let (begun, busy) = (Instant::now(), busy_nanos());
    let scoring =
        if gradient { Scoring::Fragmentation(Workload::new(&list.typical)) } else { Scoring::BestFit };
    let total: u64 = machines.iter().map(|machine| u64::from(machine.gpus) * 1000).sum();
    let mut cluster = Cluster::new(machines, &scoring, list.shapes.len());
    let (mut arrived, mut given) = (0, 0);
    let mut outcome = Outcome::default();
    for at in order {
        let (task, shape) = (&list.tasks[*at], list.shapes[*at]);
        given += cluster.place(shape, task).unwrap_or(0);
        arrived += trace::milli(task);
        let percent = given as f64 * 100.0 / total as f64;
        if arrived * 100 <= total * 90 {
            outcome.at90 = percent;
        }
        if arrived <= total {
            outcome.at100 = percent;
        }
        outcome.at130 = percent;
    }
    let spent = busy.zip(busy_nanos()).map(|(before, now)| now.saturating_sub(before) as f64 / 1e9);
    outcome.seconds = spent.unwrap_or_else(|| begun.elapsed().as_secs_f64());
    outcome.fragmented = cluster.fragmented(&list.measured) * 100.0 / total as f64;
    outcome
}

/// Nanoseconds that this thread had a processor, so that other work on the machine does not count; none where the kernel
/// does not say.
fn busy_nanos() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn mean(outcomes: &[Outcome]) -> Outcome {
    let of = |part: fn(&Outcome) -> f64| outcomes.iter().map(part).sum::<f64>() / outcomes.len() as f64;
    Outcome {
        at90: of(|outcome| outcome.at90),
        at100: of(|outcome| outcome.at100),
        at130: of(|outcome| outcome.at130),
        fragmented: of(|outcome| outcome.fragmented),
        seconds: of(|outcome| outcome.seconds),
    }
}

fn report(file: &mut std::fs::File, list: &str, policy: &str, outcome: Outcome, published: u32) {
    let Outcome { at90, at100, at130, fragmented, seconds } = outcome;
    let published = f64::from(published) / 100.0;
    println!(
        "{list:<12} {policy:<14} {at90:>7.2} {at100:>7.2} {at130:>7.2} {published:>10.2} {:>+7.2} {fragmented:>10.2} {seconds:>8.3}",
        at130 - published
    );
    writeln!(
        file,
        "{{\"row\":\"openb\",\"list\":\"{list}\",\"policy\":\"{policy}\",\"at90\":{at90:.2},\"at100\":{at100:.2},\
         \"at130\":{at130:.2},\"published_at130\":{published:.2},\"fragmented\":{fragmented:.2},\"seconds\":{seconds:.3}}}"
    )
    .unwrap();
}

fn measure(folder: &Path, chosen: &[String], seeds: u64) -> Result<(), String> {
    let machines = trace::machines(folder)?;
    let total: u64 = machines.iter().map(|machine| u64::from(machine.gpus) * 1000).sum();
    let bench = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target/bench");
    std::fs::create_dir_all(&bench).unwrap();
    let mut file = std::fs::File::create(bench.join("openb.jsonl")).unwrap();
    println!("{} agents, {} GPUs, {seeds} seeds; percent of all GPUs", machines.len(), total / 1000);
    println!(
        "{:<12} {:<14} {:>7} {:>7} {:>7} {:>10} {:>7} {:>10} {:>8}",
        "list", "policy", "@90", "@100", "@130", "published", "ahead", "fragmented", "seconds"
    );
    for published in
        PUBLISHED.iter().filter(|row| chosen.is_empty() || chosen.iter().any(|name| name == row.list))
    {
        let list = List::read(folder, published.list)?;
        let orders: Vec<Vec<usize>> = (0..seeds)
            .map(|seed| trace::arrivals(&list.tasks, FIRST_SEED + seed, total * 130 / 100))
            .collect();
        for (policy, gradient, known) in [
            ("best-fit", false, published.best_fit_130),
            ("fragmentation", true, published.fragmentation_130),
        ] {
            let outcomes: Vec<Outcome> =
                orders.iter().map(|order| run(&machines, &list, order, gradient)).collect();
            report(&mut file, published.list, policy, mean(&outcomes), known);
        }
    }
    Ok(())
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` builds and starts this too; only `cargo bench` measures.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let trace = arguments.iter().position(|argument| argument == "--trace");
    let Some(folder) = trace.and_then(|at| arguments.get(at + 1)).map(PathBuf::from) else {
        println!("openb: skipped: give the folder of the trace with `-- --trace DIR`");
        return;
    };
    // Cargo starts a benchmark in its package; a path is meant from the repository, where it was typed.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = root.join(folder);
    if !folder.is_dir() {
        println!("openb: skipped: there is no folder {}", folder.display());
        return;
    }
    let words = arguments
        .iter()
        .enumerate()
        .filter(|(at, _)| trace.is_none_or(|trace| *at > trace + 1 || *at < trace));
    let words: Vec<String> =
        words.map(|(_, word)| word.clone()).filter(|word| !word.starts_with('-')).collect();
    let seeds = words.iter().find_map(|word| word.parse().ok()).unwrap_or(10);
    let chosen: Vec<String> = words.into_iter().filter(|word| word.parse::<u64>().is_err()).collect();
    if let Err(problem) = measure(&folder, &chosen, seeds) {
        println!("openb: {problem}");
        std::process::exit(1);
    }
}
