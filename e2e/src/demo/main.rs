//! The command `demo`, which `make` calls.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use twofold_e2e::demo::{
    deps::{self, Purpose},
    fake, real, up,
};

/// A cluster with Twofold, a Cassandra ring and a training job, to look at and to test.
#[derive(Debug, Parser)]
#[command(name = "demo", version)]
enum Args {
    /// Install the Debian packages that are missing (as root, unless NO_INSTALL=1), or say which.
    Deps,
    /// Bring up the demo, or go on where it was interrupted, and leave evidence in target/demo.
    Up,
    /// Remove the demo.
    Down,
    /// Run the tests on fake nodes.
    TestFake,
    /// Run the tests on real nodes.
    TestReal,
    /// Measure the operator on fake nodes.
    Bench,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    match args {
        Args::Deps => deps::install(Purpose::RealNodes),
        Args::Up => up::up(),
        Args::Down => up::down(),
        Args::TestFake => fake::test(),
        Args::TestReal => real::test(),
        Args::Bench => fake::bench(),
    }
}
