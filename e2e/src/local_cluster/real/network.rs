//! What makes a set of namespaces a machine of its own: mounts and a network, as command lines.

use std::path::Path;

use anyhow::{Result, bail};

use crate::local_cluster::{address::Subnet, layout::Layout};

/// A file inside that says that all of this was done.
pub(super) const DONE: &str = "/run/local-cluster-is-prepared";

/// Directories that are others inside than outside.
const HIDDEN: &[&str] = &["/run", "/var/run", "/var/lib", "/var/log"];

/// Settings of the whole machine that a kubelet would change. Inside they are files that nobody reads.
const SETTINGS: &[&str] = &[
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/vm/panic_on_oom",
    "/proc/sys/kernel/panic",
    "/proc/sys/kernel/panic_on_oops",
    "/proc/sys/kernel/keys/root_maxkeys",
    "/proc/sys/kernel/keys/root_maxbytes",
];

/// Whether a path outside is another inside.
pub(super) fn is_hidden(path: &Path) -> bool {
    HIDDEN.iter().any(|hidden| path.starts_with(hidden))
}

/// # Errors
/// The cluster's directory would be hidden from itself.
pub(super) fn check(layout: &Layout) -> Result<()> {
    if is_hidden(layout.root()) {
        let root = layout.root().display();
        bail!(
            "{root} cannot hold a cluster with real nodes: set XDG_CACHE_HOME to a directory not below /run, /var/lib or /var/log"
        );
    }
    Ok(())
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// Run inside, once. Programs write below /run, /var/lib and /var/log whatever their flags say; all of that is
/// memory or lies in the cluster's directory, and ends with the namespace.
pub(super) fn mounts(layout: &Layout) -> Vec<Vec<String>> {
    let log = layout.path("var-log");
    let mut lines: Vec<Vec<String>> = [
        // Containers that ask for it see what is mounted later; outside stays private.
        "mount --make-rshared /",
        "mount -t tmpfs -o mode=755 tmpfs /run",
        "mkdir -p /run/lib /run/lib-work /run/settings",
        "mount -t overlay -o lowerdir=/var/lib,upperdir=/run/lib,workdir=/run/lib-work overlay /var/lib",
    ]
    .map(words)
    .into();
    lines.push(["mount", "--bind", &log, "/var/log"].map(str::to_owned).into());
    for (number, setting) in SETTINGS.iter().enumerate() {
        lines.push(words(&format!("cp --no-preserve=all {setting} /run/settings/{number}")));
        lines.push(words(&format!("mount --bind /run/settings/{number} {setting}")));
    }
    lines
}

/// Run outside: a cable into the namespace of a process.
pub(super) fn outside(subnet: Subnet, process: u32) -> Vec<Vec<String>> {
    let (out, into, address) = (subnet.outside_link(), subnet.inside_link(), subnet.outside());
    [
        format!("ip link add {out} type veth peer name {into} netns {process}"),
        format!("ip address add {address}/24 dev {out}"),
        format!("ip link set {out} up"),
    ]
    .iter()
    .map(|line| words(line))
    .collect()
}

/// Run inside: the other end of the cable, an address for each node, and forwarding between pods.
pub(super) fn inside(subnet: Subnet, nodes: u32) -> Vec<Vec<String>> {
    let mut lines = vec![
        words("ip link set lo up"),
        words(&format!("ip link set {} name eth0", subnet.inside_link())),
        words(&format!("ip address add {}/24 dev eth0", subnet.inside())),
    ];
    for index in 0..nodes {
        lines.push(words(&format!("ip address add {}/24 dev eth0", subnet.node(index))));
    }
    lines.push(words("ip link set eth0 up"));
    lines.push(words(&format!("ip route add default via {}", subnet.outside())));
    lines.push(["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"].map(str::to_owned).into());
    lines
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_directory_that_would_hide_itself_is_refused() {
        assert!(check(&Layout::at(PathBuf::from("/root/.cache/twofold/clusters/x"))).is_ok());
        assert!(check(&Layout::at(PathBuf::from("/var/lib/x"))).is_err());
        assert!(is_hidden(Path::new("/run/user/0/x.tar")) && !is_hidden(Path::new("/runner/x.tar")));
    }

    #[test]
    fn every_node_has_an_address_on_the_cable() {
        let lines: Vec<String> = inside(Subnet(1), 2).iter().map(|argv| argv.join(" ")).collect();
        assert!(lines.contains(&"ip address add 10.213.1.11/24 dev eth0".to_owned()));
        assert!(lines.contains(&"ip link set twofold1in name eth0".to_owned()));
    }

    #[test]
    fn a_directory_with_a_space_stays_one_word() {
        let lines = mounts(&Layout::at(PathBuf::from("/a b")));
        assert!(lines.contains(&["mount", "--bind", "/a b/var-log", "/var/log"].map(str::to_owned).to_vec()));
    }
}
