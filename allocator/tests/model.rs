//! The allocator against a model: the facts as they were told, and everything else computed from them by its definition,
//! slowly. After each transition what the allocator says and is must follow from the facts, and every law must hold.

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

use laws::Broken;
use pair::Pair;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use transition::Transition;

/// What is known before anything runs: the world to begin with, and the log of all that happened.
#[derive(Clone, Debug)]
struct Log {
    beginning: Vec<String>,
    happened: usize,
}

impl ReferenceStateMachine for Log {
    type State = Self;
    type Transition = Transition;

    fn init_state() -> BoxedStrategy<Self> {
        let bytes = proptest::collection::vec(any::<u8>(), transition::BEGINNING);
        bytes.prop_map(|bytes| Self { beginning: transition::beginning(&bytes), happened: 0 }).boxed()
    }

    fn transitions(_: &Self) -> BoxedStrategy<Transition> {
        any::<[u8; transition::BYTES]>().prop_map(|bytes| transition::transition(&bytes)).boxed()
    }

    fn apply(mut state: Self, _: &Transition) -> Self {
        state.happened += 1;
        state
    }
}

struct Model;

fn none(broken: &[Broken]) {
    assert!(broken.is_empty(), "broken: {broken:#?}");
}

impl StateMachineTest for Model {
    type SystemUnderTest = Pair;
    type Reference = Log;

    fn init_test(state: &Log) -> Pair {
        let (pair, broken) = Pair::new(&state.beginning, |_| {});
        none(&broken);
        pair
    }

    fn apply(mut pair: Pair, _: &Log, transition: Transition) -> Pair {
        none(&pair.step(&transition));
        pair
    }

    fn teardown(pair: Pair, _: Log) {
        none(&pair.audit());
    }
}

/// How many sequences; `SEQUENCES=1000000` for a long run.
fn sequences() -> u32 {
    std::env::var("SEQUENCES").map_or(10_000, |text| text.parse().unwrap())
}

/// One more than the longest sequence; `STEPS=300` for long lives.
fn steps() -> usize {
    std::env::var("STEPS").map_or(20, |text| text.parse().unwrap())
}

/// Which sequences: the same in every run, so that a change is judged by what it does; `SEED=random` finds others.
fn seed() -> RngSeed {
    let named = std::env::var("SEED").unwrap_or_else(|_| "1".into());
    if named == "random" { RngSeed::Random } else { RngSeed::Fixed(named.parse().unwrap()) }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig {
        cases: sequences(),
        rng_seed: seed(),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_allocator_does_what_follows_from_the_facts(sequential 1..steps() => Model);
}
