//! The laws catch what they are for: with a bug planted for each, the law of its name is broken before long.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]
#![allow(dead_code, reason = "other tests use the rest")]

#[path = "properties/commands.rs"]
mod commands;
#[path = "model/decisions.rs"]
mod decisions;
#[path = "model/devices.rs"]
mod devices;
#[path = "model/facts.rs"]
mod facts;
#[path = "model/laws.rs"]
mod laws;
#[path = "properties/numbers.rs"]
mod numbers;
#[path = "model/pair.rs"]
mod pair;
#[path = "model/sight.rs"]
mod sight;
#[path = "model/sums.rs"]
mod sums;
#[path = "model/transition.rs"]
mod transition;
#[path = "model/turn.rs"]
mod turn;
#[path = "cases/world.rs"]
mod world;

use decisions::Decisions;
use laws::{Broken, Law};
use numbers::Numbers;
use pair::Pair;
use std::panic::{AssertUnwindSafe, catch_unwind};
use twofold_allocator::plant::Plant;

/// A life until something is broken, and its decisions until then.
fn live(seed: u64, bug: Option<Plant>) -> (Vec<Broken>, Decisions) {
    let numbers = &mut Numbers(seed);
    let beginning = transition::beginning(&numbers.bytes::<{ transition::BEGINNING }>());
    let plant = move |allocator: &mut twofold_allocator::allocator::Allocator| {
        bug.into_iter().for_each(|bug| allocator.plant(bug));
    };
    let (mut pair, mut broken) = Pair::new(&beginning, plant);
    for _ in 0..30 {
        if !broken.is_empty() {
            return (broken, pair.decisions);
        }
        broken = pair.step(&transition::transition(&numbers.bytes::<{ transition::BYTES }>()));
    }
    broken.extend(pair.audit());
    (broken, pair.decisions)
}

/// The laws that a life breaks; a panic breaks the law of totality.
fn broken(seed: u64, bug: Option<Plant>) -> Vec<Law> {
    let life = catch_unwind(AssertUnwindSafe(|| live(seed, bug)));
    life.map_or_else(|_| vec![Law::Total], |(broken, _)| broken.into_iter().map(|(law, _)| law).collect())
}

/// How many lives it may take until a bug is caught.
const LIVES: u64 = 2000;

fn is_caught(bug: Plant, by: Law) {
    let caught = (0..LIVES).find(|seed| broken(*seed, Some(bug)).contains(&by));
    assert!(caught.is_some(), "{bug:?} is not caught by {by:?} in {LIVES} lives");
}

macro_rules! caught {
    ($($test:ident: $law:ident),* $(,)?) => {$(
        #[test]
        fn $test() {
            is_caught(Plant::$law, Law::$law);
        }
    )*};
}

caught! {
    an_over_commitment_is_caught: OverCommit,
    a_device_with_two_owners_is_caught: Devices,
    a_loss_of_room_is_caught: Conservation,
    a_limit_that_is_passed_is_caught: Limit,
    a_parent_that_is_not_its_children_is_caught: Hierarchy,
    a_guarantee_given_away_is_caught: Guarantee,
    an_answer_taken_twice_is_caught: AnswerOnce,
    half_an_accept_is_caught: Atomic,
    a_sleeper_beside_room_is_caught: Starvation,
    a_weight_without_weight_is_caught: Fairness,
    books_that_depend_on_the_order_are_caught: Recovery,
    a_change_that_counts_twice_is_caught: Duplicates,
    a_placement_against_the_rules_is_caught: Domains,
    a_total_that_keeps_what_is_lost_is_caught: LostAndFound,
    filters_that_outlive_their_agent_are_caught: Bounded,
    a_panic_is_caught: Total,
}

#[test]
fn an_order_that_differs_from_process_to_process_is_caught() {
    let decisions = |bug| live(7, bug).1;
    let runs = (0..LIVES).map(|seed| [0, 1].map(|tie| live(seed, Some(Plant::Determinism(tie))).1));
    assert!(runs.into_iter().any(|[one, other]| one != other));
    assert_eq!(decisions(None), decisions(None));
}

/// Without a bug no law is broken in the same lives, so that what is caught is the bug.
#[test]
fn nothing_is_caught_where_nothing_is_planted() {
    for seed in 0..300 {
        assert_eq!(live(seed, None).0, Vec::new(), "seed {seed}");
    }
}
