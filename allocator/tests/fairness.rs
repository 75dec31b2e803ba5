//! What shares and guarantees promise, in random worlds of one resource, where the best outcome is known.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

#[path = "cases/world.rs"]
mod world;

use proptest::prelude::*;
use world::World;

fn cases() -> u32 {
    std::env::var("CASES").map_or(200, |text| text.parse().unwrap())
}

/// One role of a world: its weight, how many tasks it wants, the size of each in CPUs, its guarantee, and whether it
/// wants them from the start.
#[derive(Clone, Debug)]
struct Plan {
    weight: u64,
    wanted: u64,
    size: u64,
    guarantee: u64,
    early: bool,
}

fn plan() -> impl Strategy<Value = Plan> {
    (1u64..=5, 0u64..=30, 1u64..=4, 0u64..=8, any::<bool>())
        .prop_map(|(weight, wanted, size, guarantee, early)| Plan { weight, wanted, size, guarantee, early })
}

/// What a role is charged, in CPUs.
fn charged(world: &World, role: &str) -> u64 {
    world.allocator.role_report(&role.into()).map_or(0, |report| report.charged.cpu_milli / 1000)
}

fn want(world: &mut World, at: usize, plan: &Plan) {
    if plan.wanted > 0 {
        world.run(&format!("asks f{at} x{{count={} cpu={}}}", plan.wanted, plan.size));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// Nobody got its last task while a role that still waits stood lower: weighted max-min up to one task.
    #[test]
    fn shares_are_max_min_up_to_one_task(plans in proptest::collection::vec(plan(), 2..6), capacity in 5u64..60) {
        let mut world = World::new();
        world.run(&format!("agent m cpu={capacity}"));
        for (at, plan) in plans.iter().enumerate() {
            world.run(&format!("role r{at} weight={}", plan.weight));
            world.run(&format!("framework f{at} role=r{at}"));
            want(&mut world, at, &Plan { size: 1, ..plan.clone() });
        }
        let out = world.run("cycle");
        let got: Vec<u64> = (0..plans.len()).map(|at| charged(&world, &format!("r{at}"))).collect();
        prop_assert_eq!(got.iter().sum::<u64>(), capacity.min(plans.iter().map(|plan| plan.wanted).sum()), "{}", out);
        for (at, plan) in plans.iter().enumerate().filter(|(at, _)| got[*at] > 0) {
            for (other, waiting) in plans.iter().enumerate().filter(|(other, plan)| *other != at && got[*other] < plan.wanted) {
                let before = (got[at] - 1) * waiting.weight;
                prop_assert!(before <= got[other] * plan.weight, "r{} over r{}: {:?}\n{}", at, other, got, out);
            }
        }
    }

    /// Whoever comes late finds its guarantee free, however much the others wanted before; and what is guaranteed to
    /// nobody is not kept idle.
    #[test]
    fn guarantees_are_there_for_who_comes_late(plans in proptest::collection::vec(plan(), 2..6), spare in 0u64..10) {
        let guaranteed: u64 = plans.iter().map(|plan| plan.guarantee).sum();
        let capacity = guaranteed + spare;
        let mut world = World::new();
        world.run(&format!("agent m cpu={capacity}"));
        for (at, plan) in plans.iter().enumerate() {
            world.run(&format!("role r{at} weight={} guarantee=cpu:{}", plan.weight, plan.guarantee));
            world.run(&format!("framework f{at} role=r{at}"));
        }
        let mut out = String::new();
        for early in [true, false] {
            for (at, plan) in plans.iter().enumerate().filter(|(_, plan)| plan.early == early) {
                want(&mut world, at, plan);
            }
            out.push_str(&world.run("cycle"));
        }
        for (at, plan) in plans.iter().enumerate() {
            let due = (plan.guarantee / plan.size).min(plan.wanted) * plan.size;
            prop_assert!(charged(&world, &format!("r{at}")) >= due, "r{at} is owed {due}: {plans:?}\n{out}");
        }
    }

    /// A limit holds at every level, and does not keep back who is below it.
    #[test]
    fn limits_hold_and_hold_back_nobody_else(plans in proptest::collection::vec(plan(), 2..6), limit in 0u64..20) {
        let mut world = World::new();
        world.run("agent m cpu=1000");
        world.run(&format!("role top limit=cpu:{limit}"));
        for (at, plan) in plans.iter().enumerate() {
            let role = if plan.early { format!("top/r{at}") } else { format!("r{at}") };
            world.run(&format!("framework f{at} role={role}"));
            want(&mut world, at, &Plan { size: 1, ..plan.clone() });
        }
        let out = world.run("cycle");
        let inside: u64 = plans.iter().filter(|plan| plan.early).map(|plan| plan.wanted).sum();
        prop_assert_eq!(charged(&world, "top"), limit.min(inside), "{}", out);
        for (at, plan) in plans.iter().enumerate().filter(|(_, plan)| !plan.early) {
            prop_assert_eq!(charged(&world, &format!("r{at}")), plan.wanted);
        }
    }
}
