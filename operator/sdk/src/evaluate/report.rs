//! Reasons, counted: grouped by stage and reason, with the agent that came nearest.

use super::attempt::Attempt;
use super::score::MILLION;
use super::spot::{Against, Need};
use crate::refusal::{Group, Missing, Nearest, Reason, Refusals, Stage};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Reverse;
use twofold_allocator::agent::Agent;

/// Why the instance fits nowhere after what the attempt has placed.
pub(super) fn refusals(attempt: &Attempt<'_, '_>, first: Need<'_>, wanted: usize) -> Refusals {
    let reasons = attempt.reasons(first);
    Refusals {
        fitting: count(attempt.instances.len()),
        wanted: count(wanted),
        agents: count(reasons.len()),
        groups: groups(&reasons),
        nearest: nearest(first, &reasons),
    }
}

fn groups(reasons: &[(&Agent, Against)]) -> Vec<Group> {
    let mut counted: BTreeMap<(Stage, &Reason), (u32, Option<u64>)> = BTreeMap::new();
    for missing in reasons.iter().flat_map(|(_, against)| &against.0) {
        let (agents, most_free) = counted.entry((missing.stage, &missing.reason)).or_default();
        *agents = agents.saturating_add(1);
        *most_free = (*most_free).max(missing.free);
    }
    let mut groups: Vec<Group> = counted
        .into_iter()
        .map(|((stage, reason), (agents, most_free))| Group {
            stage,
            reason: reason.clone(),
            agents,
            most_free,
        })
        .collect();
    groups.sort_by_key(|group| (group.stage, Reverse(group.agents)));
    groups
}

/// The agent with the fewest reasons that are no amounts, then with the least missing of what is.
fn nearest(first: Need<'_>, reasons: &[(&Agent, Against)]) -> Option<Nearest> {
    let (agent, against) = reasons.iter().min_by_key(|(_, against)| distance(&against.0))?;
    Some(Nearest { instance: first.instance.clone(), agent: agent.id.clone(), reasons: against.0.clone() })
}

fn distance(reasons: &[Missing]) -> (usize, u128) {
    let mut plain = 0;
    let mut most_missing = 0;
    for missing in reasons {
        match (&missing.reason, missing.free) {
            (Reason::Short { need, .. }, Some(free)) => {
                let part =
                    u128::from(need.saturating_sub(free)) * u128::from(MILLION) / u128::from((*need).max(1));
                most_missing = most_missing.max(part);
            }
            _ => plain += 1,
        }
    }
    (plain, most_missing)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
