//! Starting a cluster. Every step looks first whether it is done, so that an interrupted start goes on.

use std::{fs, time::Duration};

use anyhow::{Context, Result, bail};

use super::{
    build,
    control_plane::{self, AUDIT_POLICY, STAGES},
    down, fake, kubeconfig,
    kubectl::{Kubectl, ready_nodes},
    layout::{self, Cache, Layout},
    leftovers::Snapshot,
    pki,
    progress::Task,
    real,
    record::Record,
    spec::ClusterSpec,
    status,
    supervisor::{self, Client, Component, State},
};

/// How long a step may take on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(180);

const STORAGE_CLASS: &str = include_str!("../../cluster/storage-class.yaml");

/// Builds what is missing, starts the cluster and waits until its nodes are ready.
///
/// # Errors
/// What is asked cannot be, another cluster of this name is up, or a step fails: which, and the last words of
/// what failed. What was started stays; `up` goes on, `down` removes it.
pub fn up(cache: &Cache, spec: ClusterSpec) -> Result<()> {
    spec.check()?;
    if spec.real > 0 {
        real::check()?;
    }
    let layout = cache.cluster(&spec.name);
    layout.check()?;
    let bin = build::build(cache, spec.real > 0)?;
    let (record, client) = prepare(cache, &layout, spec, bin)?;
    if record.complete && status::problems(&client)?.is_empty() {
        eprintln!("cluster '{}' is up already", record.spec.name);
        return Ok(());
    }
    let task = Task::start(format!("start cluster '{}'", record.spec.name));
    start(&record, &layout, &client)?;
    Record { complete: true, ..record }.save(&layout)?;
    task.done();
    Ok(())
}

/// Finds a running cluster as asked, or removes the rest of one that crashed and begins anew.
fn prepare(
    cache: &Cache,
    layout: &Layout,
    spec: ClusterSpec,
    bin: std::path::PathBuf,
) -> Result<(Record, Client)> {
    if let Some(client) = Client::connect(layout)
        && let Some(record) = Record::load(layout)?
    {
        if record.spec != spec {
            bail!(
                "cluster '{}' is up, but not as asked: `local-cluster down --name {}` first, or give another --name",
                spec.name,
                spec.name
            );
        }
        return Ok((record, client));
    }
    if layout.root().exists() {
        eprintln!("cluster '{}' is not running any more; removing what is left of it", spec.name);
        down::down(cache, &spec.name)?;
    }
    let before = serde_json::to_string(&Snapshot::take()?).context("failed to describe the machine")?;
    layout::write(layout.before(), before)?;
    let program = std::env::current_exe().context("failed to find this program")?;
    let record = Record::new(spec, bin)?;
    record.save(layout)?;
    let client = supervisor::spawn(layout, &program, record.spec.real > 0)?;
    Ok((record, client))
}

fn start(record: &Record, layout: &Layout, client: &Client) -> Result<()> {
    configure(record, layout)?;
    if record.spec.real > 0 {
        real::prepare(record, layout, client)?;
    }
    client.start(control_plane::etcd(record, layout))?;
    client.start(control_plane::apiserver(record, layout))?;
    let kubectl = Kubectl::new(record, layout);
    let still = || all_run(client, layout);
    kubectl.until("an API server that is ready", PATIENCE, &["get", "--raw", "/readyz"], |_| true, still)?;
    for component in others(record, layout) {
        client.start(component)?;
    }
    kubectl.apply(STORAGE_CLASS)?;
    if record.spec.fake > 0 {
        kubectl.apply(&fake::nodes(&record.spec).to_string())?;
    }
    if record.spec.real > 0 {
        real::start(record, layout, client, &kubectl)?;
    }
    let nodes = usize::try_from(record.spec.fake + record.spec.real).unwrap_or(usize::MAX);
    let words = ["get", "nodes", "-o", "json"];
    kubectl.until(
        "a Ready node for each asked",
        PATIENCE,
        &words,
        |list| ready_nodes(list) == nodes,
        still,
    )?;
    // Pods are refused before their service account is there.
    let words = ["get", "serviceaccount", "default", "--namespace", "default"];
    kubectl.until("the service account 'default'", PATIENCE, &words, |_| true, still)
}

fn others(record: &Record, layout: &Layout) -> Vec<Component> {
    let mut components = vec![
        control_plane::controller_manager(record, layout),
        control_plane::kube_scheduler(record, layout),
    ];
    if record.spec.fake > 0 {
        components.push(control_plane::kwok(record, layout));
    }
    components
}

/// Writes certificates and configurations.
fn configure(record: &Record, layout: &Layout) -> Result<()> {
    let pki = layout.root().join("pki");
    let users = pki::users(&record.spec.real_names());
    pki::create(&pki, &record.address(), &users)?;
    let (server, name) = (record.server(), &record.spec.name);
    for user in &users {
        let path = layout.path(&format!("config/{}.kubeconfig", user.file));
        kubeconfig::create(path.as_ref(), &pki, &user.file, &server, name)?;
    }
    kubeconfig::create(&layout.kubeconfig(), &pki, "admin", &server, name)?;
    layout::write(layout.path("config/audit-policy.yaml"), AUDIT_POLICY)?;
    layout::write(layout.path("config/stages.yaml"), STAGES)
}

/// # Errors
/// A component has ended by itself: which, and its last words.
fn all_run(client: &Client, layout: &Layout) -> Result<()> {
    for status in client.list()? {
        if let State::Ended { how } = status.state {
            let log = fs::read_to_string(layout.log(&status.name)).unwrap_or_default();
            let (name, words) = (status.name, super::command::last_lines(&log, 15));
            bail!("'{name}' ended with {how} (`local-cluster down` to begin anew); its last words:\n{words}");
        }
    }
    Ok(())
}
