//! Offers, answers, launches: level one says who is next and what it may take, level two says where, level one checks
//! again and books.

use super::State;
use super::entry::Entry;
use super::workload::{self, Usual};
use crate::object::Key;
use std::collections::BTreeMap;
use twofold_allocator::ask::Demand;
use twofold_allocator::change::Change;
use twofold_allocator::offer::{Answer, Launch, Offer, Terms};
use twofold_allocator::tick::Tick;
use twofold_sdk::evaluate::{self, Evaluation, Inquiry, Room};
use twofold_sdk::instance::InstanceId;
use twofold_sdk::observed::{InstanceView, Place, TaskState, View};
use twofold_sdk::{plan, requirement};

/// An accepted launch, and the instance that it is of.
pub(super) type Launched = (InstanceId, Launch);

/// Lets turns go on until nobody is left; for each service that had a turn, what it launched, in order.
pub(super) fn run(state: &mut State, tick: Tick) -> BTreeMap<Key, Vec<Launched>> {
    let mut turns: BTreeMap<Key, Vec<Launched>> = BTreeMap::new();
    state.allocator.begin(tick);
    let mut usual_is_known = false;
    while let Some(offer) = state.allocator.next_offer() {
        let Some(key) = state.by_framework.get(&offer.framework).cloned() else {
            state.answer(&offer, Answer::Decline { until: None });
            continue;
        };
        if !usual_is_known && state.services.get(&key).is_some_and(workload::looks_at_it) {
            workload::refresh(state);
            usual_is_known = true;
        }
        let Some(mut entry) = state.services.remove(&key) else {
            state.answer(&offer, Answer::Decline { until: None });
            continue;
        };
        let launches = turn(state, &mut entry, &offer, tick);
        state.services.insert(key.clone(), entry);
        turns.entry(key).or_default().extend(launches);
    }
    turns
}

fn turn(state: &mut State, entry: &mut Entry, offer: &Offer, tick: Tick) -> Vec<Launched> {
    let Some(evaluation) = evaluate_offer(state, entry, offer, tick) else {
        state.answer(offer, Answer::Decline { until: None });
        return Vec::new();
    };
    let Terms::Units { ask, .. } = &offer.terms else { return Vec::new() };
    match evaluation.refusals {
        Some(refusals) => entry.refusals.insert(ask.clone(), refusals),
        None => entry.refusals.remove(ask),
    };
    let launches = state.answer(offer, evaluation.answer);
    let launched: Vec<_> = evaluation.placed.into_iter().zip(launches).collect();
    if !launched.is_empty() {
        book(state, entry, &launched, tick);
    }
    launched
}

fn evaluate_offer(state: &State, entry: &Entry, offer: &Offer, tick: Tick) -> Option<Evaluation> {
    let Terms::Units { ask, units } = &offer.terms else { return None };
    let spec = entry.translated.as_ref().ok()?;
    let asked = entry.asks.iter().find(|plan| plan.ask.id == *ask)?;
    let shown = state.allocator.shown(offer);
    let rooms: Vec<Vec<Room<'_>>> = (0..asked.ask.members.len())
        .map(|at| {
            let Some(member) = shown.member(at) else { return Vec::new() };
            let mut rooms: Vec<_> = member.agents().map(|(agent, free)| Room { agent, free }).collect();
            // Level one shows them as they come first; level two finds them by name.
            rooms.sort_by(|one, other| one.agent.id.cmp(&other.agent.id));
            rooms
        })
        .collect();
    Some(evaluate::evaluate(&Inquiry {
        spec,
        view: &entry.view,
        ask: asked,
        rooms: &rooms,
        facts: &state.world.facts,
        workload: state.usual.as_ref().map(Usual::workload),
        units: *units,
        now: tick.now,
    }))
}

/// Launched instances are seen as launched at once, so that the next turn of the same cycle counts them.
fn book(state: &mut State, entry: &mut Entry, launched: &[Launched], tick: Tick) {
    for (instance, launch) in launched {
        let agent = &launch.placement().agent;
        let known = state.world.agents.get(agent);
        let view =
            entry.view.instances.entry(instance.clone()).or_insert_with(|| InstanceView::absent(tick.now));
        view.task = View::Known(TaskState::Launched, tick.now);
        view.since = tick.now;
        view.place = Some(Place {
            agent: agent.clone(),
            domain: known.and_then(|agent| agent.domain.clone()),
            agent_gone: false,
        });
    }
    let Ok(spec) = entry.translated.clone() else { return };
    let plans = plan::plans(&spec, &entry.view, tick.now);
    let held = |ask: &requirement::AskPlan| entry.asks.iter().any(|known| known.ask.id == ask.ask.id);
    let asks: Vec<_> =
        requirement::asks(&spec, &entry.view, &plans).into_iter().filter(|ask| held(ask)).collect();
    entry.plans = Some(plans);
    entry.asks = asks;
    let asks: Vec<_> = entry.asks.iter().map(|ask| ask.ask.clone()).collect();
    entry.demand = if asks.is_empty() { Demand::None } else { Demand::Asks(asks) };
    let demand = entry.demand.clone();
    state.tell(Change::Demand { framework: spec.framework, role: spec.role, demand });
}
