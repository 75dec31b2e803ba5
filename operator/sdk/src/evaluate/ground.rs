//! What can be settled before anything is placed: who is to be placed, on which agents one of them fits at all, and
//! what they are spread over.

use super::attempt::Ground;
use super::census::{Census, Domains};
use super::score::Scale;
use super::spot::{Against, Need, Spot, judge};
use super::{Inquiry, Room, admits};
use crate::spec::PodType;
use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use twofold_allocator::id::Word;

/// The instances that the ask stands for, in the ask's order. Of a gang, those of one unit.
pub(super) fn needs<'a>(inquiry: &Inquiry<'a>) -> Vec<Need<'a>> {
    let whole = is_whole(inquiry);
    let members = inquiry.ask.ask.members.iter().zip(&inquiry.ask.members).enumerate();
    let needs = members.flat_map(|(at, (member, instances))| {
        let least = usize::try_from(member.least).unwrap_or(usize::MAX);
        let of_unit = instances.iter().take(if whole { least } else { usize::MAX });
        of_unit.filter_map(move |instance| {
            let pod_type = inquiry.spec.pod_type(&instance.pod_type)?;
            Some(Need { instance, member: at, pod_type, seen: inquiry.view.instances.get(instance) })
        })
    });
    needs.collect()
}

/// Whether the unit has several members that are given together.
pub(super) fn is_whole(inquiry: &Inquiry<'_>) -> bool {
    inquiry.ask.ask.members.iter().any(|member| member.least > 0)
}

/// Looks at every agent once.
pub(super) fn survey<'a>(inquiry: Inquiry<'a>, needs: &[Need<'a>], census: &Census) -> Ground<'a> {
    let mut scale = Scale::default();
    let mut domains: BTreeMap<Word, Domains> = BTreeMap::new();
    for need in firsts(needs) {
        let of_type = domains.entry(need.pod_type.name.clone()).or_default();
        for room in rooms(&inquiry, need.member) {
            scale.widen(&room.free);
            if is_usable(need, &spot(&inquiry, room)) {
                of_type.agents.insert(room.agent.id.clone());
                of_type.zones.extend(room.agent.domain.as_ref().map(|domain| domain.zone.clone()));
            }
        }
    }
    let mut eligible: Vec<Vec<&Room<'_>>> = inquiry.rooms.iter().map(|_| Vec::new()).collect();
    for need in firsts(needs) {
        let Some(of_member) = eligible.get_mut(need.member) else { continue };
        // Where the others stand changes as they are placed, so the rule is left to the attempts.
        let free_of_rule = PodType { rule: crate::rule::Rule::anywhere(), ..need.pod_type.clone() };
        let need = Need { pod_type: &free_of_rule, ..need };
        let no_domains = Domains::default();
        let standing = census.standing(&need.pod_type.name, &no_domains);
        let mut against = Against::default();
        of_member.extend(rooms(&inquiry, need.member).iter().filter(|room| {
            judge(need, &spot(&inquiry, room), &standing, &mut against);
            against.0.is_empty()
        }));
    }
    Ground { inquiry, domains, eligible, scale }
}

/// One instance of each member; the others are equal to it.
fn firsts<'n, 'a>(needs: &'n [Need<'a>]) -> impl Iterator<Item = Need<'a>> + 'n {
    needs.chunk_by(|one, other| one.member == other.member).filter_map(|equal| equal.first().copied())
}

fn rooms<'a>(inquiry: &Inquiry<'a>, member: usize) -> &'a [Room<'a>] {
    inquiry.rooms.get(member).map(Vec::as_slice).unwrap_or_default()
}

fn spot<'s>(inquiry: &Inquiry<'s>, room: &'s Room<'s>) -> Spot<'s> {
    let facts = inquiry.facts.get(&room.agent.id);
    Spot { agent: room.agent, facts, free: Cow::Borrowed(&room.free), ports: None }
}

/// Whether an instance could stand on the agent if it were empty. Domains without such an agent are none to spread
/// over: a zone of tainted agents must not hold up an even spread over the others for ever.
fn is_usable(need: Need<'_>, spot: &Spot<'_>) -> bool {
    let mut against = Against::default();
    admits::check(need, spot, &mut against);
    let takes = &need.pod_type.shape;
    against.0.is_empty()
        && spot.agent.capacity.contains(&takes.base)
        && takes
            .gpu
            .as_ref()
            .is_none_or(|request| super::gpu::choose(request, &spot.agent.capacity.gpus).is_some())
}
