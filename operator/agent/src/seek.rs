//! Looks for a live seed: what [`crate::seeds`] decides, over and over, on what the network says.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::contract::STORAGE_PORT;
use crate::event::Event;
use crate::log;
use crate::seeds::{Seed, Start, decide};
use crate::shared::Shared;
use crate::view::Process;

/// How often seeds are looked up.
const SEED_PERIOD: Duration = Duration::from_secs(2);
const SEED_LIMIT: Duration = Duration::from_secs(1);

/// Waits until the server may start, and says with which seeds; `None` if a stop comes first. An error is the
/// reason to refuse the start.
pub fn wait_for_seeds(
    shared: &Shared,
    settled: bool,
    events: &Receiver<Event>,
) -> Result<Option<Vec<String>>, String> {
    let mut said = String::new();
    loop {
        shared.beat();
        let seeds: Vec<Seed> = shared.service.seeds.iter().map(|name| look_up(name)).collect();
        let why = match decide(&shared.instance, settled, &seeds) {
            Start::With(seeds) => return Ok(Some(seeds)),
            Start::Refuse(why) => return Err(why),
            Start::Wait(why) => why,
        };
        if said != why {
            log(&why);
            said.clone_from(&why);
        }
        shared.with(|observed| observed.process = Process::Waiting(why));
        match events.recv_timeout(SEED_PERIOD) {
            Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Ok(Event::Forward(_) | Event::Ended(_)) | Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn look_up(name: &str) -> Seed {
    let found: Vec<SocketAddr> =
        (name, STORAGE_PORT).to_socket_addrs().map(Iterator::collect).unwrap_or_default();
    Seed {
        name: name.to_owned(),
        answers: found.iter().any(|address| TcpStream::connect_timeout(address, SEED_LIMIT).is_ok()),
        addresses: found.iter().map(SocketAddr::ip).collect(),
    }
}
