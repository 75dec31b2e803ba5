//! The life of one Cassandra server: wait for a seed, configure, start, watch, drain, stop.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

use crate::contract::{AGENT_PORT, ContractError, Instance, Service};
use crate::event::{Event, watch_signals};
use crate::member::{Member, MemberError};
use crate::nodetool::Nodetool;
use crate::places::Places;
use crate::process::{Children, Exit};
use crate::seek::wait_for_seeds;
use crate::shared::Shared;
use crate::view::Process;
use crate::{config, http, log, watch};

/// Of the grace period: kept for the server to end after its drain, and for the agent itself.
const AFTER_DRAIN: Duration = Duration::from_secs(10);
const AFTER_SERVER: Duration = Duration::from_secs(3);
const HTTP_THREADS: usize = 2;

/// Why the agent ends without, or before, its server.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error(transparent)]
    Contract(#[from] ContractError),
    #[error(transparent)]
    Member(#[from] MemberError),
    #[error("refuses to start the server: {0}")]
    Refused(String),
    #[error("failed to {doing}: {source}")]
    System { doing: String, source: std::io::Error },
}

impl AgentError {
    /// The exit code; see [`crate::contract`].
    pub fn code(&self) -> u8 {
        match self {
            Self::Contract(_) => 64,
            Self::Member(_) | Self::Refused(_) => 65,
            Self::System { .. } => 71,
        }
    }
}

/// Runs the server to its end. The code is the agent's exit code.
pub fn run(root: &Path) -> Result<Exit, AgentError> {
    let places = Places::below(root);
    let instance = Instance::from_env(|name| std::env::var(name).ok())?;
    let service = Service::read(&places.config)?;
    let member = Member::load(&places.data)?;
    if let Some(member) = &member {
        member.check(&service, &instance)?;
    }
    let settled = member.is_some();
    let children = Children::default();
    let (events, received) = channel();
    watch_signals(&children, &events).map_err(failed("watch signals"))?;
    let (shared, wishes) = Shared::new(instance, service, member);
    places.create().map_err(failed("prepare the run directory"))?;
    let nodetool = Nodetool { children, places };
    serve_http(&shared)?;
    let Some(seeds) = wait_for_seeds(&shared, settled, &received).map_err(AgentError::Refused)? else {
        return Ok(Exit(0));
    };
    let places = &nodetool.places;
    places
        .configure(&shared.service, &shared.instance, &seeds)
        .map_err(failed("write the configuration of the server"))?;
    log(&format!("configured with seeds {}", seeds.join(", ")));
    let (looker, data) = (shared.clone(), places.data.clone());
    let pid = start(&nodetool, &shared, events)?;
    thread::spawn(move || watch::local(&looker, &data));
    let (looker, caller) = (shared.clone(), nodetool.clone());
    thread::spawn(move || watch::ring(&looker, &caller, &wishes));
    Ok(supervise(&shared, &nodetool, pid, &received))
}

fn serve_http(shared: &Shared) -> Result<(), AgentError> {
    let address = SocketAddr::new(shared.instance.address, AGENT_PORT);
    let server = tiny_http::Server::http(address).map_err(|error| AgentError::System {
        doing: format!("listen on {address}"),
        source: std::io::Error::other(error.to_string()),
    })?;
    let server = Arc::new(server);
    for _ in 0..HTTP_THREADS {
        let (server, shared) = (server.clone(), shared.clone());
        thread::spawn(move || http::serve(&server, &shared));
    }
    Ok(())
}

fn start(nodetool: &Nodetool, shared: &Shared, events: Sender<Event>) -> Result<Pid, AgentError> {
    let mut command = Command::new("cassandra");
    command
        .arg("-f")
        .current_dir(&nodetool.places.home)
        .env("CASSANDRA_CONF", &nodetool.places.conf)
        .env("CASSANDRA_LOG_DIR", &nodetool.places.logs)
        .env("HOME", &nodetool.places.home)
        .envs(config::environment(&shared.service));
    let told = move |exit| drop(events.send(Event::Ended(exit)));
    let pid = nodetool.children.spawn(&mut command, told).map_err(failed("start cassandra -f"))?;
    shared.with(|observed| observed.process = Process::Running);
    Ok(pid)
}

/// Until the server has ended, by itself or by a stop.
fn supervise(shared: &Shared, nodetool: &Nodetool, pid: Pid, events: &Receiver<Event>) -> Exit {
    loop {
        match events.recv() {
            Ok(Event::Ended(exit)) => {
                log(&format!("the server ended by itself with code {}", exit.0));
                return exit;
            }
            Ok(Event::Forward(signal)) => {
                if let Err(error) = nodetool.children.signal(pid, signal) {
                    log(&format!("failed to forward a signal: {error}"));
                }
            }
            Ok(Event::Stop) | Err(_) => return stop(shared, nodetool, pid, events),
        }
    }
}

/// Drains if the server has ever answered, ends it, and kills it only when the grace period runs out.
fn stop(shared: &Shared, nodetool: &Nodetool, pid: Pid, events: &Receiver<Event>) -> Exit {
    let end = Instant::now() + shared.instance.grace - AFTER_SERVER;
    let answered = shared.with(|observed| {
        observed.process = Process::Stopping;
        observed.answered
    });
    if answered {
        let limit = end.saturating_duration_since(Instant::now()).saturating_sub(AFTER_DRAIN);
        match nodetool.run(&["drain"], limit) {
            Ok(_) => log("drained"),
            Err(why) => log(&format!("stops without a drain: {why}")),
        }
    }
    for (signal, name, until) in
        [(Signal::TERM, "SIGTERM", end), (Signal::KILL, "SIGKILL", end + AFTER_SERVER)]
    {
        if let Err(error) = nodetool.children.signal(pid, signal) {
            log(&format!("failed to send {name}: {error}"));
        }
        if let Some(exit) = ended(events, until) {
            log(&format!("the server ended with code {} after {name}", exit.0));
            return if signal == Signal::TERM { Exit(0) } else { exit };
        }
    }
    Exit(137)
}

fn ended(events: &Receiver<Event>, until: Instant) -> Option<Exit> {
    loop {
        match events.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Event::Ended(exit)) => return Some(exit),
            Ok(Event::Stop | Event::Forward(_)) => {}
            Err(_) => return None,
        }
    }
}

fn failed(doing: &'static str) -> impl FnOnce(std::io::Error) -> AgentError {
    move |source| AgentError::System { doing: doing.to_owned(), source }
}
