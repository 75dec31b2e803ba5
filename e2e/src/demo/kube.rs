//! kubectl as the administrator of a cluster.

use std::{
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::local_cluster::{command, progress::Task};

/// How often the cluster is asked while something is awaited.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs kubectl against one cluster.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
}

/// What a look at the cluster showed to who waits for something.
#[derive(Debug)]
pub enum Look<T> {
    /// It is there.
    Done(T),
    /// It is not there yet: how far it is.
    Waiting(String),
    /// It will never be there: why.
    Never(String),
}

impl Kubectl {
    #[must_use]
    pub fn new(program: PathBuf, kubeconfig: PathBuf) -> Self {
        Self { program, kubeconfig }
    }

    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--kubeconfig").arg(&self.kubeconfig).args(words);
        if let Some(folder) = self.kubeconfig.parent() {
            command.env("KUBECACHEDIR", folder.join("kubectl-cache"));
        }
        command
    }

    /// Runs kubectl with these words and returns what it wrote.
    ///
    /// # Errors
    /// kubectl's last words.
    pub fn run(&self, words: &[&str]) -> Result<String> {
        command::run(&mut self.command(words), None)
    }

    /// Creates or updates objects, given as JSON or YAML.
    ///
    /// # Errors
    /// kubectl's last words.
    pub fn apply(&self, objects: &str) -> Result<()> {
        command::run(&mut self.command(&["apply", "-f", "-"]), Some(objects)).map(drop)
    }

    /// What a `kubectl get` with these words finds, or nothing if there is no such object.
    ///
    /// # Errors
    /// kubectl's last words, or an answer that is no JSON.
    pub fn find(&self, words: &[&str]) -> Result<Option<Value>> {
        let words = [&["get", "--output=json", "--ignore-not-found"], words].concat();
        let text = self.run(&words)?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        serde_json::from_str(&text)
            .map(Some)
            .with_context(|| format!("no JSON from kubectl {}", words.join(" ")))
    }

    /// What a `kubectl get` with these words finds.
    ///
    /// # Errors
    /// As [`Self::find`], and if there is nothing.
    pub fn get(&self, words: &[&str]) -> Result<Value> {
        self.find(words)?.with_context(|| format!("there is no {}", words.join(" ")))
    }

    /// Looks again and again until what is awaited is there. A look that fails counts as a look that saw nothing.
    ///
    /// # Errors
    /// What is awaited will never be there, or is not after `patience`: the last look.
    pub fn until<T>(
        &self,
        what: &str,
        patience: Duration,
        task: &mut Task,
        mut look: impl FnMut() -> Result<Look<T>>,
    ) -> Result<T> {
        let end = Instant::now() + patience;
        loop {
            let seen = match look() {
                Ok(Look::Done(value)) => return Ok(value),
                Ok(Look::Waiting(seen)) => seen,
                Ok(Look::Never(why)) => bail!("{what} is not to be had: {why}"),
                Err(error) => format!("{error:#}"),
            };
            task.update(&seen);
            if Instant::now() >= end {
                bail!("{what} is not to be had after {} s: {seen}", patience.as_secs());
            }
            thread::sleep(PAUSE);
        }
    }
}

/// A text at a pointer, empty where there is none.
#[must_use]
pub fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The condition of this type in an object's status.
#[must_use]
pub fn condition<'a>(object: &'a Value, type_: &str) -> Option<&'a Value> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions.iter().find(|condition| condition["type"] == type_)
}

/// Whether the condition of this type is True.
#[must_use]
pub fn holds(object: &Value, type_: &str) -> bool {
    condition(object, type_).is_some_and(|condition| condition["status"] == "True")
}

/// The conditions of an object in one line, with their messages where they have one.
#[must_use]
pub fn conditions(object: &Value) -> String {
    let list = object.pointer("/status/conditions").and_then(Value::as_array);
    let one = |condition: &Value| {
        let part = |name: &str| text(condition, name);
        let message = part("/message");
        let message = if message.is_empty() { message } else { format!(" ({message})") };
        format!("{}={}{message}", part("/type"), part("/status"))
    };
    list.map(|list| list.iter().map(one).collect::<Vec<_>>().join(", ")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn conditions_are_told_in_one_line() {
        let object = json!({"status": {"conditions": [
            {"type": "Ready", "status": "False", "message": "2 of 3"}, {"type": "Stalled", "status": "False"}
        ]}});
        assert_eq!(conditions(&object), "Ready=False (2 of 3), Stalled=False");
        assert!(!holds(&object, "Ready") && !holds(&object, "Degraded"));
        assert_eq!(conditions(&json!({})), "");
    }

    #[test]
    fn waiting_ends_with_success_or_at_once_when_it_makes_no_sense() {
        let kubectl = Kubectl::new("kubectl".into(), "kubeconfig".into());
        let mut task = Task::start("test");
        let patience = Duration::from_secs(60);
        assert_eq!(kubectl.until("it", patience, &mut task, || Ok(Look::Done(1))).unwrap(), 1);
        let never = || Ok(Look::<()>::Never("it failed".into()));
        let error = kubectl.until("it", patience, &mut task, never).unwrap_err();
        assert_eq!(error.to_string(), "it is not to be had: it failed");
        let waiting = || Ok(Look::<()>::Waiting("1 of 3".into()));
        let error = kubectl.until("it", Duration::ZERO, &mut task, waiting).unwrap_err();
        assert_eq!(error.to_string(), "it is not to be had after 0 s: 1 of 3");
    }
}
