//! The answer to an offer: where each instance goes, all or nothing for a gang, and why not.

mod admits;
mod attempt;
mod census;
mod gpu;
mod ground;
mod order;
mod packed;
mod placement;
mod report;
mod scalars;
mod score;
mod spot;
mod volume;

use crate::admission::AgentFacts;
use crate::instance::InstanceId;
use crate::observed::{InstanceView, ServiceView};
use crate::refusal::Refusals;
use crate::requirement::{AskPlan, constraints};
use crate::spec::{PodType, ServiceSpec};
use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use attempt::Attempt;
use census::Census;
use ground::Ground;
use score::Preference;
use spot::{Against, Need, Spot};
use twofold_allocator::agent::Agent;
use twofold_allocator::id::AgentId;
use twofold_allocator::offer::Answer;
use twofold_allocator::resources::Resources;
use twofold_allocator::score::Workload;
use twofold_allocator::tick::Timestamp;

/// An agent and what of it may be taken.
#[derive(Clone, Debug)]
pub struct Room<'a> {
    /// The agent.
    pub agent: &'a Agent,
    /// What of it is free for the member that it is shown to.
    pub free: Cow<'a, Resources>,
}

/// All that an answer depends on.
#[derive(Clone, Copy, Debug)]
pub struct Inquiry<'a> {
    /// The service.
    pub spec: &'a ServiceSpec,
    /// What is seen of it; where its other instances are comes from here.
    pub view: &'a ServiceView,
    /// What is asked.
    pub ask: &'a AskPlan,
    /// For each member of the ask, the agents that it is shown, in the order of their names.
    pub rooms: &'a [Vec<Room<'a>>],
    /// What is known of the agents beyond that. An agent that is not listed is refused.
    pub facts: &'a BTreeMap<AgentId, AgentFacts>,
    /// What the jobs that usually come take; without it, instances go where they fit best.
    pub workload: Option<&'a Workload>,
    /// How many units may be taken.
    pub units: u32,
    /// The time.
    pub now: Timestamp,
}

/// An answer with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// What level one is told.
    pub answer: Answer,
    /// The instance of each accepted placement, by position.
    pub placed: Vec<InstanceId>,
    /// Why the others were not placed; none when all were.
    pub refusals: Option<Refusals>,
}

/// How long level one need not show refused agents again that have no more to give. What level two knows and level
/// one does not, such as a taint, may change meanwhile, so it is short.
const REFUSED_FOR_MILLIS: u64 = 10_000;

/// Answers an offer. The members of a gang are placed all or not at all; of an ask without, as many as fit and may be
/// taken. With every agent as its rooms and the answer left aside, this is level two's explanation.
///
/// Each instance goes where it fits best: where room is kept for it, then an even spread, then, if the service is packed
/// by the fragmentation gradient, the least lost to the jobs that usually come, then the fewest GPUs, beside GPUs the
/// least processor time and memory, and the least of the dominant resource left over, then by the agent's name; the
/// biggest goes first (best fit decreasing). A gang that does not fit that way is tried in a few other orders.
#[must_use]
pub fn evaluate(inquiry: &Inquiry<'_>) -> Evaluation {
    let needs = ground::needs(inquiry);
    let is_to_be_placed = |id: &InstanceId| needs.iter().any(|need| need.instance == id);
    let census = Census::of(inquiry.view, is_to_be_placed);
    let ground = ground::survey(*inquiry, &needs);
    if ground::is_whole(inquiry) { gang(&ground, &census, &needs) } else { singles(&ground, &census, &needs) }
}

/// All of them, or none with the reasons of the attempt that came furthest.
fn gang(ground: &Ground<'_>, census: &Census, needs: &[Need<'_>]) -> Evaluation {
    let mut best: Option<(Attempt<'_, '_>, Need<'_>)> = None;
    let can_fit =
        needs.iter().all(|need| ground.eligible.get(need.member).is_some_and(|rooms| !rooms.is_empty()));
    let tries = if can_fit { usize::MAX } else { 1 };
    for (order, preference) in order::orders(ground, needs).into_iter().take(tries) {
        let mut attempt = Attempt::new(ground, census.clone(), preference);
        match order.into_iter().find(|need| !attempt.place(*need)) {
            None if ground.inquiry.units > 0 => return accepted(attempt, None),
            None => return declined(ground, None),
            Some(first) => {
                if best.as_ref().is_none_or(|(best, _)| attempt.instances.len() > best.instances.len()) {
                    best = Some((attempt, first));
                }
            }
        }
    }
    let refusals = best.map(|(attempt, first)| report::refusals(&attempt, first, needs.len()));
    declined(ground, refusals)
}

/// As many as fit and may be taken, with the reasons of the first that did not fit.
fn singles(ground: &Ground<'_>, census: &Census, needs: &[Need<'_>]) -> Evaluation {
    let mut attempt = Attempt::new(ground, census.clone(), Preference::Spread);
    let allowed = usize::try_from(ground.inquiry.units).unwrap_or(usize::MAX);
    let mut refused: Option<Need<'_>> = None;
    for need in needs {
        if attempt.instances.len() >= allowed {
            break;
        }
        let is_like_refused = refused.is_some_and(|refused| refused.member == need.member);
        if !is_like_refused && !attempt.place(*need) {
            refused = refused.or(Some(*need));
        }
    }
    let refusals = refused.map(|first| report::refusals(&attempt, first, needs.len()));
    if attempt.instances.is_empty() { declined(ground, refusals) } else { accepted(attempt, refusals) }
}

/// Whether an agent would let an instance of a pod type in, whatever room it has and wherever the others stand.
#[must_use]
pub fn admits(
    pod_type: &PodType,
    seen: Option<&InstanceView>,
    agent: &Agent,
    facts: Option<&AgentFacts>,
) -> bool {
    let spot = Spot { agent, facts, free: Cow::Owned(Resources::default()), ports: None };
    let mut against = Against::default();
    admits::check(pod_type, &spot, &mut against);
    against.0.is_empty() && constraints(pod_type, seen).iter().all(|constraint| constraint.holds(agent))
}

fn accepted(attempt: Attempt<'_, '_>, refusals: Option<Refusals>) -> Evaluation {
    Evaluation { answer: Answer::Accept(attempt.placements), placed: attempt.instances, refusals }
}

fn declined(ground: &Ground<'_>, refusals: Option<Refusals>) -> Evaluation {
    let until = ground.inquiry.now.plus_millis(REFUSED_FOR_MILLIS);
    Evaluation { answer: Answer::Decline { until: Some(until) }, placed: Vec::new(), refusals }
}
