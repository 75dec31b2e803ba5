//! The marker on the volume: who the data belongs to.
//!
//! Written once the server itself says that its bootstrap is complete, and before the agent tells anybody
//! else; so whoever acts on `bootstrapped` can rely on it after any crash.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::contract::{Instance, Service};

/// The member of a ring that a volume holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    pub cluster_name: String,
    pub datacenter: String,
    pub rack: String,
    pub instance: String,
    pub host_id: String,
}

/// Why a volume cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    #[error("{}: failed to {doing}: {source}", file.display())]
    Io { file: PathBuf, doing: &'static str, source: std::io::Error },
    #[error("{}: unreadable, and guessing could lose data: {source}", file.display())]
    Malformed { file: PathBuf, source: serde_json::Error },
    #[error(
        "the volume belongs to {what} {found:?}, this pod is {what} {expected:?}; check the claim and TWOFOLD_RACK"
    )]
    Foreign { what: &'static str, found: String, expected: String },
}

impl Member {
    /// The member that `instance` becomes with this host id.
    pub fn new(service: &Service, instance: &Instance, host_id: &str) -> Self {
        Self {
            cluster_name: service.cluster_name.clone(),
            datacenter: service.datacenter.clone(),
            rack: instance.rack.clone(),
            instance: instance.name.clone(),
            host_id: host_id.to_owned(),
        }
    }

    /// Reads the marker below `data`. `None`: there is none, or the server's own tables that it speaks of
    /// are gone.
    pub fn load(data: &Path) -> Result<Option<Self>, MemberError> {
        let file = marker(data);
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(MemberError::Io { file, doing: "read", source }),
        };
        let member =
            serde_json::from_slice(&text).map_err(|source| MemberError::Malformed { file, source })?;
        Ok(data.join("data/system").is_dir().then_some(member))
    }

    /// Writes the marker so that it survives a crash of the machine.
    pub fn store(&self, data: &Path) -> Result<(), MemberError> {
        let file = marker(data);
        let io = |doing| {
            let file = file.clone();
            move |source| MemberError::Io { file, doing, source }
        };
        let dir = data.join("twofold");
        fs::create_dir_all(&dir).map_err(io("create the directory of"))?;
        let text = serde_json::to_vec_pretty(self)
            .map_err(|source| MemberError::Malformed { file: file.clone(), source })?;
        let new = dir.join("member.json.new");
        let mut out = File::create(&new).map_err(io("create"))?;
        out.write_all(&text).and_then(|()| out.sync_all()).map_err(io("write"))?;
        fs::rename(&new, &file).map_err(io("rename"))?;
        File::open(&dir).and_then(|dir| dir.sync_all()).map_err(io("sync the directory of"))
    }

    /// Fails if the volume holds a member of another ring, place or name than the pod is for.
    pub fn check(&self, service: &Service, instance: &Instance) -> Result<(), MemberError> {
        let expected = Self::new(service, instance, &self.host_id);
        let pairs = [
            ("cluster", &self.cluster_name, &expected.cluster_name),
            ("datacenter", &self.datacenter, &expected.datacenter),
            ("rack", &self.rack, &expected.rack),
            ("instance", &self.instance, &expected.instance),
        ];
        match pairs.into_iter().find(|(_, found, expected)| found != expected) {
            Some((what, found, expected)) => {
                Err(MemberError::Foreign { what, found: found.clone(), expected: expected.clone() })
            }
            None => Ok(()),
        }
    }
}

fn marker(data: &Path) -> PathBuf {
    data.join("twofold/member.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(rack: &str) -> Member {
        Member {
            cluster_name: "demo".to_owned(),
            datacenter: "dc1".to_owned(),
            rack: rack.to_owned(),
            instance: "n0".to_owned(),
            host_id: "h".to_owned(),
        }
    }

    #[test]
    fn a_marker_counts_only_beside_the_servers_tables() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Member::load(dir.path()).unwrap(), None);
        member("a").store(dir.path()).unwrap();
        assert_eq!(Member::load(dir.path()).unwrap(), None);
        fs::create_dir_all(dir.path().join("data/system")).unwrap();
        assert_eq!(Member::load(dir.path()).unwrap(), Some(member("a")));
    }

    #[test]
    fn a_broken_marker_is_an_error_and_not_an_empty_volume() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("twofold")).unwrap();
        fs::write(marker(dir.path()), "{").unwrap();
        assert!(matches!(Member::load(dir.path()), Err(MemberError::Malformed { .. })));
    }
}
