//! Taking a cluster down, running or crashed.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{
    cgroup,
    layout::{Cache, Layout},
    leftovers::{self, Snapshot},
    process::Identity,
    progress::Task,
    record::Record,
    supervisor::{Client, State},
};

/// How long the kernel may take to end processes and remove what was theirs.
const END: Duration = Duration::from_secs(30);

/// Ends the processes of a cluster and removes its directory and whatever else is its own.
///
/// # Errors
/// Something cannot be removed: what, and why. The directory is then kept, so that `down` can be tried again.
pub fn down(cache: &Cache, name: &str) -> Result<()> {
    let layout = cache.cluster(name);
    if !layout.root().exists() {
        eprintln!("there is no cluster '{name}'");
        return Ok(());
    }
    let task = Task::start(format!("take down cluster '{name}'"));
    let before: Option<Snapshot> =
        fs::read_to_string(layout.before()).ok().and_then(|text| serde_json::from_str(&text).ok());
    // A record that cannot be understood must not keep the cluster from being removed.
    let record = Record::load(&layout).ok().flatten();
    if record.as_ref().is_some_and(|record| record.spec.real > 0) && !leftovers::is_root() {
        bail!("cluster '{name}' has real nodes: run `sudo local-cluster down --name {name}`");
    }
    end_processes(&layout)?;
    if let Some(subnet) = record.as_ref().and_then(|record| record.subnet) {
        leftovers::delete_link(&subnet.outside_link());
        cgroup::remove(Path::new(cgroup::ROOT), name)?;
    }
    fs::remove_dir_all(layout.root())
        .with_context(|| format!("failed to remove {}", layout.root().display()))?;
    task.done();
    if let Some(before) = before {
        report(name, &layout, record.as_ref(), &before)?;
    }
    Ok(())
}

/// Kills the supervisor, which ends whatever it started, and waits until nothing of that is left.
fn end_processes(layout: &Layout) -> Result<()> {
    let Some(owner) = Client::owner_of(layout) else { return Ok(()) };
    let mut processes = vec![owner.process.clone()];
    if owner.namespace.is_none()
        && let Some(client) = Client::connect(layout)
    {
        // Without a namespace of their own, the components are known by their ids only.
        for status in client.list()? {
            if let State::Running { pid } = status.state {
                processes.extend(Identity::of(pid));
            }
        }
    }
    owner.process.kill();
    let deadline = Instant::now() + END;
    loop {
        let mut left: Vec<u32> =
            owner.namespace.iter().flat_map(|space| leftovers::processes_in(space)).collect();
        left.extend(processes.iter().filter(|process| process.is_alive()).map(|process| process.pid));
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            bail!("processes {left:?} do not end; `local-cluster down` may be tried again");
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Compares the machine with what it was. What others changed in the meantime is no leftover.
fn report(name: &str, layout: &Layout, record: Option<&Record>, before: &Snapshot) -> Result<()> {
    let mut marks = vec![layout.root().display().to_string(), cgroup::of_cluster(name)];
    if let Some(subnet) = record.and_then(|record| record.subnet) {
        marks.extend([format!("link: {}", subnet.outside_link()), subnet.inside()]);
    }
    let new = Snapshot::take()?.since(before);
    // That no process is left was seen before; one that merely names the directory belongs to somebody else.
    let marked =
        |line: &&String| !line.starts_with("process: ") && marks.iter().any(|mark| line.contains(mark));
    let ours: Vec<&String> = new.iter().filter(marked).collect();
    if !ours.is_empty() {
        let lines: Vec<String> = ours.iter().map(|line| format!("  {line}")).collect();
        bail!("cluster '{name}' left behind:\n{}", lines.join("\n"));
    }
    eprintln!(
        "nothing is left of cluster '{name}': no process, mount, link, packet filter rule or control group"
    );
    Ok(())
}
