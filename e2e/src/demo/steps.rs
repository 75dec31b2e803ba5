//! The steps of a run, each with its name and how long it took.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::local_cluster::progress::Task;

/// What was done so far.
#[derive(Debug, Default)]
pub struct Steps(Vec<(String, Duration)>);

impl Steps {
    /// Does one step, tells who waits, and notes how long it took.
    ///
    /// # Errors
    /// The step fails: its name comes first.
    pub fn run<T>(&mut self, name: &str, step: impl FnOnce(&mut Task) -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        let mut task = Task::start(name);
        let result = step(&mut task);
        self.0.push((name.to_owned(), begun.elapsed()));
        let value = result.with_context(|| format!("the step '{name}' failed"))?;
        task.done();
        Ok(value)
    }

    /// A line for each step and one for all.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::new();
        let total: Duration = self.0.iter().map(|(_, took)| *took).sum();
        let all = ("all".to_owned(), total);
        for (name, took) in self.0.iter().chain([&all]) {
            let _ = writeln!(text, "{:>8.1} s  {name}", took.as_secs_f64());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_fails_is_named_and_counted() {
        let mut steps = Steps::default();
        assert_eq!(steps.run("first", |_| Ok(7)).unwrap(), 7);
        let error = steps.run("second", |_| -> Result<()> { anyhow::bail!("why") }).unwrap_err();
        assert_eq!(format!("{error:#}"), "the step 'second' failed: why");
        let table = steps.table();
        let names: Vec<&str> = table.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
        assert_eq!(names, ["first", "second", "all"]);
    }
}
