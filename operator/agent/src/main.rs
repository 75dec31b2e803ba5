//! The command line of [`twofold_agent`].

use std::path::Path;
use std::process::ExitCode;

use twofold_agent::{install, server};

const USAGE: &str = "\
usage: twofold-agent install DIR            copy this program into DIR
       twofold-agent cassandra [--root DIR] run a Cassandra server; all paths are below DIR (default /)
       twofold-agent --version";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["install", dir] => match install::install(Path::new(dir)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("twofold-agent: install {dir}: {error}");
                ExitCode::from(71)
            }
        },
        ["cassandra"] => cassandra(Path::new("/")),
        ["cassandra", "--root", dir] => cassandra(Path::new(dir)),
        ["--version"] => {
            println!("twofold-agent {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(64)
        }
    }
}

fn cassandra(root: &Path) -> ExitCode {
    match server::run(root) {
        Ok(exit) => ExitCode::from(exit.0),
        Err(error) => {
            eprintln!("twofold-agent: {error}");
            ExitCode::from(error.code())
        }
    }
}
