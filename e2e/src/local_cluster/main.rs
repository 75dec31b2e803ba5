//! The command `local-cluster`.

use std::{fs, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Parser;
use twofold_e2e::local_cluster::{
    args::{Action, Args, Command},
    build, down,
    layout::{Cache, Layout},
    leftovers::Snapshot,
    nodes, real,
    record::Record,
    spec, status,
    supervisor::{self, Client},
    up,
};

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<ExitCode> {
    let Args { name, command } = args;
    spec::check_name(&name)?;
    let cache = Cache::from_environment()?;
    match command {
        Command::Up(arguments) => {
            up::up(&cache, arguments.into_spec(name.clone()))?;
            print!("{}", status::describe(&cache, &name)?.0);
        }
        Command::Down { all: false } => down::down(&cache, &name)?,
        Command::Down { all: true } => {
            for name in cache.clusters()? {
                down::down(&cache, &name)?;
            }
        }
        Command::Status => {
            let (text, whole) = status::describe(&cache, &name)?;
            print!("{text}");
            return Ok(ExitCode::from(u8::from(!whole)));
        }
        Command::List => print!("{}", status::list(&cache)?),
        Command::Kubeconfig => println!("{}", existing(&cache, &name)?.1.kubeconfig().display()),
        Command::Logs { component } => logs(&existing(&cache, &name)?.1, component.as_deref())?,
        Command::Tools { real } => println!("{}", build::build(&cache, real)?.display()),
        Command::Bin => println!("{}", build::bin(&cache).display()),
        Command::Load { archives } => {
            let (record, _, client) = running(&cache, &name)?;
            real::load(&record, &client, &archives)?;
        }
        Command::Node { action, node } => {
            let (record, layout, client) = running(&cache, &name)?;
            nodes::act(&record, &layout, &client, action, &node)?;
        }
        Command::Component { action, component } => {
            let client = running(&cache, &name)?.2;
            match action {
                Action::Stop => client.stop(&component)?,
                Action::Start => client.start_again(&component)?,
            }
        }
        Command::Exec { argv } => return exec(&running(&cache, &name)?.2, &argv),
        Command::Snapshot => println!("{}", serde_json::to_string_pretty(&Snapshot::take()?)?),
        Command::Supervise { directory } => supervisor::supervise(&Layout::at(directory))?,
        Command::Init { directory } => supervisor::init(&directory)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn existing(cache: &Cache, name: &str) -> Result<(Record, Layout)> {
    let layout = cache.cluster(name);
    let record = Record::load(&layout)?;
    Ok((
        record.with_context(|| format!("there is no cluster '{name}': `local-cluster up` makes it"))?,
        layout,
    ))
}

fn running(cache: &Cache, name: &str) -> Result<(Record, Layout, Client)> {
    let (record, layout) = existing(cache, name)?;
    let client = Client::connect(&layout);
    let client =
        client.with_context(|| format!("cluster '{name}' does not run: `local-cluster up` starts it"))?;
    Ok((record, layout, client))
}

fn logs(layout: &Layout, component: Option<&str>) -> Result<()> {
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(layout.path("logs")).context("failed to read the logs")? {
        names.extend(
            entry?.file_name().to_str().and_then(|name| name.strip_suffix(".log")).map(str::to_owned),
        );
    }
    names.sort();
    match component {
        Some(component) if names.iter().any(|name| name == component) => {
            let text = fs::read(layout.log(component)).context("failed to read the log")?;
            print!("{}", String::from_utf8_lossy(&text));
        }
        Some(component) => bail!("there is no component '{component}', but {}", names.join(", ")),
        None => println!("{}", names.join("\n")),
    }
    Ok(())
}

fn exec(client: &Client, argv: &[String]) -> Result<ExitCode> {
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    let (code, stdout, stderr) = client.output(&words)?;
    print!("{stdout}");
    eprint!("{stderr}");
    Ok(ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}
