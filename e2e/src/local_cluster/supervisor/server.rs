//! The side that owns processes.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};

use super::{Component, Request, Response, State, Status};
use crate::local_cluster::layout::Layout;

/// How long a component may take to end on SIGTERM.
const GRACE: Duration = Duration::from_secs(10);

struct Entry {
    component: Component,
    child: Option<Child>,
    ended: Option<String>,
}

/// Supervises until it is killed. Only the main thread starts components, because their parent-death signal
/// follows the thread that started them.
///
/// # Errors
/// The socket cannot be made.
pub fn supervise(layout: &Layout) -> Result<()> {
    let socket = layout.socket();
    let _ = fs::remove_file(&socket);
    let listener =
        UnixListener::bind(&socket).with_context(|| format!("failed to listen on {}", socket.display()))?;
    let mut entries = BTreeMap::new();
    for stream in listener.incoming() {
        let stream = stream.context("failed to accept a connection")?;
        if let Err(error) = serve(stream, layout, &mut entries) {
            eprintln!("a request failed: {error:#}");
        }
    }
    Ok(())
}

fn serve(stream: UnixStream, layout: &Layout, entries: &mut BTreeMap<String, Entry>) -> Result<()> {
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).context("failed to read a request")?;
    if line.is_empty() {
        return Ok(()); // Somebody tried whether anybody listens.
    }
    let answer = match serde_json::from_str(&line).context("failed to understand a request")? {
        Request::Start(component) => start(component, layout, entries),
        Request::Again { name } => match entries.get(&name) {
            Some(entry) => start(entry.component.clone(), layout, entries),
            None => Err(unknown(&name, entries)),
        },
        Request::Stop { name } => match entries.get_mut(&name) {
            Some(entry) => stop(entry),
            None => Err(unknown(&name, entries)),
        },
        Request::List => Ok(list(entries)),
        Request::Run { argv } => {
            thread::spawn(move || reply(&stream, &failed(run(&argv))));
            return Ok(());
        }
    };
    reply(&stream, &failed(answer))
}

fn failed(answer: Result<Response>) -> Response {
    answer.unwrap_or_else(|error| Response::Failed(format!("{error:#}")))
}

fn reply(mut stream: &UnixStream, response: &Response) -> Result<()> {
    let line = serde_json::to_string(response).context("failed to write a response")? + "\n";
    stream.write_all(line.as_bytes()).context("failed to send a response")
}

fn unknown(name: &str, entries: &BTreeMap<String, Entry>) -> anyhow::Error {
    let names: Vec<&str> = entries.keys().map(String::as_str).collect();
    anyhow::anyhow!("there is no component '{name}', but {}", names.join(", "))
}

fn start(component: Component, layout: &Layout, entries: &mut BTreeMap<String, Entry>) -> Result<Response> {
    if let Some(entry) = entries.get_mut(&component.name) {
        notice(entry);
        if entry.child.is_some() {
            return Ok(Response::Done);
        }
    }
    let path = layout.log(&component.name);
    let log = File::options().create(true).append(true).open(&path);
    let log = log.with_context(|| format!("failed to open {}", path.display()))?;
    let child = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--"])
        .args(&component.argv)
        .envs(component.env.iter().map(|(name, value)| (name, value)))
        .current_dir(layout.root())
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("failed to share the log")?)
        .stderr(log)
        .spawn()
        .with_context(|| format!("failed to start '{}'", component.name))?;
    entries.insert(component.name.clone(), Entry { component, child: Some(child), ended: None });
    Ok(Response::Done)
}

fn stop(entry: &mut Entry) -> Result<Response> {
    if let Some(mut child) = entry.child.take() {
        if let Some(pid) = Pid::from_raw(child.id().cast_signed()) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let deadline = Instant::now() + GRACE;
        while child.try_wait().context("failed to wait")?.is_none() {
            if Instant::now() >= deadline {
                child.kill().context("failed to kill")?;
                child.wait().context("failed to wait")?;
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
    entry.ended = None;
    Ok(Response::Done)
}

/// Sees whether a child has ended since the last look.
fn notice(entry: &mut Entry) {
    if let Some(child) = &mut entry.child
        && let Ok(Some(status)) = child.try_wait()
    {
        entry.child = None;
        entry.ended = Some(status.to_string());
    }
}

fn list(entries: &mut BTreeMap<String, Entry>) -> Response {
    let mut statuses = Vec::new();
    for (name, entry) in entries {
        notice(entry);
        let state = match (&entry.child, &entry.ended) {
            (Some(child), _) => State::Running { pid: child.id() },
            (None, Some(how)) => State::Ended { how: how.clone() },
            (None, None) => State::Stopped,
        };
        statuses.push(Status { name: name.clone(), state });
    }
    Response::List(statuses)
}

fn run(argv: &[String]) -> Result<Response> {
    let Some((program, rest)) = argv.split_first() else { bail!("no program was given") };
    let output = Command::new(program).args(rest).stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("failed to start '{program}'"))?;
    Ok(Response::Output {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// The first process of a PID namespace: runs the supervisor, waits for whatever lost its parent, and ends, and
/// the namespace with it, when the supervisor does.
///
/// # Errors
/// The supervisor cannot be started.
pub fn init(directory: &Path) -> Result<()> {
    let program = std::env::current_exe().context("failed to find this program")?;
    let supervisor = Command::new(program).arg("supervise").arg(directory).spawn();
    let supervisor = supervisor.context("failed to start the supervisor")?.id();
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, _))) if pid.as_raw_nonzero().get().cast_unsigned() == supervisor => return Ok(()),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("failed to wait for the supervisor"),
        }
    }
}
