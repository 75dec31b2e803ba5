//! `refuse`: every framework is shown every agent and refuses it for ever; `empty`: then a cycle with nothing to do.

use crate::report::{Aim, Report, Value, resident};
use crate::world::{GI, NO_GRAIN, cluster, cycle, decline, law, policy, singles};
use twofold_allocator::policy::Laws;

pub(crate) fn run(report: &mut Report) {
    for agents in [1000, 10_000, 100_000] {
        for frameworks in [100, 1000] {
            for laws in [Laws::Touched, Laws::Off] {
                point(report, agents, frameworks, laws);
            }
        }
    }
}

fn point(report: &mut Report, agents: u32, frameworks: u32, laws: Laws) {
    let parameters: [(&str, &dyn std::fmt::Display); 3] =
        [("agents", &agents), ("frameworks", &frameworks), ("laws", &law(laws))];
    let ready = cluster(policy(laws, NO_GRAIN), agents, frameworks, |_| singles(1, 1000, GI));
    let mut after = ready.clone();
    let millis = report.median(|| {
        after = ready.clone();
        cycle(&mut after, 1, decline).millis
    });
    let pairs = f64::from(agents) * f64::from(frameworks);
    report.point("refuse", &parameters, Value("cycle_ms", millis, "ms", Aim::None));
    report.point("refuse", &parameters, Value("ns_per_pair", millis * 1e6 / pairs, "ns", Aim::None));
    let micros = report.median(|| cycle(&mut after, 2, decline).millis * 1e3);
    report.point("empty", &parameters, Value("cycle_us", micros, "us", Aim::AtMost(100.0)));
}

/// `memory`: bytes for each agent, framework and refused pair. To be run first, as what is freed before is used again.
pub(crate) fn memory(report: &mut Report) {
    let (agents, frameworks) = (20_000, 1000);
    let strict = || policy(Laws::Touched, NO_GRAIN);
    let mut held = cluster(strict(), agents, frameworks, |_| singles(1, 1000, GI));
    let before = resident();
    cycle(&mut held, 1, decline);
    let grown = resident().saturating_sub(before) as f64;
    let pairs = f64::from(agents) * f64::from(frameworks);
    let parameters: [(&str, &dyn std::fmt::Display); 2] = [("agents", &agents), ("frameworks", &frameworks)];
    report.point("memory", &parameters, Value("bytes_per_pair", grown / pairs, "B", Aim::None));
    drop(held);
    for (agents, frameworks, metric, most) in
        [(100_000, 1, "bytes_per_agent", 1024.0), (1, 100_000, "bytes_per_framework", 2048.0)]
    {
        let before = resident();
        let held = cluster(strict(), agents, frameworks, |_| singles(1, 1000, GI));
        let each = resident().saturating_sub(before) as f64 / f64::from(agents.max(frameworks));
        let parameters: [(&str, &dyn std::fmt::Display); 2] =
            [("agents", &agents), ("frameworks", &frameworks)];
        report.point("memory", &parameters, Value(metric, each, "B", Aim::AtMost(most)));
        drop(held);
    }
}
