//! Inverse offers: level one asks for units back, and their frameworks answer in the process.

use super::State;
use super::claimant::{self, Judgement};
use super::rounds::Launched;
use crate::action::Action;
use crate::frameworks::Reclaim;
use crate::object::Key;
use crate::record::Phase;
use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::id::{AskId, FrameworkId, RolePath};
use twofold_allocator::inverse::{InverseAnswer, InverseOffer, Why};
use twofold_allocator::tick::Timestamp;

/// How long what was declined is not asked for again, in milliseconds.
const REST_MILLIS: u64 = 60_000;
/// How often level one looks for others in one cycle when what it asks for is declined.
const MOST_ROUNDS: usize = 64;

/// An inverse offer, and the service or job that is asked.
type Asked = (Key, InverseOffer);

/// Answers the inverse offers that wait, until no new ones are made; the services that give something back. Those with
/// a write under way, or with one that was decided in this cycle, are asked when its outcome is in.
pub(super) fn run(
    state: &mut State,
    actions: &[Action],
    turns: &BTreeMap<Key, Vec<Launched>>,
    now: Timestamp,
) -> BTreeSet<Key> {
    let written = actions.iter().map(|action| &action.owner);
    let launched = turns.iter().filter(|(_, launches)| !launches.is_empty()).map(|(key, _)| key);
    let busy: BTreeSet<Key> = written.chain(launched).chain(state.in_flight.keys()).cloned().collect();
    // Whether an offer that waits still stands is looked at below.
    state.allocator.take_inverse_ended();
    let mut given_back = BTreeSet::new();
    for _ in 0..MOST_ROUNDS {
        while state.allocator.next_inverse().is_some() {}
        let waiting: Vec<InverseOffer> = state.allocator.live_inverse().cloned().collect();
        let mut claims: BTreeMap<(FrameworkId, AskId), (RolePath, Vec<Asked>)> = BTreeMap::new();
        let mut is_answered = false;
        for offer in waiting {
            let key = state.by_framework.get(&offer.framework).cloned();
            if key.as_ref().is_some_and(|key| busy.contains(key)) {
                continue;
            }
            is_answered = true;
            match (key, &offer.why) {
                (Some(key), Why::Claim { framework, role, ask }) => {
                    let claim = claims.entry((framework.clone(), ask.clone()));
                    claim.or_insert_with(|| (role.clone(), Vec::new())).1.push((key, offer));
                }
                // The policy is to make none of an agent that drains.
                (Some(_), Why::Drain(_)) | (None, _) => decline(state, &offer, now),
            }
        }
        if !is_answered {
            return given_back;
        }
        for ((framework, ask), (role, offers)) in claims {
            given_back.extend(answer(state, (&framework, &ask, &role), offers, now));
        }
    }
    state.wake(Some(now));
    given_back
}

/// Answers all that is asked for one claim. If some of it is declined the rest waits: level one looks for others in its
/// place, and may then not need it.
fn answer(
    state: &mut State,
    (framework, ask, role): (&FrameworkId, &AskId, &RolePath),
    offers: Vec<Asked>,
    now: Timestamp,
) -> Vec<Key> {
    let asked = offers.into_iter().map(|(key, offer)| (reclaim(state, &key, &offer, role, now), key, offer));
    let (willing, unwilling): (Vec<_>, Vec<_>) = asked.partition(|(reclaim, ..)| reclaim.is_some());
    unwilling.iter().for_each(|(_, _, offer)| decline(state, offer, now));
    if !unwilling.is_empty() {
        return Vec::new();
    }
    let agents = match claimant::judge(state, (framework, role), ask, now) {
        Some(Judgement::Takes) => return willing.into_iter().filter_map(|one| accept(state, one)).collect(),
        Some(Judgement::TakesPart(agents)) => agents,
        None => BTreeSet::new(),
    };
    let is_of_use = |offer: &InverseOffer| offer.agents.iter().any(|agent| agents.contains(agent));
    let all = willing.iter().all(|(_, _, offer)| is_of_use(offer));
    let declined = willing.iter().filter(|(_, _, offer)| all || !is_of_use(offer));
    declined.for_each(|(_, _, offer)| decline(state, offer, now));
    Vec::new()
}

fn accept(state: &mut State, (reclaim, key, offer): (Option<Reclaim>, Key, InverseOffer)) -> Option<Key> {
    settle(state, &offer, InverseAnswer::Accept).then_some(())?;
    state.services.get_mut(&key)?.reclaim = reclaim;
    Some(key)
}

fn decline(state: &mut State, offer: &InverseOffer, now: Timestamp) {
    settle(state, offer, InverseAnswer::Decline { until: now.plus_millis(REST_MILLIS) });
}

/// Whether level one took the answer.
fn settle(state: &mut State, offer: &InverseOffer, answer: InverseAnswer) -> bool {
    let settled = state.allocator.settle_inverse(offer.id, answer);
    state.warnings.extend(settled.as_ref().err().map(|error| format!("{}: {error}", offer.framework)));
    settled.is_ok()
}

/// What a service gives back when it is asked; none when it does not.
fn reclaim(
    state: &State,
    key: &Key,
    offer: &InverseOffer,
    role: &RolePath,
    now: Timestamp,
) -> Option<Reclaim> {
    let entry = state.services.get(key).filter(|entry| entry.translated.is_ok())?;
    if !state.world.is_reclaimable(key) {
        return None;
    }
    let pods = state.world.pods_by_owner.get(&entry.uid).into_iter().flatten();
    let pods = pods.filter_map(|pod| state.world.pods.get(pod));
    let runs = pods.filter(|pod| !matches!(pod.phase, Phase::Succeeded | Phase::Failed));
    let pods: BTreeSet<String> =
        runs.filter(|pod| pod.deleting.is_none()).map(|pod| pod.identity.uid.clone()).collect();
    (!pods.is_empty()).then(|| Reclaim { role: role.clone(), pods, at: now, until: offer.expires })
}
