//! The rules of the repository that no compiler holds, checked by reading its files: who may depend on whom, what the
//! pure crates do without, who writes to the API server, and how files look.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};

/// The longest that a source file may be; tests may be longer.
const LINES_MOST: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All files below a folder of the repository that are its own: nothing that is built, hidden or linked.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries.map(|entry| entry.unwrap()) {
        let (name, kind) = (entry.file_name(), entry.file_type().unwrap());
        let name = name.to_string_lossy();
        if kind.is_dir() && name != "target" && name != "shared" && !name.starts_with('.') {
            found.extend(files(&entry.path()));
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

/// The text of every file below `folders` with one of these extensions, with its path from the root.
fn texts(folders: &[&str], extensions: &[&str]) -> Vec<(String, String)> {
    let root = root();
    let all = folders.iter().flat_map(|folder| files(&root.join(folder)));
    let wanted = all.filter(|path| {
        path.extension().is_some_and(|found| extensions.iter().any(|extension| *extension == found))
    });
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        Some((name, std::fs::read_to_string(&path).ok()?))
    };
    wanted.filter_map(read).collect()
}

const ALL: &[&str] = &["allocator", "operator", "crds", "e2e", "charts"];
const PURE: &[&str] = &["allocator/src", "operator/sdk/src", "operator/core/src"];

/// The lines for which `wrong` holds, as `file:line: text`; comments are left out.
fn lines(texts: &[(String, String)], wrong: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in texts {
        for (at, line) in text.lines().enumerate() {
            if !line.trim_start().starts_with("//") && wrong(file, line) {
                found.push(format!("{file}:{}: {}", at + 1, line.trim()));
            }
        }
    }
    found
}

fn none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

/// The names in one table of a manifest.
fn dependencies(manifest: &str, table: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join(manifest)).unwrap();
    let mut names = Vec::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == format!("[{table}]");
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            names.push(line.split(['.', '=', ' ']).next().unwrap().to_owned());
        }
    }
    names
}

#[test]
fn level_one_depends_on_nothing_and_level_two_on_level_one_alone() {
    assert_eq!(dependencies("allocator/Cargo.toml", "dependencies"), Vec::<String>::new());
    assert_eq!(dependencies("operator/sdk/Cargo.toml", "dependencies"), ["twofold-allocator"]);
}

#[test]
fn nobody_plants_bugs_but_the_tests_of_level_one() {
    let manifests = texts(&["operator", "crds", "e2e"], &["toml"]);
    none(&lines(&manifests, |_, line| line.contains("planted")), "the feature is for one test");
}

#[test]
fn the_brain_has_no_client_and_no_runtime() {
    for name in dependencies("operator/core/Cargo.toml", "dependencies") {
        let shell = ["kube", "tokio", "hyper", "reqwest", "axum", "futures"];
        assert!(!shell.contains(&name.as_str()), "twofold-core depends on {name}");
    }
}

#[test]
fn arrows_between_crates_point_one_way() {
    let allowed: [(&str, &[&str]); 6] = [
        ("operator/sdk", &["twofold-allocator"]),
        ("operator/core", &["twofold-allocator", "twofold-sdk", "twofold-crds"]),
        ("operator", &["twofold-allocator", "twofold-sdk", "twofold-core", "twofold-crds"]),
        ("operator/agent", &[]),
        ("crds", &[]),
        ("e2e", &["twofold-crds"]),
    ];
    for (folder, may) in allowed {
        for name in dependencies(&format!("{folder}/Cargo.toml"), "dependencies") {
            let ours = name.starts_with("twofold-");
            assert!(!ours || may.contains(&name.as_str()), "{folder} depends on {name}");
        }
    }
}

#[test]
fn the_two_levels_are_without_the_standard_library() {
    for file in ["allocator/src/lib.rs", "operator/sdk/src/lib.rs"] {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        assert!(text.contains("#![no_std]"), "{file} is not no_std");
    }
}

#[test]
fn the_pure_crates_have_no_clock_and_no_hash_order() {
    let words = [
        "std::time",
        "SystemTime",
        "Instant::now",
        "HashMap",
        "HashSet",
        "std::thread",
        "std::fs",
        "net::Tcp",
        "net::Udp",
    ];
    let sources = texts(PURE, &["rs"]);
    none(
        &lines(&sources, |_, line| words.iter().any(|word| line.contains(word))),
        "pure crates decide from their input",
    );
}

#[test]
fn only_perform_and_the_leader_write() {
    let writes =
        [".create(", ".replace(", ".patch(", ".delete(", ".patch_status(", ".replace_status(", ".evict("];
    let sources = texts(&["operator/src"], &["rs"]);
    let found = lines(&sources, |file, line| {
        let writer = file.contains("/perform") || file.contains("/leader");
        // Text has a `replace` too; it takes a quoted text or character.
        let text = line.contains(".replace('") || line.contains(".replace(\"");
        !writer && !text && writes.iter().any(|write| line.contains(write))
    });
    none(&found, "every change to the API server passes perform, and the lease the leader");
}

#[test]
fn no_file_is_long_and_none_is_named_mod() {
    let sources = texts(&["allocator/src", "operator", "crds/src", "e2e/src"], &["rs"]);
    let mut found = Vec::new();
    for (file, text) in sources {
        if file.ends_with("/mod.rs") {
            found.push(format!("{file}: name it after its folder"));
        }
        if !file.contains("/tests/") && text.lines().count() > LINES_MOST {
            found.push(format!("{file}: more than {LINES_MOST} lines"));
        }
    }
    none(&found, "a file holds one noun");
}

#[test]
fn nothing_is_left_to_do_without_an_issue() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let sources = texts(ALL, &["rs", "toml", "yaml", "sh", "md"]);
    let found = sources.iter().flat_map(|(file, text)| {
        let marked =
            text.lines().enumerate().filter(|(_, line)| marks.iter().any(|mark| line.contains(mark)));
        let open = marked.filter(|(_, line)| !line.contains('#'));
        open.map(move |(at, _)| format!("{file}:{}", at + 1)).collect::<Vec<_>>()
    });
    none(&found.collect::<Vec<_>>(), "what is left to do names its issue");
}

#[test]
fn no_file_names_a_place_on_one_machine() {
    let places = [concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    let sources = texts(ALL, &["rs", "toml", "yaml", "sh", "md", "json"]);
    none(
        &lines(&sources, |_, line| places.iter().any(|place| line.contains(place))),
        "paths are from the repository",
    );
}

#[test]
fn files_end_with_a_newline_and_lines_without_blanks() {
    let mut found = Vec::new();
    for (file, text) in texts(ALL, &["rs", "toml", "md", "sh", "txt"]) {
        if !text.is_empty() && !text.ends_with('\n') {
            found.push(format!("{file}: no newline at its end"));
        }
        if text.lines().any(|line| line.ends_with([' ', '\t'])) {
            found.push(format!("{file}: a line ends with a blank"));
        }
    }
    none(&found, "files end with a newline, and no line with a blank");
}

#[test]
fn the_words_are_kept_in_level_one() {
    // An agent is never called a node here; the bare word for who decides is never used.
    let bare = concat!("sched", "uler");
    let sources = texts(&["allocator/src"], &["rs"]);
    let word = |line: &str, wanted: &str| {
        let mut words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.any(|word| word.eq_ignore_ascii_case(wanted))
    };
    none(&lines(&sources, |_, line| word(line, bare) || word(line, "agent_node")), "words of the design");
}
