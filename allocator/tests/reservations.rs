//! Reservations in random worlds: the laws hold whatever is told, books follow from the facts in any order, and what is
//! reserved is given to its owner alone.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]
#![allow(dead_code, reason = "other tests use the rest")]

#[path = "properties/commands.rs"]
mod commands;
#[path = "properties/history.rs"]
mod history;
#[path = "cases/world.rs"]
mod world;

use commands::{AGENTS, Draw, FRAMEWORKS, ROLES};
use history::replay;
use proptest::prelude::*;
use std::collections::BTreeMap;
use world::World;

const RESERVATIONS: [&str; 4] = ["r0", "r1", "r2", "r3"];
const BYTES: usize = 18;

/// A change of what is reserved, or of what runs in it.
fn change(draw: &mut Draw<'_>) -> String {
    let id = draw.one(&RESERVATIONS);
    match draw.below(8) {
        0 => format!("reservation-gone {id}"),
        1 | 2 => format!(
            "holding {} {} {} cpu={} memory={} in={id}",
            draw.one(&["t0", "t1", "f0-0"]),
            draw.one(&AGENTS),
            seat(draw),
            draw.below(4),
            draw.below(3)
        ),
        _ => reserve(draw, "reservation", id),
    }
}

/// A framework in the role that it is in first, or at times in another.
fn seat(draw: &mut Draw<'_>) -> String {
    let at = usize::from(draw.below(5));
    let role = if draw.below(4) == 0 { draw.one(&ROLES) } else { ROLES[at] };
    format!("{} role={role}", FRAMEWORKS[at])
}

fn reserve(draw: &mut Draw<'_>, verb: &str, id: &str) -> String {
    let agent = draw.one(&AGENTS);
    let owner = if draw.below(2) == 0 {
        format!("role={}", draw.one(&ROLES))
    } else {
        format!("framework={} instance=i{}", seat(draw), draw.below(2))
    };
    let gpus = draw.one(&["", "", "", " gpu=m:1"]);
    let volume = draw.one(&["", "", " volume=v:anywhere", " volume=v:zone:z0", " volume=v:agent:a1"]);
    let volume = if verb == "reserve" { "" } else { volume };
    let refines = draw.one(&["", "", " refines=r0", " refines=r1"]);
    let (cpu, memory) = (draw.below(5), draw.below(4));
    format!("{verb} {id} {agent} {owner} cpu={cpu} memory={memory}{gpus}{volume}{refines}")
}

fn asks(draw: &mut Draw<'_>) -> String {
    let seat = seat(draw);
    let ask = |draw: &mut Draw<'_>, name: &str| {
        let count = 1 + draw.below(3);
        let least = if draw.below(3) == 0 { count } else { 0 };
        let (cpu, memory) = (draw.below(3), draw.below(3));
        let back = draw.one(&RESERVATIONS);
        format!("{name}{{cpu={cpu} memory={memory} count={count} least={least} back={back}}}")
    };
    format!("asks {seat} {} {}", ask(draw, "x"), ask(draw, "y"))
}

fn operation(draw: &mut Draw<'_>) -> String {
    let id = draw.one(&RESERVATIONS);
    match draw.below(6) {
        0 | 1 => reserve(draw, "reserve", id),
        2 => format!("unreserve {id}"),
        3 => format!("create-volume {id} {}", draw.one(&["v:anywhere", "w:zone:z0", "w:agent:a0"])),
        4 => format!("destroy-volume {id} {}", draw.one(&["v", "w"])),
        _ => format!(
            "launch {} {} {} cpu={} memory={}",
            draw.one(&["u0", "u1"]),
            draw.below(2),
            draw.one(&AGENTS),
            draw.below(3),
            draw.below(3)
        ),
    }
}

fn command(bytes: &[u8; BYTES]) -> String {
    let (kind, rest) = bytes.split_first().unwrap();
    let draw = &mut Draw::from(rest);
    match kind % 12 {
        0..=2 => change(draw),
        3 | 4 => asks(draw),
        5 => format!("operate {} ; {}", operation(draw), operation(draw)),
        6 => "cycle".into(),
        7 => "next".into(),
        8 => commands::agent(draw),
        _ => commands::command(rest),
    }
}

fn any_commands() -> impl Strategy<Value = Vec<String>> {
    let one = proptest::array::uniform18(any::<u8>());
    let bytes = proptest::collection::vec(one, 1..60);
    (any::<u8>(), bytes).prop_map(|(policy, all)| {
        let mut commands = vec![commands::policy(policy)];
        // So that most of them meet something.
        commands.extend(
            AGENTS.iter().take(3).map(|agent| format!("agent {agent} cpu=6 memory=6 pods=9 gpu=m:2")),
        );
        commands
            .extend(FRAMEWORKS.iter().zip(ROLES).map(|(name, role)| format!("framework {name} role={role}")));
        commands.extend(all.iter().map(command));
        commands
    })
}

