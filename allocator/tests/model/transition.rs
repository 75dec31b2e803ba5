//! What may happen: what the cluster and the frameworks tell, what is answered, and the faults.

use super::commands::{self, Draw};
use super::devices;
use std::collections::BTreeSet;
use twofold_allocator::agent::AgentState;

/// One thing that happens. Objects are named, or picked by number among those that there are when it happens.
#[derive(Clone, Debug)]
pub(crate) enum Transition {
    /// A change, as a command of the cases: agents, roles, frameworks and tasks come, go and change, foreign pods appear.
    Tell(String),
    /// An agent drains, is lost, or returns.
    State {
        pick: u8,
        state: AgentState,
    },
    /// An agent has another capacity than before.
    Resize {
        pick: u8,
        cores: u8,
    },
    /// A launch is seen to run, as it was told or larger.
    Running {
        pick: u8,
        larger: bool,
    },
    /// A task ends, or is lost before it was seen.
    Ended {
        pick: u8,
    },
    /// A cycle begins, so much later. A clock that stands still is zero, one that goes back negative.
    Begin {
        millis: i64,
    },
    /// A turn begins; the offer of the last is lost if it must have been answered.
    Turn,
    /// Turns in which everybody takes what fits first, up to a number of units, until nobody has one.
    Cycle {
        take: u32,
    },
    /// The answer to an offer: what fits first, with something wrong or nothing.
    Accept {
        pick: u8,
        take: u32,
        wrong: Wrong,
    },
    Decline {
        pick: u8,
        millis: Option<u64>,
    },
    /// Fault: an answer to an offer that is live no more.
    Stale {
        pick: u8,
    },
    /// Fault: the last change is delivered again.
    Again,
    /// Fault: two changes that have nothing to do with each other come in the other order.
    Reorder(String, String),
    /// Fault: the process dies, and the next reads the cluster in this order.
    Crash {
        order: u64,
    },
}

/// What is wrong with an accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Nothing,
    /// The last placement is missing.
    Fewer,
    /// The first placement is there twice, under another name.
    More,
    /// The first placement is on another agent.
    Elsewhere(u8),
    /// A task has the name of another.
    NameInUse(u8),
    /// The first placement takes a core more.
    Larger,
    /// The first placement takes other ports.
    Ports(u8),
}

/// How many bytes make a transition.
pub(crate) const BYTES: usize = commands::BYTES + 1;

/// What makes a policy one without holds, which the naive allocator does not know.
const WITHOUT_HOLDS: u8 = 32;

/// The policy and the world to begin with: a few agents, roles, and frameworks that want something.
pub(crate) fn beginning(bytes: &[u8]) -> Vec<String> {
    let draw = &mut Draw::from(bytes);
    let mut told = vec![commands::policy(WITHOUT_HOLDS + draw.below(16))];
    told[0].push_str(draw.one(&["", "", "", " local-region=r"]));
    told.extend((0..1 + draw.below(4)).map(|_| commands::agent(draw)));
    told.extend((0..draw.below(2)).map(|_| devices::shown(draw.one(&commands::AGENTS[..3]), draw)));
    told.extend((0..draw.below(4)).map(|_| commands::role(draw)));
    for name in &commands::FRAMEWORKS[..usize::from(1 + draw.below(4))] {
        let roles = commands::roles(draw);
        told.push(format!("framework {name} role={roles} priority={}", draw.below(2)));
        let roles: BTreeSet<&str> = roles.split('|').collect();
        told.extend(roles.iter().map(|role| format!("asks {name} role={role} {}", commands::asks(draw))));
    }
    told
}

/// How many bytes make a beginning.
pub(crate) const BEGINNING: usize = 192;

pub(crate) fn transition(bytes: &[u8]) -> Transition {
    let (kind, rest) = bytes.split_first().unwrap();
    let draw = &mut Draw::from(rest);
    let pick = draw.below(255);
    match kind % 42 {
        0..=6 => Transition::Tell(commands::change(rest)),
        7 | 8 => Transition::Tell(devices::change(rest)),
        9 => Transition::State { pick, state: state(draw) },
        10 => Transition::Resize { pick, cores: draw.below(9) },
        11 | 12 => Transition::Running { pick, larger: draw.below(4) == 0 },
        13 | 14 => Transition::Ended { pick },
        15 | 16 => Transition::Begin { millis: i64::from(draw.below(6)) - 1 },
        17..=19 => Transition::Turn,
        20 | 21 => Transition::Cycle { take: u32::from(1 + draw.below(4)) },
        22..=24 => Transition::Accept { pick, take: u32::from(1 + draw.below(4)), wrong: wrong(draw) },
        25 | 26 => {
            let millis = draw.below(8);
            Transition::Decline { pick, millis: (millis < 4).then_some(millis.into()) }
        }
        27 => Transition::Stale { pick },
        28 => Transition::Again,
        32 | 33 => Transition::Tell(region(draw)),
        34..=37 => Transition::Tell(ports(draw)),
        38..=41 => Transition::Tell(revocable(draw)),
        29 | 30 => Transition::Reorder(on_agents(draw), off_agents(draw)),
        _ => Transition::Crash { order: u64::from(pick) + 1 },
    }
}

