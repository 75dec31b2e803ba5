//! `growth`: how much more an operation costs when there is more of something. Each is measured over a range and a line
//! is laid through the logarithms; its slope is 1 where the cost is in proportion, 0 where it stays.

use crate::event::{events, full as full_of_tasks};
use crate::report::{Aim, Report, Value, Watch, percentile};
use crate::world::{
    GI, NO_GRAIN, add_agents, add_framework, agent, ask, cluster, cycle, decline, large, names, open, policy,
    role, shape, singles, strict, take_first, take_whole,
};
use twofold_allocator::allocator::Allocator;
use twofold_allocator::change::Change;
use twofold_allocator::holding::{Holding, Owner};
use twofold_allocator::policy::Laws;
use twofold_allocator::resources::{Kind, Resources};
use twofold_allocator::role::{FrameworkOrder, Role};

const AGENTS: [u32; 5] = [1000, 3000, 10_000, 30_000, 100_000];
const ROLES: [u32; 4] = [10, 100, 1000, 10_000];
/// How often what takes microseconds is done for one measurement.
const TIMES: u32 = 200;

/// An operation on so many of something, in milliseconds.
type Operation = fn(&Report, u32) -> f64;

pub(crate) fn run(report: &mut Report) {
    let many: [(&str, &[u32], f64, Operation); 7] = [
        ("a cycle that deals all agents, by agents", &AGENTS, 1.05, deal),
        ("a cycle after ten agents changed, by agents", &AGENTS, 0.1, after_ten),
        ("an agent comes and goes, by agents", &AGENTS, 0.2, come_and_go),
        ("a task ends and the next is offered, by waiting frameworks", &[100, 1000, 10_000], 0.15, event),
        ("a framework is added, by roles", &ROLES, 0.15, framework),
        ("a guarantee is changed, by roles", &ROLES, 0.15, guarantee),
        ("a gang, by members", &[4, 16, 64, 256, 1024, 4096], 1.05, gang),
    ];
    for (operation, range, most, measure) in many {
        let points: Vec<(f64, f64)> =
            range.iter().map(|many| (f64::from(*many), measure(report, *many))).collect();
        let parameters: [(&str, &dyn std::fmt::Display); 1] = [("operation", &operation)];
        report.point("growth", &parameters, Value("slope", slope(&points), "", Aim::AtMost(most)));
    }
}

/// The slope of the line of least squares through the logarithms.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let sum = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>();
    let (x, y) = (sum(|(x, _)| *x), sum(|(_, y)| *y));
    (count * sum(|(x, y)| x * y) - x * y) / (count * sum(|(x, _)| x * x) - x * x)
}

fn event(_: &Report, frameworks: u32) -> f64 {
    const AGENTS: u32 = 2000;
    let (mut times, _) = events(&mut full_of_tasks(AGENTS, frameworks), AGENTS * 8);
    percentile(&mut times, 50)
}

fn deal(report: &Report, agents: u32) -> f64 {
    let ready = cluster(policy(Laws::Touched, NO_GRAIN), agents, 100, open);
    report.median(|| cycle(&mut ready.clone(), 1, take_whole(names(agents))).millis)
}

/// A cluster where everybody wants more than any agent has.
fn full(agents: u32, frameworks: u32) -> Allocator {
    let want = |_| singles(1, 17_000, GI);
    let mut full = cluster(policy(Laws::Touched, NO_GRAIN), agents, frameworks, want);
    cycle(&mut full, 1, decline);
    full
}

fn after_ten(report: &Report, agents: u32) -> f64 {
    let mut full = full(agents, 100);
    let mut round = 1;
    report.median(|| {
        let watch = Watch::start();
        for _ in 0..TIMES {
            round += 1;
            for at in 0..10 {
                // What takes a little comes or goes, so that there is more or less than before.
                let holding = Holding {
                    task: format!("foreign-{at}").as_str().into(),
                    agent: agent(at * (agents / 10), large()).id,
                    owner: Owner::Foreign,
                    resources: Resources::new(100 + round % 2, GI),
                    finishing: false,
                    unit: None,
                    reservation: None,
                    devices: Vec::new(),
                };
                full.apply(Change::Holding(holding)).unwrap();
            }
            cycle(&mut full, round, decline);
        }
        watch.millis()
    })
}

fn come_and_go(report: &Report, agents: u32) -> f64 {
    let mut full = full(agents, 100);
    report.median(|| {
        let watch = Watch::start();
        for _ in 0..TIMES {
            let new = agent(agents, large());
            let id = new.id.clone();
            full.apply(Change::Agent(new)).unwrap();
            full.apply(Change::AgentGone(id)).unwrap();
        }
        watch.millis()
    })
}

fn framework(report: &Report, roles: u32) -> f64 {
    let ready = full(10, roles);
    report.median(|| {
        let mut allocator = ready.clone();
        let watch = Watch::start();
        for at in 0..TIMES {
            add_framework(&mut allocator, roles + at, role(at % roles), singles(1, 17_000, GI));
        }
        watch.millis()
    })
}

fn guarantee(report: &Report, roles: u32) -> f64 {
    let mut full = full(10, roles);
    let mut amount = 0;
    report.median(|| {
        let watch = Watch::start();
        for at in 0..TIMES {
            amount += 1;
            let role = Role {
                path: role(at % roles),
                weight: 1,
                guarantee: [(Kind::Cpu, amount)].into(),
                limit: [].into(),
                agents: Vec::new(),
                order: FrameworkOrder::Priority,
            };
            full.apply(Change::Role(role)).unwrap();
        }
        watch.millis()
    })
}

fn gang(report: &Report, members: u32) -> f64 {
    let mut ready = strict();
    add_agents(&mut ready, 2000, &large());
    add_framework(&mut ready, 0, role(0), ask(shape(4000, GI), members, members));
    report.median(|| {
        let names = &mut names(members);
        cycle(&mut ready.clone(), 1, |allocator, offer| take_first(allocator, offer, u32::MAX, names)).millis
    })
}
