//! Clusters to measure on, and frameworks that answer.

use crate::report::Watch;
use twofold_allocator::agent::{Agent, AgentState, GpuRoom};
use twofold_allocator::allocator::Allocator;
use twofold_allocator::ask::{Ask, Demand, Member, Shape};
use twofold_allocator::change::Change;
use twofold_allocator::counts::Counts;
use twofold_allocator::framework::Framework;
use twofold_allocator::id::{AgentId, FrameworkId, RolePath, TaskId};
use twofold_allocator::offer::{Answer, Offer, Placement, Terms};
use twofold_allocator::policy::{Grain, Laws, Policy};
use twofold_allocator::resources::Resources;
use twofold_allocator::tick::{Tick, Timestamp};

pub(crate) const GI: u64 = 1 << 30;
pub(crate) const NO_GRAIN: Grain = Grain { numerator: 0, denominator: 1 };

pub(crate) fn policy(laws: Laws, grain: Grain) -> Policy {
    Policy { laws, grain, turns_per_cycle_max: u64::MAX, ..Policy::default() }
}

/// A cluster with laws on what is touched and turns as small as they can be.
pub(crate) fn strict() -> Allocator {
    Allocator::new(policy(Laws::Touched, NO_GRAIN))
}

/// What most rows take for a machine.
pub(crate) fn large() -> Resources {
    Resources { pods: 110, ..Resources::new(16_000, 64 * GI) }
}

pub(crate) fn agent(at: u32, capacity: Resources) -> Agent {
    Agent {
        id: format!("agent-{at:06}").as_str().into(),
        capacity,
        domain: None,
        attributes: [("kubernetes.io/os".into(), "linux".into())].into(),
        state: AgentState::Active,
        gpu_room: GpuRoom::Kept,
    }
}

pub(crate) fn add_agents(allocator: &mut Allocator, count: u32, capacity: &Resources) {
    for at in 0..count {
        allocator.apply(Change::Agent(agent(at, capacity.clone()))).unwrap();
    }
}

pub(crate) fn role(at: u32) -> RolePath {
    format!("role-{at:05}").as_str().into()
}

/// A framework of this number in a role, with what it wants.
pub(crate) fn add_framework(
    allocator: &mut Allocator,
    at: u32,
    role: RolePath,
    demand: Demand,
) -> FrameworkId {
    let id: FrameworkId = format!("framework-{at:05}").as_str().into();
    let roles = vec![role.clone()];
    let framework =
        Framework { id: id.clone(), roles, priority: 0, since: Timestamp(0), region_aware: false };
    allocator.apply(Change::Framework(framework)).unwrap();
    allocator.apply(Change::Demand { framework: id.clone(), role, demand }).unwrap();
    id
}

/// A cluster with one framework in each role, which wants what `demand` says.
pub(crate) fn cluster(
    policy: Policy,
    count: u32,
    frameworks: u32,
    demand: impl Fn(u32) -> Demand,
) -> Allocator {
    let mut allocator = Allocator::new(policy);
    add_agents(&mut allocator, count, &large());
    for at in 0..frameworks {
        add_framework(&mut allocator, at, role(at), demand(at));
    }
    allocator
}

pub(crate) fn open(_: u32) -> Demand {
    Demand::Open { least: Resources::new(1, 1) }
}

/// An ask of equal members, of which `least` are a gang.
pub(crate) fn ask(shape: Shape, count: u32, least: u32) -> Demand {
    let member = Member { shape, count, least, constraints: Vec::new(), reservation: None };
    Demand::Asks(vec![Ask {
        id: "x".into(),
        members: vec![member],
        priority: 0,
        since: Timestamp(0),
        reclaimable: false,
    }])
}

pub(crate) fn shape(cpu_milli: u64, memory: u64) -> Shape {
    Shape { base: Resources { pods: 1, ..Resources::new(cpu_milli, memory) }, gpu: None }
}

pub(crate) fn singles(count: u32, cpu_milli: u64, memory: u64) -> Demand {
    ask(shape(cpu_milli, memory), count, 0)
}

/// A machine with eight GPUs.
pub(crate) fn gpu_machine() -> Resources {
    Resources { pods: 110, gpus: Counts::of("a100".into(), 8), ..Resources::new(96_000, 1024 * GI) }
}

/// What one cycle came to.
pub(crate) struct Cycle {
    pub(crate) millis: f64,
    pub(crate) offers: u64,
    pub(crate) launches: u64,
}

/// Runs a cycle and answers every offer.
pub(crate) fn cycle(
    allocator: &mut Allocator,
    number: u64,
    mut answer: impl FnMut(&Allocator, &Offer) -> Answer,
) -> Cycle {
    let watch = Watch::start();
    let before = *allocator.stats();
    allocator.begin(Tick { cycle: number, now: Timestamp(number) });
    while let Some(offer) = allocator.next_offer() {
        let answer = answer(allocator, &offer);
        allocator.settle(offer.id, answer).unwrap();
    }
    let broken = allocator.check_touched();
    let after = allocator.stats();
    let millis = watch.millis();
    assert!(broken.is_empty(), "{broken:?}");
    Cycle { millis, offers: after.offers - before.offers, launches: after.launches - before.launches }
}

pub(crate) const FOR_EVER: Answer = Answer::Decline { until: None };

pub(crate) fn decline(_: &Allocator, _: &Offer) -> Answer {
    FOR_EVER
}

/// Takes everything of every part, one task an agent, under names that are there already.
pub(crate) fn take_whole(mut names: Vec<TaskId>) -> impl FnMut(&Allocator, &Offer) -> Answer {
    move |_, offer| {
        let Terms::Parts { parts, .. } = &offer.terms else { return FOR_EVER };
        let place = |(agent, part): &(_, Resources)| Placement {
            task: names.pop().unwrap(),
            member: 0,
            agent: Clone::clone(agent),
            resources: part.clone(),
            devices: Vec::new(),
        };
        Answer::Accept(parts.iter().map(place).collect())
    }
}

/// Names that are made before they are needed, so that making them is not measured.
pub(crate) fn names(count: u32) -> Vec<TaskId> {
    (0..count).rev().map(|at| format!("task-{at:08}").as_str().into()).collect()
}

/// Takes the allowance where it fits first, at most so much of it.
pub(crate) fn take_first(allocator: &Allocator, offer: &Offer, most: u32, names: &mut Vec<TaskId>) -> Answer {
    let Terms::Units { units, .. } = offer.terms else { return FOR_EVER };
    let shown = allocator.shown(offer);
    let view = shown.member(0).unwrap();
    let member = view.wanted();
    let wanted = if member.least > 0 { member.least } else { units.min(most) } as usize;
    let mut places = Vec::with_capacity(wanted);
    for (agent, free) in view.fitting() {
        let mut free = free.into_owned();
        while places.len() < wanted {
            let Ok(resources) = member.shape.on(&free) else { break };
            free.take(&resources).unwrap();
            places.push((&agent.id, resources));
        }
        if places.len() == wanted {
            break;
        }
    }
    if places.is_empty() || (member.least > 0 && places.len() < wanted) {
        return FOR_EVER;
    }
    let place = |(agent, resources): (&AgentId, _)| Placement {
        task: names.pop().unwrap(),
        member: 0,
        agent: agent.clone(),
        resources,
        devices: Vec::new(),
    };
    Answer::Accept(places.into_iter().map(place).collect())
}

pub(crate) fn law(laws: Laws) -> &'static str {
    match laws {
        Laws::Off => "off",
        Laws::Touched => "touched",
        Laws::Everything => "everything",
    }
}
