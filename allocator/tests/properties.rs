//! Properties: what holds in every world, whatever it is told.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

#[path = "properties/commands.rs"]
mod commands;
#[path = "properties/history.rs"]
mod history;
#[path = "cases/world.rs"]
mod world;

use history::replay;
use proptest::prelude::*;
use std::collections::BTreeMap;
use twofold_allocator::quantity::{Quantity, parse_bytes};
use world::World;

fn any_commands() -> impl Strategy<Value = Vec<String>> {
    let one = proptest::array::uniform16(any::<u8>());
    (any::<u8>(), proptest::collection::vec(one, 1..60)).prop_map(|(policy, all)| {
        let commands = all.iter().map(|bytes: &[u8; commands::BYTES]| commands::command(bytes));
        std::iter::once(commands::policy(policy)).chain(commands).collect()
    })
}

/// Commands in which most holdings are marked and many asks are, with what is asked back after each cycle.
fn lending(commands: &[String]) -> Vec<String> {
    let mut lending = Vec::new();
    for (at, command) in commands.iter().enumerate() {
        let marked = at % 3 > 0;
        if command.starts_with("holding ") && marked && !command.contains("foreign") {
            lending.push(format!("{command} unit=u{} reclaimable since={}", at % 4, at % 5));
        } else if command.starts_with("asks ") && marked {
            lending.push(command.replace("priority=", "reclaimable priority="));
        } else {
            lending.push(command.clone());
        }
        if command.starts_with("cycle") {
            let (give, keep) = (at / 2 + 1, at / 3 + 1);
            let answers =
                ["inverse".into(), format!("give {give}"), format!("keep {keep} until={}", at % 12)];
            lending.extend(answers);
        }
    }
    lending
}

fn any_changes() -> impl Strategy<Value = Vec<String>> {
    let one = proptest::array::uniform16(any::<u8>());
    proptest::collection::vec(one, 1..50)
        .prop_map(|all| all.iter().map(|bytes: &[u8; commands::BYTES]| commands::change(bytes)).collect())
}

/// What the last command of each sort about each object says: the facts, in any order.
fn facts(changes: &[String]) -> Vec<String> {
    let mut facts: BTreeMap<String, String> = BTreeMap::new();
    for change in changes {
        let mut words = change.split(' ');
        let (verb, name) = (words.next().unwrap(), words.next().unwrap());
        let about = match verb {
            "agent" | "agent-gone" => "agent",
            "role" | "role-gone" => "role",
            "framework" => "framework",
            "holding" | "holding-gone" => "holding",
            _ => continue,
        };
        facts.insert(format!("{about} {name}"), change.clone());
    }
    facts.into_values().filter(|fact| !fact.contains("-gone")).collect()
}

/// How many worlds of each property; `CASES=2000` for a long run.
fn cases() -> u32 {
    std::env::var("CASES").map_or(100, |text| text.parse().unwrap())
}

