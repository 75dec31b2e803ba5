//! `demo test-real`: real Cassandra and real TensorFlow on real nodes, and what must outlive failures.

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::{Context, Result, bail};

use super::{
    checks::Checks,
    cluster::{Cluster, Provider},
    deps::{self, Purpose},
    evidence::{self, Identity},
    install,
    kube::{Look, holds, text},
    place,
    stage::{NAMESPACE, PATIENCE, Stage},
    steps::Steps,
};
use crate::local_cluster::progress::Task;

const NAME: &str = "test-real";
/// How long Kubernetes may take to notice that a kubelet is gone.
const NOTICE: Duration = Duration::from_secs(180);

/// Runs all checks on a cluster of their own, which is removed when they passed.
///
/// # Errors
/// A check failed, or the cluster cannot be had and `CI` is set.
pub fn test() -> Result<()> {
    if let Err(reason) = Provider::choose().and_then(|_| deps::install(Purpose::RealNodes)) {
        return deps::skip("the tests on real nodes", reason);
    }
    let folder = place::left("e2e/real");
    remove_old(&folder)?;
    let stage = Stage::set(NAME, folder)?;
    let mut checks = Checks::default();
    make(&stage, &mut checks);
    let report = checks.report();
    stage.leave("report.txt", &report)?;
    stage.leave("steps.txt", &format!("{}\n{}", stage.steps.table(), checks.steps.table()))?;
    println!("\n{report}");
    if !checks.passed() {
        println!("{}; `local-cluster --name {NAME} status` shows the cluster", stage.leave_symptoms());
        return checks.verdict();
    }
    let log = stage.folder.join("log/down.log");
    checks.steps.run("remove the cluster", |task| stage.cluster.down(&log, task))
}

/// Removes the cluster that a run before has left, because it failed or was interrupted: the checks begin with an
/// empty one.
fn remove_old(folder: &Path) -> Result<()> {
    let cluster = Cluster { name: NAME.to_owned(), provider: Provider::choose()? };
    if cluster.is_there()? {
        let log = folder.join("log/down.log");
        Steps::default().run("remove the cluster of a run before", |task| cluster.down(&log, task))?;
    }
    Ok(())
}

fn make(stage: &Stage, checks: &mut Checks) {
    checks.check("the operator killed in mid-deploy", |task| killed_in_mid_deploy(stage, task));
    checks.check("the training succeeds", |task| {
        stage.await_training(task)?;
        evidence::training(stage)
    });
    checks.check("the checkpoint", |task| evidence::checkpoint(stage, task));
    checks.check("the ring in three zones", |task| evidence::ring(stage, task));
    checks.check("PID 1", |_| evidence::agent(stage));
    checks.check("rows written and read", |task| evidence::rows(stage, "rows.txt", true, task));
    checks.check("rows while one pod is away", |task| evidence::rows_with_one_away(stage, task));
    checks.check("one pod deleted", |task| deleted(stage, &Stage::pods()[1..2], task));
    checks.check("all pods deleted at once", |task| deleted(stage, &Stage::pods(), task));
    checks.check("a kubelet stopped and started", |task| kubelet_away(stage, task));
    checks.check("no server ended by itself", |_| evidence::steady(stage));
    checks.check("all objects", |_| evidence::objects(stage));
}

