//! Cases in text. In `tests/cases/*.txt`, a line that begins with `> ` is a command, one that begins with `#` is a
//! comment, and all others are what must come out. `REWRITE=1 cargo test -p twofold-allocator --test cases` writes down
//! what comes out.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "cases/world.rs"]
mod world;

use std::fmt::Write;
use std::path::Path;

/// Runs the commands of a case and returns its text with what came out.
fn replay(text: &str) -> String {
    let mut world = world::World::new();
    let mut out = String::new();
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("> ") {
            writeln!(out, "{line}").unwrap();
            out.push_str(&world.run(command));
        } else if line.starts_with('#') || line.is_empty() {
            writeln!(out, "{line}").unwrap();
        }
    }
    out
}

#[test]
fn cases_come_out_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    names.sort();
    assert!(!names.is_empty());
    let mut wrong = Vec::new();
    for path in names {
        let text = std::fs::read_to_string(&path).unwrap();
        let came = replay(&text);
        if std::env::var_os("REWRITE").is_some() {
            std::fs::write(&path, &came).unwrap();
        } else if came != text {
            let line = text.lines().zip(came.lines()).position(|(a, b)| a != b).unwrap_or_default();
            wrong.push(format!("{} differs from line {}; it came out as:\n{came}", path.display(), line + 1));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
