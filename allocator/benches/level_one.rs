//! Level one by the clock: `cargo bench -p twofold-allocator`. A table on the screen, and a line of JSON for each point in
//! `target/bench/allocator.jsonl`. Every offer is answered. Each point is the median of three runs on one thread; the first
//! argument that is a number replaces the three; words choose rows, as in `cargo bench -p twofold-allocator -- deal 1`.

#![allow(
    clippy::unwrap_used,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    reason = "a measurement that cannot go on fails"
)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Instant;
use twofold_allocator::agent::{Agent, AgentState, GpuRoom};
use twofold_allocator::allocator::Allocator;
use twofold_allocator::ask::{Ask, Demand, Member, Shape};
use twofold_allocator::change::Change;
use twofold_allocator::framework::Framework;
use twofold_allocator::id::TaskId;
use twofold_allocator::offer::{Answer, Offer, Placement, Terms};
use twofold_allocator::policy::{Grain, Laws, Policy};
use twofold_allocator::resources::{Kind, Resources};
use twofold_allocator::role::{FrameworkOrder, Role};
use twofold_allocator::tick::{Tick, Timestamp};

const GI: u64 = 1 << 30;

/// Where the lines go, and how often a point is measured.
struct Report {
    file: std::fs::File,
    runs: usize,
}

impl Report {
    fn new() -> Self {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let folder = root.join("target/bench");
        std::fs::create_dir_all(&folder).unwrap();
        let runs = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(3);
        Self { file: std::fs::File::create(folder.join("allocator.jsonl")).unwrap(), runs }
    }

    /// Writes one point: a line of the table and a line of JSON.
    fn point(&mut self, row: &str, parameters: &[(&str, &str)], metric: &str, value: f64, unit: &str) {
        let mut json = format!("{{\"row\":\"{row}\"");
        let mut shown = String::new();
        for (name, parameter) in parameters {
            match parameter.parse::<u64>() {
                Ok(number) => write!(json, ",\"{name}\":{number}").unwrap(),
                Err(_) => write!(json, ",\"{name}\":\"{parameter}\"").unwrap(),
            }
            write!(shown, "{name} {parameter}  ").unwrap();
        }
        writeln!(self.file, "{json},\"metric\":\"{metric}\",\"value\":{value:.3},\"unit\":\"{unit}\"}}")
            .unwrap();
        println!("{row:<10} {shown:<58} {metric:<22} {value:>12.3} {unit}");
    }

    /// The median of the runs.
    fn median(&self, mut run: impl FnMut() -> f64) -> f64 {
        let mut values: Vec<f64> = (0..self.runs).map(|_| run()).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }
}

fn agents(count: u32) -> impl Iterator<Item = Change> {
    (0..count).map(|at| {
        Change::Agent(Agent {
            id: format!("agent-{at:06}").as_str().into(),
            capacity: Resources { pods: 110, ..Resources::new(16_000, 64 * GI) },
            domain: None,
            attributes: [("kubernetes.io/os".into(), "linux".into())].into(),
            state: AgentState::Active,
            gpu_room: GpuRoom::Kept,
        })
    })
}

fn framework(at: u32) -> Framework {
    let name = format!("framework-{at:05}");
    Framework {
        id: name.as_str().into(),
        role: format!("role-{at:05}").as_str().into(),
        priority: 0,
        since: Timestamp(0),
    }
}

/// A cluster with one framework in each role, which wants what `demand` says.
fn cluster(policy: Policy, count: u32, frameworks: u32, demand: impl Fn(u32) -> Demand) -> Allocator {
    let mut allocator = Allocator::new(policy);
    agents(count).for_each(|agent| allocator.apply(agent).unwrap());
    for at in 0..frameworks {
        let framework = framework(at);
        let id = framework.id.clone();
        allocator.apply(Change::Framework(framework)).unwrap();
        allocator.apply(Change::Demand(id, demand(at))).unwrap();
    }
    allocator
}

fn policy(laws: Laws, grain: Grain) -> Policy {
    Policy { laws, grain, turns_per_cycle_max: u64::MAX, ..Policy::default() }
}

const NO_GRAIN: Grain = Grain { numerator: 0, denominator: 1 };

fn singles(count: u32, cpu_milli: u64, memory: u64) -> Demand {
    let base = Resources { pods: 1, ..Resources::new(cpu_milli, memory) };
    let member = Member { shape: Shape { base, gpu: None }, count, least: 0, constraints: Vec::new() };
    Demand::Asks(vec![Ask { id: "x".into(), members: vec![member], priority: 0, since: Timestamp(0) }])
}

