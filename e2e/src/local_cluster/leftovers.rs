//! The machine before and after: what a cluster could leave behind.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{cgroup, command};

/// What there is on this machine, one line a thing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub mounts: BTreeSet<String>,
    pub links: BTreeSet<String>,
    /// Rules and chains, without counters. Empty where the caller may not read them.
    pub rules: BTreeSet<String>,
    pub cgroups: BTreeSet<String>,
    /// Process ids and command lines, but for kernel threads.
    pub processes: BTreeSet<String>,
}

impl Snapshot {
    /// Looks at the machine. A tool that is missing or may not be used leaves its part empty.
    ///
    /// # Errors
    /// The table of mounts cannot be read.
    pub fn take() -> Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").context("failed to read the table of mounts")?;
        Ok(Self {
            mounts: mounts.lines().map(str::to_owned).collect(),
            links: links(&quiet(&["ip", "-o", "link"])),
            rules: rules(&quiet(&["iptables-save"])),
            cgroups: cgroup::all(Path::new("/sys/fs/cgroup")),
            processes: processes(),
        })
    }

    /// What is here and was not there, each with its kind.
    #[must_use]
    pub fn since(&self, before: &Self) -> Vec<String> {
        let Self { mounts, links, rules, cgroups, processes } = self;
        let parts = [
            ("mount", mounts, &before.mounts),
            ("link", links, &before.links),
            ("rule", rules, &before.rules),
            ("cgroup", cgroups, &before.cgroups),
            ("process", processes, &before.processes),
        ];
        let new = parts
            .iter()
            .flat_map(|(kind, now, then)| now.difference(then).map(move |line| format!("{kind}: {line}")));
        new.collect()
    }
}

fn quiet(words: &[&str]) -> String {
    command::run_words(words).unwrap_or_default()
}

/// The names in the output of `ip -o link`.
fn links(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter_map(|line| Some(line.split_whitespace().nth(1)?.trim_end_matches(':').to_owned()))
        .collect()
}

fn rules(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| line.starts_with('-') || line.starts_with(':'));
    lines.map(|line| line.split(" [").next().unwrap_or(line).to_owned()).collect()
}

fn processes() -> BTreeSet<String> {
    let ids = fs::read_dir("/proc").into_iter().flatten().flatten();
    ids.filter_map(|entry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read_to_string(entry.path().join("cmdline")).ok()?.replace('\0', " ");
        (!line.is_empty()).then(|| format!("{id} {}", line.trim_end()))
    })
    .collect()
}

/// Processes that are in this PID namespace.
#[must_use]
pub fn processes_in(namespace: &str) -> Vec<u32> {
    let ids = fs::read_dir("/proc").into_iter().flatten().flatten();
    ids.filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let link = fs::read_link(entry.path().join("ns/pid")).ok()?;
        (link.as_os_str() == namespace).then_some(id)
    })
    .collect()
}

/// Whether the caller is root.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A program that is run in the machine's own network, for what is cut with a cluster.
pub(super) fn delete_link(link: &str) {
    let _ = command::output(Command::new("ip").args(["link", "delete", link]), None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_links_are_read_and_counters_of_rules_are_not() {
        let text = "1: lo: <LOOPBACK> mtu 1\n7: twofold0@if2: <UP> mtu 1";
        assert_eq!(links(text), BTreeSet::from(["lo".to_owned(), "twofold0@if2".to_owned()]));
        assert_eq!(
            rules("*nat\n:INPUT ACCEPT [5:7]\n-A INPUT -j X\nCOMMIT"),
            BTreeSet::from(["-A INPUT -j X".to_owned(), ":INPUT ACCEPT".to_owned()])
        );
    }

    #[test]
    fn only_what_is_new_is_reported() {
        let before = Snapshot { links: BTreeSet::from(["lo".into(), "gone".into()]), ..Snapshot::default() };
        let after = Snapshot { links: BTreeSet::from(["lo".into(), "new".into()]), ..Snapshot::default() };
        assert_eq!(after.since(&before), ["link: new"]);
    }
}
