//! Where things are in the repository.

use std::path::{Path, PathBuf};

/// The root of the repository that this program was built from.
#[must_use]
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// The folder of what a run leaves behind.
#[must_use]
pub fn left(name: &str) -> PathBuf {
    root().join("target").join(name)
}
