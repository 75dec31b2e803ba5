//! Why something waits, in words: one sentence for a status, a page for `twofold explain`.

use crate::action::{Action, Write};
use crate::decide::{Entry, State};
use crate::frameworks::{Waiting, WaitingGroup};
use crate::input::{Cause, Failure, Input, Outcome};
use crate::object::Key;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use twofold_allocator::allocator::Allocator;
use twofold_allocator::explain::hold::{HoldPart, HoldWord};
use twofold_allocator::explain::{Explanation, Fit, Standing, Verdict};
use twofold_allocator::reclaim::{ClaimWord, NoReclaim, UnitWord};
use twofold_allocator::resources::{Listed, Resources};
use twofold_sdk::plan::StepStatus;
use twofold_sdk::refusal::Refusals;

/// The most groups of refusals that a status shows.
const MOST_GROUPS: usize = 16;
/// The most sentences of a status, and the most characters of each: together they stay within what a condition holds.
const MOST_SENTENCES: usize = 8;
const MOST_CHARACTERS: usize = 500;
/// The most agents that a page shows for one reason.
const MOST_AGENTS: usize = 3;

/// What a service waits for, and why it has not got it: level two's reasons where it was offered something, level
/// one's where it was not.
pub(crate) fn waiting(entry: &Entry, allocator: &Allocator) -> Waiting {
    let Ok(spec) = &entry.translated else { return Waiting::default() };
    let mut told = Waiting::default();
    let mut sentences = Vec::new();
    for plan in &entry.asks {
        let explanation = allocator.explain(&spec.framework, &spec.role, &plan.ask.id);
        match (entry.refusals.get(&plan.ask.id), &explanation) {
            (Some(refusals), explanation) => {
                sentences.extend(explanation.as_ref().and_then(never));
                sentences.push(refusals.to_string());
                sentences.extend(explanation.as_ref().and_then(held));
                sentences.extend(explanation.as_ref().and_then(asked_back));
                told.groups.extend(groups(refusals));
            }
            (None, explanation) => sentences.extend(explanation.as_ref().map(sentence)),
        }
    }
    sentences.dedup();
    let mut steps = entry.plans.iter().flat_map(|plans| plans.steps());
    let waits = steps.any(|step| step.status == StepStatus::WaitingForOffers);
    if let Some(failure) = entry.launch_failure.as_ref().filter(|_| waits) {
        sentences.push(format!("the last launch failed: {failure}"));
    }
    if let Some(message) = &entry.setback.message {
        sentences.push(format!("the last write failed: {message}"));
    }
    told.groups.truncate(MOST_GROUPS);
    told.summary = joined(&sentences);
    told
}

/// Sentences in one line, as many as people read; how many more there are.
fn joined(sentences: &[String]) -> String {
    let shown = sentences.get(..MOST_SENTENCES).unwrap_or(sentences);
    let cut: Vec<String> =
        shown.iter().map(|sentence| sentence.chars().take(MOST_CHARACTERS).collect()).collect();
    let mut text = cut.join("; ");
    let more = sentences.len() - shown.len();
    if more > 0 {
        let _ = write!(text, "; and {more} more");
    }
    text
}

fn groups(refusals: &Refusals) -> impl Iterator<Item = WaitingGroup> {
    refusals.groups.iter().map(|group| WaitingGroup {
        stage: group.stage.to_string(),
        reason: group.reason.to_string(),
        agents: group.agents,
    })
}

/// What level one says of an ask, in one sentence.
#[must_use]
pub fn sentence(explanation: &Explanation) -> String {
    if let Some(never) = never(explanation) {
        return format!("{never}; {}", fit(&explanation.fit));
    }
    let role = &explanation.role;
    let standing = match &explanation.standing {
        Standing::Done => "nothing is wanted any more".to_owned(),
        Standing::Paused => "it waits for a write to be done".to_owned(),
        Standing::Blocked(block) => format!("role {role} waits: {block}"),
        Standing::NoRoom => format!("no agent has room: {}", fit(&explanation.fit)),
        Standing::Refused => format!("what is free was looked at and does not do: {}", fit(&explanation.fit)),
        Standing::TurnLost => "its last turn ended without a valid answer".to_owned(),
        Standing::After { framework, .. } => format!("{framework} is served first"),
        Standing::Next => "it has the next turn".to_owned(),
    };
    let more = [held(explanation), asked_back(explanation)];
    more.into_iter().flatten().fold(standing, |text, more| format!("{text}; {more}"))
}

/// What is held for it, and what that still misses.
fn held(explanation: &Explanation) -> Option<String> {
    let HoldWord { parts, missing, .. } = explanation.hold.as_ref().ok()?;
    let mut whole = Resources::default();
    parts.iter().for_each(|part| whole.add(&part.held));
    Some(format!("{whole} held on {} agents, {missing} still missing", parts.len()))
}

/// What is asked back from others for it.
fn asked_back(explanation: &Explanation) -> Option<String> {
    let ClaimWord { parts, units } = explanation.reclaim.as_ref().ok()?;
    let accepted = units.iter().filter(|unit| unit.accepted).count();
    let on = parts.len();
    Some(format!("room on {on} agents asked back from {} others, of which {accepted} end", units.len()))
}

