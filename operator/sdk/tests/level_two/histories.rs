//! Seeded histories: a ring and a job live through whatever happens to them, and come up once it stops.
//! `SEED=n cargo test -p twofold-sdk histories` plays one again.

use crate::generate::{bare_spec, pod_type, spread_over_zones};
use crate::world::{World, agent, room};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use twofold_allocator::id::AgentId;
use twofold_sdk::instance::InstanceId;
use twofold_sdk::launch::withdrawals;
use twofold_sdk::observed::{Data, TaskState, View};
use twofold_sdk::plan::Status;
use twofold_sdk::removal::removals;
use twofold_sdk::spec::{Gang, Goal, PodType, Start, Volume};
use twofold_sdk::start::starts;

const SEEDS: u64 = 300;
const EVENTS: u32 = 60;

/// Steele, Lea and Flood's SplitMix64: enough for choices, and the same everywhere.
struct Choices(u64);

impl Choices {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let below = (mixed ^ (mixed >> 31)) % u64::try_from(bound.max(1)).unwrap();
        usize::try_from(below).unwrap()
    }
}

#[test]
fn a_ring_never_has_two_newcomers_and_comes_up_in_the_end() {
    play_all(ring);
}

#[test]
fn a_job_is_launched_whole_and_comes_up_in_the_end() {
    play_all(job);
}

fn play_all(make: fn() -> World) {
    let chosen = std::env::var("SEED").ok().and_then(|seed| seed.parse::<u64>().ok());
    for seed in chosen.map_or(0..SEEDS, |seed| seed..seed + 1) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| play(make(), Choices(seed)))) {
            eprintln!("play it again: SEED={seed} cargo test -p twofold-sdk histories");
            resume_unwind(panic);
        }
    }
}

fn ring() -> World {
    let mut spec = bare_spec();
    spec.gang = Gang::All;
    let volumes = vec![Volume { name: "data".into(), bytes: 1 << 30, class: None }];
    let start = Start::OneAtATimeWhenEmpty;
    let declared = pod_type("node", 3, 2000, 0);
    spec.pod_types.push(PodType { volumes, start, rule: spread_over_zones(), ..declared });
    with_agents(World::new(spec))
}

fn job() -> World {
    let mut spec = bare_spec();
    spec.gang = Gang::All;
    spec.pod_types.push(PodType { goal: Goal::Finish, ..pod_type("ps", 2, 1000, 0) });
    spec.pod_types.push(PodType { goal: Goal::Finish, ..pod_type("worker", 3, 1000, 2) });
    with_agents(World::new(spec))
}

fn with_agents(mut world: World) -> World {
    for (at, zone) in ["a", "b", "c", "a", "b", "c"].into_iter().enumerate() {
        world.add_agent(agent(&format!("a{at}"), Some(zone), room(4000, 16 << 30, 2)));
    }
    world
}

fn play(mut world: World, mut choices: Choices) {
    for _ in 0..EVENTS {
        disturb(&mut world, &mut choices);
        act(&mut world);
        world.now = world.now.plus_millis(7_000);
    }
    for _ in 0..200 {
        help(&mut world);
        act(&mut world);
        world.now = world.now.plus_millis(20_000);
        let plans = world.plans();
        if plans.deploy.status() == Status::Complete && plans.recovery.status() == Status::Complete {
            return;
        }
    }
    panic!("it never came up: {:#?}", world.view);
}

