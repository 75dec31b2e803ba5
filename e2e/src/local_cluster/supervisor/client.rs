//! The side that asks.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixStream,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{Component, Owner, Request, Response, Status};
use crate::local_cluster::{
    command::last_lines,
    layout::{self, Layout},
    process::Identity,
};

/// How long a supervisor may take to listen.
const START: Duration = Duration::from_secs(20);

/// Asks the supervisor of one cluster.
#[derive(Clone, Debug)]
pub struct Client {
    layout: Layout,
    owner: Owner,
}

/// Starts a supervisor with the program `local-cluster`, in namespaces of its own if asked, and waits until it
/// listens.
///
/// # Errors
/// It cannot be started or does not listen: its last words.
pub fn spawn(layout: &Layout, program: &Path, namespaces: bool) -> Result<Client> {
    let _ = fs::remove_file(layout.socket());
    // A session of its own keeps it from what is typed or closed at the terminal.
    let mut command = Command::new("setsid");
    if namespaces {
        command.args([
            "unshare",
            "--mount",
            "--propagation=slave",
            "--net",
            "--pid",
            "--fork",
            "--mount-proc",
        ]);
        command.args(["--kill-child=KILL", "--"]).arg(program).arg("init");
    } else {
        command.arg(program).arg("supervise");
    }
    layout::write(layout.log("supervisor"), "")?;
    let log = File::create(layout.log("supervisor")).context("failed to open the supervisor's log")?;
    let child = command
        .arg(layout.root())
        .current_dir(layout.root())
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("failed to share the log")?)
        .stderr(log)
        .spawn()
        .context("failed to start the supervisor")?;
    let process = Identity::of(child.id()).context("the supervisor ended at once")?;
    let deadline = Instant::now() + START;
    while UnixStream::connect(layout.socket()).is_err() {
        if !process.is_alive() || Instant::now() >= deadline {
            let words = fs::read_to_string(layout.log("supervisor")).unwrap_or_default();
            bail!("the supervisor does not answer; it said:\n{}", last_lines(&words, 20));
        }
        thread::sleep(Duration::from_millis(20));
    }
    let namespace = if namespaces { child_namespace(child.id()) } else { None };
    let owner = Owner { process, namespace };
    let text = serde_json::to_string_pretty(&owner).context("failed to describe the supervisor")?;
    layout::write(layout.supervisor(), text)?;
    Ok(Client { layout: layout.clone(), owner })
}

/// The PID namespace that the children of a process are in.
fn child_namespace(pid: u32) -> Option<String> {
    let link = fs::read_link(format!("/proc/{pid}/ns/pid_for_children")).ok()?;
    Some(link.display().to_string())
}

impl Client {
    /// The supervisor of a cluster, if it runs.
    #[must_use]
    pub fn connect(layout: &Layout) -> Option<Self> {
        let owner = Self::owner_of(layout)?;
        owner.process.is_alive().then(|| Self { layout: layout.clone(), owner })
    }

    /// Who supervised the cluster last, running or not.
    #[must_use]
    pub fn owner_of(layout: &Layout) -> Option<Owner> {
        serde_json::from_str(&fs::read_to_string(layout.supervisor()).ok()?).ok()
    }

    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Starts a component, unless it runs.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(&self, component: Component) -> Result<()> {
        let name = component.name.clone();
        self.done(&Request::Start(component)).with_context(|| format!("failed to start '{name}'"))
    }

    /// Starts a component that was stopped, as before.
    ///
    /// # Errors
    /// There is no such component, or it cannot be started.
    pub fn start_again(&self, name: &str) -> Result<()> {
        self.done(&Request::Again { name: name.to_owned() })
    }

    /// Stops a component and waits until it has ended.
    ///
    /// # Errors
    /// There is no such component.
    pub fn stop(&self, name: &str) -> Result<()> {
        self.done(&Request::Stop { name: name.to_owned() })
    }

    /// # Errors
    /// The supervisor does not answer.
    pub fn list(&self) -> Result<Vec<Status>> {
        match self.ask(&Request::List)? {
            Response::List(statuses) => Ok(statuses),
            other => bail!("the supervisor answered {other:?} to a list"),
        }
    }

    /// Runs a command where the components run; its exit status (none if a signal ended it), output and errors.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn output(&self, argv: &[&str]) -> Result<(Option<i32>, String, String)> {
        let request = Request::Run { argv: argv.iter().map(|word| (*word).to_owned()).collect() };
        match self.ask(&request)? {
            Response::Output { code, stdout, stderr } => Ok((code, stdout, stderr)),
            Response::Failed(why) => bail!("{why}"),
            other => bail!("the supervisor answered {other:?} to a command"),
        }
    }

    /// Runs a command where the components run, and returns what it wrote.
    ///
    /// # Errors
    /// It cannot be started, or fails: its last words.
    pub fn run(&self, argv: &[&str]) -> Result<String> {
        let (code, stdout, stderr) = self.output(argv)?;
        if code != Some(0) {
            bail!("exit status {code:?} of: {}\n{}", argv.join(" "), last_lines(&stderr, 20));
        }
        Ok(stdout)
    }

    fn done(&self, request: &Request) -> Result<()> {
        match self.ask(request)? {
            Response::Done => Ok(()),
            Response::Failed(why) => bail!("{why}"),
            other => bail!("the supervisor answered {other:?}"),
        }
    }

    fn ask(&self, request: &Request) -> Result<Response> {
        let socket = self.layout.socket();
        let mut stream = UnixStream::connect(&socket)
            .with_context(|| format!("failed to reach the supervisor at {}", socket.display()))?;
        let line = serde_json::to_string(request).context("failed to write a request")? + "\n";
        stream.write_all(line.as_bytes()).context("failed to send a request")?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).context("failed to read the answer")?;
        serde_json::from_str(&answer).context("failed to understand the answer")
    }
}
