//! Builds binaries from Go modules into the cache. What is there already is not built again, and what was
//! interrupted goes on where it was, because Go caches each package.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::{
    command::{exists, how_to_install, last_lines, run_words},
    layout::{self, Cache},
    modules::{Need, TOOLS, Tool, bin_key},
    progress::Task,
};

/// The directory that shows all binaries that are built, by name.
#[must_use]
pub fn bin(cache: &Cache) -> PathBuf {
    cache.root().join("bin").join(bin_key())
}

/// Builds what is missing and returns the directory of the binaries.
///
/// # Errors
/// A build tool is missing, or a build fails: its last words.
pub fn build(cache: &Cache, real: bool) -> Result<PathBuf> {
    let wanted = || TOOLS.iter().filter(|tool| real || tool.need == Need::Every);
    let bin = bin(cache);
    if wanted().all(|tool| bin.join(tool.name).exists()) {
        return Ok(bin);
    }
    fs::create_dir_all(&bin).with_context(|| format!("failed to create {}", bin.display()))?;
    let _lock = lock(cache)?;
    let missing: Vec<&Tool> = wanted().filter(|tool| !target(cache, tool).exists()).collect();
    check_build_tools(&missing)?;
    for (index, tool) in missing.iter().enumerate() {
        build_one(cache, tool, index + 1, missing.len())?;
    }
    for tool in wanted() {
        let link = bin.join(tool.name);
        if !link.exists() {
            // A link without a target is left by a cache that was cleaned in part.
            let _ = fs::remove_file(&link);
            symlink(target(cache, tool), &link)
                .with_context(|| format!("failed to link {}", link.display()))?;
        }
    }
    Ok(bin)
}

fn target(cache: &Cache, tool: &Tool) -> PathBuf {
    cache.root().join("tools").join(format!("{}-{}", tool.name, tool.key())).join(tool.name)
}

/// Two clusters that start together build once.
fn lock(cache: &Cache) -> Result<File> {
    let path = cache.root().join("build.lock");
    let file = File::create(&path).with_context(|| format!("failed to create {}", path.display()))?;
    if file.try_lock().is_err() {
        let task = Task::start("wait for another build of the same binaries");
        file.lock().with_context(|| format!("failed to lock {}", path.display()))?;
        task.done();
    }
    Ok(file)
}

fn check_build_tools(missing: &[&Tool]) -> Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    if !exists("go") {
        bail!("{}", how_to_install("go"));
    }
    let version = run_words(&["go", "version"])?;
    if !can_fetch_toolchains(&version) {
        bail!(
            "'{}' is too old: 1.21 or newer is needed, which fetches what the modules name; Debian 12 has it in bookworm-backports, go.dev/dl for any system",
            version.trim()
        );
    }
    if missing.iter().any(|tool| tool.cgo) {
        for program in ["gcc", "pkg-config"] {
            if !exists(program) {
                bail!("{}", how_to_install(program));
            }
        }
        let seccomp = Command::new("pkg-config").args(["--exists", "libseccomp"]).status();
        if !seccomp.is_ok_and(|status| status.success()) {
            bail!("the headers of libseccomp are missing; on Debian: apt-get install libseccomp-dev");
        }
    }
    Ok(())
}

/// Whether this Go, as `go version` says it, fetches the toolchain that a module asks for.
fn can_fetch_toolchains(version: &str) -> bool {
    let mut numbers = version.split_whitespace().filter_map(|word| word.strip_prefix("go1."));
    let minor =
        numbers.next().and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok());
    // A version in another form, such as a development build's, is newer than the form.
    minor.is_none_or(|minor| minor >= 21)
}

fn build_one(cache: &Cache, tool: &Tool, number: usize, of: usize) -> Result<()> {
    let source = cache.root().join("src").join(format!("{}-{}", tool.module.name, tool.key()));
    for (name, content) in tool.files() {
        layout::write(source.join(name), content)?;
    }
    let target = target(cache, tool);
    let partial = target.with_extension("partial");
    fs::create_dir_all(target.parent().unwrap_or(cache.root()))
        .context("failed to create the tool's directory")?;
    let about = match tool.cold_seconds {
        seconds @ 0..60 => format!("about {seconds} s"),
        seconds => format!("about {} min", seconds.div_ceil(60)),
    };
    let mut task = Task::start(format!("build {} ({number} of {of}; {about} with empty caches)", tool.name));
    compile(tool, &source, &partial, &mut task)?;
    fs::rename(&partial, &target).with_context(|| format!("failed to place {}", target.display()))?;
    let _ = fs::remove_dir_all(&source);
    task.done();
    Ok(())
}

fn compile(tool: &Tool, source: &Path, partial: &Path, task: &mut Task) -> Result<()> {
    let mut child = Command::new("nice")
        .args([
            "-n",
            "5",
            "go",
            "build",
            "-v",
            "-trimpath",
            "-tags",
            tool.tags,
            "-ldflags",
            &tool.ldflags(),
            "-o",
        ])
        .arg(partial)
        .arg(tool.package)
        .current_dir(source)
        .env("CGO_ENABLED", if tool.cgo { "1" } else { "0" })
        // Whatever the surroundings set, the binary depends on the key alone.
        .env("GOFLAGS", "-mod=readonly -buildvcs=false")
        .env("GOWORK", "off")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("failed to start 'go build'")?;
    let mut words = Vec::new();
    let mut packages = 0;
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines() {
            let line = line.context("failed to read what 'go build' says")?;
            if line.starts_with("go: downloading ") {
                task.update(line.trim_start_matches("go: "));
            } else {
                packages += 1;
                task.update(&format!("{packages} packages compiled, now {line}"));
                words.push(line);
            }
        }
    }
    let status = child.wait().context("failed to wait for 'go build'")?;
    if !status.success() {
        let words = last_lines(&words.join("\n"), 20);
        bail!("failed to build {} (run it again to go on): {status}\n{words}", tool.name);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_go_that_cannot_fetch_toolchains_is_told_from_one_that_can() {
        assert!(!can_fetch_toolchains("go version go1.19.8 linux/amd64"));
        assert!(can_fetch_toolchains("go version go1.21rc2 linux/amd64"));
        assert!(can_fetch_toolchains("go version go1.26.8 linux/amd64"));
        assert!(can_fetch_toolchains("go version devel go1.27-abcdef linux/amd64"));
    }
}
