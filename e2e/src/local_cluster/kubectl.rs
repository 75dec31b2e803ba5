//! kubectl as the administrator of a cluster.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{command, layout::Layout, record::Record};

/// Runs kubectl against one cluster.
pub struct Kubectl<'a> {
    record: &'a Record,
    layout: &'a Layout,
}

impl<'a> Kubectl<'a> {
    #[must_use]
    pub fn new(record: &'a Record, layout: &'a Layout) -> Self {
        Self { record, layout }
    }

    /// Runs kubectl with these words and returns what it wrote.
    ///
    /// # Errors
    /// kubectl's last words.
    pub fn run(&self, words: &[&str], input: Option<&str>) -> Result<String> {
        let mut command = Command::new(self.record.tool("kubectl"));
        command
            .arg("--kubeconfig")
            .arg(self.layout.kubeconfig())
            .args(words)
            .env("KUBECACHEDIR", self.layout.root().join("kubectl-cache"));
        command::run(&mut command, input)
    }

    /// Creates or updates objects, given as JSON or YAML.
    ///
    /// # Errors
    /// kubectl's last words.
    pub fn apply(&self, objects: &str) -> Result<()> {
        let words = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        self.run(&words, Some(objects)).map(drop)
    }

    /// Waits until a request succeeds and its answer passes the test; `still` is asked between attempts whether
    /// waiting makes sense.
    ///
    /// # Errors
    /// The deadline passes, with the last error, or `still` says why there is no sense in waiting.
    pub fn until(
        &self,
        what: &str,
        deadline: Duration,
        words: &[&str],
        test: impl Fn(&str) -> bool,
        still: impl Fn() -> Result<()>,
    ) -> Result<()> {
        let end = Instant::now() + deadline;
        loop {
            let last = match self.run(words, None) {
                Ok(answer) if test(&answer) => return Ok(()),
                Ok(answer) => command::last_lines(&answer, 5),
                Err(error) => format!("{error:#}"),
            };
            still().with_context(|| format!("{what} is not to be had"))?;
            if Instant::now() >= end {
                bail!("{what} is not to be had after {} s: {last}", deadline.as_secs());
            }
            thread::sleep(Duration::from_millis(200));
        }
    }
}

/// How many nodes of a list (JSON) are Ready.
#[must_use]
pub fn ready_nodes(list: &str) -> usize {
    let list: Value = serde_json::from_str(list).unwrap_or_default();
    let items = list["items"].as_array().map_or(&[] as &[Value], Vec::as_slice);
    items
        .iter()
        .filter(|node| {
            let conditions = node["status"]["conditions"].as_array().map_or(&[] as &[Value], Vec::as_slice);
            conditions.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_nodes_are_those_whose_condition_is_true() {
        let list = r#"{"items": [
            {"status": {"conditions": [{"type": "Ready", "status": "True"}]}},
            {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}},
            {"status": {}}
        ]}"#;
        assert_eq!(ready_nodes(list), 1);
        assert_eq!(ready_nodes(""), 0);
    }
}
