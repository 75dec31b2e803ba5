//! What runs, and where its files are.

use std::fmt::Write;

use anyhow::Result;

use super::{
    layout::{Cache, Layout},
    record::Record,
    supervisor::{Client, State, Status},
};

/// What is not as it should be, in words; empty for a cluster that is whole. Stopped components count, because
/// somebody stopped them on purpose and may have forgotten.
///
/// # Errors
/// The supervisor does not answer.
pub fn problems(client: &Client) -> Result<Vec<String>> {
    let statuses = client.list()?;
    Ok(statuses.iter().filter_map(problem).collect())
}

fn problem(status: &Status) -> Option<String> {
    match &status.state {
        State::Running { .. } => None,
        State::Stopped => Some(format!("{} is stopped", status.name)),
        State::Ended { how } => Some(format!("{} ended with {how}", status.name)),
    }
}

/// A description of a cluster, and whether all of it runs.
///
/// # Errors
/// The supervisor does not answer.
pub fn describe(cache: &Cache, name: &str) -> Result<(String, bool)> {
    let layout = cache.cluster(name);
    let Some(record) = Record::load(&layout)? else {
        return Ok((format!("there is no cluster '{name}'\n"), false));
    };
    let mut text = String::new();
    let client = Client::connect(&layout);
    let statuses = client.as_ref().map_or_else(|| Ok(Vec::new()), Client::list)?;
    let whole =
        record.complete && client.is_some() && statuses.iter().all(|status| problem(status).is_none());
    let state = match (whole, &client) {
        (true, _) => "up",
        (false, Some(_)) => "not whole: `local-cluster up` goes on, or see below",
        (false, None) => "down: `local-cluster up` begins anew, `local-cluster down` removes its files",
    };
    let _ = writeln!(text, "cluster     {name}: {state}");
    files(&mut text, &record, &layout);
    for status in &statuses {
        let state = match &status.state {
            State::Running { pid } => format!("running (pid {pid})"),
            State::Stopped => "stopped".to_owned(),
            State::Ended { how } => format!("ended: {how}"),
        };
        let _ = writeln!(text, "component   {:<28} {state}", status.name);
    }
    Ok((text, whole))
}

fn files(text: &mut String, record: &Record, layout: &Layout) {
    let spec = &record.spec;
    let gpus: Vec<String> = spec.gpus.iter().map(ToString::to_string).collect();
    let _ = writeln!(
        text,
        "nodes       {} fake, {} real, {} zones, gpus {gpus:?}",
        spec.fake, spec.real, spec.zones
    );
    let _ = writeln!(text, "server      {}", record.server());
    let _ = writeln!(text, "kubeconfig  {}", layout.kubeconfig().display());
    let _ = writeln!(text, "audit log   {}", layout.audit_log().display());
    let _ = writeln!(text, "binaries    {}", record.bin.display());
}

/// One line a cluster.
///
/// # Errors
/// The cache cannot be read.
pub fn list(cache: &Cache) -> Result<String> {
    let mut text = String::new();
    for name in cache.clusters()? {
        let state = match Client::connect(&cache.cluster(&name)) {
            Some(_) => "running",
            None => "not running",
        };
        let _ = writeln!(text, "{name:<20} {state}");
    }
    Ok(text)
}