/// A change of what is near to whom.
fn region(draw: &mut Draw<'_>) -> String {
    match draw.below(4) {
        0 => format!("local-region {}", draw.one(&["none", "r", "s"])),
        1 => format!(
            "agent {} cpu={} memory=4 pods=4 at={}",
            draw.one(&commands::AGENTS),
            draw.below(9),
            draw.one(&["r/z0", "s/z0", "s/z1"])
        ),
        _ => format!(
            "framework {} role={}{}",
            draw.one(&commands::FRAMEWORKS),
            draw.one(&commands::ROLES),
            draw.one(&["", " region-aware"])
        ),
    }
}

/// A change of who has, takes or wants which ports.
fn ports(draw: &mut Draw<'_>) -> String {
    let some = draw.one(&["1-3", "2", "2-3,5", "1,3-4"]);
    let framework = draw.one(&commands::FRAMEWORKS);
    match draw.below(8) {
        0 | 1 => format!("agent {} cpu=8 memory=8 pods=9 ports={some}", draw.one(&commands::AGENTS)),
        2 => format!("holding t{} {} foreign ports={some}", draw.below(3), draw.one(&commands::AGENTS)),
        3 => format!(
            "role {} {}=ports:{}",
            draw.one(&commands::ROLES),
            draw.one(&["limit", "guarantee"]),
            draw.below(4)
        ),
        4 => format!("open {framework} ports={}", draw.one(&["2", "any:1", "any:2,3"])),
        _ => {
            let wanted = draw.one(&["any:1", "any:2", "2", "any:1,3", "2-3"]);
            let (count, gang) = (1 + draw.below(3), draw.below(2));
            let (least, cpu) = (count * gang, draw.below(2));
            format!("asks {framework} p{{cpu={cpu} ports={wanted} count={count} least={least}}}")
        }
    }
}

/// A change of what is revocable, and of who takes such.
fn revocable(draw: &mut Draw<'_>) -> String {
    let (agent, framework) = (draw.one(&commands::AGENTS), draw.one(&commands::FRAMEWORKS));
    let (cpu, memory) = (draw.below(5), draw.below(4));
    match draw.below(8) {
        0..=2 => format!("revocable {agent} cpu={cpu} memory={memory} pods=4"),
        3 => format!("holding t{} {agent}/revocable {framework} cpu={cpu}", draw.below(3)),
        _ => {
            let (count, gang) = (1 + draw.below(3), draw.below(2));
            let (least, where_) = (count * gang, draw.one(&["", "", " zone=z0"]));
            format!(
                "asks {framework} s{{cpu={} count={count} least={least} revocable{where_}}} x{{cpu=1}}",
                cpu % 3
            )
        }
    }
}

fn state(draw: &mut Draw<'_>) -> AgentState {
    match draw.below(4) {
        0 => AgentState::Draining,
        1 => AgentState::Unreachable,
        _ => AgentState::Active,
    }
}

fn wrong(draw: &mut Draw<'_>) -> Wrong {
    match draw.below(12) {
        0 => Wrong::Fewer,
        1 => Wrong::More,
        2 => Wrong::Elsewhere(draw.below(255)),
        3 => Wrong::NameInUse(draw.below(255)),
        4 => Wrong::Larger,
        5 => Wrong::Ports(draw.below(6)),
        _ => Wrong::Nothing,
    }
}

/// A change of an agent or of a foreign task.
fn on_agents(draw: &mut Draw<'_>) -> String {
    match draw.below(4) {
        0 => format!("holding t0 {} foreign cpu={}", draw.one(&commands::AGENTS), draw.below(4)),
        1 => format!("agent-gone {}", draw.one(&commands::AGENTS)),
        _ => commands::agent(draw),
    }
}

/// A change of a role or a framework.
fn off_agents(draw: &mut Draw<'_>) -> String {
    match draw.below(4) {
        0 => format!("role-gone {}", draw.one(&commands::ROLES)),
        1 => format!("framework {} role={}", draw.one(&commands::FRAMEWORKS), commands::roles(draw)),
        _ => commands::role(draw),
    }
}
