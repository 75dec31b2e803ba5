//! `twofold simulate`: the whole brain on a cluster in memory. What would be offered, launched and refused, and why.

use crate::clock;
use crate::manifests::{self, ManifestError};
use clap::Args;
use std::fmt::Write;
use std::path::PathBuf;
use twofold_core::explain;
use twofold_core::object::{Kind, Object};
use twofold_core::settings::Settings;
use twofold_core::simulate::cluster::Cluster;
use twofold_core::simulate::machine::{self, Plain};
use twofold_core::simulate::run::{History, Operator};

/// The most cycles that are played.
const MOST_CYCLES: u64 = 2_000;

/// Flags of `twofold simulate`.
#[derive(Clone, Debug, Args)]
pub struct SimulateArgs {
    /// Manifests of services, jobs and roles; repeat for more.
    #[arg(short = 'f', long = "file", env = "TWOFOLD_FILE", value_delimiter = ',', required = true)]
    pub files: Vec<PathBuf>,
    /// The agents: how many alike, or a file with Nodes such as `kubectl get nodes -o yaml` prints.
    #[arg(long, env = "TWOFOLD_AGENTS", default_value = "10")]
    pub agents: String,
    /// Zones that alike agents are spread over; 0 for agents that do not say.
    #[arg(long, env = "TWOFOLD_ZONES", default_value_t = 3)]
    pub zones: u32,
    /// Cores of each of the alike agents.
    #[arg(long, env = "TWOFOLD_CPUS", default_value_t = 16)]
    pub cpus: u32,
    /// Memory of each of the alike agents in GiB.
    #[arg(long, env = "TWOFOLD_MEMORY_GIB", default_value_t = 64)]
    pub memory_gib: u32,
    /// GPUs of each of the alike agents, as MODEL:COUNT.
    #[arg(long, env = "TWOFOLD_GPUS", value_parser = gpus)]
    pub gpus: Option<(String, u32)>,
}

fn gpus(text: &str) -> Result<(String, u32), String> {
    let (model, count) = text.split_once(':').ok_or("expected MODEL:COUNT, such as A100:8")?;
    let count = count.parse().map_err(|_| format!("{count:?} is not a count"))?;
    Ok((model.to_owned(), count))
}

/// Plays the manifests and says what came of them.
///
/// # Errors
/// A manifest that cannot be used.
pub fn run(args: &SimulateArgs) -> Result<String, ManifestError> {
    let found = manifests::read(&args.files)?;
    let mut cluster = Cluster::new(clock::wall());
    for object in agents(args)? {
        cluster.put(object);
    }
    let keys: Vec<_> = found.objects.iter().map(Object::key).collect();
    for object in found.objects {
        cluster.put(object);
    }
    let mut operator = Operator::start(Settings::default(), &mut cluster);
    let history = operator.run(&mut cluster, MOST_CYCLES);
    let mut page = summary(&cluster, &operator, &history);
    for ignored in found.ignored {
        let _ = writeln!(page, "{ignored}: not read by the operator, passed over");
    }
    for key in keys.iter().filter(|key| matches!(key.kind, Kind::TFJob | Kind::CassandraService)) {
        page.push_str(&explain::page(&operator.state, key));
    }
    Ok(page)
}

fn agents(args: &SimulateArgs) -> Result<Vec<Object>, ManifestError> {
    let Ok(count) = args.agents.parse::<u32>() else {
        return Ok(manifests::read(&[PathBuf::from(&args.agents)])?.objects);
    };
    let plain = |index: u32| Plain {
        name: format!("agent-{index}"),
        zone: index.checked_rem(args.zones).map(|zone| format!("zone-{zone}")),
        cpus: args.cpus,
        memory_gib: args.memory_gib,
        gpus: args.gpus.clone(),
    };
    Ok((0..count).map(|index| machine::node(&plain(index)).into()).collect())
}

fn summary(cluster: &Cluster, operator: &Operator, history: &History) -> String {
    let stats = operator.state.allocator().stats();
    let agents = operator.state.allocator().agents().count();
    let pods = cluster.objects().filter(|(key, _)| key.kind == Kind::Pod).count();
    let rest = if history.at_rest { "at rest" } else { "not at rest" };
    let mut page = format!(
        "{agents} agents, {} offers, {} accepted, {} declined, {pods} pods; {rest} after {} cycles\n",
        stats.offers, stats.accepted, stats.declined, history.cycles
    );
    for violation in &history.violations {
        let _ = writeln!(page, "broken law: {violation}");
    }
    page
}
