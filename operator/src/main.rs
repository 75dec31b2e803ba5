//! `twofold`: two-level scheduling for Kubernetes.

use clap::Parser as _;
use std::process::ExitCode;
use tokio::runtime::Builder;
use twofold_operator::args::{Args, Command};
use twofold_operator::{explain, operator, simulate, telemetry};

fn main() -> ExitCode {
    let args = Args::parse();
    // Once the operator logs, the reason for its end is one of the log lines, JSON where they are.
    let logs = matches!(args.command, Command::Operator(_));
    match telemetry::start(args.log_format, &args.log_level).and_then(|()| run(args.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if logs && tracing::enabled!(tracing::Level::ERROR) => {
            tracing::error!(error = format!("{error:#}"), "ended");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    // The loop is one task; the second thread keeps probes and the lease going while it works.
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match command {
        Command::Operator(args) => runtime.block_on(operator::run(args)),
        Command::Simulate(args) => {
            print!("{}", simulate::run(&args)?);
            Ok(())
        }
        Command::Explain(args) => {
            print!("{}", runtime.block_on(explain::run(&args))?);
            Ok(())
        }
    }
}
