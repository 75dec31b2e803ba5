//! Checks by name, one after the other; one that fails does not keep the others from being made.

use anyhow::{Result, bail};

use super::steps::Steps;
use crate::local_cluster::progress::Task;

/// What was found so far.
#[derive(Debug, Default)]
pub struct Checks {
    pub steps: Steps,
    lines: Vec<String>,
    failed: usize,
}

impl Checks {
    /// Makes a check. What it says goes beside its name.
    pub fn check(&mut self, name: &str, check: impl FnOnce(&mut Task) -> Result<String>) {
        let line = match self.steps.run(name, check) {
            Ok(said) => format!("ok      {name}: {said}"),
            Err(error) => {
                self.failed += 1;
                format!("FAILED  {name}: {:#}", error.root_cause())
            }
        };
        eprintln!("{line}");
        self.lines.push(line);
    }

    /// Whether all were passed so far.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failed == 0
    }

    /// A line for each check and how many passed.
    #[must_use]
    pub fn report(&self) -> String {
        let passed = self.lines.len() - self.failed;
        format!("{}\n{passed} passed, {} failed\n", self.lines.join("\n"), self.failed)
    }

    /// # Errors
    /// A check failed.
    pub fn verdict(&self) -> Result<()> {
        if self.failed > 0 {
            bail!("{} of {} checks failed", self.failed, self.lines.len());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_fails_is_told_with_its_reason_and_the_others_are_made() {
        let mut checks = Checks::default();
        checks.check("sums", |_| bail!("one is missing"));
        checks.check("names", |_| Ok("all there".to_owned()));
        let report = checks.report();
        assert!(report.contains("FAILED  sums: one is missing\nok      names: all there\n"), "{report}");
        assert!(report.ends_with("1 passed, 1 failed\n"));
        assert!(!checks.passed() && checks.verdict().is_err());
    }
}
