//! Any text is a change of the cases, or none; reading it does not depend on blanks after it.

#![no_main]
#![allow(dead_code, reason = "the tests use the rest")]
#![allow(clippy::unwrap_used, reason = "a target that cannot go on fails")]

#[path = "../../tests/cases/world.rs"]
mod world;

use libfuzzer_sys::fuzz_target;
use world::World;

fuzz_target!(|text: &str| {
    let world = World::new();
    for line in text.lines() {
        let line = line.strip_prefix("> ").unwrap_or(line);
        assert_eq!(world.change_of(line), world.change_of(&format!("{line} ")), "{line:?}");
    }
});
