//! What the demo and the tests need of the machine, and how to get it.

use std::{env, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use super::{cluster::docker_answers, disk};
use crate::local_cluster::{
    command::{exists, output},
    leftovers::is_root,
};

/// Something that is needed.
struct Need {
    /// Debian's package.
    package: &'static str,
    found: Found,
    scope: Scope,
}

/// What it is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// Any cluster.
    Cluster,
    /// The images.
    Images,
    /// Nodes made of this machine's own namespaces, and images without Docker.
    Nodes,
}

/// What the caller is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    FakeNodes,
    RealNodes,
}

/// How to see that it is there.
enum Found {
    /// A program on the `PATH`.
    Program(&'static str),
    /// One of these files.
    File(&'static [&'static str]),
}

const NEEDS: [Need; 18] = [
    Need { package: "binutils", found: Found::Program("strip"), scope: Scope::Images },
    Need { package: "buildah", found: Found::Program("buildah"), scope: Scope::Nodes },
    Need { package: "busybox-static", found: Found::Program("busybox"), scope: Scope::Images },
    Need { package: "conntrack", found: Found::Program("conntrack"), scope: Scope::Nodes },
    Need {
        package: "containernetworking-plugins",
        found: Found::File(&["/usr/lib/cni/ptp", "/opt/cni/bin/ptp"]),
        scope: Scope::Nodes,
    },
    Need { package: "gcc", found: Found::Program("gcc"), scope: Scope::Cluster },
    Need { package: "golang-go", found: Found::Program("go"), scope: Scope::Cluster },
    Need { package: "iproute2", found: Found::Program("ip"), scope: Scope::Nodes },
    Need { package: "iptables", found: Found::Program("iptables"), scope: Scope::Nodes },
    Need { package: "libc6-dev", found: Found::File(&["/usr/include/stdio.h"]), scope: Scope::Cluster },
    Need { package: "libseccomp-dev", found: Found::File(&["/usr/include/seccomp.h"]), scope: Scope::Nodes },
    Need { package: "maven", found: Found::Program("mvn"), scope: Scope::Images },
    Need { package: "mmdebstrap", found: Found::Program("mmdebstrap"), scope: Scope::Images },
    Need { package: "mount", found: Found::Program("mount"), scope: Scope::Nodes },
    Need { package: "openjdk-17-jdk-headless", found: Found::Program("javac"), scope: Scope::Images },
    Need { package: "pkg-config", found: Found::Program("pkg-config"), scope: Scope::Nodes },
    Need { package: "python3-pip", found: Found::Program("pip3"), scope: Scope::Images },
    Need { package: "util-linux", found: Found::Program("unshare"), scope: Scope::Nodes },
];

/// Installs what is missing where that is allowed, else says how.
///
/// # Errors
/// There is too little room on disk, or something is missing and may not be, or cannot be, installed.
pub fn install(purpose: Purpose) -> Result<()> {
    disk::has_room()?;
    let missing = missing(purpose, docker_answers());
    if missing.is_empty() {
        return go_is_new_enough();
    }
    let line = format!("apt-get install --yes --no-install-recommends {}", missing.join(" "));
    if !is_root() || env::var("NO_INSTALL").is_ok_and(|value| value == "1") || !exists("apt-get") {
        bail!("this machine lacks packages (by their names in Debian): {line}");
    }
    eprintln!("{line}");
    let update = Command::new("apt-get").args(["update", "--quiet"]).status();
    if !update.context("failed to start apt-get")?.success() {
        bail!("apt-get update failed");
    }
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    let done = command.args(words).env("DEBIAN_FRONTEND", "noninteractive").status();
    if !done.context("failed to start apt-get")?.success() {
        bail!("failed: {line}");
    }
    go_is_new_enough()
}

/// Says that a part of the tests cannot run here.
///
/// # Errors
/// `CI` is set: then everything has to run.
pub fn skip(what: &str, reason: anyhow::Error) -> Result<()> {
    if env::var("CI").is_ok_and(|value| value == "true") {
        return Err(reason.context(format!("{what} cannot run")));
    }
    println!("SKIPPED: {what}: {reason:#}");
    Ok(())
}

fn missing(purpose: Purpose, docker: bool) -> Vec<&'static str> {
    let needed = NEEDS.iter().filter(|need| match need.scope {
        Scope::Cluster => true,
        Scope::Images => purpose == Purpose::RealNodes,
        Scope::Nodes => purpose == Purpose::RealNodes && !docker,
    });
    needed.filter(|need| !there(&need.found)).map(|need| need.package).collect()
}

fn there(found: &Found) -> bool {
    match found {
        Found::Program(program) => exists(program),
        Found::File(paths) => paths.iter().any(|path| Path::new(path).exists()),
    }
}

/// Go before 1.21 cannot fetch the version that the modules ask for.
fn go_is_new_enough() -> Result<()> {
    let said = output(Command::new("go").arg("version"), None)?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    match minor(&said) {
        Some(minor) if minor >= 21 => Ok(()),
        _ => bail!(
            "Go 1.21 or newer is needed, this is '{}': install golang-go of the backports, or from https://go.dev/dl",
            said.trim()
        ),
    }
}

/// The minor version in the output of `go version`, of Go 1.
fn minor(said: &str) -> Option<u32> {
    let (_, rest) = said.split_once("go1.")?;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_go_is_read() {
        assert_eq!(minor("go version go1.19.8 linux/amd64"), Some(19));
        assert_eq!(minor("go version go1.26rc1 linux/amd64"), Some(26));
        assert_eq!(minor("no such thing"), None);
    }

    #[test]
    fn fake_nodes_and_docker_make_less_necessary() {
        let [fake, docker, bare] = [
            missing(Purpose::FakeNodes, true),
            missing(Purpose::RealNodes, true),
            missing(Purpose::RealNodes, false),
        ];
        assert!(fake.len() <= docker.len() && docker.len() <= bare.len());
        assert!(NEEDS.is_sorted_by_key(|need| need.package));
    }
}
