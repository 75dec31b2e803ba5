//! Text cases: what is sent stands at the start of a line, what comes of it stands indented below. `REWRITE=1` writes
//! what comes now.

use crate::command::run;
use crate::world::World;
use std::fs;
use std::path::Path;

#[test]
fn every_case_comes_out_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "there are no cases in {}", folder.display());
    let mut failed = Vec::new();
    for file in files {
        let written = fs::read_to_string(&file).unwrap();
        let now = replay(&written);
        if written == now {
            continue;
        }
        if std::env::var_os("REWRITE").is_some() {
            fs::write(&file, now).unwrap();
        } else {
            failed.push(format!("{}:\n{}", file.display(), difference(&written, &now)));
        }
    }
    assert!(failed.is_empty(), "run again with REWRITE=1 if this is right\n{}", failed.join("\n"));
}

/// The case with what comes of each of its lines now.
fn replay(written: &str) -> String {
    let mut now = String::new();
    let mut world: Option<World> = None;
    for line in written.lines().filter(|line| !line.starts_with("    ")) {
        now.push_str(line);
        now.push('\n');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let world = world.get_or_insert_with(|| World::new(crate::generate::bare_spec()));
        for output in run(world, line).lines() {
            now.push_str("    ");
            now.push_str(output);
            now.push('\n');
        }
    }
    now
}

/// The first lines that differ, with the command above them.
fn difference(written: &str, now: &str) -> String {
    let mut command = "";
    for (at, (old, new)) in written.lines().chain(std::iter::repeat("")).zip(now.lines()).enumerate() {
        if old != new {
            return format!("line {}, after {command:?}\n  written {old:?}\n  now     {new:?}", at + 1);
        }
        if !new.starts_with("    ") {
            command = new;
        }
    }
    format!("{} lines are written, {} come now", written.lines().count(), now.lines().count())
}
