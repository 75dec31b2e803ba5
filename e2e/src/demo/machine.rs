//! The machine before and after.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use crate::local_cluster::{layout, leftovers::Snapshot};

/// How much of a process's command line is shown.
const WIDTH: usize = 120;

/// Writes down what the machine is like.
///
/// # Errors
/// It cannot be looked at, or the file cannot be written.
pub fn remember(path: &Path) -> Result<()> {
    let snapshot =
        serde_json::to_string_pretty(&Snapshot::take()?).context("failed to describe the machine")?;
    layout::write(path, snapshot)
}

/// What is new on the machine since it was written down, in words; nothing where nobody wrote it down.
///
/// # Errors
/// The machine cannot be looked at, or the file is none of ours.
pub fn compare(path: &Path) -> Result<Option<String>> {
    let Ok(text) = fs::read_to_string(path) else { return Ok(None) };
    let before: Snapshot =
        serde_json::from_str(&text).with_context(|| format!("failed to understand {}", path.display()))?;
    let new = Snapshot::take()?.since(&before);
    let (processes, others): (Vec<_>, Vec<_>) =
        new.into_iter().partition(|line| line.starts_with("process: "));
    let told = |lines: &[String]| lines.iter().map(|line| format!("  {line}\n")).collect::<String>();
    let mut text = match others.is_empty() {
        true => "mounts, links, packet filter rules and control groups: none that was not here before\n"
            .to_owned(),
        false => format!("here, and not here before:\n{}", told(&others)),
    };
    // People and other programs start processes meanwhile; the reader sees whether one is the demo's.
    let lines: Vec<String> = processes.iter().map(|line| line.chars().take(WIDTH).collect()).collect();
    text.push_str(&format!("processes that were not here before, this one among them:\n{}", told(&lines)));
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_written_down_is_not_compared() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(compare(&folder.path().join("before.json")).unwrap(), None);
    }

    #[test]
    fn an_unchanged_machine_has_nothing_new() {
        let path = tempfile::tempdir().unwrap().path().join("before.json");
        remember(&path).unwrap();
        let said = compare(&path).unwrap().unwrap();
        assert!(said.contains("processes that were not here before"), "{said}");
    }
}
