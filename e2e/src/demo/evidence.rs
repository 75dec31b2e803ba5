//! Looks at the workloads from outside, leaves what was seen, and says in a sentence what it shows.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{
    install,
    kube::{Look, holds, text},
    pods::{self, Visitor},
    ring::{self, Member, Seat},
    stage::{JOB, NAMESPACE, NODES, RING, Stage},
    training::{self, Outcome},
};
use crate::local_cluster::progress::Task;

const ZONE: &str = "/metadata/labels/topology.kubernetes.io~1zone";
const TENSORFLOW: &str = "docker.io/twofold/tensorflow:test";
const DRIVER: &str = "docker.io/twofold/driver:test";
/// How many rows are written and read.
const ROWS: &str = "1000";
/// How long the members of a ring may take to agree after one has come back.
const GOSSIP: Duration = Duration::from_secs(180);

/// What identifies a member of the ring over its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub claim_uid: String,
    pub host_id: String,
    pub node: String,
}

/// Every pod sees the same three host ids up and normal, and each rack is the zone of the pod's node.
///
/// # Errors
/// The ring does not become so: what differs.
pub fn ring(stage: &Stage, task: &mut Task) -> Result<String> {
    let views = stage.kubectl.until("a ring that agrees", GOSSIP, task, || {
        let (views, seats) = (views(stage)?, seats(stage)?);
        let problems = ring::problems(&views, &seats);
        Ok(if problems.is_empty() { Look::Done(views) } else { Look::Waiting(problems.join("; ")) })
    })?;
    let mut zones = String::new();
    for (pod, Seat { address, node, zone }) in seats(stage)? {
        zones.push_str(&format!("{pod}  address {address}  node {node}  zone {zone}\n"));
    }
    stage.leave("zones.txt", &zones)?;
    let ids = views.values().next().map_or(0, |view| ring::host_ids(view).len());
    Ok(format!("{} pods see the same {ids} host ids, all UN; racks are the nodes' zones", views.len()))
}

/// What each pod's nodetool says; the text is left as it was seen.
fn views(stage: &Stage) -> Result<BTreeMap<String, Vec<Member>>> {
    let mut views = BTreeMap::new();
    for pod in Stage::pods() {
        let words = ["exec", &pod, "-n", NAMESPACE, "-c", "cassandra", "--", "nodetool", "status"];
        let said = stage.kubectl.run(&words)?;
        stage.leave(&format!("nodetool-status-{pod}.txt"), &said)?;
        views.insert(pod, ring::members(&said));
    }
    Ok(views)
}

fn seats(stage: &Stage) -> Result<BTreeMap<String, Seat>> {
    let mut seats = BTreeMap::new();
    for name in Stage::pods() {
        let pod = stage.pod(&name)?.with_context(|| format!("there is no pod {name}"))?;
        let node = text(&pod, "/spec/nodeName");
        let zone = text(&stage.kubectl.get(&["node", &node])?, ZONE);
        seats.insert(name, Seat { address: text(&pod, "/status/podIP"), node, zone });
    }
    Ok(seats)
}

/// PID 1 of each pod is the agent.
///
/// # Errors
/// It is something else.
pub fn agent(stage: &Stage) -> Result<String> {
    let mut seen = String::new();
    for pod in Stage::pods() {
        let words = ["exec", &pod, "-n", NAMESPACE, "-c", "cassandra", "--", "readlink", "/proc/1/exe"];
        let exe = stage.kubectl.run(&words)?;
        seen.push_str(&format!("{pod}  /proc/1/exe -> {exe}"));
        if exe.trim() != "/twofold/bin/twofold-agent" {
            bail!("PID 1 of {pod} is {}, not our agent", exe.trim());
        }
    }
    stage.leave("agent.txt", &seen)?;
    Ok("PID 1 of each pod is /twofold/bin/twofold-agent".to_owned())
}

