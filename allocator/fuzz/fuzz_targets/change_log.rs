//! Any log of changes, turns and answers keeps every law. A log is text as in the cases, so each of these is a seed; the
//! mutations are of commands, since random bytes are hardly ever one.

#![no_main]
#![allow(dead_code, reason = "the tests use the rest")]
#![allow(clippy::unwrap_used, reason = "a target that cannot go on fails")]

#[path = "../../tests/properties/commands.rs"]
mod commands;
#[path = "change_log/mutate.rs"]
mod mutate;
#[path = "../../tests/properties/numbers.rs"]
mod numbers;
#[path = "../../tests/cases/world.rs"]
mod world;

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use twofold_allocator::ask::{Ask, Demand};
use twofold_allocator::change::Change;
use world::World;

/// The most members of one sort: more take time and show nothing new.
const MEMBERS: u32 = 64;

/// The change that a line tells; none where it tells none, or one that is too large to be played.
fn small(world: &World, line: &str) -> Option<Change> {
    let change = world.change_of(line)?;
    let few = |asks: &[Ask]| asks.iter().flat_map(|ask| &ask.members).all(|member| member.count <= MEMBERS);
    match &change {
        Change::Demand { demand: Demand::Asks(asks), .. } => few(asks).then_some(change),
        _ => Some(change),
    }
}

fn play(text: &str) {
    let mut world = World::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("> ")) {
        if ["cycle", "cycle answer=decline", "inverse"].contains(&line) {
            world.run(line);
        } else if let Some(change) = small(&world, line) {
            drop(world.allocator.apply(change.clone()));
            let changes = world.allocator.stats().changes;
            drop(world.allocator.apply(change));
            assert_eq!(changes, world.allocator.stats().changes, "told twice: {line}");
        }
        let touched = world.allocator.check_touched();
        assert!(touched.is_empty(), "after {line}: {touched:?}");
        let broken = world.allocator.audit();
        assert!(broken.is_empty(), "after {line}: {broken:?}");
    }
}

fuzz_target!(|text: &str| play(text));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    // Every fourth mutation is of bytes, for the words and numbers that no command has yet.
    if seed.is_multiple_of(4) {
        return fuzzer_mutate(data, size, max_size);
    }
    let text = String::from_utf8_lossy(&data[..size]).into_owned();
    let mutated = mutate::mutate(&text, seed);
    let size = mutated.len().min(max_size);
    data[..size].copy_from_slice(&mutated.as_bytes()[..size]);
    size
});
