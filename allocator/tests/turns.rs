//! Turns, where text cases cannot name the offer that is answered.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "cases/world.rs"]
mod world;

use twofold_allocator::offer::Answer;
use twofold_allocator::settle::SettleError;
use twofold_allocator::tick::{Tick, Timestamp};
use world::World;

#[test]
fn a_turn_ends_though_an_offer_that_stayed_out_was_answered_in_it() {
    let mut world = World::new();
    for command in [
        "policy open-millis=100",
        "agent a cpu=4",
        "framework fa role=a",
        "open fa",
        "begin",
        "next",
        "agent b cpu=4",
        "framework fb role=b",
        "asks fb x{count=1 cpu=1}",
    ] {
        world.run(command);
    }
    let allocator = &mut world.allocator;
    let out = allocator.live_offers().next().unwrap().id;
    allocator.begin(Tick { cycle: 9, now: Timestamp(1) });
    let turn = allocator.next_offer().unwrap();
    assert_eq!(turn.framework.as_str(), "fb");
    allocator.settle(out, Answer::Decline { until: None }).unwrap();
    allocator.next_offer();
    let late = allocator.settle(turn.id, Answer::Decline { until: None });
    assert_eq!(late, Err(SettleError::UnknownOffer(turn.id)));
}