/// Measures one thing: what lasts longer than the kernel's tick by the processor time of this thread, so that other work
/// on the machine does not count; else, and where the kernel does not say, by the clock.
struct Watch {
    begun: Instant,
    busy: Option<u64>,
}

impl Watch {
    const TICK_MILLIS: f64 = 10.0;

    fn start() -> Self {
        Self { busy: busy_nanos(), begun: Instant::now() }
    }

    fn millis(&self) -> f64 {
        let passed = self.begun.elapsed().as_secs_f64() * 1e3;
        let busy = self.busy.zip(busy_nanos()).map(|(before, now)| now.saturating_sub(before) as f64 / 1e6);
        busy.filter(|_| passed > Self::TICK_MILLIS).unwrap_or(passed)
    }
}

/// Nanoseconds that this thread had a processor.
fn busy_nanos() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// Runs a cycle and answers every offer; milliseconds, offers, tasks.
fn cycle(
    allocator: &mut Allocator,
    number: u64,
    mut answer: impl FnMut(&Allocator, &Offer) -> Answer,
) -> (f64, u64, u64) {
    let watch = Watch::start();
    let before = *allocator.stats();
    allocator.begin(Tick { cycle: number, now: Timestamp(number) });
    while let Some(offer) = allocator.next_offer() {
        let answer = answer(allocator, &offer);
        allocator.settle(offer.id, answer).unwrap();
    }
    let broken = allocator.check_touched();
    let after = allocator.stats();
    let millis = watch.millis();
    assert!(broken.is_empty(), "{broken:?}");
    (millis, after.offers - before.offers, after.launches - before.launches)
}

fn decline(_: &Allocator, _: &Offer) -> Answer {
    Answer::Decline { until: None }
}

/// Takes everything of every part, one task an agent, under names that are there already.
fn take_whole(mut names: Vec<TaskId>) -> impl FnMut(&Allocator, &Offer) -> Answer {
    move |_, offer| {
        let Terms::Parts { parts, .. } = &offer.terms else { return Answer::Decline { until: None } };
        let place = |(agent, part): &(_, Resources)| Placement {
            task: names.pop().unwrap(),
            member: 0,
            agent: Clone::clone(agent),
            resources: part.clone(),
        };
        Answer::Accept(parts.iter().map(place).collect())
    }
}

fn name(names: &mut u64) -> TaskId {
    *names += 1;
    format!("task-{names:08}").as_str().into()
}

/// Takes the allowance where it fits first.
fn take_first(names: &mut u64) -> impl FnMut(&Allocator, &Offer) -> Answer {
    move |allocator, offer| {
        let Terms::Units { units, .. } = offer.terms else { return Answer::Decline { until: None } };
        let shown = allocator.shown(offer);
        let view = shown.member(0).unwrap();
        let mut placements = Vec::new();
        for (agent, free) in view.fitting() {
            let mut free = free.into_owned();
            while placements.len() < units as usize {
                let Ok(resources) = view.wanted().shape.on(&free) else { break };
                free.take(&resources).unwrap();
                placements.push(Placement {
                    task: name(names),
                    member: 0,
                    agent: agent.id.clone(),
                    resources,
                });
            }
            if placements.len() == units as usize {
                break;
            }
        }
        if placements.is_empty() { Answer::Decline { until: None } } else { Answer::Accept(placements) }
    }
}

fn open(_: u32) -> Demand {
    Demand::Open { least: Resources::new(1, 1) }
}

/// Whole agents to open frameworks, all taken; one agent a turn, or with a grain that makes it about ten.
fn deal(report: &mut Report, count: u32, frameworks: u32, ten: bool, laws: Laws) {
    let turn = if ten { "ten" } else { "one" };
    let (agents, sharers) = (count.to_string(), frameworks.to_string());
    let parameters = [("agents", &*agents), ("frameworks", &sharers), ("a turn", turn), ("laws", law(laws))];
    let grain = if ten { Grain { numerator: 9, denominator: count } } else { NO_GRAIN };
    let ready = cluster(policy(laws, grain), count, frameworks, open);
    let mut offers = 0;
    let millis = report.median(|| {
        let names = (0..u64::from(count)).map(|at| name(&mut at.clone())).collect();
        let (millis, made, launches) = cycle(&mut ready.clone(), 1, take_whole(names));
        assert_eq!(launches, u64::from(count));
        offers = made;
        millis
    });
    report.point("deal", &parameters, "cycle", millis, "ms");
    report.point("deal", &parameters, "per offer", millis * 1e6 / offers as f64, "ns");
}

