//! `mixed`, after Mesos' `MultiFrameworkAllocations`: 80 machines of 64 CPUs and 488 GB; 4 frameworks that launch 4,000
//! tasks of 0.07 CPUs and 400 MB, at most 100 an offer; 500 in one role that launch 5 of 0.1 and 4,000, one an offer; 50
//! that launch 20 of 1 and 1,000, five an offer. Rounds are cycles until all tasks are placed.

use crate::report::{Aim, Report, Value};
use crate::world::{add_agents, add_framework, cycle, names, role, singles, strict, take_first};
use std::collections::BTreeMap;
use twofold_allocator::allocator::Allocator;
use twofold_allocator::id::{FrameworkId, RolePath, TaskId};
use twofold_allocator::offer::{Answer, Offer};
use twofold_allocator::resources::Resources;

const MB: u64 = 1_000_000;

/// A kind of framework: how many, tasks of each, what a task takes, and the most that is taken of an offer.
struct Kind {
    count: u32,
    tasks: u32,
    cpu_milli: u64,
    memory: u64,
    most: u32,
    one_role: bool,
}

const KINDS: [Kind; 3] = [
    Kind { count: 4, tasks: 4000, cpu_milli: 70, memory: 400 * MB, most: 100, one_role: false },
    Kind { count: 500, tasks: 5, cpu_milli: 100, memory: 4000 * MB, most: 1, one_role: true },
    Kind { count: 50, tasks: 20, cpu_milli: 1000, memory: 1000 * MB, most: 5, one_role: false },
];

pub(crate) fn run(report: &mut Report) {
    let scales = if report.all { vec![1, 10, 100] } else { vec![1, 10] };
    for scale in scales {
        let parameters: [(&str, &dyn std::fmt::Display); 1] = [("scale", &scale)];
        let (ready, most) = ready(scale);
        let tasks = 19_500 * scale;
        let mut rounds = 0;
        let millis = report.median(|| {
            let (names, mut allocator) = (&mut names(tasks), ready.clone());
            let (mut millis, mut placed) = (0.0, 0);
            for round in 1.. {
                let cycle =
                    cycle(&mut allocator, round, |allocator, offer| take(allocator, offer, &most, names));
                (millis, placed, rounds) = (millis + cycle.millis, placed + cycle.launches, round);
                if placed == u64::from(tasks) {
                    break;
                }
                assert!(cycle.launches > 0, "{placed} placed");
            }
            millis
        });
        let aim = if scale == 1 { Aim::AtMost(20.0) } else { Aim::None };
        report.point("mixed", &parameters, Value("ms", millis, "ms", aim));
        report.point("mixed", &parameters, Value("rounds", rounds as f64, "", Aim::None));
        if scale == 1 {
            let gap = share_gap(ready.clone(), &most, names(tasks));
            report.point("mixed", &parameters, Value("share_gap", gap, "turns", Aim::AtMost(1.0)));
        }
    }
}

/// The cluster, and the most that each framework takes of an offer.
fn ready(scale: u32) -> (Allocator, BTreeMap<FrameworkId, u32>) {
    let mut allocator = strict();
    let capacity = Resources { pods: 100_000, ..Resources::new(64_000, 488_000 * MB) };
    add_agents(&mut allocator, 80 * scale, &capacity);
    let mut most = BTreeMap::new();
    let mut number = 0;
    for (at, kind) in KINDS.iter().enumerate() {
        for _ in 0..kind.count * scale {
            let shared = RolePath::from(format!("shared-{at}").as_str());
            let role = if kind.one_role { shared } else { role(number) };
            let demand = singles(kind.tasks, kind.cpu_milli, kind.memory);
            most.insert(add_framework(&mut allocator, number, role, demand), kind.most);
            number += 1;
        }
    }
    (allocator, most)
}

fn take(
    allocator: &Allocator,
    offer: &Offer,
    most: &BTreeMap<FrameworkId, u32>,
    names: &mut Vec<TaskId>,
) -> Answer {
    take_first(allocator, offer, most[&offer.framework], names)
}

/// How far the shares of roles that still wait were apart at most, in parts of the largest turn that any of them had.
fn share_gap(mut allocator: Allocator, most: &BTreeMap<FrameworkId, u32>, mut names: Vec<TaskId>) -> f64 {
    let share = |allocator: &Allocator, role: &RolePath| {
        allocator.role_report(role).map_or(0.0, |report| report.share.0 as f64 / report.share.1 as f64)
    };
    let mut waiting: BTreeMap<RolePath, u32> = BTreeMap::new();
    let mut number = 0;
    for (at, kind) in KINDS.iter().enumerate() {
        for _ in 0..kind.count {
            let shared = RolePath::from(format!("shared-{at}").as_str());
            let role = if kind.one_role { shared } else { role(number) };
            *waiting.entry(role).or_default() += kind.tasks;
            number += 1;
        }
    }
    let (mut widest, mut turn) = (0.0f64, 0.0f64);
    cycle(&mut allocator, 1, |allocator, offer| {
        let shares = waiting.keys().map(|role| share(allocator, role));
        let (least, largest) = shares.fold((f64::MAX, 0.0f64), |(a, b), x| (a.min(x), b.max(x)));
        widest = widest.max(largest - least);
        let answer = take(allocator, offer, most, &mut names);
        if let Answer::Accept(placements) = &answer {
            let (cpu, memory) = placements.iter().fold((0, 0), |sum, placement| {
                (sum.0 + placement.resources.cpu_milli, sum.1 + placement.resources.memory_bytes)
            });
            let total = allocator.total();
            let parts = (cpu as f64 / total.cpu_milli as f64, memory as f64 / total.memory_bytes as f64);
            turn = turn.max(parts.0.max(parts.1));
            let left = waiting.get_mut(&offer.role).unwrap();
            *left -= placements.len() as u32;
            if *left == 0 {
                waiting.remove(&offer.role);
            }
        }
        answer
    });
    // Rounded, as a sum of shares is not exact in floating point.
    (widest / turn * 1e6).round() / 1e6
}
