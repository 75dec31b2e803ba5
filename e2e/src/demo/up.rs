//! `demo up` and `demo down`.

use std::{fs, path::Path};

use anyhow::{Context, Result};

use super::{
    cluster::{Cluster, Provider},
    evidence, machine, place,
    stage::Stage,
    steps::Steps,
};
use crate::local_cluster::layout;

/// The name of the cluster, and of the folder under `target`.
const NAME: &str = "demo";
/// How many lines of a comparison are shown.
const SHOWN: usize = 12;

/// Brings up everything, waits until the ring is up and the model is trained, and shows both.
///
/// # Errors
/// A step fails: which, and where to look.
pub fn up() -> Result<()> {
    let mut stage = Stage::set(NAME, place::left(NAME))?;
    let shown = match play(&mut stage) {
        Ok(shown) => shown,
        Err(error) => return Err(error.context(stage.leave_symptoms())),
    };
    let table = stage.steps.table();
    stage.leave("steps.txt", &table)?;
    let Stage { folder, cluster, kubectl, .. } = &stage;
    println!("\n{shown}\nSeconds by step:\n{table}");
    println!("Evidence: {}", folder.display());
    println!("\nGo on with:");
    println!("  export KUBECONFIG={}", kubectl.kubeconfig().display());
    if cluster.provider == Provider::Local {
        let bin = cluster.tool("kubectl")?;
        println!("  export PATH={}:$PATH", bin.parent().unwrap_or_else(|| Path::new("")).display());
    }
    println!("  kubectl get cassandraservices,tfjobs,allocationroles -A");
    println!("  kubectl -n demo describe cassandraservice ring");
    println!("  make demo-down");
    Ok(())
}

/// Applies the manifests and looks at what comes of them; returns what was seen, a line for each look.
fn play(stage: &mut Stage) -> Result<String> {
    let mut steps = std::mem::take(&mut stage.steps);
    let result = looks(stage, &mut steps);
    stage.steps = steps;
    Ok(result?.join("\n") + "\n")
}

fn looks(stage: &Stage, steps: &mut Steps) -> Result<Vec<String>> {
    steps.run("apply", |_| {
        // A run that was interrupted may have left a node cordoned.
        uncordon(stage)?;
        stage.apply()
    })?;
    steps.run("ring", |task| stage.await_ring(task))?;
    steps.run("training", |task| stage.await_training(task))?;
    let seen = vec![
        steps.run("look at the ring", |task| evidence::ring(stage, task))?,
        steps.run("look at PID 1", |_| evidence::agent(stage))?,
        steps.run("rows", |task| evidence::rows(stage, "rows.txt", true, task))?,
        steps.run("rows with one pod deleted", |task| evidence::rows_with_one_away(stage, task))?,
        steps.run("look for restarts", |_| evidence::steady(stage))?,
        steps.run("look at the training", |_| evidence::training(stage))?,
        steps.run("read the checkpoint", |task| evidence::checkpoint(stage, task))?,
    ];
    steps.run("list objects", |_| evidence::objects(stage))?;
    Ok(seen)
}

fn uncordon(stage: &Stage) -> Result<()> {
    let names = stage.kubectl.run(&["get", "nodes", "-o", "name"])?;
    let words: Vec<&str> = std::iter::once("uncordon").chain(names.lines()).collect();
    stage.kubectl.run(&words).map(drop)
}

/// Removes the cluster and everything of it, and says what the machine has that it had not before.
///
/// # Errors
/// Something cannot be removed.
pub fn down() -> Result<()> {
    let folder = place::left(NAME);
    let cluster = Cluster { name: NAME.to_owned(), provider: Provider::choose()? };
    if !cluster.is_there()? {
        println!("there is no demo to remove");
        return Ok(());
    }
    let log = folder.join("log/down.log");
    Steps::default().run("remove the demo", |task| cluster.down(&log, task))?;
    print!("{}", fs::read_to_string(&log).with_context(|| format!("failed to read {}", log.display()))?);
    if let Some(said) = machine::compare(&folder.join("before.json"))? {
        let file = folder.join("down.txt");
        layout::write(&file, &said)?;
        said.lines().take(SHOWN).for_each(|line| println!("{line}"));
        println!("The whole comparison is in {}.", file.display());
    }
    Ok(())
}
