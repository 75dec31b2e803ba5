//! Tells who waits what is being done: a line that moves on a terminal, plain lines elsewhere.

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// In plain mode, how long a task stays silent before it says that it still runs.
const REMINDER: Duration = Duration::from_secs(20);

/// One task that is going on.
pub struct Task {
    name: String,
    bar: Option<ProgressBar>,
    started: Instant,
    reminded: Instant,
}

impl Task {
    /// Says that the task has begun.
    #[must_use]
    pub fn start(name: impl Into<String>) -> Self {
        let name = name.into();
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner().with_message(name.clone());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(150));
            bar
        });
        if bar.is_none() {
            eprintln!("{name} …");
        }
        let now = Instant::now();
        Self { name, bar, started: now, reminded: now }
    }

    /// Says how far it is; on a terminal at once, elsewhere now and then.
    pub fn update(&mut self, detail: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}: {detail}", self.name));
        } else if self.reminded.elapsed() >= REMINDER {
            self.reminded = Instant::now();
            eprintln!("{}: {detail} ({} s)", self.name, self.started.elapsed().as_secs());
        }
    }

    /// Says that it is done, and after how long.
    pub fn done(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        eprintln!("{}: done in {:.1} s", self.name, self.started.elapsed().as_secs_f64());
    }
}

impl Drop for Task {
    /// A task that failed leaves no moving line behind.
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
