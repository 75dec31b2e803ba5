//! What the operator costs on 20 agents with the demo's workloads, once they are up: `demo bench`, which `make bench`
//! calls. A table on the screen, and a line of JSON for each point in `target/bench/operator.jsonl`.

use anyhow::Context as _;
use std::io::Write as _;
use std::path::Path;
use tokio::runtime::Runtime;
use twofold_e2e::harness::api::{Space, condition};
use twofold_e2e::harness::operator::{Cluster, Operator};

const ROLES: &str = include_str!("../demo/roles.yaml");
const RING: &str = include_str!("../demo/ring.yaml");
const TRAINING: &str = include_str!("../demo/training.yaml");
/// The most that the operator may have resident, in KiB.
const RESIDENT_MOST: u64 = 32 * 1024;

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` builds and starts this too; only `cargo bench` measures.
    if std::env::args().any(|argument| argument == "--bench") {
        Runtime::new()?.block_on(measure())?;
    }
    Ok(())
}

async fn measure() -> anyhow::Result<()> {
    let cluster = Cluster::connect().await?;
    let space = Space::make(cluster.client.clone(), "demo").await?;
    let operator = Operator::start(&cluster, "bench", &[])?;
    space.apply(ROLES).await?;
    // Machines that run no containers have no agents in their pods to be asked.
    space
        .apply(&RING.replacen("metadata:", "metadata:\n  annotations: {twofold.dev/readiness: pod}", 1))
        .await?;
    space.apply(TRAINING).await?;
    space.until(space.rings(), "ring", "Ready", |ring| holds(ring, "Ready")).await?;
    space.until(space.jobs(), "training", "Running", |job| holds(job, "Running")).await?;
    let (resident, most) = (operator.resident_kib()?, operator.resident_most_kib()?);
    report(&[("resident", resident), ("resident at most", most)])?;
    operator.stop()
}

fn holds(object: &kube::api::DynamicObject, kind: &str) -> bool {
    condition(object, kind).as_deref() == Some("True")
}

fn report(points: &[(&str, u64)]) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no workspace")?;
    let folder = root.join("target/bench");
    std::fs::create_dir_all(&folder)?;
    let mut file = std::fs::File::create(folder.join("operator.jsonl"))?;
    for (metric, kib) in points {
        writeln!(
            file,
            "{{\"row\":\"operator\",\"agents\":20,\"metric\":\"{metric}\",\"value\":{kib},\"unit\":\"KiB\"}}"
        )?;
        let verdict = if *kib <= RESIDENT_MOST { "pass" } else { "miss" };
        println!("operator   agents 20   {metric:<22} {kib:>12} KiB   at most {RESIDENT_MOST}: {verdict}");
    }
    Ok(())
}
