//! The subcommand `operator`: puts the parts together and brings them to an orderly end.

use crate::args::OperatorArgs;
use crate::clock::Clock;
use crate::cycle::Cycle;
use crate::health::{Health, Phase};
use crate::http::{self, Pages};
use crate::leader::{Elector, End, Leadership};
use crate::metrics::Metrics;
use crate::perform::{Gateway, Reporter};
use crate::watch::Watch;
use anyhow::{Context as _, bail};
use kube::{Client, Config};
use std::pin::pin;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::info;
use twofold_core::decide::State;
use twofold_core::object::Kind;

/// Inputs that may wait for the loop; more make the watches wait.
const WAITING_INPUTS: usize = 4_096;

/// Runs until told to stop by SIGTERM or SIGINT.
///
/// # Errors
/// When the cluster is not configured, the address is taken, the lease is lost, or a part panicked. The process is
/// then to be started anew.
pub async fn run(args: OperatorArgs) -> anyhow::Result<()> {
    let stop = stop_on_signal()?;
    let config =
        Config::infer().await.context("failed to find the cluster; set KUBECONFIG or run in a pod")?;
    let clock = Clock::boottime();
    let pages = Pages { health: Health::new(clock.clone()), metrics: Metrics::new() };
    let serving = serve(&args, pages.clone(), stop.clone()).await?;
    let leadership = Leadership::new(clock.clone());
    let mut elector = elector(&args, &config, clock, leadership.clone())?;
    tokio::select! {
        () = stop.cancelled() => return finish(serving).await,
        () = elector.acquire() => pages.metrics.leads(true),
    }
    let release = CancellationToken::new();
    let mut keeping = tokio::spawn(elector.keep(release.clone()));
    let ended = tokio::select! {
        ended = lead(&args, &config, leadership, &pages, stop.clone()) => ended,
        end = &mut keeping => match end.context("failed to renew the lease")? {
            End::Lost(why) => bail!("lost the lease: {why}"),
            End::Released => bail!("gave back the lease without being asked to"),
        },
    };
    pages.health.enter(Phase::Stopping);
    pages.metrics.leads(false);
    release.cancel();
    keeping.await.context("failed to give back the lease")?;
    stop.cancel();
    ended?;
    finish(serving).await
}

/// Watches, decides and writes while this copy leads.
async fn lead(
    args: &OperatorArgs,
    config: &Config,
    leadership: Leadership,
    pages: &Pages,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let Pages { health, metrics } = pages;
    let concurrency = usize::try_from(args.write_concurrency).unwrap_or(usize::MAX);
    let client = client(config, false)?;
    let reporter = Reporter {
        identity: identity(args),
        namespace: lease_namespace(args, config).to_owned(),
        lease: args.lease_name.clone(),
    };
    let gateway = Gateway::new(client, leadership, concurrency, reporter, metrics.clone(), health.clone());
    let inputs = mpsc::channel(WAITING_INPUTS);
    let watch = Watch {
        client: self::client(config, true)?,
        namespaces: args.watch_namespaces.clone(),
        inputs: inputs.0.clone(),
        metrics: metrics.clone(),
    };
    let mut watches: JoinSet<()> = Kind::ALL.into_iter().map(|kind| watch.clone().follow(kind)).collect();
    let cycle = Cycle::new(State::new(args.settings()), inputs, gateway, metrics.clone(), health.clone());
    let mut cycle = pin!(cycle.run(stop.clone()));
    tokio::select! {
        ended = &mut cycle => Ok(ended?),
        Some(ended) = watches.join_next() => match ended {
            // The loop that is told to stop takes no more inputs, which ends the watches before it has ended itself.
            Ok(()) if stop.is_cancelled() => Ok(cycle.await?),
            Ok(()) => bail!("a watch ended"),
            Err(error) => Err(error).context("a watch panicked"),
        },
    }
}

fn elector(
    args: &OperatorArgs,
    config: &Config,
    clock: Clock,
    leadership: Leadership,
) -> anyhow::Result<Elector> {
    let (namespace, identity) = (lease_namespace(args, config), identity(args));
    info!(version = env!("CARGO_PKG_VERSION"), identity, namespace, lease = args.lease_name, "starting");
    Ok(Elector::new(client(config, false)?, namespace, &args.lease_name, &identity, clock, leadership))
}

/// A client with connections of its own. Only reads may be repeated by the client itself: a write that is sent again
/// minutes later would be one that nobody decided.
pub(crate) fn client(config: &Config, repeats: bool) -> anyhow::Result<Client> {
    let mut config = config.clone();
    config.default_retry = repeats;
    let agent = ::http::HeaderValue::from_static(concat!("twofold/", env!("CARGO_PKG_VERSION")));
    config.headers.push((::http::header::USER_AGENT, agent));
    Client::try_from(config).context("failed to make a client for the API server")
}

async fn serve(
    args: &OperatorArgs,
    pages: Pages,
    stop: CancellationToken,
) -> anyhow::Result<JoinHandle<std::io::Result<()>>> {
    let listener = TcpListener::bind(args.http_addr)
        .await
        .with_context(|| format!("failed to listen on --http-addr {}", args.http_addr))?;
    Ok(tokio::spawn(http::serve(listener, pages, stop.cancelled_owned())))
}

async fn finish(serving: JoinHandle<std::io::Result<()>>) -> anyhow::Result<()> {
    // A probe that keeps its connection open must not keep the process.
    serving.abort();
    let _ = serving.await;
    info!("stopped");
    Ok(())
}

fn lease_namespace<'a>(args: &'a OperatorArgs, config: &'a Config) -> &'a str {
    args.lease_namespace.as_deref().unwrap_or(&config.default_namespace)
}

fn identity(args: &OperatorArgs) -> String {
    let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    args.identity.clone().unwrap_or_else(host)
}

fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let mut signals = signal(kind).context("failed to listen for signals")?;
        let stop = stop.clone();
        tokio::spawn(async move {
            signals.recv().await;
            stop.cancel();
        });
    }
    Ok(stop)
}
