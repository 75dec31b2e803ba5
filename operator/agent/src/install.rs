//! Copies the agent from the operator's image into a volume that the service's container mounts.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Puts this program into `dir` as `twofold-agent`, whole or not at all; a copy from an earlier start is
/// replaced.
pub fn install(dir: &Path) -> io::Result<()> {
    let new = dir.join("twofold-agent.new");
    fs::copy(std::env::current_exe()?, &new)?;
    fs::set_permissions(&new, Permissions::from_mode(0o755))?;
    fs::rename(&new, dir.join("twofold-agent"))
}
