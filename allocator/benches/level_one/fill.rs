//! `fill`, after YuniKorn's `BenchmarkScheduling`: two frameworks fill a cluster with tasks of one core and 10 MB; a turn
//! goes a hundredth of the cluster past the other's. `many`: eight tasks an agent for many frameworks, placed where they
//! fit first; then one task at a time ends and who is next takes its place.

use crate::report::{Aim, Report, Value, percentile};
use crate::world::{GI, cluster, cycle, large, law, names, policy, singles, take_first};
use crate::world::{add_agents, add_framework, role};
use std::time::Instant;
use twofold_allocator::allocator::Allocator;
use twofold_allocator::change::Change;
use twofold_allocator::policy::{Grain, Laws};
use twofold_allocator::resources::Resources;

pub(crate) fn run(report: &mut Report) {
    let mut grid = vec![(500, 10_000), (1000, 10_000), (5000, 10_000), (10_000, 100_000)];
    if report.all {
        grid.extend([(2000, 10_000), (100_000, 1_000_000)]);
    }
    for (agents, tasks) in grid {
        let parameters: [(&str, &dyn std::fmt::Display); 2] = [("agents", &agents), ("tasks", &tasks)];
        let mut ready = Allocator::new(policy(Laws::Touched, Grain { numerator: 1, denominator: 100 }));
        add_agents(&mut ready, agents, &Resources { cpu_milli: 32_000, ..large() });
        for at in 0..2 {
            add_framework(&mut ready, at, role(at), singles(tasks / 2, 1000, 10_000_000));
        }
        let millis = report.median(|| {
            let names = &mut names(tasks);
            let answer = |allocator: &_, offer: &_| take_first(allocator, offer, u32::MAX, names);
            let cycle = cycle(&mut ready.clone(), 1, answer);
            assert_eq!(cycle.launches, u64::from(tasks));
            cycle.millis
        });
        let aim = if agents == 5000 { Aim::AtLeast(1e6) } else { Aim::None };
        let rate = f64::from(tasks) / millis * 1e3;
        report.point("fill", &parameters, Value("placements_per_s", rate, "1/s", aim));
    }
}

pub(crate) fn many(report: &mut Report) {
    for agents in [1000, 10_000, 100_000] {
        for frameworks in [100, 1000] {
            for laws in [Laws::Touched, Laws::Off] {
                many_point(report, agents, frameworks, laws);
            }
        }
    }
}

fn many_point(report: &mut Report, agents: u32, frameworks: u32, laws: Laws) {
    let parameters: [(&str, &dyn std::fmt::Display); 3] =
        [("agents", &agents), ("frameworks", &frameworks), ("laws", &law(laws))];
    let grain = Grain { numerator: 1, denominator: 100 * frameworks };
    let each = agents * 8 / frameworks + 1001;
    let ready = cluster(policy(laws, grain), agents, frameworks, |_| singles(each, 2000, 8 * GI));
    let mut full = ready.clone();
    let mut fresh = Vec::new();
    let millis = report.median(|| {
        full = ready.clone();
        fresh = names(agents * 8 + 1000);
        let cycle =
            cycle(&mut full, 1, |allocator, offer| take_first(allocator, offer, u32::MAX, &mut fresh));
        assert_eq!(cycle.launches, u64::from(agents) * 8);
        cycle.millis
    });
    report.point("many", &parameters, Value("cycle_ms", millis, "ms", Aim::None));
    let rate = f64::from(agents) * 8.0 / millis * 1e3;
    report.point("many", &parameters, Value("placements_per_s", rate, "1/s", Aim::None));
    let mut times: Vec<f64> = (0..1000)
        .map(|at| {
            let begun = Instant::now();
            let ended = format!("task-{:08}", at * (agents * 8 / 1000));
            full.apply(Change::HoldingGone(ended.as_str().into())).unwrap();
            let answer = |allocator: &_, offer: &_| take_first(allocator, offer, 1, &mut fresh);
            assert_eq!(cycle(&mut full, u64::from(at) + 2, answer).launches, 1);
            begun.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    let (p50, p99) = (percentile(&mut times, 50), percentile(&mut times, 99));
    report.point("many", &parameters, Value("event_p50_us", p50, "us", Aim::None));
    report.point("many", &parameters, Value("event_p99_us", p99, "us", Aim::None));
}
