//! Child processes of a PID 1: started here, reaped here.
//!
//! An init inherits orphans (of `kubectl exec`, of scripts), so it has to wait for *any* child. That would
//! take away the status of children somebody else waits for; hence one table of who wants to know.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroI32;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};

/// How a process ended, as an exit code: its own, or 128 and the signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

type Told = Box<dyn FnOnce(Exit) + Send>;

/// All children that are waited for.
#[derive(Clone, Default)]
pub struct Children {
    told: Arc<Mutex<BTreeMap<NonZeroI32, Told>>>,
}

impl Children {
    /// Starts a process; `told` is called once it has ended and [`Children::reap`] has seen it.
    pub fn spawn(&self, command: &mut Command, told: impl FnOnce(Exit) + Send + 'static) -> io::Result<Pid> {
        // Held while starting, so that a child that ends at once is not reaped before it is entered.
        let mut table = self.table();
        let child = command.spawn()?;
        let pid = i32::try_from(child.id())
            .ok()
            .and_then(Pid::from_raw)
            .ok_or_else(|| io::Error::other("the new process has no valid id"))?;
        table.insert(pid.as_raw_nonzero(), Box::new(told));
        Ok(pid)
    }

    /// Collects all children that have ended, inherited ones too. To be called on every `SIGCHLD`.
    pub fn reap(&self) {
        let mut ended = Vec::new();
        {
            let mut table = self.table();
            while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
                if let Some(told) = table.remove(&pid.as_raw_nonzero()) {
                    ended.push((told, exit(status)));
                }
            }
        }
        for (told, exit) in ended {
            told(exit);
        }
    }

    /// Sends a signal to a child that has not been reaped; to none other, since its id may be in use again.
    pub fn signal(&self, pid: Pid, signal: Signal) -> io::Result<()> {
        match self.table().contains_key(&pid.as_raw_nonzero()) {
            true => kill_process(pid, signal).map_err(io::Error::from),
            false => Ok(()),
        }
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<NonZeroI32, Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn exit(status: WaitStatus) -> Exit {
    let code = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal));
    Exit(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(255))
}
