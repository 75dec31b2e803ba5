//! The API server's audit log: who wrote what, and what was refused.

use anyhow::Context as _;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One entry of the audit log.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `get`, `create`, `patch`, …
    pub verb: String,
    /// The path that was called.
    pub path: String,
    /// The HTTP status of the answer.
    pub code: u64,
}

/// The audit log of the cluster under test.
pub struct Audit {
    path: PathBuf,
    offset: usize,
}

impl Audit {
    /// Begins at the present end of the log that `AUDIT_LOG` names.
    ///
    /// # Errors
    /// There is none.
    pub fn from_now() -> anyhow::Result<Self> {
        let path = std::env::var("AUDIT_LOG").context("AUDIT_LOG names no audit log; run `make test`")?;
        let path = PathBuf::from(path);
        let offset = read(&path)?.len();
        Ok(Self { path, offset })
    }

    /// Waits until the operator has written nothing for this long, but for what the closure lets pass.
    ///
    /// # Errors
    /// The log cannot be read, or the operator goes on writing.
    pub async fn until_quiet(&self, quiet: Duration, passes: impl Fn(&Entry) -> bool) -> anyhow::Result<()> {
        let mut known = usize::MAX;
        for _ in 0..30 {
            let writes = self.operator_calls()?.iter().filter(|call| call.writes() && !passes(call)).count();
            if writes == known {
                return Ok(());
            }
            known = writes;
            tokio::time::sleep(quiet).await;
        }
        anyhow::bail!("the operator goes on writing: {:?}", self.operator_calls()?.last())
    }

    /// What the chart's ServiceAccount has called since.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn operator_calls(&self) -> anyhow::Result<Vec<Entry>> {
        let text = read(&self.path)?;
        let lines = text.get(self.offset..).unwrap_or_default().lines();
        Ok(lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .filter_map(|value| entry(&value))
            .collect())
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))
}

fn entry(value: &Value) -> Option<Entry> {
    let user = value.pointer("/user/username")?.as_str()?;
    let done = value.get("stage")?.as_str()? == "ResponseComplete";
    if !done || !user.starts_with("system:serviceaccount:twofold-system:") {
        return None;
    }
    Some(Entry {
        verb: value.get("verb")?.as_str()?.to_owned(),
        path: value.get("requestURI")?.as_str()?.to_owned(),
        code: value.pointer("/responseStatus/code")?.as_u64()?,
    })
}

impl Entry {
    /// Whether it changes anything.
    #[must_use]
    pub fn writes(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }
}
