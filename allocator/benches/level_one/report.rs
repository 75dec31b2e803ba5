//! Where the numbers go: a table on the screen, and a line of JSON for each in `target/bench/allocator.jsonl`.

use rustix::time::{ClockId, clock_gettime};
use std::fmt::Write as _;
use std::io::Write as _;

/// What is measured, and where it goes.
pub(crate) struct Report {
    file: std::fs::File,
    /// How often a point is measured.
    pub(crate) runs: usize,
    /// Whether the points that take minutes are measured too.
    pub(crate) all: bool,
    rows: Vec<String>,
}

/// What a value should be.
#[derive(Clone, Copy)]
pub(crate) enum Aim {
    None,
    AtMost(f64),
    AtLeast(f64),
}

/// A value with its name, its unit and its aim.
pub(crate) struct Value(pub(crate) &'static str, pub(crate) f64, pub(crate) &'static str, pub(crate) Aim);

impl Report {
    pub(crate) fn new() -> Self {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let folder = root.join("target/bench");
        std::fs::create_dir_all(&folder).unwrap();
        let words: Vec<String> = std::env::args().skip(1).collect();
        Self {
            file: std::fs::File::create(folder.join("allocator.jsonl")).unwrap(),
            runs: words.iter().find_map(|word| word.parse().ok()).unwrap_or(3),
            all: words.iter().any(|word| word == "--all"),
            rows: words.into_iter().filter(|word| word.starts_with(char::is_alphabetic)).collect(),
        }
    }

    /// Whether a row is wanted: by its name, or because none is named.
    pub(crate) fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|name| name == row)
    }

    /// Writes one value: a line of the table and a line of JSON.
    pub(crate) fn point(&mut self, row: &str, parameters: &[(&str, &dyn std::fmt::Display)], value: Value) {
        let Value(metric, value, unit, aim) = value;
        let mut json = format!("{{\"row\":\"{row}\"");
        let mut shown = String::new();
        for (name, parameter) in parameters {
            let parameter = parameter.to_string();
            match parameter.parse::<u64>() {
                Ok(number) => write!(json, ",\"{name}\":{number}").unwrap(),
                Err(_) => write!(json, ",\"{name}\":\"{parameter}\"").unwrap(),
            }
            write!(shown, "{name} {parameter}  ").unwrap();
        }
        write!(json, ",\"metric\":\"{metric}\",\"value\":{value:.3},\"unit\":\"{unit}\"").unwrap();
        let (word, bound, holds) = match aim {
            Aim::None => ("", 0.0, true),
            Aim::AtMost(most) => ("at most", most, value <= most),
            Aim::AtLeast(least) => ("at least", least, value >= least),
        };
        let verdict = if holds { "pass" } else { "miss" };
        let mut aimed = String::new();
        if !word.is_empty() {
            write!(json, ",\"aim\":\"{word} {bound}\",\"verdict\":\"{verdict}\"").unwrap();
            write!(aimed, "{verdict}: {word} {bound}").unwrap();
        }
        writeln!(self.file, "{json}}}").unwrap();
        let line = format!("{row:<9} {shown:<52} {metric:<18} {value:>13.3} {unit:<5} {aimed}");
        println!("{}", line.trim_end());
    }

    /// The median of the runs.
    pub(crate) fn median(&self, mut run: impl FnMut() -> f64) -> f64 {
        let mut values: Vec<f64> = (0..self.runs).map(|_| run()).collect();
        percentile(&mut values, 50)
    }
}

/// The value that so many of a hundred are not above.
pub(crate) fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() * percent / 100).min(values.len() - 1)]
}

/// Measures one thing by the processor time of this thread, so that other work on the machine counts little.
pub(crate) struct Watch(f64);

impl Watch {
    pub(crate) fn start() -> Self {
        Self(busy_millis())
    }

    pub(crate) fn millis(&self) -> f64 {
        busy_millis() - self.0
    }
}

/// How long this thread has had a processor.
fn busy_millis() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// Bytes of this process in memory.
pub(crate) fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status.split_whitespace().nth(1).and_then(|text| text.parse::<usize>().ok());
    pages.unwrap_or_default() * 4096
}
