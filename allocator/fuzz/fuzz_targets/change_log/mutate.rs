//! Mutations of a log: a command goes, comes, comes again or elsewhere, or has a word of another.

use super::commands;
use super::numbers::Numbers;

/// The log with a few mutations; comments and what came out are left out.
pub(crate) fn mutate(text: &str, seed: u32) -> String {
    let mut lines: Vec<String> =
        text.lines().filter(|line| line.starts_with("> ")).map(str::to_owned).collect();
    let numbers = &mut Numbers(u64::from(seed));
    for _ in 0..=numbers.next() % 4 {
        once(&mut lines, numbers);
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn once(lines: &mut Vec<String>, numbers: &mut Numbers) {
    let kind = numbers.next() % 8;
    let to = below(numbers, lines.len() + 1);
    if lines.is_empty() || kind < 3 {
        let bytes = numbers.bytes::<{ commands::BYTES + 1 }>();
        return lines.insert(to, format!("> {}", commands::command(&bytes)));
    }
    let from = below(numbers, lines.len());
    match kind {
        3 => drop(lines.remove(from)),
        4 => lines.insert(to, lines[from].clone()),
        5 => {
            let line = lines.remove(from);
            lines.insert(to.min(lines.len()), line);
        }
        _ => {
            let with = lines[below(numbers, lines.len())].clone();
            lines[from] = spliced(&lines[from], &with, numbers);
        }
    }
}

/// A line with a word of another in the place of one with the same key, or beside all that it has.
fn spliced(line: &str, with: &str, numbers: &mut Numbers) -> String {
    let words: Vec<&str> = with.split(' ').skip(2).collect();
    if words.is_empty() {
        return line.to_owned();
    }
    let word = words[below(numbers, words.len())];
    let key = |word: &str| word.split('=').next().map(str::to_owned);
    let mut own: Vec<&str> = line.split(' ').collect();
    let same: Vec<usize> = (2..own.len()).filter(|at| key(own[*at]) == key(word)).collect();
    match same.is_empty() {
        true => own.push(word),
        false => own[same[below(numbers, same.len())]] = word,
    }
    own.join(" ")
}

fn below(numbers: &mut Numbers, most: usize) -> usize {
    usize::try_from(numbers.next() % most.max(1) as u64).unwrap()
}
