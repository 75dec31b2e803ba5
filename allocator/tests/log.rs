//! A log of 100,000 changes, made from a seed, gives one sum over all decisions, on every machine and in every build.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]
#![allow(dead_code, reason = "other tests use the rest")]

#[path = "properties/commands.rs"]
mod commands;
#[path = "model/decisions.rs"]
mod decisions;
#[path = "properties/numbers.rs"]
mod numbers;
#[path = "cases/world.rs"]
mod world;

use decisions::Decisions;
use numbers::Numbers;
use twofold_allocator::offer::Answer;
use twofold_allocator::tick::{Tick, Timestamp};
use world::World;

/// The seed of the log, how many changes it has, and the sum of the decisions on them. A change of what is decided
/// changes the sum: then look whether it was meant to, and write down the new one.
const SEED: u64 = 2026;
const CHANGES: u64 = 100_000;
const SUM: u64 = 0x895b_c55f_051d_d8c8;

/// One cycle: most take what fits first, some refuse, for a while or for ever, and some say nothing.
fn cycle(world: &mut World, decisions: &mut Decisions, numbers: &mut Numbers, cycle: u64) {
    world.allocator.begin(Tick { cycle, now: Timestamp(cycle) });
    while let Some(offer) = world.allocator.next_offer() {
        decisions.offer(&offer);
        let answer = match numbers.next() % 8 {
            0 => Answer::Decline { until: None },
            1 => Answer::Decline { until: Some(Timestamp(cycle + 3)) },
            2 => continue,
            _ => world.first_fit(&offer, 3),
        };
        decisions.said(&world.allocator.settle(offer.id, answer));
    }
}

/// The sum over the decisions on a log, and the laws that were broken on the way.
fn decide(seed: u64, changes: u64) -> u64 {
    let numbers = &mut Numbers(seed);
    let mut world = World::new();
    world.run("policy open-millis=3");
    let mut decisions = Decisions::default();
    for at in 1..=changes {
        let command = commands::change(&numbers.bytes::<{ commands::BYTES }>());
        decisions.taken(&world.allocator.apply(world.change_of(&command).unwrap()));
        if at % 8 == 0 {
            cycle(&mut world, &mut decisions, numbers, at / 8);
            assert_eq!(world.allocator.check_touched(), [], "after {at} changes");
        }
    }
    assert_eq!(world.allocator.audit(), []);
    decisions.sum()
}

#[test]
fn a_log_gives_the_same_decisions_everywhere() {
    assert_eq!(format!("{:016x}", decide(SEED, CHANGES)), format!("{SUM:016x}"));
}
