//! Control groups of real nodes. They belong to the whole machine, so they are made and removed by name.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// Where control groups are mounted.
pub const ROOT: &str = "/sys/fs/cgroup";
/// How long the kernel may take to let a group go whose processes have ended.
const REMOVAL: Duration = Duration::from_secs(10);
/// Controllers that a kubelet wants in version 2, where the machine has them.
const WANTED: &[&str] = &["cpuset", "cpu", "io", "memory", "hugetlb", "pids"];

/// The group of a cluster, below each hierarchy.
#[must_use]
pub fn of_cluster(cluster: &str) -> String {
    format!("twofold-{cluster}")
}

/// The group of a node, as a kubelet's `cgroupRoot`.
#[must_use]
pub fn of_node(cluster: &str, node: &str) -> String {
    format!("/{}/{node}", of_cluster(cluster))
}

/// Makes the groups of a node, in every hierarchy of version 1 or in the one of version 2.
///
/// # Errors
/// No control groups are mounted, or they cannot be written.
pub fn create(root: &Path, cluster: &str, node: &str) -> Result<()> {
    let groups = [PathBuf::from(of_cluster(cluster)), PathBuf::from(of_cluster(cluster)).join(node)];
    if is_unified(root) {
        delegate(root)?;
        for group in &groups {
            make(&root.join(group))?;
            delegate(&root.join(group))?;
        }
        return Ok(());
    }
    let hierarchies = hierarchies(root);
    if hierarchies.is_empty() {
        bail!("no control groups are mounted at {}: real nodes need them", root.display());
    }
    for hierarchy in hierarchies {
        for group in &groups {
            let path = hierarchy.join(group);
            make(&path)?;
            inherit(&path)?;
        }
    }
    Ok(())
}

/// Whether the machine has version 2 only.
#[must_use]
pub fn is_unified(root: &Path) -> bool {
    root.join("cgroup.controllers").exists()
}

/// The hierarchies of version 1, and the controller-less one of version 2 that may stand beside them. Some are
/// links to others (`cpu` to `cpu,cpuacct`).
fn hierarchies(root: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let found: BTreeSet<PathBuf> = entries
        .filter_map(|entry| fs::canonicalize(entry.path()).ok())
        .filter(|path| path.join("cgroup.procs").exists())
        .collect();
    found.into_iter().collect()
}

fn make(path: &Path) -> Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("failed to make the control group {}", path.display()))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// In version 1 a new group of `cpuset` is empty, and no process can enter it.
fn inherit(path: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let (own, parent) = (path.join(file), path.with_file_name(file));
        if own.exists() && parent.exists() {
            let value = fs::read_to_string(&parent)
                .with_context(|| format!("failed to read {}", parent.display()))?;
            fs::write(&own, value.trim()).with_context(|| format!("failed to write {}", own.display()))?;
        }
    }
    Ok(())
}

/// In version 2 a group passes its controllers on only if told so, and only while no process is in it.
fn delegate(path: &Path) -> Result<()> {
    let available = fs::read_to_string(path.join("cgroup.controllers")).unwrap_or_default();
    let control = path.join("cgroup.subtree_control");
    let passed = fs::read_to_string(&control).unwrap_or_default();
    let has = |text: &str, name: &str| text.split_whitespace().any(|word| word == name);
    for name in WANTED.iter().filter(|name| has(&available, name) && !has(&passed, name)) {
        fs::write(&control, format!("+{name}")).with_context(|| {
            format!(
                "failed to pass the controller '{name}' on in {}; in a container this needs a control group without processes of its own",
                control.display()
            )
        })?;
    }
    Ok(())
}

/// Removes the groups of a cluster with all below them, as soon as their processes have ended.
///
/// # Errors
/// A group stays: which one, and why.
pub fn remove(root: &Path, cluster: &str) -> Result<()> {
    let mut parents = hierarchies(root);
    parents.push(root.to_path_buf());
    let deadline = Instant::now() + REMOVAL;
    for parent in parents {
        let path = parent.join(of_cluster(cluster));
        while path.exists() {
            if let Err(error) = remove_tree(&path)
                && Instant::now() >= deadline
            {
                return Err(error)
                    .with_context(|| format!("failed to remove the control group {}", path.display()));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

fn remove_tree(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    fs::remove_dir(path)
}

/// All groups, to compare.
#[must_use]
pub fn all(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                found.insert(entry.path().display().to_string());
                open.push(entry.path());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that looks like a mounted hierarchy.
    fn hierarchy(path: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(path).unwrap();
        for (name, content) in files {
            fs::write(path.join(name), content).unwrap();
        }
    }

    #[test]
    fn version_1_gets_a_group_in_every_hierarchy() {
        let root = tempfile::tempdir().unwrap();
        for name in ["cpu", "memory"] {
            hierarchy(&root.path().join(name), &[("cgroup.procs", "")]);
        }
        fs::create_dir(root.path().join("not-a-hierarchy")).unwrap();
        create(root.path(), "x", "real-0").unwrap();
        assert!(root.path().join("cpu/twofold-x/real-0").is_dir());
        assert!(root.path().join("memory/twofold-x/real-0").is_dir());
        assert!(!root.path().join("not-a-hierarchy/twofold-x").exists());
        remove(root.path(), "x").unwrap();
        assert!(!root.path().join("cpu/twofold-x").exists());
    }

    #[test]
    fn version_2_passes_the_wanted_controllers_on() {
        let root = tempfile::tempdir().unwrap();
        let files =
            [("cgroup.procs", ""), ("cgroup.controllers", "cpu rdma"), ("cgroup.subtree_control", "")];
        hierarchy(root.path(), &files);
        create(root.path(), "x", "real-0").unwrap();
        assert!(root.path().join("twofold-x/real-0").is_dir());
        assert_eq!(fs::read_to_string(root.path().join("cgroup.subtree_control")).unwrap(), "+cpu");
    }

    #[test]
    fn a_machine_without_control_groups_is_refused() {
        let root = tempfile::tempdir().unwrap();
        assert!(create(root.path(), "x", "real-0").unwrap_err().to_string().contains("no control groups"));
    }
}
