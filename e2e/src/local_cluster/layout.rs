//! Where things are on disk.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// The directory that survives checkouts: `$XDG_CACHE_HOME/twofold`, by default `~/.cache/twofold`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache(PathBuf);

impl Cache {
    /// # Errors
    /// Neither `XDG_CACHE_HOME` nor `HOME` is set.
    pub fn from_environment() -> Result<Self> {
        let value = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self::new(value("XDG_CACHE_HOME"), value("HOME"))
    }

    fn new(cache: Option<PathBuf>, home: Option<PathBuf>) -> Result<Self> {
        let base = cache.or_else(|| home.map(|home| home.join(".cache")));
        match base {
            Some(base) if base.is_absolute() => Ok(Self(base.join("twofold"))),
            Some(base) => bail!("XDG_CACHE_HOME and HOME must be absolute paths, not '{}'", base.display()),
            None => bail!("neither XDG_CACHE_HOME nor HOME is set: set one, the cluster's files go there"),
        }
    }

    #[must_use]
    pub fn root(&self) -> &Path {
        &self.0
    }

    #[must_use]
    pub fn cluster(&self, name: &str) -> Layout {
        Layout(self.0.join("clusters").join(name))
    }

    /// Names of the clusters that have a directory, sorted.
    ///
    /// # Errors
    /// The directory of clusters cannot be read.
    pub fn clusters(&self) -> Result<Vec<String>> {
        let path = self.0.join("clusters");
        if !path.exists() {
            return Ok(Vec::new());
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(&path).with_context(|| format!("failed to read {}", path.display()))? {
            names.extend(entry?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }
}

/// One cluster's directory. Its existence says that the cluster was begun and not taken down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout(PathBuf);

impl Layout {
    #[must_use]
    pub fn at(directory: PathBuf) -> Self {
        Self(directory)
    }

    #[must_use]
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// A path below the directory, as text for a command line or a configuration.
    #[must_use]
    pub fn path(&self, below: &str) -> String {
        self.0.join(below).display().to_string()
    }

    #[must_use]
    pub fn record(&self) -> PathBuf {
        self.0.join("cluster.json")
    }

    /// Who supervises: written by the supervisor itself once it listens.
    #[must_use]
    pub fn supervisor(&self) -> PathBuf {
        self.0.join("supervisor.json")
    }

    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.0.join("control.sock")
    }

    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.0.join("kubeconfig")
    }

    #[must_use]
    pub fn audit_log(&self) -> PathBuf {
        self.0.join("audit.log")
    }

    #[must_use]
    pub fn log(&self, component: &str) -> PathBuf {
        self.0.join("logs").join(format!("{component}.log"))
    }

    /// The directory of one real node.
    #[must_use]
    pub fn node(&self, node: &str) -> PathBuf {
        self.0.join("nodes").join(node)
    }

    /// The machine as it was before the cluster.
    #[must_use]
    pub fn before(&self) -> PathBuf {
        self.0.join("before.json")
    }

    /// # Errors
    /// The path is too long for the control socket.
    pub fn check(&self) -> Result<()> {
        let socket = self.socket();
        if socket.as_os_str().len() > 100 {
            bail!("'{}' is too long for a socket: set XDG_CACHE_HOME to a shorter path", socket.display());
        }
        Ok(())
    }
}

/// Writes a file and the directories above it.
///
/// # Errors
/// The file or a directory cannot be written.
pub fn write(path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Result<()> {
    let path = path.as_ref();
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("failed to create {}", parent.display()))?;
    }
    fs::write(path, content).with_context(|| format!("failed to write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_follows_the_environment() {
        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(Cache::new(path("/c"), path("/h")).unwrap().root(), Path::new("/c/twofold"));
        assert_eq!(Cache::new(None, path("/h")).unwrap().root(), Path::new("/h/.cache/twofold"));
        assert!(Cache::new(None, None).is_err());
        assert!(Cache::new(path("relative"), None).is_err());
    }

    #[test]
    fn a_path_that_no_socket_can_have_is_refused() {
        assert!(Layout::at(PathBuf::from("/c")).check().is_ok());
        assert!(Layout::at(PathBuf::from(format!("/{}", "x".repeat(100)))).check().is_err());
    }
}
