//! What can be settled before anything is placed: who is to be placed, on which agents one of them fits at all, and
//! what they are spread over.

use super::census::Domains;
use super::score::{Fit, Scale, fit};
use super::spot::{Against, Need, Spot, judge_alone};
use super::{Inquiry, Room, admits};
use crate::rule::Domain;
use crate::spec::Packing;
use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use twofold_allocator::id::Word;
use twofold_allocator::score::Workload;

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

/// The workload that the service is packed by, if it is by the fragmentation gradient.
pub(super) fn gradient<'a>(inquiry: &Inquiry<'a>) -> Option<&'a Workload> {
    match inquiry.spec.packing {
        Packing::BestFit => None,
        Packing::FragmentationGradient => inquiry.workload,
    }
}

/// What does not change from one attempt to the next.
#[derive(Debug)]
pub(super) struct Ground<'a> {
    pub(super) inquiry: Inquiry<'a>,
    /// The domains that the pod types that are to be placed are spread over.
    pub(super) domains: BTreeMap<Word, Domains>,
    /// For each member, the rooms that hold one instance while nothing is placed yet, the best fit first.
    pub(super) eligible: Vec<Vec<Choice<'a>>>,
    /// What amounts are measured by.
    pub(super) scale: Scale,
}

/// A room where one instance of a member fits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<'a> {
    pub(super) room: &'a Room<'a>,
    pub(super) fit: Fit,
}

/// Looks at every agent once.
pub(super) fn survey<'a>(inquiry: Inquiry<'a>, needs: &[Need<'a>]) -> Ground<'a> {
    let mut scale = Scale::default();
    inquiry.rooms.iter().flatten().for_each(|room| scale.widen(&room.free));
    let mut domains: BTreeMap<Word, Domains> = BTreeMap::new();
    let mut eligible: Vec<Vec<Choice<'_>>> = inquiry.rooms.iter().map(|_| Vec::new()).collect();
    for need in firsts(needs) {
        let of_type = domains.entry(need.pod_type.name.clone()).or_default();
        rooms(&inquiry, need.member).iter().for_each(|room| widen(of_type, need, &spot(&inquiry, room)));
        if let Some(of_member) = eligible.get_mut(need.member) {
            *of_member = choices(&inquiry, need, scale);
        }
    }
    Ground { inquiry, domains, eligible, scale }
}

/// The rooms of a member where one instance fits, the rule aside: where the others stand changes as they are placed.
fn choices<'a>(inquiry: &Inquiry<'a>, need: Need<'a>, scale: Scale) -> Vec<Choice<'a>> {
    let mut against = Against::default();
    let choice = |room: &'a Room<'a>| {
        let spot = spot(inquiry, room);
        judge_alone(need, &spot, &mut against);
        let fit = against.0.is_empty().then(|| fit(need, &spot, scale, gradient(inquiry))).flatten()?;
        Some(Choice { room, fit })
    };
    let mut choices: Vec<Choice<'_>> = rooms(inquiry, need.member).iter().filter_map(choice).collect();
    choices.sort_by_key(|choice| choice.fit);
    choices
}

/// Takes in the domains of an agent that an instance could stand on if it were empty. Domains without such an agent
/// are none to spread over: a zone of tainted agents must not hold up an even spread over the others for ever.
fn widen(domains: &mut Domains, need: Need<'_>, spot: &Spot<'_>) {
    let over = |domain| need.pod_type.rule.spreads_over(domain);
    let (over_agents, over_zones) = (over(Domain::Agent), over(Domain::Zone));
    if (over_agents || over_zones) && is_usable(need, spot) {
        domains.agents.extend(over_agents.then(|| spot.agent.id.clone()));
        domains.zones.extend(spot.zone().filter(|_| over_zones).cloned());
    }
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

fn is_usable(need: Need<'_>, spot: &Spot<'_>) -> bool {
    let mut against = Against::default();
    admits::check(need.pod_type, spot, &mut against);
    let takes = &need.pod_type.shape;
    against.0.is_empty()
        && spot.agent.capacity.contains(&takes.base)
        && takes
            .gpu
            .as_ref()
            .is_none_or(|request| super::gpu::choose(request, &spot.agent.capacity.gpus).is_some())
}
