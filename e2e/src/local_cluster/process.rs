//! Whether a process that was seen earlier is still the same process.

use std::fs;

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

/// A process that cannot be taken for another: process ids are used again, after a restart of the machine too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub pid: u32,
    /// When it was started, in clock ticks since the machine was.
    start: u64,
    /// Which start of the machine that was.
    boot: String,
}

impl Identity {
    /// The process with this id, if there is one.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let start = start(&stat)?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        Some(Self { pid, start, boot })
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Ends it at once, if it still runs.
    pub fn kill(&self) {
        if let Some(pid) = Pid::from_raw(self.pid.cast_signed())
            && self.is_alive()
        {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// The 22nd field, or nothing for a process that has ended and was not waited for. The name in the second
/// field may hold spaces and parentheses.
fn start(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn this_process_is_alive_and_another_with_its_id_is_not() {
        let me = Identity::of(std::process::id()).unwrap();
        assert!(me.is_alive());
        assert!(!Identity { start: me.start + 1, ..me }.is_alive());
    }

    #[test]
    fn a_process_that_ended_is_not_alive() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let identity = Identity::of(child.id()).unwrap();
        identity.kill();
        child.wait().unwrap();
        assert!(!identity.is_alive());
    }

    #[test]
    fn the_start_is_found_behind_a_name_with_spaces() {
        let fields: Vec<String> = (3..30).map(|field| field.to_string()).collect();
        let stat = format!("7 (a) b) S {}", fields[1..].join(" "));
        assert_eq!(start(&stat), Some(22));
        assert_eq!(start(&stat.replace(" S ", " Z ")), None);
    }
}
