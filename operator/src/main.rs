//! `twofold`: two-level scheduling for Kubernetes.

use clap::Parser as _;
use tokio::runtime::Builder;
use twofold_operator::args::{Args, Command};
use twofold_operator::{explain, operator, simulate, telemetry};

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    telemetry::start(args.log_format, &args.log_level)?;
    // The loop is one task; the second thread keeps probes and the lease going while it works.
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match args.command {
        Command::Operator(operator) => {
            let ended = runtime.block_on(operator::run(operator));
            // Where log lines are JSON, the reason is one of them.
            if let Err(error) = &ended {
                tracing::error!(error = format!("{error:#}"), "ended");
            }
            ended
        }
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
