//! The life of one Cassandra server: wait for a seed, configure, start, watch, drain, stop.

use std::fs;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;

use crate::contract::{AGENT_PORT, ContractError, Instance, STORAGE_PORT, Service};
use crate::member::{Member, MemberError};
use crate::nodetool::Nodetool;
use crate::operation::{Operation, State};
use crate::process::{Children, Exit};
use crate::seeds::{Seed, Start, decide};
use crate::shared::Shared;
use crate::view::Process;
use crate::{config, http, log, watch};

/// How often seeds are looked up while waiting for one.
const SEED_PERIOD: Duration = Duration::from_secs(2);
const SEED_LIMIT: Duration = Duration::from_secs(1);
/// Of the grace period: kept for the server to end after its drain, and for the agent itself.
const AFTER_DRAIN: Duration = Duration::from_secs(10);
const AFTER_SERVER: Duration = Duration::from_secs(3);
const DRAIN_LIMIT: Duration = Duration::from_secs(600);
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

enum Event {
    /// `SIGTERM` or `SIGINT`.
    Stop,
    /// A signal for the server.
    Forward(Signal),
    /// The server has ended.
    Ended(Exit),
}

/// The directories of the pod; `root` is `/`, or that of a test.
struct Places {
    config: PathBuf,
    run: PathBuf,
    data: PathBuf,
    image_conf: PathBuf,
}

impl Places {
    fn below(root: &Path) -> Self {
        Self {
            config: root.join("twofold/config/service.json"),
            run: root.join("twofold/run"),
            data: root.join("var/lib/cassandra"),
            image_conf: std::env::var_os("CASSANDRA_CONF").map_or("/etc/cassandra".into(), PathBuf::from),
        }
    }

    fn conf(&self) -> PathBuf {
        self.run.join("conf")
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
    watch_signals(&children, &events)?;
    let (shared, wishes) = Shared::new(instance, service, member);
    let nodetool = Nodetool {
        children: children.clone(),
        conf: places.conf(),
        home: places.run.join("home"),
        logs: places.run.join("logs"),
    };
    for dir in [places.conf(), nodetool.home.clone(), nodetool.logs.clone()] {
        fs::create_dir_all(&dir).map_err(failed(format!("create {}", dir.display())))?;
    }
    serve_http(&shared, &nodetool)?;
    let Some(seeds) = wait_for_seeds(&shared, settled, &received)? else {
        return Ok(Exit(0));
    };
    configure(&places, &shared, &seeds)?;
    let pid = start(&places, &nodetool, &shared, events)?;
    let (looker, data) = (shared.clone(), places.data.clone());
    thread::spawn(move || watch::local(&looker, &data));
    let (looker, caller) = (shared.clone(), nodetool.clone());
    thread::spawn(move || watch::ring(&looker, &caller, &wishes));
    Ok(supervise(&shared, &nodetool, pid, &received))
}

/// One thread reaps children and turns signals into events.
fn watch_signals(children: &Children, events: &Sender<Event>) -> Result<(), AgentError> {
    let mut signals = Signals::new([SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2])
        .map_err(failed("watch signals".to_owned()))?;
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

fn serve_http(shared: &Shared, nodetool: &Nodetool) -> Result<(), AgentError> {
    let address = SocketAddr::new(shared.instance.address, AGENT_PORT);
    let server = tiny_http::Server::http(address).map_err(|error| AgentError::System {
        doing: format!("listen on {address}"),
        source: std::io::Error::other(error.to_string()),
    })?;
    let server = Arc::new(server);
    for _ in 0..HTTP_THREADS {
        let (server, shared, nodetool) = (server.clone(), shared.clone(), nodetool.clone());
        thread::spawn(move || {
            http::serve(&server, &shared, &|operation| {
                let (shared, nodetool) = (shared.clone(), nodetool.clone());
                thread::spawn(move || drain(&shared, &nodetool, operation));
            });
        });
    }
    Ok(())
}

fn drain(shared: &Shared, nodetool: &Nodetool, operation: Operation) {
    let done = match nodetool.run(&["drain"], DRAIN_LIMIT) {
        Ok(_) => Operation { state: State::Done, ..operation },
        Err(message) => Operation { state: State::Failed, message, ..operation },
    };
    log(&format!("drain {}: {:?} {}", done.key, done.state, done.message));
    shared.with(|observed| observed.drain = Some(done));
}

/// Waits until the server may start; `None` if a stop comes first.
fn wait_for_seeds(
    shared: &Shared,
    settled: bool,
    events: &Receiver<Event>,
) -> Result<Option<Vec<String>>, AgentError> {
    let mut said = String::new();
    loop {
        shared.beat();
        let seeds: Vec<Seed> = shared.service.seeds.iter().map(|name| look_up(name)).collect();
        let why = match decide(&shared.instance, settled, &seeds) {
            Start::With(seeds) => return Ok(Some(seeds)),
            Start::Refuse(why) => return Err(AgentError::Refused(why)),
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

/// Lays the image's configuration into the writable directory, then ours over it.
fn configure(places: &Places, shared: &Shared, seeds: &[String]) -> Result<(), AgentError> {
    let conf = places.conf();
    let of_image = fs::read_dir(&places.image_conf)
        .map_err(failed(format!("read the image's configuration in {}", places.image_conf.display())))?;
    for entry in of_image {
        let file = entry.map_err(failed("read the image's configuration".to_owned()))?.path();
        let Some(name) = file.file_name().filter(|_| file.is_file()) else {
            continue;
        };
        let bytes = fs::read(&file).map_err(failed(format!("read {}", file.display())))?;
        let options = name.to_str().is_some_and(|name| name.starts_with("jvm") && name.ends_with("options"));
        let bytes = match String::from_utf8(bytes) {
            Ok(text) if options => config::jvm_options(&text, &shared.service).into_bytes(),
            Ok(text) => text.into_bytes(),
            Err(error) => error.into_bytes(),
        };
        write(&conf.join(name), &bytes)?;
    }
    for (name, text) in config::files(&shared.service, &shared.instance, seeds, &places.data) {
        write(&conf.join(name), text.as_bytes())?;
    }
    log(&format!("configured with seeds {}", seeds.join(", ")));
    Ok(())
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), AgentError> {
    fs::write(file, bytes).map_err(failed(format!("write {}", file.display())))
}

fn start(
    places: &Places,
    nodetool: &Nodetool,
    shared: &Shared,
    events: Sender<Event>,
) -> Result<Pid, AgentError> {
    let mut command = Command::new("cassandra");
    command
        .arg("-f")
        .current_dir(&places.run)
        .env("CASSANDRA_CONF", places.conf())
        .env("CASSANDRA_LOG_DIR", &nodetool.logs)
        .env("HOME", &nodetool.home)
        .envs(config::environment(&shared.service));
    let told = move |exit| drop(events.send(Event::Ended(exit)));
    let pid = nodetool.children.spawn(&mut command, told).map_err(failed("start cassandra -f".to_owned()))?;
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

fn failed(doing: String) -> impl FnOnce(std::io::Error) -> AgentError {
    move |source| AgentError::System { doing, source }
}
