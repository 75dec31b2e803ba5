//! The agent as a process: what it refuses, how it waits, and what it owes its server as the parent. The
//! server is a shell script here, since only its exit, its signals and its environment matter; a real one
//! runs in the tests on a cluster.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// A pod's file system and environment; its address is on loopback, one for each test.
struct Pod {
    root: TempDir,
    address: String,
    environment: Vec<(&'static str, String)>,
}

impl Pod {
    /// `seeds` as JSON; the pod's instance is called `localhost`, so that its own name resolves.
    fn new(number: u8, seeds: &str, server: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let address = format!("127.77.0.{number}");
        for dir in ["twofold/config", "var/lib/cassandra", "image/conf", "image/bin"] {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        let service = format!(
            r#"{{"contract":1,"clusterName":"demo","datacenter":"dc1","seeds":{seeds},"heapBytes":134217728}}"#
        );
        fs::write(root.path().join("twofold/config/service.json"), service).unwrap();
        fs::write(root.path().join("image/conf/cassandra-env.sh"), "of the image").unwrap();
        fs::write(root.path().join("image/conf/cassandra.yaml"), "of the image").unwrap();
        for (name, script) in [("cassandra", server), ("nodetool", "exit 1")] {
            let file = root.path().join("image/bin").join(name);
            fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let environment = vec![
            ("TWOFOLD_INSTANCE", "localhost".to_owned()),
            ("TWOFOLD_POD_UID", "uid".to_owned()),
            ("TWOFOLD_RACK", "zone-a".to_owned()),
            ("TWOFOLD_GRACE_SECONDS", "20".to_owned()),
            ("POD_IP", address.clone()),
            ("CASSANDRA_CONF", root.path().join("image/conf").display().to_string()),
            ("PATH", format!("{}:/usr/bin:/bin", root.path().join("image/bin").display())),
        ];
        Self { root, address, environment }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    fn start(&self) -> Child {
        Command::new(env!("CARGO_BIN_EXE_twofold-agent"))
            .args(["cassandra", "--root"])
            .arg(self.root.path())
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (*name, value)))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs the agent to its end: its exit code and what it said.
    fn end(&self) -> (i32, String) {
        end(self.start())
    }

    /// Asks until the answer contains `part`.
    fn wait_for(&self, path: &str, part: &str) {
        wait_until(&format!("GET {path} says {part}"), || {
            self.get(path).is_ok_and(|text| text.contains(part))
        });
    }

    fn get(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect((self.address.as_str(), 8090))?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.root.path().join(file)).unwrap_or_default()
    }
}

fn end(child: Child) -> (i32, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "still not so after {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_broken_contract_ends_with_64_and_names_what_is_wrong() {
    let (code, said) = Pod::new(1, r#"["localhost"]"#, "exit 0").with("TWOFOLD_RACK", "").end();
    assert_eq!(code, 64);
    assert!(said.contains("TWOFOLD_RACK"), "{said}");
    let (code, said) = Pod::new(1, "[]", "exit 0").end();
    assert_eq!(code, 64);
    assert!(said.contains("service.json: seeds"), "{said}");
}

#[test]
fn an_empty_member_waits_for_a_seed_is_alive_meanwhile_and_obeys_a_stop() {
    let pod = Pod::new(2, r#"["localhost","127.77.0.250"]"#, "exit 9");
    let child = pod.start();
    pod.wait_for("/readyz", "127.77.0.250 (127.77.0.250) does not answer on the storage port");
    assert!(pod.get("/livez").unwrap().starts_with("HTTP/1.1 200"));
    assert!(pod.get("/v1/node").unwrap().contains(r#""mode":"Waiting""#));
    send(&child, Signal::TERM);
    assert_eq!(end(child).0, 0);
}

#[test]
fn a_first_seed_does_not_form_a_second_ring() {
    let _ring = TcpListener::bind("127.77.0.251:7000").unwrap();
    let pod = Pod::new(3, r#"["localhost","127.77.0.251"]"#, "exit 9").with("TWOFOLD_FIRST_SEED", "true");
    let (code, said) = pod.end();
    assert_eq!(code, 65);
    assert!(said.contains("a ring exists already"), "{said}");
}

#[test]
fn a_volume_of_another_rack_is_not_touched() {
    let pod = Pod::new(4, r#"["localhost"]"#, "exit 9");
    let data = pod.root.path().join("var/lib/cassandra");
    fs::create_dir_all(data.join("data/system")).unwrap();
    fs::create_dir_all(data.join("twofold")).unwrap();
    let marker =
        r#"{"clusterName":"demo","datacenter":"dc1","rack":"zone-b","instance":"localhost","hostId":"h"}"#;
    fs::write(data.join("twofold/member.json"), marker).unwrap();
    let (code, said) = pod.end();
    assert_eq!(code, 65);
    assert!(said.contains(r#"rack "zone-b", this pod is rack "zone-a""#), "{said}");
}

#[test]
fn the_servers_exit_code_is_the_agents_and_its_configuration_is_ours_over_the_images() {
    let server = r#"echo "$MAX_HEAP_SIZE $1" > "$CASSANDRA_CONF/seen"; exit 7"#;
    let pod = Pod::new(5, r#"["localhost"]"#, server).with("TWOFOLD_FIRST_SEED", "true");
    assert_eq!(pod.end().0, 7);
    assert_eq!(pod.read("twofold/run/conf/seen"), "128M -f\n");
    assert_eq!(pod.read("twofold/run/conf/cassandra-env.sh"), "of the image");
    assert!(pod.read("twofold/run/conf/cassandra.yaml").contains(r#""cluster_name": "demo""#));
    let killed = Pod::new(5, r#"["localhost"]"#, "kill -9 $$").with("TWOFOLD_FIRST_SEED", "true");
    assert_eq!(killed.end().0, 137);
}

#[test]
fn signals_reach_the_server_and_a_stop_that_it_obeys_is_a_success() {
    let server = r#"
        trap 'echo quit >> "$CASSANDRA_CONF/signals"' QUIT
        trap 'echo term >> "$CASSANDRA_CONF/signals"; exit 143' TERM
        echo ready > "$CASSANDRA_CONF/signals"
        while :; do sleep 0.05; done"#;
    let pod = Pod::new(6, r#"["localhost"]"#, server).with("TWOFOLD_FIRST_SEED", "true");
    let signals = || pod.read("twofold/run/conf/signals");
    let child = pod.start();
    wait_until("the server is up", || signals() == "ready\n");
    send(&child, Signal::QUIT);
    wait_until("the server saw SIGQUIT", || signals() == "ready\nquit\n");
    send(&child, Signal::TERM);
    let (code, said) = end(child);
    assert_eq!((code, signals().as_str()), (0, "ready\nquit\nterm\n"), "{said}");
}
