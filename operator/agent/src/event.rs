//! Signals and ended children, as one stream of events.

use std::io;
use std::sync::mpsc::Sender;
use std::thread;

use rustix::process::Signal;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use crate::process::{Children, Exit};

/// What happens to a running agent.
pub enum Event {
    /// `SIGTERM` or `SIGINT`.
    Stop,
    /// A signal for the server.
    Forward(Signal),
    /// The server has ended.
    Ended(Exit),
}

/// One thread reaps children and turns signals into events.
pub fn watch_signals(children: &Children, events: &Sender<Event>) -> io::Result<()> {
    let mut signals = Signals::new([SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2])?;
    let (children, events) = (children.clone(), events.clone());
    thread::spawn(move || {
        for signal in signals.forever() {
            let event = match signal {
                SIGCHLD => {
                    children.reap();
                    continue;
                }
                SIGTERM | SIGINT => Event::Stop,
                other => match Signal::from_named_raw(other) {
                    Some(signal) => Event::Forward(signal),
                    None => continue,
                },
            };
            if events.send(event).is_err() {
                return;
            }
        }
    });
    Ok(())
}