/// A command with numbers from the ends of what can be told.
fn extreme(pick: &[u8; 8]) -> String {
    let amount = |at: usize| {
        ["0", "1", "1125899906842624", "1125899906842625", "9223372036854775807"][usize::from(pick[at] % 5)]
    };
    let count = |at: usize| ["0", "1", "2147483647", "4294967295"][usize::from(pick[at] % 4)];
    let time = |at: usize| ["0", "1", "18446744073709551615"][usize::from(pick[at] % 3)];
    let name = pick[1] % 2;
    match pick[0] % 8 {
        0 => format!("agent a{name} memory={} pods={} gpu=m:{}", amount(2), amount(3), amount(4)),
        1 => format!(
            "role r{name} weight={} guarantee=memory:{} limit=pods:{}",
            count(2),
            amount(3),
            amount(4)
        ),
        2 => format!("framework f{name} role=r{} priority=-2147483648 since={}", pick[2] % 2, time(3)),
        3 => format!(
            "asks f{name} x priority=2147483647 since={}{{memory={} pods={} count={} least={} gpu={}}}",
            time(2),
            amount(3),
            amount(4),
            count(5),
            count(6),
            amount(7)
        ),
        4 => format!(
            "holding t{name} a{} f{} memory={} pods={}{}",
            pick[2] % 2,
            pick[3] % 2,
            amount(4),
            amount(5),
            if pick[6].is_multiple_of(2) { " finishing" } else { "" }
        ),
        5 => format!("tick {}", time(2)),
        6 => format!("explain f{name} x"),
        _ => "cycle answer=decline".into(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// The audit after each command holds every law, and the books against a fresh build.
    #[test]
    fn laws_hold_whatever_is_told(commands in any_commands()) {
        let (out, _) = replay(&commands);
        prop_assert!(!out.contains("BROKEN"), "{out}");
    }

    /// The same where units are marked, asks borrow, and what is asked back is given, kept, or left without an answer.
    #[test]
    fn laws_hold_whatever_is_asked_back(commands in any_commands()) {
        let commands = lending(&commands);
        let (out, world) = replay(&commands);
        prop_assert!(!out.contains("BROKEN"), "{out}");
        prop_assert_eq!(&out, &replay(&commands).0);
        let live: Vec<_> = world.allocator.live_inverse().map(|o| (&o.framework, &o.role, &o.unit)).collect();
        let units: std::collections::BTreeSet<_> = live.iter().collect();
        prop_assert_eq!(units.len(), live.len(), "{}", out);
    }

    #[test]
    fn the_same_input_gives_the_same_output(commands in any_commands()) {
        prop_assert_eq!(replay(&commands).0, replay(&commands).0);
    }

    #[test]
    fn a_change_told_again_changes_nothing(commands in any_commands(), changes in any_changes()) {
        let (_, mut world) = replay(&commands);
        for change in &changes {
            let first = world.run(change);
            let changed = world.allocator.stats().changes;
            prop_assert_eq!(&first, &world.run(change));
            prop_assert_eq!(changed, world.allocator.stats().changes, "{}", change);
        }
    }

    #[test]
    fn a_second_cycle_without_changes_gives_nothing(commands in any_commands(), decline in any::<bool>()) {
        let (_, mut world) = replay(&commands);
        let cycle = if decline { "cycle answer=decline" } else { "cycle" };
        let first = world.run(cycle);
        prop_assert_eq!(world.run(cycle), "", "after {}", first);
    }

    #[test]
    fn a_copy_answers_what_if_and_leaves_the_original(commands in any_commands(), changes in any_changes()) {
        let (_, mut world) = replay(&commands);
        let copy = world.allocator.clone();
        let before = (world.run("agents"), world.run("roles"));
        changes.iter().for_each(|change| drop(world.run(change)));
        world.run("cycle");
        world.allocator = copy;
        prop_assert_eq!(before, (world.run("agents"), world.run("roles")));
    }

    /// Books depend on the facts, not on the order in which they were told, nor on what was so before.
    #[test]
    fn facts_in_any_order_make_the_same_books(changes in any_changes(), turn in any::<usize>()) {
        let mut facts = facts(&changes);
        let (_, mut once) = replay(&facts);
        let about = facts.len().max(1);
        facts.rotate_left(turn % about);
        let mut history: Vec<String> =
            changes.iter().filter(|c| c.starts_with("agent") || c.starts_with("holding")).cloned().collect();
        history.extend(facts.iter().filter(|fact| !fact.starts_with("agent") && !fact.starts_with("holding")).cloned());
        let (_, mut again) = replay(&history);
        facts.reverse();
        let (_, mut reversed) = replay(&facts);
        let expected = (once.run("agents"), once.run("roles"));
        prop_assert_eq!(&expected, &(again.run("agents"), again.run("roles")));
        prop_assert_eq!(&expected, &(reversed.run("agents"), reversed.run("roles")));
    }

    /// The largest and the smallest numbers that a change can hold are refused or counted; nothing overflows.
    #[test]
    fn extreme_numbers_do_no_harm(picks in proptest::collection::vec(any::<[u8; 8]>(), 1..40)) {
        let mut world = World::new();
        for pick in &picks {
            let out = world.run(&extreme(pick));
            prop_assert!(!out.contains("BROKEN"), "{out}");
        }
    }

    #[test]
    fn quantities_are_printed_as_they_are_read(nano in 0u64..=u64::MAX) {
        for quantity in [Quantity::whole(nano), Quantity::milli(nano)] {
            prop_assert_eq!(Quantity::parse(&quantity.to_string()), Ok(quantity));
            prop_assert_eq!(Quantity::parse(&quantity.binary().to_string()), Ok(quantity));
        }
    }

    #[test]
    fn quantities_keep_order_and_sums(a in 0u64..1 << 40, b in 0u64..1 << 40) {
        let read = |number: u64| Quantity::parse(&format!("{number}m")).unwrap();
        prop_assert_eq!(read(a) < read(b), a < b);
        prop_assert_eq!(read(a).nano() + read(b).nano(), read(a + b).nano());
    }

    #[test]
    fn any_text_is_a_quantity_or_an_error(text in "[-+0-9.eEnumkMGTPKi ]{0,24}") {
        if let Ok(bytes) = parse_bytes(&text) {
            prop_assert!(bytes <= i64::MAX as u64);
        }
    }
}
