//! Calls of the server's own `nodetool`, on loopback.

use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::places::Places;
use crate::process::{Children, Exit};

/// A small heap and the first compiler tier halve what a call costs.
const JVM_OPTIONS: &str = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1";
const HEAP: &str = "64M";

/// How `nodetool` is called.
#[derive(Clone)]
pub struct Nodetool {
    pub children: Children,
    /// The server's, which are `nodetool`'s too.
    pub places: Places,
}

impl Nodetool {
    /// Runs one command to its end, at most for `limit`. Returns what it printed; an error names the command
    /// and the last line it printed.
    pub fn run(&self, arguments: &[&str], limit: Duration) -> Result<String, String> {
        let name = format!("nodetool {}", arguments.join(" "));
        self.attempt(arguments, limit).map_err(|error| format!("{name}: {error}")).and_then(|(exit, text)| {
            match exit {
                Some(Exit(0)) => Ok(text),
                Some(Exit(code)) => {
                    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no output");
                    Err(format!("{name}: exit code {code}: {last}"))
                }
                None => Err(format!("{name}: no answer within {} s", limit.as_secs())),
            }
        })
    }

    fn attempt(&self, arguments: &[&str], limit: Duration) -> io::Result<(Option<Exit>, String)> {
        let (mut output, input) = io::pipe()?;
        let (told, exit) = mpsc::channel();
        let mut command = Command::new("nodetool");
        command
            .args(arguments)
            .env("CASSANDRA_CONF", &self.places.conf)
            .env("CASSANDRA_LOG_DIR", &self.places.logs)
            .env("HOME", &self.places.home)
            .env("MAX_HEAP_SIZE", HEAP)
            .env("HEAP_NEWSIZE", HEAP)
            .env("JVM_OPTS", JVM_OPTIONS)
            .env_remove("JVM_EXTRA_OPTS")
            .stdin(Stdio::null())
            .stdout(input.try_clone()?)
            .stderr(input);
        let pid = self.children.spawn(&mut command, move |exit| {
            let _ = told.send(exit);
        })?;
        // The command holds the write end; without it the reader below ends with the process.
        drop(command);
        let reader = thread::spawn(move || {
            let mut bytes = Vec::new();
            output.read_to_end(&mut bytes).map(|_| String::from_utf8_lossy(&bytes).into_owned())
        });
        let exit = exit.recv_timeout(limit).ok();
        if exit.is_none() {
            self.children.signal(pid, Signal::KILL)?;
        }
        let text = reader.join().map_err(|_| io::Error::other("the reader of its output failed"))??;
        Ok((exit, text))
    }
}