/// The last word on each object, if it is there.
fn facts(commands: &[String]) -> Vec<String> {
    let mut facts: BTreeMap<String, String> = BTreeMap::new();
    for command in commands {
        let mut words = command.split(' ');
        let (verb, name) = (words.next().unwrap(), words.next().unwrap_or_default());
        let about = verb.strip_suffix("-gone").unwrap_or(verb);
        if ["agent", "role", "framework", "holding", "reservation"].contains(&about) {
            facts.insert(format!("{about} {name}"), command.clone());
        }
    }
    facts.into_values().filter(|fact| !fact.contains("-gone")).collect()
}

/// What the books say.
fn books(world: &mut World) -> [String; 3] {
    ["agents", "roles", "reservations"].map(|what| world.run(what))
}

fn cases() -> u32 {
    std::env::var("CASES").map_or(50, |text| text.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// The audit after each command holds that the books balance with what is reserved, that a rebuild is equal, and that
    /// nothing given takes what is reserved for another, which would be an over-commitment.
    #[test]
    fn laws_hold_whatever_is_reserved(commands in any_commands()) {
        let (out, _) = replay(&commands);
        prop_assert!(!out.contains("BROKEN"), "{out}");
    }

    #[test]
    fn what_is_reserved_follows_from_the_facts_in_any_order(commands in any_commands(), turn in any::<usize>()) {
        let mut facts = facts(&commands);
        let (_, mut once) = replay(&facts);
        let about = facts.len().max(1);
        facts.rotate_left(turn % about);
        let (_, mut rotated) = replay(&facts);
        facts.reverse();
        let (_, mut reversed) = replay(&facts);
        let expected = books(&mut once);
        prop_assert_eq!(&expected, &books(&mut rotated));
        prop_assert_eq!(&expected, &books(&mut reversed));
    }

    #[test]
    fn a_second_cycle_beside_reservations_gives_nothing(commands in any_commands(), decline in any::<bool>()) {
        let (_, mut world) = replay(&commands);
        let cycle = if decline { "cycle answer=decline" } else { "cycle" };
        let first = world.run(cycle);
        prop_assert_eq!(world.run(cycle), "", "after {}", first);
    }

    /// A refused accept leaves the books as they were, whatever its operations did before the one that was refused.
    #[test]
    fn operations_are_all_carried_out_or_none(commands in any_commands(), bytes in any::<[u8; 32]>()) {
        let (_, mut world) = replay(&commands);
        world.run("begin");
        world.run("next");
        let before = (books(&mut world), world.run("holds"));
        let draw = &mut Draw::from(&bytes[..]);
        let all: Vec<String> = (0..3).map(|_| operation(draw)).collect();
        let out = world.run(&format!("operate {}", all.join(" ; ")));
        // Open demand gives its parts back, and a hold that was complete is dropped: both by the end of the turn.
        let quiet = !before.0[0].contains("offered") && !before.1.contains("complete");
        if out.contains("refused") && quiet {
            prop_assert_eq!(before, (books(&mut world), world.run("holds")), "{}", out);
        }
    }

    /// A pod that comes back finds its room, whoever wanted it meanwhile.
    #[test]
    fn who_comes_back_finds_its_room(commands in any_commands(), cpu in 1u8..5, memory in 0u8..5) {
        let shape = format!("cpu={cpu} memory={memory}");
        let mut world = World::new();
        world.run("agent home cpu=5 memory=5 a.disk=ssd");
        world.run("framework ring role=ring");
        world.run(&format!("reservation seat home framework=ring instance=0 {shape} volume=v:agent:home"));
        for command in commands.iter().skip(1) {
            world.run(command);
        }
        world.run("cycle");
        world.run(&format!("asks ring back{{{shape} back=seat}}"));
        let out = world.run("cycle");
        prop_assert!(out.contains("ring-0 on home"), "{out}");
    }
}

/// An accept with operations may use idle guarantees as a plain one may, if its units may be asked back.
#[test]
fn operations_of_what_may_be_asked_back_break_no_law() {
    let (commands, answer) = (
        [
            "agent m cpu=4",
            "role a guarantee=cpu:4",
            "framework fb role=b",
            "asks fb x reclaimable{cpu=1}",
            "next",
        ],
        "operate launch t0 0 m cpu=1",
    );
    let (_, mut world) = replay(&commands.map(String::from));
    assert_eq!(world.run(answer), "  t0 on m: cpu 1\n");
    assert_eq!(world.allocator.check_touched(), []);
}
