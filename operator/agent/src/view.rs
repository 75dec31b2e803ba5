//! What the agent knows about its server, and what follows from it.
//!
//! [`fold`] is total: every combination of observations has one meaning, and what is not known is said to be
//! unknown.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::contract::{Instance, Service};
use crate::member::Member;
use crate::ring::Peer;

/// An answer of the server older than this counts as no answer.
const STALE: Duration = Duration::from_secs(15);

/// A value with the time it was seen, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View<T> {
    Known { value: T, at: Instant },
    Unknown(String),
}

impl<T> View<T> {
    fn known(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// How old the value is; `None` if there is no value.
    pub fn age(&self, now: Instant) -> Option<Duration> {
        match self {
            Self::Known { at, .. } => Some(now.saturating_duration_since(*at)),
            Self::Unknown(_) => None,
        }
    }
}

/// The server process, as the agent runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Process {
    /// Not started yet, for this reason.
    Waiting(String),
    Running,
    /// A stop was asked for.
    Stopping,
}

/// The server's row of `system.local`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    pub host_id: String,
    pub release_version: String,
    pub schema_version: Option<String>,
    /// `NEEDS_BOOTSTRAP`, `IN_PROGRESS`, `COMPLETED` or `DECOMMISSIONED`.
    pub bootstrapped: String,
    /// A peer that holds a token which this server takes for its own.
    pub rival: Option<IpAddr>,
}

/// Everything observed so far.
#[derive(Clone, Debug)]
pub struct Observed {
    pub process: Process,
    /// CQL has answered since the server was started.
    pub answered: bool,
    pub local: View<Local>,
    pub ring: View<Vec<Peer>>,
    /// The marker on the volume.
    pub member: Option<Member>,
    /// Why the marker could not be written, if so.
    pub trouble: Option<String>,
}

impl Observed {
    /// Before the server is started.
    pub fn new(member: Option<Member>) -> Self {
        let unknown = "the server has not been asked yet";
        Self {
            process: Process::Waiting("starts".to_owned()),
            answered: false,
            local: View::Unknown(unknown.to_owned()),
            ring: View::Unknown(unknown.to_owned()),
            member,
            trouble: None,
        }
    }

    /// Enters an answer over CQL. If it is the first after none, what was known of the ring is older than
    /// the server's start or join, so it is forgotten; true then, since a new look is needed.
    pub fn heard(&mut self, local: Local, at: Instant) -> bool {
        let first = matches!(self.local, View::Unknown(_));
        self.local = View::Known { value: local, at };
        self.answered = true;
        if first {
            self.ring = View::Unknown("the ring has not been looked at since the server answers".to_owned());
        }
        first
    }

    /// Enters a look at the ring.
    pub fn looked(&mut self, ring: Result<Vec<Peer>, String>, at: Instant) {
        self.ring = match ring {
            Ok(value) => View::Known { value, at },
            Err(why) => View::Unknown(why),
        };
    }
}

/// What the server is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Mode {
    Waiting,
    Starting,
    Joining,
    Normal,
    Leaving,
    Moving,
    Stopping,
    Unknown,
}

/// The ring on the wire: `{"known": […], "ageMs": 1200}` or `{"unknown": "why"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RingView {
    Known {
        known: Vec<Peer>,
        #[serde(rename = "ageMs")]
        age_ms: u64,
    },
    Unknown {
        unknown: String,
    },
}

/// The answer to `GET /v1/node`. `null` means not known, never absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeView {
    pub instance: String,
    pub pod_uid: String,
    pub address: String,
    pub rack: String,
    pub datacenter: String,
    pub cluster_name: String,
    pub mode: Mode,
    /// One sentence, empty when there is nothing to say.
    pub detail: String,
    pub ready: bool,
    pub cql_answers: bool,
    /// The volume holds a member that has joined its ring; known even while the server is down.
    pub bootstrapped: bool,
    pub host_id: Option<String>,
    pub release_version: Option<String>,
    pub schema_version: Option<String>,
    pub ring: RingView,
}