/// Every framework is shown every agent and refuses it for ever; then a cycle with nothing to do.
fn refuse(report: &mut Report, count: u32, frameworks: u32, laws: Laws) {
    let parameters =
        [("agents", &*count.to_string()), ("frameworks", &frameworks.to_string()), ("laws", law(laws))];
    let ready = cluster(policy(laws, NO_GRAIN), count, frameworks, |_| singles(1, 1000, GI));
    let mut after = ready.clone();
    let millis = report.median(|| {
        after = ready.clone();
        cycle(&mut after, 1, decline).0
    });
    let pairs = f64::from(count) * f64::from(frameworks);
    report.point("refuse", &parameters, "cycle", millis, "ms");
    report.point("refuse", &parameters, "per pair", millis * 1e6 / pairs, "ns");
    let micros = report.median(|| cycle(&mut after, 2, decline).0 * 1e3);
    report.point("empty", &parameters, "cycle", micros, "us");
}

/// Eight tasks an agent, asked for by all frameworks, placed where they fit first; the cluster is full afterwards.
fn fill(report: &mut Report, count: u32, frameworks: u32, laws: Laws) {
    let parameters =
        [("agents", &*count.to_string()), ("frameworks", &frameworks.to_string()), ("laws", law(laws))];
    let grain = Grain { numerator: 1, denominator: 100 * frameworks };
    let each = count * 8 / frameworks + 1001;
    let ready = cluster(policy(laws, grain), count, frameworks, |_| singles(each, 2000, 8 * GI));
    let mut tasks = 0;
    let mut names = 0;
    let mut full = ready.clone();
    let millis = report.median(|| {
        full = ready.clone();
        let (millis, _, launches) = cycle(&mut full, 1, take_first(&mut names));
        assert_eq!(launches, u64::from(count) * 8);
        tasks = launches;
        millis
    });
    report.point("fill", &parameters, "cycle", millis, "ms");
    report.point("fill", &parameters, "tasks a second", tasks as f64 / millis * 1e3, "1/s");
    // One task ends; who is next takes its place.
    let first = names - tasks + 1;
    let mut times: Vec<f64> = (0..1000.min(tasks))
        .map(|at| {
            let begun = Instant::now();
            let ended = format!("task-{:08}", first + at * (tasks / 1000).max(1));
            full.apply(Change::HoldingGone(ended.as_str().into())).unwrap();
            let (_, _, launches) = cycle(&mut full, at + 2, take_first(&mut names));
            assert_eq!(launches, 1);
            begun.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    report.point("event", &parameters, "p50", times[times.len() / 2], "us");
    report.point("event", &parameters, "p99", times[times.len() * 99 / 100], "us");
}

/// A guarantee for every role that is filled, then a cycle with nothing to do (Mesos' LargeAndSmallQuota).
fn guarantees(report: &mut Report, count: u32) {
    let parameters =
        [("agents", &*count.to_string()), ("frameworks", &count.to_string()), ("laws", "touched")];
    let mut ready = cluster(policy(Laws::Touched, NO_GRAIN), count, count, |_| singles(2, 8000, 8 * GI));
    for at in 0..count {
        let sum = if at % 6 == 0 { 16_000 } else { 8000 };
        let amounts = [(Kind::Cpu, sum)];
        let role = Role {
            path: framework(at).role,
            weight: 1,
            guarantee: amounts.clone().into(),
            limit: amounts.into(),
            agents: Vec::new(),
            order: FrameworkOrder::Priority,
        };
        ready.apply(Change::Role(role)).unwrap();
    }
    let mut names = 0;
    let mut after = ready.clone();
    let millis = report.median(|| {
        after = ready.clone();
        cycle(&mut after, 1, take_first(&mut names)).0
    });
    report.point("guarantee", &parameters, "cycle", millis, "ms");
    let micros = report.median(|| cycle(&mut after, 2, decline).0 * 1e3);
    report.point("guarantee", &parameters, "next, empty cycle", micros, "us");
}

/// A waiting gang that cannot fit, among tasks that come and go, and one that can.
fn gang(report: &mut Report, count: u32) {
    let parameters = [("agents", &*count.to_string()), ("frameworks", "1"), ("laws", "touched")];
    let of = |members: u32| {
        let Demand::Asks(mut asks) = singles(members, 2000, 8 * GI) else { return Demand::None };
        asks[0].members[0].least = members;
        Demand::Asks(asks)
    };
    for (metric, members, fits) in
        [("gang that fits", 512, true), ("gang that does not", count * 8 + 1, false)]
    {
        let ready = cluster(policy(Laws::Touched, NO_GRAIN), count, 1, |_| of(members));
        let millis = report.median(|| {
            let mut names = 0;
            let whole = |allocator: &Allocator, offer: &Offer| {
                let Terms::Units { .. } = offer.terms else { return Answer::Decline { until: None } };
                let shown = allocator.shown(offer);
                let view = shown.member(0).unwrap();
                let mut placements = Vec::new();
                for (agent, free) in view.fitting() {
                    let mut free = free.into_owned();
                    while placements.len() < members as usize {
                        let Ok(resources) = view.wanted().shape.on(&free) else { break };
                        free.take(&resources).unwrap();
                        let task = name(&mut names);
                        placements.push(Placement { task, member: 0, agent: agent.id.clone(), resources });
                    }
                }
                if placements.len() < members as usize {
                    return Answer::Decline { until: None };
                }
                Answer::Accept(placements)
            };
            let (millis, _, launches) = cycle(&mut ready.clone(), 1, whole);
            assert_eq!(launches > 0, fits);
            millis
        });
        report.point("gang", &parameters, metric, millis, "ms");
    }
}

fn memory(report: &mut Report) {
    // First, as what is freed before is used again.
    let (count, frameworks) = (20_000, 1000);
    let parameters =
        [("agents", &*count.to_string()), ("frameworks", &frameworks.to_string()), ("laws", "touched")];
    let mut held = cluster(policy(Laws::Touched, NO_GRAIN), count, frameworks, |_| singles(1, 1000, GI));
    let before = resident();
    cycle(&mut held, 1, decline);
    let grown = resident().saturating_sub(before) as f64;
    let pairs = f64::from(count) * f64::from(frameworks);
    report.point("memory", &parameters, "bytes per refused pair", grown / pairs, "B");
    drop(held);
    for (count, frameworks) in [(100_000, 1), (1, 100_000)] {
        let parameters =
            [("agents", &*count.to_string()), ("frameworks", &frameworks.to_string()), ("laws", "touched")];
        let before = resident();
        let held = cluster(policy(Laws::Touched, NO_GRAIN), count, frameworks, |_| singles(1, 1000, GI));
        let bytes = resident().saturating_sub(before) as f64 / f64::from(count.max(frameworks));
        let metric = if count > 1 { "bytes per agent" } else { "bytes per framework" };
        report.point("memory", &parameters, metric, bytes, "B");
        drop(held);
    }
}

/// Bytes of this process in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split_whitespace().nth(1).and_then(|text| text.parse::<usize>().ok());
    pages.unwrap_or_default() * 4096
}

fn law(laws: Laws) -> &'static str {
    match laws {
        Laws::Off => "off",
        Laws::Touched => "touched",
        Laws::Everything => "everything",
    }
}

fn main() {
    // `cargo test --benches` builds and starts this too; only `cargo bench` measures.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let report = &mut Report::new();
    let rows: Vec<String> =
        std::env::args().skip(1).filter(|word| word.starts_with(char::is_alphabetic)).collect();
    let chosen = |row: &str| rows.is_empty() || rows.iter().any(|name| name == row);
    if chosen("memory") {
        memory(report);
    }
    for (ten, laws) in [(false, Laws::Touched), (false, Laws::Off), (true, Laws::Touched), (true, Laws::Off)]
    {
        if chosen("deal") {
            deal(report, 10_000, 1000, ten, laws);
        }
    }
    for count in [1000, 10_000, 100_000] {
        for frameworks in [100, 1000] {
            for laws in [Laws::Touched, Laws::Off] {
                if chosen("refuse") {
                    refuse(report, count, frameworks, laws);
                }
                if chosen("fill") {
                    fill(report, count, frameworks, laws);
                }
            }
        }
    }
    if chosen("gang") {
        gang(report, 1000);
        gang(report, 10_000);
    }
    if chosen("guarantee") {
        guarantees(report, 3000);
    }
}
