//! The two loops that look at a running server.
//!
//! *Local*: every two seconds `system.local` over one CQL connection. The same connection carries the server's
//! announcements of peers that come, go, rise or fall.
//!
//! *Ring*: `nodetool status`, when the server first answers, after an announcement, when the operator asks for
//! a younger view than there is, and once a minute. Never more often than every five seconds; every fifteen
//! while the server starts, which needs the CPU for that.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::cql::{Answer, Connection, CqlError};
use crate::log;
use crate::member::Member;
use crate::nodetool::Nodetool;
use crate::ring;
use crate::shared::Shared;
use crate::view::{Local, Process, View};

const LOCAL_PERIOD: Duration = Duration::from_secs(2);
const RING_PERIOD: Duration = Duration::from_secs(60);
const RING_GAP: Duration = Duration::from_secs(5);
const RING_GAP_STARTING: Duration = Duration::from_secs(15);
/// Most of a second on an idle machine, a minute on one where everything starts at once.
const RING_LIMIT: Duration = Duration::from_secs(90);

/// Watches the server over CQL, for ever. `data` is where the marker is kept.
pub fn local(shared: &Shared, data: &std::path::Path) {
    let mut connection = None;
    loop {
        shared.beat();
        match ask(shared, &mut connection) {
            Ok(answer) => {
                settle(shared, &answer.local, data);
                if shared.with(|observed| observed.heard(answer.local, Instant::now())) || answer.ring_changed
                {
                    shared.wish_ring();
                }
            }
            Err(error) => {
                connection = None;
                shared.with(|observed| observed.local = View::Unknown(error.to_string()));
            }
        }
        thread::sleep(LOCAL_PERIOD);
    }
}

fn ask(shared: &Shared, connection: &mut Option<Connection>) -> Result<Answer, CqlError> {
    match connection {
        Some(connection) => connection.local(),
        None => connection.insert(Connection::open(shared.instance.address)?).local(),
    }
}

/// Writes the marker once the server says that it has joined; see [`crate::member`].
fn settle(shared: &Shared, local: &Local, data: &std::path::Path) {
    let recorded = shared.with(|observed| observed.member.as_ref().map(|member| member.host_id.clone()));
    let joined = local.bootstrapped == "COMPLETED" && local.rival.is_none();
    if !joined || recorded.as_ref() == Some(&local.host_id) {
        return;
    }
    let member = Member::new(&shared.service, &shared.instance, &local.host_id);
    let stored = member.store(data);
    shared.with(|observed| match stored {
        Ok(()) => {
            log(&format!("joined the ring as {} in rack {}", member.host_id, member.rack));
            observed.member = Some(member);
            observed.trouble = None;
        }
        Err(error) => observed.trouble = Some(error.to_string()),
    });
}

/// Looks at the ring when wished for, for ever.
pub fn ring(shared: &Shared, nodetool: &Nodetool, wishes: &Receiver<()>) {
    let mut last: Option<Instant> = None;
    loop {
        let asked = match wishes.recv_timeout(RING_PERIOD) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let (running, answered) =
            shared.with(|observed| (observed.process == Process::Running, observed.answered));
        let since = last.map_or(Duration::MAX, |last| last.elapsed());
        if !running || !(asked || answered) || (!answered && since < RING_GAP_STARTING) {
            continue;
        }
        thread::sleep(RING_GAP.saturating_sub(since));
        // Several changes at once (a peer's restart) are one look.
        while wishes.try_recv().is_ok() {}
        let seen = nodetool.run(&["status"], RING_LIMIT).and_then(|text| ring::parse(&text));
        shared.with(|observed| observed.looked(seen, Instant::now()));
        last = Some(Instant::now());
    }
}