/// No container of the ring has ended by itself.
///
/// # Errors
/// One has: how often, and its pod.
pub fn steady(stage: &Stage) -> Result<String> {
    for name in Stage::pods() {
        let pod = stage.pod(&name)?.with_context(|| format!("there is no pod {name}"))?;
        let restarts = pod.pointer("/status/containerStatuses/0/restartCount").and_then(Value::as_u64);
        if restarts != Some(0) {
            let words = ["logs", &name, "-n", NAMESPACE, "--previous", "--tail=200"];
            stage.leave(&format!("{name}-previous.log"), &stage.kubectl.run(&words)?)?;
            bail!(
                "the server of {name} ended {} times; its last words are in {name}-previous.log",
                restarts.unwrap_or(0)
            );
        }
    }
    Ok("no server ended by itself".to_owned())
}

/// A thousand rows are written at QUORUM and read back, or only read.
///
/// # Errors
/// A row is missing or wrong, or the ring does not answer.
pub fn rows(stage: &Stage, file: &str, write: bool, task: &mut Task) -> Result<String> {
    let hosts =
        Stage::pods().map(|pod| format!("{pod}.{RING}-peers.{NAMESPACE}.svc.cluster.local")).join(",");
    let mut words = vec!["--hosts", &hosts, "--rows", ROWS, "--seed", "demo", "--consistency", "QUORUM"];
    if !write {
        words.push("--verify-only");
    }
    let visitor = Visitor {
        namespace: NAMESPACE,
        name: "rows",
        image: DRIVER,
        entry_point: &[],
        words: &words,
        claim: None,
    };
    let ended = pods::run(&stage.kubectl, &visitor, task)?;
    stage.leave(file, &ended.log)?;
    if !ended.succeeded {
        bail!("the driver failed: {}", last_line(&ended.log));
    }
    Ok(last_line(&ended.log))
}

/// The rows are read at QUORUM while one pod of the ring is away. Its node is cordoned meanwhile, so that the pod
/// cannot be back before they are.
///
/// # Errors
/// A row is missing, or the pod does not return.
pub fn rows_with_one_away(stage: &Stage, task: &mut Task) -> Result<String> {
    let [.., pod] = Stage::pods();
    let found = stage.pod(&pod)?.with_context(|| format!("there is no pod {pod}"))?;
    let (uid, node) = (text(&found, "/metadata/uid"), text(&found, "/spec/nodeName"));
    stage.kubectl.run(&["cordon", &node])?;
    let read = (|| {
        stage.kubectl.run(&["delete", "pod", &pod, "-n", NAMESPACE, "--wait=true"])?;
        let said = rows(stage, "rows-with-one-pod-deleted.txt", false, task)?;
        if stage.pod(&pod)?.is_some_and(|found| holds(&found, "Ready")) {
            bail!("{pod} was back before the rows were read");
        }
        Ok(said)
    })();
    // Whatever was seen, the node is given back.
    stage.kubectl.run(&["uncordon", &node])?;
    let said = read?;
    await_return(stage, &pod, &uid, task)?;
    stage.await_ring(task)?;
    Ok(format!("{said}, while {pod} was away; it is back"))
}

/// Waits until a deleted pod is back as another one and Ready.
///
/// # Errors
/// It does not come back.
pub fn await_return(stage: &Stage, pod: &str, uid: &str, task: &mut Task) -> Result<()> {
    stage.kubectl.until(&format!("the return of {pod}"), super::stage::PATIENCE, task, || {
        let found = stage.pod(pod)?;
        let back = |found: &Value| text(found, "/metadata/uid") != uid && holds(found, "Ready");
        let phase = found.as_ref().map(|found| text(found, "/status/phase"));
        Ok(match found.as_ref().is_some_and(back) {
            true => Look::Done(()),
            false => Look::Waiting(format!("{pod} is {}", phase.unwrap_or_else(|| "not there".to_owned()))),
        })
    })
}

