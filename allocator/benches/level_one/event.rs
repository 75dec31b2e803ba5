//! `event`: a full cluster where every framework wants more; a task ends, and the time until the next offer is there.
//! Ten thousand frameworks of equal tasks in a thousand roles on three levels. What happens: tasks end in no order, and
//! each offer is accepted; an end and an answer are an event each.

use crate::report::{Aim, Report, Value, percentile};
use crate::world::{GI, add_agents, add_framework, cycle, large, names, policy, singles, take_first};
use std::time::Instant;
use twofold_allocator::allocator::Allocator;
use twofold_allocator::change::Change;
use twofold_allocator::id::TaskId;
use twofold_allocator::policy::{Grain, Laws};
use twofold_allocator::role::{FrameworkOrder, Role};
use twofold_allocator::tick::{Tick, Timestamp};

const FRAMEWORKS: u32 = 10_000;

pub(crate) fn run(report: &mut Report) {
    for agents in [1000, 10_000, 100_000] {
        let aim = |aim| if agents == 100_000 { aim } else { Aim::None };
        let parameters: [(&str, &dyn std::fmt::Display); 1] = [("agents", &agents)];
        let (mut times, rate) = events(&mut full(agents, FRAMEWORKS), agents * 8);
        let (p50, p99) = (percentile(&mut times, 50), percentile(&mut times, 99));
        report.point("event", &parameters, Value("p50_us", p50, "us", Aim::None));
        report.point("event", &parameters, Value("p99_us", p99, "us", aim(Aim::AtMost(20.0))));
        report.point("event", &parameters, Value("events_per_s", rate, "1/s", aim(Aim::AtLeast(500_000.0))));
    }
}

/// Eight tasks on every agent, and everybody wants more.
pub(crate) fn full(agents: u32, frameworks: u32) -> Allocator {
    let mut allocator =
        Allocator::new(policy(Laws::Touched, Grain { numerator: 1, denominator: 2 * frameworks }));
    add_agents(&mut allocator, agents, &large());
    for at in 0..frameworks {
        let path = format!("role-{}/role-{}/role-{}", at % 10, at / 10 % 10, at / 100 % 10);
        let role = Role {
            path: path.as_str().into(),
            weight: 1,
            guarantee: [].into(),
            limit: [].into(),
            agents: Vec::new(),
            // By shares, so that every framework has had a turn when the cluster is full.
            order: FrameworkOrder::Drf,
        };
        allocator.apply(Change::Role(role)).unwrap();
        add_framework(&mut allocator, at, path.as_str().into(), singles(1_000_000, 2000, 8 * GI));
    }
    let names = &mut names(agents * 8);
    let filled = cycle(&mut allocator, 1, |allocator, offer| take_first(allocator, offer, u32::MAX, names));
    assert_eq!(filled.launches, u64::from(agents) * 8);
    allocator
}

/// Microseconds from the end of a task to the next offer, and events a second.
pub(crate) fn events(allocator: &mut Allocator, tasks: u32) -> (Vec<f64>, f64) {
    // The first turns set the waiting ones in order; they are not part of what is measured.
    const WARM: u32 = 2000;
    let count: u32 = 100_000;
    let mut fresh: Vec<TaskId> =
        (0..count + WARM).map(|at| format!("next-{at:08}").as_str().into()).collect();
    // A walk over all numbers in no order: the step has no divisor in common with 2 and 5.
    let ending: Vec<TaskId> = (0..u64::from(count + WARM))
        .map(|at| format!("task-{:08}", at * 7_368_787 % u64::from(tasks)).as_str().into())
        .collect();
    let mut times = Vec::with_capacity(count as usize);
    let mut begun = Instant::now();
    for (at, task) in ending.into_iter().take((count + WARM).min(tasks) as usize).enumerate() {
        if at == WARM as usize {
            times.clear();
            begun = Instant::now();
        }
        let ended = Instant::now();
        allocator.apply(Change::HoldingGone(task)).unwrap();
        allocator.begin(Tick { cycle: at as u64 + 2, now: Timestamp(at as u64 + 2) });
        let offer = allocator.next_offer().unwrap();
        times.push(ended.elapsed().as_secs_f64() * 1e6);
        let answer = take_first(allocator, &offer, 1, &mut fresh);
        assert_eq!(allocator.settle(offer.id, answer).unwrap().len(), 1);
        assert!(allocator.next_offer().is_none());
        assert_eq!(allocator.check_touched(), []);
    }
    let rate = times.len() as f64 * 2.0 / begun.elapsed().as_secs_f64();
    (times, rate)
}