/// The operator's pod is killed when the first node of the ring is up and the others wait; the deploy ends well with
/// the very pods that were there.
fn killed_in_mid_deploy(stage: &Stage, task: &mut Task) -> Result<String> {
    stage.apply()?;
    let [first, ..] = Stage::pods();
    stage.kubectl.until("the ring's first node", PATIENCE, task, || {
        let ready = stage.pod(&first)?.is_some_and(|pod| holds(&pod, "Ready"));
        Ok(if ready { Look::Done(()) } else { Look::Waiting(super::stage::progress_of(&stage.ring()?)) })
    })?;
    if holds(&stage.ring()?, "Ready") {
        bail!("the ring was ready before the operator could be killed");
    }
    let before = uids(stage)?;
    let words =
        ["delete", "pod", "-l", "app.kubernetes.io/component=operator", "--grace-period=0", "--force"];
    stage.kubectl.run(&[&words[..], &["-n", install::NAMESPACE]].concat())?;
    stage.await_ring(task)?;
    if uids(stage)? != before {
        bail!("pods were replaced: {before:?} became {:?}", uids(stage)?);
    }
    Ok(format!("all {} nodes are up, in the pods that were there", before.len()))
}

/// The pods come back as other pods with the same claims, host ids and nodes, and no row is lost.
fn deleted(stage: &Stage, pods: &[String], task: &mut Task) -> Result<String> {
    let before = identities(stage, pods)?;
    let uids = uids(stage)?;
    let words: Vec<&str> = pods.iter().map(String::as_str).collect();
    stage.kubectl.run(&[&["delete", "pod", "-n", NAMESPACE, "--wait=false"][..], &words].concat())?;
    for pod in pods {
        let uid = uids.get(pod).with_context(|| format!("there was no pod {pod}"))?;
        evidence::await_return(stage, pod, uid, task)?;
    }
    stage.await_ring(task)?;
    evidence::ring(stage, task)?;
    let after = identities(stage, pods)?;
    if after != before {
        bail!("they are not what they were: {before:?} became {after:?}");
    }
    let said = evidence::rows(stage, &format!("rows-after-{}-deleted.txt", pods.len()), false, task)?;
    Ok(format!("same claim, host id and node; {said}"))
}

/// A node is lost to Kubernetes and comes back: its pod is the same, and no row is lost.
fn kubelet_away(stage: &Stage, task: &mut Task) -> Result<String> {
    let [_, pod, _] = Stage::pods();
    let (before, all) = (identities(stage, &Stage::pods())?, uids(stage)?);
    let node = before.get(&pod).map(|identity| identity.node.clone()).context("the pod is not there")?;
    stage.cluster.kubelet("stop", &node)?;
    let seen = node_ready(stage, &node, "Unknown", task)
        .and_then(|()| evidence::rows(stage, "rows-with-kubelet-stopped.txt", false, task));
    // Whatever was seen, the node is given back.
    stage.cluster.kubelet("start", &node)?;
    let said = seen?;
    node_ready(stage, &node, "True", task)?;
    stage.await_ring(task)?;
    if uids(stage)? != all || identities(stage, &Stage::pods())? != before {
        bail!("a pod was replaced: {all:?} became {:?}", uids(stage)?);
    }
    evidence::rows(stage, "rows-after-kubelet-started.txt", false, task)?;
    Ok(format!("{said} while {node} was Unknown; no pod was replaced"))
}

fn node_ready(stage: &Stage, node: &str, status: &str, task: &mut Task) -> Result<()> {
    stage.kubectl.until(&format!("node {node} with Ready {status}"), NOTICE, task, || {
        let found = stage.kubectl.get(&["node", node])?;
        let now =
            super::kube::condition(&found, "Ready").map(|ready| text(ready, "/status")).unwrap_or_default();
        Ok(if now == status { Look::Done(()) } else { Look::Waiting(format!("Ready is {now}")) })
    })
}

fn uids(stage: &Stage) -> Result<BTreeMap<String, String>> {
    let uid = |name: String| {
        let pod = stage.pod(&name)?.with_context(|| format!("there is no pod {name}"))?;
        Ok((name, text(&pod, "/metadata/uid")))
    };
    Stage::pods().into_iter().map(uid).collect()
}

fn identities(stage: &Stage, pods: &[String]) -> Result<BTreeMap<String, Identity>> {
    pods.iter().map(|pod| Ok((pod.clone(), evidence::identity(stage, pod)?))).collect()
}
