//! Room on disk: better told before the builds than found out in the midst of them.

use std::path::Path;

use anyhow::{Context, Result, bail};
use rustix::fs::statvfs;

use super::place;
use crate::local_cluster::layout::Cache;

const GIB: u64 = 1 << 30;
/// What the programs of a cluster and the images take until they are built.
const TO_BUILD: u64 = 8 * GIB;
/// What a cluster and the operator's own builds take beside them.
const TO_RUN: u64 = 3 * GIB;

/// Whether there is room for the caches and for what is built in the checkout.
///
/// # Errors
/// There is too little, and where.
pub(super) fn has_room() -> Result<()> {
    let cache = Cache::from_environment()?;
    let needed = if cache.root().join("bin").exists() { TO_RUN } else { TO_BUILD };
    for path in [cache.root(), place::root()] {
        is_enough(path, free(path)?, needed)?;
    }
    Ok(())
}

/// Bytes that this user may still write on the file system of a path, of which the end need not be there yet.
fn free(path: &Path) -> Result<u64> {
    let there = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let disk =
        statvfs(there).with_context(|| format!("failed to ask for the room at {}", there.display()))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn is_enough(path: &Path, free: u64, needed: u64) -> Result<()> {
    if free >= needed {
        return Ok(());
    }
    let tenths = |bytes: u64| format!("{}.{} GiB", bytes / GIB, bytes % GIB * 10 / GIB);
    bail!(
        "{}: {} are free on its disk, and {} are needed; make room, or set XDG_CACHE_HOME to a folder on a larger disk",
        path.display(),
        tenths(free),
        tenths(needed)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_room_is_told_with_the_place_and_the_numbers() {
        let path = Path::new("/no/such/folder");
        assert!(free(path).unwrap() > 0);
        assert!(is_enough(path, TO_RUN, TO_RUN).is_ok());
        let said = is_enough(path, TO_RUN - GIB / 2, TO_RUN).unwrap_err().to_string();
        assert!(
            said.starts_with("/no/such/folder: 2.5 GiB are free on its disk, and 3.0 GiB are needed"),
            "{said}"
        );
    }
}
