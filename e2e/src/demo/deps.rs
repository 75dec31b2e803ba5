//! What the demo and the tests need of the machine, and how to get it.

use std::{env, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use super::cluster::docker_answers;
use crate::local_cluster::{
    command::{exists, output},
    leftovers::is_root,
};

/// Something that is needed.
struct Need {
    /// Debian's package.
    package: &'static str,
    found: Found,
    /// Whether it is needed where Docker answers, too.
    with_docker: bool,
}

/// How to see that it is there.
enum Found {
    /// A program on the `PATH`.
    Program(&'static str),
    /// One of these files.
    File(&'static [&'static str]),
}

const NEEDS: [Need; 18] = [
    Need { package: "binutils", found: Found::Program("strip"), with_docker: true },
    Need { package: "buildah", found: Found::Program("buildah"), with_docker: false },
    Need { package: "busybox-static", found: Found::Program("busybox"), with_docker: true },
    Need { package: "conntrack", found: Found::Program("conntrack"), with_docker: false },
    Need {
        package: "containernetworking-plugins",
        found: Found::File(&["/usr/lib/cni/ptp", "/opt/cni/bin/ptp"]),
        with_docker: false,
    },
    Need { package: "gcc", found: Found::Program("gcc"), with_docker: true },
    Need { package: "golang-go", found: Found::Program("go"), with_docker: true },
    Need { package: "iproute2", found: Found::Program("ip"), with_docker: false },
    Need { package: "iptables", found: Found::Program("iptables"), with_docker: false },
    Need { package: "libc6-dev", found: Found::File(&["/usr/include/stdio.h"]), with_docker: true },
    Need { package: "libseccomp-dev", found: Found::File(&["/usr/include/seccomp.h"]), with_docker: false },
    Need { package: "maven", found: Found::Program("mvn"), with_docker: true },
    Need { package: "mmdebstrap", found: Found::Program("mmdebstrap"), with_docker: true },
    Need { package: "mount", found: Found::Program("mount"), with_docker: false },
    Need { package: "openjdk-17-jdk-headless", found: Found::Program("javac"), with_docker: true },
    Need { package: "pkg-config", found: Found::Program("pkg-config"), with_docker: false },
    Need { package: "python3-pip", found: Found::Program("pip3"), with_docker: true },
    Need { package: "util-linux", found: Found::Program("unshare"), with_docker: false },
];

/// Installs what is missing where that is allowed, else says how.
///
/// # Errors
/// Something is missing and may not be, or cannot be, installed.
pub fn install() -> Result<()> {
    let missing = missing(docker_answers());
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

fn missing(docker: bool) -> Vec<&'static str> {
    let needed = NEEDS.iter().filter(|need| need.with_docker || !docker);
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
    fn docker_makes_less_necessary() {
        assert!(missing(true).len() <= missing(false).len());
        assert!(NEEDS.is_sorted_by_key(|need| need.package));
    }
}
