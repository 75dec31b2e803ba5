//! `quota`, after Mesos' `LargeAndSmallQuota`: as many roles as agents, all with a guarantee that is also the limit; five
//! in six are guaranteed half an agent, the sixth two agents. All of it is dealt, then a cycle has nothing to do.

use crate::report::{Aim, Report, Value, Watch, resident};
use crate::world::{GI, add_agents, add_framework, cycle, decline, names, role, strict, take_whole};
use twofold_allocator::allocator::Allocator;
use twofold_allocator::ask::Demand;
use twofold_allocator::change::Change;
use twofold_allocator::resources::{Amounts, Kind, Resources};
use twofold_allocator::role::{FrameworkOrder, Role};

pub(crate) fn run(report: &mut Report) {
    let mut grid = vec![30, 300, 3000];
    if report.all {
        grid.push(30_000);
    }
    for agents in grid {
        point(report, agents);
    }
}

fn point(report: &mut Report, agents: u32) {
    let parameters: [(&str, &dyn std::fmt::Display); 1] = [("agents", &agents)];
    let aim = |most| if agents == 3000 { Aim::AtMost(most) } else { Aim::None };
    let before = resident();
    let mut ready = roles(agents);
    let roles_only = ready.clone();
    add_frameworks(&mut ready, agents);
    let guaranteed = u64::from(agents - agents / 6 + agents / 6 * 4) * 1000;
    let mut after = ready.clone();
    let millis = report.median(|| {
        after = ready.clone();
        let cycle = cycle(&mut after, 1, take_whole(names(agents * 2)));
        assert_eq!(after.total().cpu_milli - after.free().cpu_milli, guaranteed);
        cycle.millis
    });
    // Three copies were made besides.
    let mib = resident().saturating_sub(before) as f64 / 4.0 / f64::from(1 << 20);
    report.point("quota", &parameters, Value("first_cycle_ms", millis, "ms", aim(30.0)));
    let micros = report.median(|| cycle(&mut after, 2, decline).millis * 1e3);
    report.point("quota", &parameters, Value("empty_cycle_us", micros, "us", aim(100.0)));
    let added = report.median(|| {
        let mut allocator = roles_only.clone();
        let watch = Watch::start();
        add_frameworks(&mut allocator, agents);
        watch.millis()
    });
    report.point("quota", &parameters, Value("add_frameworks_ms", added, "ms", aim(20.0)));
    report.point("quota", &parameters, Value("resident_mib", mib, "MiB", aim(64.0)));
}

fn roles(agents: u32) -> Allocator {
    let mut allocator = strict();
    add_agents(&mut allocator, agents, &Resources::new(2000, 2 * GI));
    for at in 0..agents {
        let units = if at % 6 == 5 { 4 } else { 1 };
        let amounts: Amounts = [(Kind::Cpu, units * 1000), (Kind::Memory, units * GI)].into();
        let role = Role {
            path: role(at),
            weight: 1,
            guarantee: amounts.clone(),
            limit: amounts,
            agents: Vec::new(),
            order: FrameworkOrder::Priority,
        };
        allocator.apply(Change::Role(role)).unwrap();
    }
    allocator
}

fn add_frameworks(allocator: &mut Allocator, count: u32) {
    for at in 0..count {
        let demand = Demand::Open { least: Resources::new(1000, GI) };
        add_framework(allocator, at, role(at), demand);
    }
}
