//! `twofold explain KIND/NAME`: reads the cluster once, decides without performing, and says why something waits.

use crate::clock;
use crate::metrics::Metrics;
use crate::operator;
use crate::watch::Watch;
use anyhow::{Context as _, bail};
use kube::Config;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use twofold_allocator::tick::Tick;
use twofold_core::decide::{State, decide};
use twofold_core::explain;
use twofold_core::object::{Key, Kind};
use twofold_core::settings::Settings;

/// How long the API server may take to list everything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Flags of `twofold explain`.
#[derive(Clone, Debug, clap::Args)]
pub struct ExplainArgs {
    /// What is to be explained, such as `tfjob/mnist` or `cassandraservice/demo`.
    #[arg(value_name = "KIND/NAME")]
    pub subject: String,
    /// Its namespace [default: the kubeconfig's].
    #[arg(short, long, env = "TWOFOLD_NAMESPACE")]
    pub namespace: Option<String>,
}

/// Says why a service or job is where it is.
///
/// # Errors
/// The subject is not of a kind that is placed here, or the cluster cannot be read.
pub async fn run(args: &ExplainArgs) -> anyhow::Result<String> {
    let config = Config::infer().await.context("failed to find the cluster; set KUBECONFIG")?;
    let namespace = args.namespace.as_deref().unwrap_or(&config.default_namespace);
    let key = subject(&args.subject, namespace)?;
    let (sender, mut inputs) = mpsc::channel(1_024);
    let watch = Watch {
        client: operator::client(&config, true)?,
        namespaces: Vec::new(),
        inputs: sender,
        metrics: Metrics::new(),
    };
    let _watches: JoinSet<()> = Kind::ALL.into_iter().map(|kind| watch.clone().follow(kind)).collect();
    let mut state = State::new(Settings::default());
    let tick = Tick { cycle: 1, now: clock::wall() };
    let listed = timeout(PATIENCE, async {
        loop {
            let Some(input) = inputs.recv().await else { bail!("the watches ended") };
            let decision = decide(&mut state, vec![input], tick);
            if state.is_synced() {
                return Ok(decision);
            }
        }
    });
    let decision = listed.await.context("failed to list the cluster within a minute")??;
    decide(&mut state, explain::unsent(decision.actions), Tick { cycle: 2, ..tick });
    Ok(explain::page(&state, &key))
}

fn subject(text: &str, namespace: &str) -> anyhow::Result<Key> {
    let Some((kind, name)) = text.split_once('/') else {
        bail!("{text:?} is not KIND/NAME, such as tfjob/mnist");
    };
    let kind = match kind.to_ascii_lowercase().as_str() {
        "tfjob" | "tfjobs" => Kind::TFJob,
        "cassandraservice" | "cassandraservices" | "cass" => Kind::CassandraService,
        other => bail!("{other:?} is not placed here; name a tfjob or a cassandraservice"),
    };
    Ok(Key::new(kind, namespace, name))
}
