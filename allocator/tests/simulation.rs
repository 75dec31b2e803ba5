//! Seeded simulation: long lives of small worlds. A seed that fails prints the command that runs it again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

#[path = "properties/commands.rs"]
mod commands;
#[path = "properties/numbers.rs"]
mod numbers;
#[path = "cases/world.rs"]
mod world;

use numbers::Numbers;
use world::World;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// One life; what went wrong, with what was told before.
fn live(seed: u64, steps: u64) -> Result<(), String> {
    let numbers = &mut Numbers(seed);
    let mut world = World::new();
    let mut told = vec![commands::policy(numbers.next().to_le_bytes()[0])];
    world.run(&told[0]);
    for _ in 0..steps {
        let command = commands::command(&numbers.bytes::<{ commands::BYTES }>());
        told.push(command.clone());
        let out = world.run(&command);
        if out.contains("BROKEN") {
            return Err(format!("{out}after\n> {}", told.join("\n> ")));
        }
    }
    Ok(())
}

/// The launches that a cycle told, as commands that tell them as holdings that end.
fn seen(out: &str) -> Vec<String> {
    let mut seen = Vec::new();
    for line in out.lines().filter_map(|line| line.strip_prefix("  ")) {
        let Some((tasks, rest)) = line.split_once(" on ") else { continue };
        let (agent, amounts) = rest.split_once(": ").unwrap();
        let (first, more) = tasks.split_once(" and ").unwrap_or((tasks, "0 more"));
        let (framework, number) = first.rsplit_once('-').unwrap();
        let (number, more): (u64, u64) =
            (number.parse().unwrap(), more.strip_suffix(" more").unwrap().parse().unwrap());
        let word = |amount: &str| match amount.rsplit_once(' ') {
            Some((kind, amount)) => match kind.split_once(':') {
                Some((gpu, model)) => format!(" {gpu}={model}:{amount}"),
                None => format!(" {kind}={amount}"),
            },
            None => String::new(),
        };
        let words: String = amounts.split(", ").map(word).collect();
        seen.extend(
            (number..=number + more)
                .map(|number| format!("holding {framework}-{number} {agent} {framework}{words} finishing")),
        );
    }
    seen
}

/// A life in which what was launched is seen, ends and makes room all the time, so that holds come, grow, start and are
/// dropped while everything else changes.
fn busy(seed: u64, steps: u64) -> Result<u64, String> {
    let numbers = &mut Numbers(seed);
    let mut world = World::new();
    let (mut told, mut running): (Vec<String>, Vec<String>) = Default::default();
    let mut now = 0;
    let mut commands = vec!["policy patience=9".to_owned()];
    for at in 0..3 {
        commands.push(format!("agent a{at} cpu=8 memory=8 pods=8"));
        commands.push(format!("framework f{at} role={}", ["a", "a/b", "d"][at]));
    }
    for _ in 0..steps {
        let pick = numbers.next();
        match pick % 16 {
            0..=5 => commands.push("cycle".into()),
            6 => commands.push("cycle answer=decline".into()),
            7..=11 if !running.is_empty() => {
                let at = usize::try_from(numbers.next()).unwrap() % running.len();
                commands.push(format!("holding-gone {}", running.swap_remove(at)));
            }
            12 => {
                now += pick / 16 % 8;
                commands.push(format!("tick {now}"));
            }
            13 | 14 => {
                // Among the changes, those of what is wanted.
                let mut bytes = numbers.bytes::<{ commands::BYTES }>();
                bytes[0] = 10;
                commands.push(commands::change(&bytes));
            }
            _ => commands.push(commands::change(&numbers.bytes::<{ commands::BYTES }>())),
        }
        while !commands.is_empty() {
            let command = commands.remove(0);
            told.push(command.clone());
            let out = world.run(&command);
            let again = if command.starts_with("cycle") { world.run(&command) } else { String::new() };
            if out.contains("BROKEN") || !again.is_empty() {
                return Err(format!("{out}then {again}after\n> {}", told.join("\n> ")));
            }
            let launched = seen(&out);
            running.extend(launched.iter().map(|told| told.split(' ').nth(1).unwrap().to_owned()));
            commands.extend(launched);
        }
    }
    Ok(world.allocator.stats().holds)
}

#[test]
fn no_life_breaks_a_law() {
    let (first, runs, steps) = (number("SEED", 1), number("RUNS", 25), number("STEPS", 250));
    let mut holds = 0;
    for seed in first..first.saturating_add(runs) {
        let again =
            format!("SEED={seed} RUNS=1 STEPS={steps} cargo test -p twofold-allocator --test simulation");
        let outcome = std::panic::catch_unwind(|| live(seed, steps).and_then(|()| busy(seed, steps)));
        match outcome {
            Ok(Ok(more)) => holds += more,
            Ok(Err(what)) => panic!("{what}\nrun it again with: {again}"),
            Err(_) => panic!("a panic, see above; run it again with: {again}"),
        }
    }
    // Else the busy lives are not busy enough to say anything of holds.
    assert!(runs < 25 || holds > runs, "only {holds} holds");
}
