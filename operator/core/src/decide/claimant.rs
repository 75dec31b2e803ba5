//! Whether who claims room would take it. Level one counts amounts; tolerations, ports and an even spread are level
//! two's, which is asked before anything ends.

use super::State;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::explain::Explanation;
use twofold_allocator::id::{AgentId, AskId, FrameworkId, RolePath};
use twofold_allocator::offer::Answer;
use twofold_allocator::reclaim::ClaimWord;
use twofold_allocator::resources::Resources;
use twofold_allocator::tick::Timestamp;
use twofold_allocator::view::Stage;
use twofold_sdk::admission::AgentFacts;
use twofold_sdk::evaluate::{self, Inquiry, Room};
use twofold_sdk::requirement::AskPlan;

/// What level two says to the room that is asked back.
pub(super) enum Judgement {
    /// A unit would be placed on it.
    Takes,
    /// It does not do. Instances by themselves would stand on these of the agents.
    TakesPart(BTreeSet<AgentId>),
}

/// Judges the claim of an ask as it stands; none when there is none any more.
pub(super) fn judge(
    state: &State,
    (framework, role): (&FrameworkId, &RolePath),
    ask: &AskId,
    now: Timestamp,
) -> Option<Judgement> {
    let entry = state.services.get(state.by_framework.get(framework)?)?;
    let spec = entry.translated.as_ref().ok()?;
    let plan = entry.asks.iter().find(|plan| plan.ask.id == *ask)?;
    let explanation = state.allocator.explain(framework, role, ask)?;
    let claim = explanation.reclaim.as_ref().ok()?;
    let rooms = rooms(state, plan, &explanation, claim);
    let facts = facts(state, claim);
    let try_out = |plan: &AskPlan, units: u32| {
        let (view, rooms, facts) = (&entry.view, &rooms, &facts);
        // Whether there is a place is the question, not which is the best.
        let inquiry = Inquiry { spec, view, ask: plan, rooms, facts, workload: None, units, now };
        match evaluate::evaluate(&inquiry).answer {
            Answer::Accept(placements) => placements,
            Answer::Operate(_) | Answer::Decline { .. } => Vec::new(),
        }
    };
    if !try_out(plan, 1).is_empty() {
        return Some(Judgement::Takes);
    }
    let mut singly = plan.clone();
    singly.ask.members.iter_mut().for_each(|member| member.least = 0);
    let placements = try_out(&singly, u32::MAX).into_iter();
    Some(Judgement::TakesPart(placements.map(|placement| placement.agent).collect()))
}

/// The agents that each member would be shown, with what is asked back there; the others count for the spread only.
fn rooms<'a>(
    state: &'a State,
    plan: &AskPlan,
    explanation: &Explanation,
    claim: &'a ClaimWord,
) -> Vec<Vec<Room<'a>>> {
    let parts: BTreeMap<&AgentId, &Resources> =
        claim.parts.iter().map(|(agent, part)| (agent, part)).collect();
    let room = |(id, stage): &(AgentId, Option<Stage>)| {
        let agent = state.world.agents.get(id).filter(|_| stage.as_ref().is_none_or(lacks_room))?;
        let free =
            parts.get(id).map_or_else(|| Cow::Owned(Resources::default()), |part| Cow::Borrowed(*part));
        Some(Room { agent, free })
    };
    let rooms = |at| {
        let words = explanation.members.iter().filter(|word| word.member == at);
        words.flat_map(|word| &word.agents).filter_map(room).collect()
    };
    (0..plan.ask.members.len()).map(rooms).collect()
}

/// Whether an agent says no for its room alone.
fn lacks_room(stage: &Stage) -> bool {
    match stage {
        Stage::Refused
        | Stage::Room(_)
        | Stage::Devices(_)
        | Stage::GpuRoom(_)
        | Stage::Held { .. }
        | Stage::Reserved { .. } => true,
        Stage::Draining
        | Stage::Unreachable
        | Stage::Revocable
        | Stage::Region { .. }
        | Stage::RoleAgents(_)
        | Stage::Constraint(_)
        | Stage::VolumeInUse(_)
        | Stage::Avoided => false,
    }
}

/// What is known of the agents, without the ports of what goes.
fn facts(state: &State, claim: &ClaimWord) -> BTreeMap<AgentId, AgentFacts> {
    let world = &state.world;
    let goes: BTreeSet<_> =
        claim.units.iter().filter_map(|unit| state.by_framework.get(&unit.framework)).collect();
    let mut facts = world.facts.clone();
    for (agent, _) in &claim.parts {
        let pods = world.pods_by_agent.get(agent).into_iter().flatten();
        let stay = pods.filter(|pod| world.owner_of(pod).is_none_or(|owner| !goes.contains(&owner)));
        let ports = stay.filter_map(|pod| world.pods.get(pod)).flat_map(|pod| pod.host_ports.iter().copied());
        if let Some(facts) = facts.get_mut(agent) {
            facts.host_ports = ports.collect();
        }
    }
    facts
}
