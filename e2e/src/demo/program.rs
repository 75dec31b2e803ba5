//! Long-running programs: what they write goes into a log file, and their last line to who waits.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::local_cluster::{
    command::{exists, how_to_install, last_lines},
    progress::Task,
};

/// How often the log is looked at.
const PAUSE: Duration = Duration::from_millis(250);
/// How much of the end of a log is read to find its last line.
const TAIL: u64 = 4096;

/// Runs a program to its end. Standard output and error go into the log, which is begun anew.
///
/// # Errors
/// The program cannot be started, or ends with another status than 0: its last words and the log.
pub fn logged(command: &mut Command, log: &Path, task: &mut Task) -> Result<()> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).with_context(|| format!("failed to create {}", folder.display()))?;
    }
    let name = command.get_program().to_string_lossy().into_owned();
    let output = File::create(log).with_context(|| format!("failed to create {}", log.display()))?;
    let errors = output.try_clone().with_context(|| format!("failed to share {}", log.display()))?;
    let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
    let mut child = child.with_context(|| match exists(&name) {
        true => format!("failed to start '{name}'"),
        false => how_to_install(&name),
    })?;
    loop {
        if let Some(status) = child.try_wait().with_context(|| format!("failed to wait for '{name}'"))? {
            if status.success() {
                return Ok(());
            }
            bail!(
                "'{name}' ended with {status}; its last words, from {}:\n{}",
                log.display(),
                last_lines(&tail(log), 15)
            );
        }
        if let Some(line) = tail(log).lines().rev().find(|line| !line.trim().is_empty()) {
            task.update(line.trim());
        }
        thread::sleep(PAUSE);
    }
}

/// The end of a file, or nothing where it cannot be read.
fn tail(path: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_log_and_quotes_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("deep/step.log");
        let mut command = Command::new("sh");
        command.args(["-c", "echo begun; echo why >&2; exit 3"]);
        let error = logged(&mut command, &log, &mut Task::start("test")).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("step.log"), "{error}");
        assert!(error.ends_with("begun\nwhy"), "{error}");
    }

    #[test]
    fn success_leaves_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("step.log");
        logged(Command::new("echo").arg("done"), &log, &mut Task::start("test")).unwrap();
        assert_eq!(fs::read_to_string(log).unwrap(), "done\n");
    }
}