/// What level two decides, carried out at once; the promises are checked on the way.
fn act(world: &mut World) {
    for removal in removals(&world.spec, &world.view, world.now) {
        world.set(&removal.instance, TaskState::Absent);
    }
    for withdrawal in withdrawals(&world.spec, &world.view, world.now, 60_000) {
        world.withdraw(&withdrawal);
    }
    let can_be_seen = world.view.instances.values().all(|seen| matches!(seen.task, View::Known(..)));
    let is_first = !world.view.gang_started && can_be_seen;
    for ask in world.asks() {
        let evaluation = world.evaluate(&ask, u32::MAX, false);
        world.launch(&evaluation);
    }
    let pods = world.view.instances.values().filter(|seen| has_pod(&seen.task)).count();
    if is_first && pods > 0 {
        assert_eq!(pods, world.spec.instances().count(), "a part of a gang: {:#?}", world.view);
    }
    for instance in starts(&world.spec, &world.view) {
        let is_newcomer = world.seen(&instance).data == Data::Empty;
        let all_ready = world.view.instances.values().all(|seen| !seen.joined || seen.is_ready());
        assert!(all_ready || !is_newcomer, "{instance} joins while a member is away: {:#?}", world.view);
        world.lift(&instance);
    }
    let newcomers = world.view.instances.iter().filter(|(id, seen)| {
        let start = world.spec.pod_type(&id.pod_type).unwrap().start;
        let is_past_gate = seen.started && has_pod(&seen.task);
        start == Start::OneAtATimeWhenEmpty && is_past_gate && seen.data == Data::Empty
    });
    assert!(newcomers.count() <= 1, "two join at once: {:#?}", world.view);
}

fn has_pod(task: &View<TaskState>) -> bool {
    !matches!(task, View::Known(TaskState::Absent, _))
}

/// Something happens to one instance, or to an agent.
fn disturb(world: &mut World, choices: &mut Choices) {
    let ids: Vec<InstanceId> = world.view.instances.keys().cloned().collect();
    let Some(id) = ids.get(choices.below(ids.len())) else {
        return;
    };
    let seen = world.seen(id);
    let next = match (choices.below(10), &seen.task) {
        (0, task) if has_pod(task) => {
            world.seen_mut(id).task = View::Unknown("no answer".into());
            return;
        }
        (1, View::Known(TaskState::Running { .. }, _)) => TaskState::Unreachable,
        (2, View::Known(TaskState::Running { .. } | TaskState::Unreachable, _)) => TaskState::Lost,
        (3, View::Known(TaskState::Running { .. }, _)) => {
            TaskState::Failed { exit_code: Some(137), reason: "".into() }
        }
        (4, View::Known(TaskState::Launched, _)) => {
            TaskState::Failed { exit_code: None, reason: "OutOfcpu".into() }
        }
        (5, _) => return flip_agent(world, choices),
        (6, View::Known(TaskState::Running { .. }, _)) => TaskState::Running { ready: false },
        _ => return advance(world, id),
    };
    world.set(id, next);
}

/// An agent stops taking work, or takes it again.
fn flip_agent(world: &mut World, choices: &mut Choices) {
    use twofold_allocator::agent::AgentState::{Active, Draining, Unreachable};
    let name = format!("a{}", choices.below(6));
    let agent = world.agents.get_mut(&AgentId::from(name.as_str())).unwrap();
    agent.state = if agent.state == Active { [Draining, Unreachable][choices.below(2)] } else { Active };
}

/// One instance gets a step further, as it does when nothing is in its way.
fn advance(world: &mut World, id: &InstanceId) {
    let next = match world.seen(id).task {
        View::Known(TaskState::Launched, _) => TaskState::Starting,
        View::Known(TaskState::Starting, _) => TaskState::Running { ready: false },
        View::Known(TaskState::Running { .. }, _) => TaskState::Running { ready: true },
        View::Known(TaskState::Terminating, _) => TaskState::Absent,
        View::Known(TaskState::Unreachable, _) | View::Unknown(_) => TaskState::Running { ready: true },
        View::Known(..) => return,
    };
    world.set(id, next);
}

/// Every instance and agent gets well.
fn help(world: &mut World) {
    for agent in world.agents.values_mut() {
        agent.state = twofold_allocator::agent::AgentState::Active;
    }
    for id in world.view.instances.keys().cloned().collect::<Vec<_>>() {
        advance(world, &id);
    }
}
