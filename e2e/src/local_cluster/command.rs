//! Runs other programs and turns what goes wrong into errors that say which and why.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, bail};

/// Debian's package for a program that may be missing.
const PACKAGES: &[(&str, &str)] = &[
    ("go", "golang-go"),
    ("gcc", "gcc"),
    ("pkg-config", "pkg-config"),
    ("ip", "iproute2"),
    ("iptables", "iptables"),
    ("iptables-save", "iptables"),
    ("conntrack", "conntrack"),
    ("setsid", "util-linux"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
    ("mount", "mount"),
];

/// How to get a program that is missing.
#[must_use]
pub fn how_to_install(program: &str) -> String {
    let package = PACKAGES.iter().find(|(name, _)| *name == program).map_or(program, |(_, package)| package);
    format!("'{program}' is missing; on Debian: apt-get install {package}")
}

/// Whether a program is on the `PATH`, or is the path of a file.
#[must_use]
pub fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// Runs a program with this input to its end and returns what it wrote, whatever its exit status.
///
/// # Errors
/// The program cannot be started, or does not take its input.
pub fn output(command: &mut Command, input: Option<&str>) -> Result<Output> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.spawn().with_context(|| match exists(&program) {
        true => format!("failed to start '{program}'"),
        false => how_to_install(&program),
    })?;
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        stdin.write_all(input.as_bytes()).with_context(|| format!("failed to write to '{program}'"))?;
    }
    child.wait_with_output().with_context(|| format!("failed to wait for '{program}'"))
}

/// Runs a program and returns its standard output.
///
/// # Errors
/// As [`output`], and if it ends with another status than 0: its command line and its last words.
pub fn run(command: &mut Command, input: Option<&str>) -> Result<String> {
    let output = output(command, input)?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("{} of: {}\n{}", output.status, line(command), last_lines(&words, 20));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a program given as words, without input.
///
/// # Errors
/// As [`run`].
pub fn run_words(words: &[&str]) -> Result<String> {
    let (program, rest) = words.split_first().context("no program was given")?;
    run(Command::new(program).args(rest), None)
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// The last lines of a text, which is where programs say why they gave up.
#[must_use]
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        assert!(how_to_install("ip").contains("apt-get install iproute2"));
        let error = run_words(&["no-such-program"]).unwrap_err();
        assert!(format!("{error:#}").contains("'no-such-program' is missing"));
    }

    #[test]
    fn a_failure_says_what_was_run_and_its_last_words() {
        let error = run_words(&["sh", "-c", "echo why >&2; exit 3"]).unwrap_err().to_string();
        assert!(error.contains("exit status: 3 of: sh -c") && error.ends_with("why"), "{error}");
    }

    #[test]
    fn input_is_passed_on() {
        assert_eq!(run(&mut Command::new("cat"), Some("text")).unwrap(), "text");
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
    }
}
