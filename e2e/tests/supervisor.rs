//! The process that owns a cluster's processes, tried with programs that are on every machine.

#![allow(clippy::unwrap_used, reason = "what a test cannot set up fails it")]

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use twofold_e2e::local_cluster::{
    layout::Layout,
    process::Identity,
    supervisor::{Client, Component, State, spawn},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_local-cluster");

fn supervisor(directory: &Path) -> (Layout, Client) {
    let layout = Layout::at(directory.to_path_buf());
    let client = spawn(&layout, Path::new(PROGRAM), false).unwrap();
    (layout, client)
}

fn state(client: &Client, name: &str) -> State {
    client.list().unwrap().into_iter().find(|status| status.name == name).unwrap().state
}

fn identity(client: &Client, name: &str) -> Identity {
    match state(client, name) {
        State::Running { pid } => Identity::of(pid).unwrap(),
        other => panic!("{name} is {other:?}"),
    }
}

fn name(process: &Identity) -> String {
    fs::read_to_string(format!("/proc/{}/comm", process.pid)).unwrap_or_default()
}

fn until(what: &str, test: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !test() {
        assert!(Instant::now() < deadline, "{what} did not come");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_component_can_be_stopped_and_started_again_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let (layout, client) = supervisor(directory.path());
    client.start(Component::new("talker", ["sh", "-c", "echo begun; exec sleep 1000"])).unwrap();
    until("the first line", || fs::read_to_string(layout.log("talker")).unwrap() == "begun\n");
    let first = identity(&client, "talker");
    client.start(Component::new("talker", ["false"])).unwrap();
    assert_eq!(identity(&client, "talker"), first, "what runs is not started twice");
    client.stop("talker").unwrap();
    assert!(!first.is_alive());
    assert_eq!(state(&client, "talker"), State::Stopped);
    client.start_again("talker").unwrap();
    until("the second line", || fs::read_to_string(layout.log("talker")).unwrap() == "begun\nbegun\n");
    client.owner().process.kill();
}

#[test]
fn a_component_that_ends_by_itself_is_seen_with_how() {
    let directory = tempfile::tempdir().unwrap();
    let (_, client) = supervisor(directory.path());
    client.start(Component::new("quitter", ["sh", "-c", "exit 3"])).unwrap();
    until("its end", || state(&client, "quitter") == State::Ended { how: "exit status: 3".into() });
    let error = client.stop("nobody").unwrap_err().to_string();
    assert!(error.contains("no component 'nobody', but quitter"), "{error}");
    client.owner().process.kill();
}

#[test]
fn whatever_ends_the_supervisor_ends_its_components() {
    let directory = tempfile::tempdir().unwrap();
    let (layout, client) = supervisor(directory.path());
    client.start(Component::new("sleeper", ["sleep", "1000"])).unwrap();
    let sleeper = identity(&client, "sleeper");
    // Until then it is the program that asks to die with its parent.
    until("its own program", || name(&sleeper) == "sleep\n");
    client.owner().process.kill();
    until("its end", || !sleeper.is_alive());
    assert!(Client::connect(&layout).is_none());
}

#[test]
fn a_command_runs_where_the_components_run() {
    let directory = tempfile::tempdir().unwrap();
    let (_, client) = supervisor(directory.path());
    assert_eq!(client.run(&["echo", "a b"]).unwrap(), "a b\n");
    assert!(client.run(&["sh", "-c", "echo why >&2; exit 1"]).unwrap_err().to_string().ends_with("why"));
    client.owner().process.kill();
}
