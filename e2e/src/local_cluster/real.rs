//! Nodes with a kubelet and a container runtime of their own, in namespaces that end with the cluster.

mod network;
mod node;
mod services;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{
    cgroup, command, image,
    kubectl::Kubectl,
    layout::{self, Layout},
    leftovers,
    record::Record,
    supervisor::{Client, Component},
};

/// Programs that real nodes need from Debian, and their packages.
const PROGRAMS: &[(&str, &str)] = &[
    ("conntrack", "conntrack"),
    ("ip", "iproute2"),
    ("iptables", "iptables"),
    ("mount", "mount"),
    ("nice", "coreutils"),
    ("setpriv", "util-linux"),
    ("setsid", "util-linux"),
    ("unshare", "util-linux"),
];
/// Where distributions put network plugins.
const CNI: &[&str] = &["/usr/lib/cni", "/opt/cni/bin"];
/// The plugins that pods need.
const PLUGINS: &[&str] = &["host-local", "loopback", "portmap", "ptp"];
/// How long a container runtime may take to answer.
const RUNTIME_START: Duration = Duration::from_secs(60);

/// Whether this machine can have real nodes, before anything is built for them.
///
/// # Errors
/// The caller is not root, or packages are missing: all of them, in one line to run.
pub fn check() -> Result<()> {
    if !leftovers::is_root() {
        bail!("real nodes need root (namespaces, mounts, control groups): run this with sudo, or use --fake");
    }
    let mut packages: Vec<&str> = PROGRAMS
        .iter()
        .filter(|(program, _)| !command::exists(program))
        .map(|(_, package)| *package)
        .collect();
    if plugin_directory().is_none() {
        packages.push("containernetworking-plugins");
    }
    packages.sort_unstable();
    packages.dedup();
    if !packages.is_empty() {
        bail!("real nodes need more of this machine: apt-get install --yes {}", packages.join(" "));
    }
    Ok(())
}

fn plugin_directory() -> Option<&'static Path> {
    let whole = |directory: &&Path| PLUGINS.iter().all(|plugin| directory.join(plugin).is_file());
    CNI.iter().map(Path::new).find(whole)
}

/// Makes the namespaces a machine: mounts, network, control groups. What others may see of it is named after the
/// cluster.
///
/// # Errors
/// A step fails: its command and last words.
pub fn prepare(record: &Record, layout: &Layout, client: &Client) -> Result<()> {
    for node in record.spec.real_names() {
        cgroup::create(Path::new(cgroup::ROOT), &record.spec.name, &node)?;
    }
    if client.run(&["test", "-e", network::DONE]).is_ok() {
        return Ok(());
    }
    network::check(layout)?;
    layout::write(layout.path("var-log/.keep"), "")?;
    for argv in network::mounts(layout) {
        client.run(&argv.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    let subnet = record.subnet.context("a cluster with real nodes has no subnet")?;
    let space = client.owner().namespace.clone().context("the supervisor has no namespace of its own")?;
    let process = leftovers::processes_in(&space).into_iter().next().context("the namespace is empty")?;
    leftovers::delete_link(&subnet.outside_link());
    for argv in network::outside(subnet, process) {
        command::run_words(&argv.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    for argv in network::inside(subnet, record.spec.real) {
        client.run(&argv.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    client.run(&["touch", network::DONE]).map(drop)
}

/// Starts runtimes, kubelets and what every cluster has beside them.
///
/// # Errors
/// A step fails: which, and last words.
pub fn start(record: &Record, layout: &Layout, client: &Client, kubectl: &Kubectl<'_>) -> Result<()> {
    let plugins = plugin_directory().context("the network plugins are gone")?;
    layout::write(layout.path("config/resolv.conf"), "# Pods ask the cluster's DNS.\n")?;
    let names = record.spec.real_names();
    for (index, name) in (0..).zip(&names) {
        node::configure(record, layout, plugins, index, name)?;
        client.start(node::containerd(record, layout, name))?;
    }
    let archive = PathBuf::from(layout.path("config/node-image.tar"));
    image::create(&archive, Path::new(&record.tool("node-image")))?;
    for name in &names {
        wait_for_runtime(record, layout, client, name)?;
        import(record, client, name, &archive)?;
        client.start(node::kubelet(record, layout, name))?;
    }
    kubectl.apply(&services::objects(record))?;
    services::configure(record, layout)?;
    let components: [Component; 3] = [
        services::kube_proxy(record, layout),
        services::coredns(record, layout),
        services::local_path(record, layout),
    ];
    components.into_iter().try_for_each(|component| client.start(component))
}

fn wait_for_runtime(record: &Record, layout: &Layout, client: &Client, name: &str) -> Result<()> {
    let (ctr, socket) = (record.tool("ctr"), node::socket(name));
    let deadline = Instant::now() + RUNTIME_START;
    loop {
        let Err(error) = client.run(&[&ctr, "--address", &socket, "version"]) else { return Ok(()) };
        if Instant::now() >= deadline {
            let log = std::fs::read_to_string(layout.log(&format!("containerd-{name}"))).unwrap_or_default();
            let words = command::last_lines(&log, 15);
            return Err(error).with_context(|| format!("containerd of {name} does not answer:\n{words}"));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn import(record: &Record, client: &Client, node: &str, archive: &Path) -> Result<()> {
    let (ctr, socket, archive) = (record.tool("ctr"), node::socket(node), archive.display().to_string());
    client
        .run(&[&ctr, "--address", &socket, "--namespace", "k8s.io", "images", "import", &archive])
        .with_context(|| format!("failed to import {archive} into {node}"))
        .map(drop)
}

/// Imports image archives into every real node.
///
/// # Errors
/// There are no real nodes, or an archive cannot be read or imported.
pub fn load(record: &Record, client: &Client, archives: &[PathBuf]) -> Result<()> {
    let names = record.spec.real_names();
    if names.is_empty() {
        bail!("cluster '{}' has no real nodes, and fake ones need no images", record.spec.name);
    }
    for archive in archives {
        let path = archive.canonicalize().with_context(|| format!("failed to find {}", archive.display()))?;
        if network::is_hidden(&path) {
            bail!("{} cannot be seen from inside the cluster: copy it to another directory", path.display());
        }
        for node in &names {
            import(record, client, node, &path)?;
        }
        eprintln!("{} is on {}", archive.display(), names.join(", "));
    }
    Ok(())
}