/// Why it will never be served as things are declared, whatever ends: it is too large for the cluster, for its limits, or
/// beside what others are guaranteed.
fn never(explanation: &Explanation) -> Option<String> {
    let role = &explanation.role;
    if explanation.on_empty_cluster == Verdict::No {
        return Some("cannot fit even on the empty cluster".to_owned());
    }
    if let Err(block) = &explanation.inside_limits {
        return Some(format!("cannot fit inside the limits of role {role}: {block}"));
    }
    let block = explanation.beside_guarantees.as_ref().err()?;
    Some(format!("cannot fit beside what others are guaranteed: {block}"))
}

fn fit(fit: &Fit) -> String {
    let mut text = format!("{} of {} fit", fit.placed, fit.wanted);
    if let Some(miss) = &fit.miss {
        match &miss.nearest {
            Some((agent, missing)) if missing.is_empty() => {
                let _ = write!(text, "; nearest: {agent}");
            }
            Some((agent, missing)) => {
                let _ = write!(text, "; nearest: {agent}, where {} is missing", Listed(missing));
            }
            None => text.push_str("; no agent may take it"),
        }
    }
    text
}

/// What the brain is told of its writes where none is sent: a dry run passes, as it has in the operator, so that what
/// waits is asked for; everything else is left alone.
#[must_use]
pub fn unsent(actions: Vec<Action>) -> Vec<Input> {
    let left = || Failure { cause: Cause::NotSent, message: "an explanation changes nothing".to_owned() };
    let outcome = |action: Action| {
        let result = if matches!(action.write, Write::DryRun(_)) { Ok(None) } else { Err(left()) };
        Input::Outcome(Outcome { action, result })
    };
    actions.into_iter().map(outcome).collect()
}

/// A page about one service or job: its instances, its plans, and for each ask what every agent says.
#[must_use]
pub fn page(state: &State, key: &Key) -> String {
    let mut page = format!("{key}\n");
    let Some(entry) = state.services().get(key) else {
        let _ = match state.world().unreadable.get(key) {
            Some(message) => writeln!(page, "  cannot be read: {message}"),
            None => writeln!(page, "  does not exist, or is in a namespace that is not served"),
        };
        return page;
    };
    match &entry.translated {
        Err(problems) => {
            for problem in problems {
                let _ = writeln!(page, "  {}: {}: {}", problem.reason, problem.field, problem.message);
            }
        }
        Ok(spec) => {
            let _ = writeln!(page, "  role {}, {} instances wanted", spec.role, spec.instances().count());
            instances(&mut page, entry);
            asks(&mut page, entry, state.allocator());
        }
    }
    page
}

fn instances(page: &mut String, entry: &Entry) {
    for step in entry.plans.iter().flat_map(|plans| plans.steps()) {
        let view = entry.view.instances.get(&step.instance);
        let place = view.and_then(|view| view.place.as_ref());
        let mut at = place.map_or_else(String::new, |place| match &place.domain {
            Some(domain) => format!(" on {} (zone {})", place.agent, domain.zone),
            None => format!(" on {}", place.agent),
        });
        if let Some(agent) = view.and_then(|view| view.kept.as_ref()) {
            let _ = write!(at, "; its room is kept on {agent}");
        }
        let _ = writeln!(page, "  {:<20}{:?}{at}", step.instance.to_string(), step.status);
    }
}

/// The claim of an ask, or why it has none.
fn reclaim(page: &mut String, claim: &Result<ClaimWord, NoReclaim>) {
    match claim {
        Ok(ClaimWord { units, .. }) => {
            units.iter().for_each(|UnitWord { framework, role, accepted, .. }| {
                let answer = if *accepted { "it ends" } else { "no answer yet" };
                let _ = writeln!(page, "    asked back from {framework} of role {role}: {answer}");
            })
        }
        Err(why) => {
            let _ = writeln!(page, "    nothing is asked back: {why}");
        }
    }
}

fn asks(page: &mut String, entry: &Entry, allocator: &Allocator) {
    let Ok(spec) = &entry.translated else { return };
    for plan in &entry.asks {
        let Some(explanation) = allocator.explain(&spec.framework, &spec.role, &plan.ask.id) else {
            continue;
        };
        let _ = writeln!(page, "  ask {}: {}", plan.ask.id, sentence(&explanation));
        if let Some(refusals) = entry.refusals.get(&plan.ask.id) {
            let _ = writeln!(page, "    level two: {refusals}");
        }
        match &explanation.hold {
            Ok(word) => word.parts.iter().for_each(|HoldPart { agent, held, missing }| {
                let _ = writeln!(page, "    held on {agent}: {held}; {missing} missing there");
            }),
            Err(why) => {
                let _ = writeln!(page, "    nothing is held: {why}");
            }
        }
        reclaim(page, &explanation.reclaim);
        for (role, missing) in &explanation.owed {
            let _ = writeln!(page, "    role {role} is owed {}", Listed(missing));
        }
        for word in &explanation.members {
            let mut by_stage: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            for (agent, stage) in &word.agents {
                let says = stage.as_ref().map_or_else(|| "fits".to_owned(), ToString::to_string);
                by_stage.entry(says).or_default().push(agent.as_str());
            }
            let _ = writeln!(page, "    member {}:", word.member);
            for (says, agents) in by_stage {
                let shown = agents.iter().take(MOST_AGENTS).copied().collect::<Vec<_>>().join(", ");
                let more = if agents.len() > MOST_AGENTS { ", …" } else { "" };
                let _ = writeln!(page, "      {:>6} agents: {says} ({shown}{more})", agents.len());
            }
        }
    }
}