/// What follows from the observations at `now`. Ready: the server answers CQL and says that it has joined, the
/// volume records it, no peer holds its tokens, and its own view of the ring, as far as it is known, has it up
/// and normal.
///
/// The tokens are looked at because two servers that bootstrap at once can choose the same: the later one
/// takes them, and the other still answers and says that it has joined. The ring is not required to be
/// known: on a busy machine `nodetool` can take longer than clients should go without the server.
pub fn fold(instance: &Instance, service: &Service, observed: &Observed, now: Instant) -> NodeView {
    let fresh = observed.local.age(now).is_some_and(|age| age <= STALE);
    let local = observed.local.known().filter(|_| fresh);
    let own = own(observed, instance.address);
    let mode = mode(observed, local, own);
    let member = observed.member.as_ref();
    NodeView {
        instance: instance.name.clone(),
        pod_uid: instance.pod_uid.clone(),
        address: instance.address.to_string(),
        rack: instance.rack.clone(),
        datacenter: service.datacenter.clone(),
        cluster_name: service.cluster_name.clone(),
        mode,
        detail: detail(observed, mode, fresh, own),
        ready: mode == Mode::Normal && local.is_some() && member.is_some() && !shown_down(own),
        cql_answers: local.is_some(),
        bootstrapped: member.is_some(),
        host_id: local.map(|l| l.host_id.clone()).or_else(|| member.map(|m| m.host_id.clone())),
        release_version: local.map(|local| local.release_version.clone()),
        schema_version: local.and_then(|local| local.schema_version.clone()),
        ring: ring(observed, now),
    }
}

/// The server in its own view of the ring.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Own<'a> {
    RingUnknown,
    Absent,
    Status(&'a str),
}

fn shown_down(own: Own<'_>) -> bool {
    matches!(own, Own::Status(status) if status.starts_with('D'))
}

fn own(observed: &Observed, address: IpAddr) -> Own<'_> {
    match &observed.ring {
        View::Unknown(_) => Own::RingUnknown,
        View::Known { value, .. } => value
            .iter()
            .find(|peer| peer.address == address)
            .map_or(Own::Absent, |peer| Own::Status(&peer.status)),
    }
}

fn mode(observed: &Observed, local: Option<&Local>, own: Own<'_>) -> Mode {
    match &observed.process {
        Process::Waiting(_) => return Mode::Waiting,
        Process::Stopping => return Mode::Stopping,
        Process::Running => {}
    }
    let state = match own {
        Own::RingUnknown | Own::Absent => None,
        Own::Status(status) => status.get(1..),
    };
    let rival = local.is_some_and(|local| local.rival.is_some());
    match (local.map(|local| local.bootstrapped.as_str()), state) {
        (_, Some("L")) => Mode::Leaving,
        (_, Some("M")) => Mode::Moving,
        (Some("COMPLETED"), _) if own == Own::Absent || rival => Mode::Unknown,
        (Some("COMPLETED"), _) => Mode::Normal,
        (Some("NEEDS_BOOTSTRAP" | "IN_PROGRESS"), _) => Mode::Joining,
        (Some(_), _) => Mode::Unknown,
        (None, _) if observed.answered => Mode::Unknown,
        (None, Some("J")) => Mode::Joining,
        (None, _) => Mode::Starting,
    }
}

fn detail(observed: &Observed, mode: Mode, fresh: bool, own: Own<'_>) -> String {
    let value = match (&observed.process, &observed.local) {
        (Process::Waiting(why), _) => return why.clone(),
        (Process::Stopping, _) => return "a stop was asked for".to_owned(),
        (Process::Running, View::Unknown(why)) => return format!("CQL: {why}"),
        (Process::Running, View::Known { .. }) if !fresh => {
            return format!("CQL: no answer for more than {} s", STALE.as_secs());
        }
        (Process::Running, View::Known { value, .. }) => value,
    };
    match (&observed.trouble, value.rival, own) {
        (Some(trouble), _, _) => trouble.clone(),
        (None, Some(rival), _) => format!("the server takes tokens for its own that {rival} holds"),
        (None, None, Own::Absent) if value.bootstrapped == "COMPLETED" => {
            "the server has joined, but its own view of the ring does not list it".to_owned()
        }
        (None, None, own) if shown_down(own) => "the server sees itself as down".to_owned(),
        (None, None, _) if mode == Mode::Unknown => {
            format!("system.local says bootstrapped = {}", value.bootstrapped)
        }
        (None, None, _) => String::new(),
    }
}

fn ring(observed: &Observed, now: Instant) -> RingView {
    match &observed.ring {
        View::Known { value, at } => {
            let age = now.saturating_duration_since(*at).as_millis();
            RingView::Known { known: value.clone(), age_ms: u64::try_from(age).unwrap_or(u64::MAX) }
        }
        View::Unknown(why) => RingView::Unknown { unknown: why.clone() },
    }
}

#[cfg(test)]
#[path = "view/tests.rs"]
mod tests;