/// TensorFlow's version, and a held-out loss below half of the first, from the log of the job's chief.
///
/// # Errors
/// The log does not say so.
pub fn training(stage: &Stage) -> Result<String> {
    let outcome = outcome(stage)?;
    let Outcome { version, first, last, step } = &outcome;
    if !outcome.learnt() {
        bail!("the held-out loss {last} is not below half of the first, {first}");
    }
    Ok(format!("TensorFlow {version}: held-out loss {first} -> {last} after {step} steps"))
}

fn outcome(stage: &Stage) -> Result<Outcome> {
    let log = stage.kubectl.run(&["logs", &format!("{JOB}-chief-0"), "-n", NAMESPACE])?;
    stage.leave("training.log", &log)?;
    Outcome::of(&log).context("the chief's log does not tell how the training ended")
}

/// A second process reads the step from the checkpoint on the claim.
///
/// # Errors
/// It is another step than the one that the job ended with.
pub fn checkpoint(stage: &Stage, task: &mut Task) -> Result<String> {
    let visitor = Visitor {
        namespace: NAMESPACE,
        name: "checkpoint",
        image: TENSORFLOW,
        entry_point: &["python3", "read_checkpoint.py"],
        words: &["/checkpoints"],
        claim: Some(("checkpoints", "/checkpoints")),
    };
    let ended = pods::run(&stage.kubectl, &visitor, task)?;
    stage.leave("checkpoint.txt", &ended.log)?;
    let (found, expected) = (training::checkpoint_step(&ended.log), outcome(stage)?.step);
    if found != Some(expected) {
        bail!("the checkpoint says '{}', the job ended at step {expected}", last_line(&ended.log));
    }
    Ok(format!("a second process reads from the checkpoint: {}", last_line(&ended.log)))
}

/// Leaves lists of all objects of our kinds, the pods and what the operator wrote.
///
/// # Errors
/// The cluster does not answer.
pub fn objects(stage: &Stage) -> Result<String> {
    let kinds = "allocationroles,cassandraservices,serviceledgers,tfjobs";
    let parts: [&[&str]; 3] = [
        &["get", kinds, "-A", "-o", "wide"],
        &["get", "pods,pvc,services,pdb", "-n", NAMESPACE, "-o", "wide"],
        &["get", "nodes", "-L", "topology.kubernetes.io/zone"],
    ];
    let mut shown = String::new();
    for words in parts {
        shown.push_str(&format!("$ kubectl {}\n{}\n", words.join(" "), stage.kubectl.run(words)?));
    }
    stage.leave("objects.txt", &shown)?;
    stage.leave("objects.yaml", &stage.kubectl.run(&["get", kinds, "-A", "-o", "yaml"])?)?;
    let words = ["logs", install::DEPLOYMENT, "-n", install::NAMESPACE];
    stage.leave("operator.log", &stage.kubectl.run(&words)?)?;
    Ok(format!("{} pods of the ring, the job and all our kinds are listed in objects.txt", NODES))
}

/// What identifies a member of the ring: its claim, its host id and its node.
///
/// # Errors
/// The pod or its claim is not there, or the ring does not know it.
pub fn identity(stage: &Stage, pod: &str) -> Result<Identity> {
    let claim = stage.kubectl.get(&["pvc", &format!("data-{pod}"), "-n", NAMESPACE])?;
    let ring = stage.ring()?;
    let short = pod.trim_start_matches(RING).trim_start_matches('-');
    let nodes = ring["status"]["nodes"].as_array().map_or(&[] as &[Value], Vec::as_slice);
    let host_id = nodes.iter().find(|node| node["name"] == short).map(|node| text(node, "/hostId"));
    let found = stage.pod(pod)?.with_context(|| format!("there is no pod {pod}"))?;
    Ok(Identity {
        claim_uid: text(&claim, "/metadata/uid"),
        host_id: host_id
            .filter(|id| !id.is_empty())
            .with_context(|| format!("the ring has no host id of {pod}"))?,
        node: text(&found, "/spec/nodeName"),
    })
}

fn last_line(text: &str) -> String {
    text.trim_end().lines().next_back().unwrap_or_default().to_owned()
}
