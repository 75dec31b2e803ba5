//! Seeded simulation: long lives of small worlds. A seed that fails prints the command that runs it again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

#[path = "properties/commands.rs"]
mod commands;
#[path = "properties/numbers.rs"]
mod numbers;
#[path = "cases/world.rs"]
mod world;

use numbers::Numbers;
use world::World;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// One life; what went wrong, with what was told before.
fn live(seed: u64, steps: u64) -> Result<(), String> {
    let numbers = &mut Numbers(seed);
    let mut world = World::new();
    let mut told = vec![commands::policy(numbers.next().to_le_bytes()[0])];
    world.run(&told[0]);
    for _ in 0..steps {
        let command = commands::command(&numbers.bytes::<{ commands::BYTES }>());
        told.push(command.clone());
        let out = world.run(&command);
        if out.contains("BROKEN") {
            return Err(format!("{out}after\n> {}", told.join("\n> ")));
        }
    }
    Ok(())
}

#[test]
fn no_life_breaks_a_law() {
    let (first, runs, steps) = (number("SEED", 1), number("RUNS", 25), number("STEPS", 250));
    for seed in first..first.saturating_add(runs) {
        let again =
            format!("SEED={seed} RUNS=1 STEPS={steps} cargo test -p twofold-allocator --test simulation");
        let outcome = std::panic::catch_unwind(|| live(seed, steps));
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(what)) => panic!("{what}\nrun it again with: {again}"),
            Err(_) => panic!("a panic, see above; run it again with: {again}"),
        }
    }
}
