//! What is remembered of a cluster between two runs of this program.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{
    address::Subnet,
    layout::{self, Layout},
    ports::Ports,
    spec::ClusterSpec,
};

/// The content of `cluster.json`: decided once, before the first process starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub spec: ClusterSpec,
    pub ports: Ports,
    /// The network of a cluster with real nodes; one without lives on the loopback address.
    pub subnet: Option<Subnet>,
    /// The directory of the binaries that it runs.
    pub bin: PathBuf,
    /// Every step of `up` was done.
    pub complete: bool,
}

impl Record {
    /// # Errors
    /// No port or subnet is free.
    pub fn new(spec: ClusterSpec, bin: PathBuf) -> Result<Self> {
        let (ports, subnet) = match spec.real {
            0 => (Ports::free()?, None),
            _ => (Ports::USUAL, Some(Subnet::free()?)),
        };
        Ok(Self { spec, ports, subnet, bin, complete: false })
    }

    /// The address that the API server listens on.
    #[must_use]
    pub fn address(&self) -> String {
        self.subnet.map_or_else(|| "127.0.0.1".to_owned(), Subnet::inside)
    }

    /// The API server's URL.
    #[must_use]
    pub fn server(&self) -> String {
        format!("https://{}:{}", self.address(), self.ports.apiserver)
    }

    /// The path of a binary.
    #[must_use]
    pub fn tool(&self, name: &str) -> String {
        self.bin.join(name).display().to_string()
    }

    /// Reads the record of a cluster, or nothing if there is no such cluster.
    ///
    /// # Errors
    /// The file cannot be read or was written by another version of this program.
    pub fn load(layout: &Layout) -> Result<Option<Self>> {
        let path = layout.record();
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        serde_json::from_str(&text).map(Some).with_context(|| {
            format!("failed to understand {}; `local-cluster down` removes the cluster", path.display())
        })
    }

    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, layout: &Layout) -> Result<()> {
        layout::write(
            layout.record(),
            serde_json::to_string_pretty(self).context("failed to write the record")?,
        )
    }
}

#[cfg(test)]
impl Record {
    /// A cluster with the usual ports to test with.
    pub(super) fn example(spec: ClusterSpec) -> Self {
        let subnet = (spec.real > 0).then_some(Subnet(4));
        Self { spec, ports: Ports::USUAL, subnet, bin: PathBuf::from("/bin"), complete: false }
    }
}
