//! Properties of answers: never more than there is, all or nothing, evenly spread, and as good as a plain best fit.

use crate::generate::{bare_spec, pod_type, small_world, spread_over_zones};
use crate::world::{World, agent, room};
use proptest::prelude::*;
use std::collections::BTreeMap;
use twofold_allocator::id::Word;
use twofold_allocator::offer::{Answer, Placement};
use twofold_sdk::evaluate::Evaluation;
use twofold_sdk::observed::TaskState;
use twofold_sdk::spec::{Gang, PodType};

fn accepted(evaluation: &Evaluation) -> &[Placement] {
    match &evaluation.answer {
        Answer::Accept(placements) => placements,
        Answer::Operate(_) | Answer::Decline { .. } => &[],
    }
}

/// How many of a pod type stand in each zone.
fn by_zone(world: &World, name: &str, zones: &[&str]) -> BTreeMap<String, i64> {
    let mut counts: BTreeMap<String, i64> = zones.iter().map(|zone| ((*zone).to_string(), 0)).collect();
    for (id, seen) in &world.view.instances {
        if id.pod_type.as_str() == name
            && let Some(zone) = seen.zone()
        {
            *counts.entry(zone.to_string()).or_default() += 1;
        }
    }
    counts
}

fn skew(counts: &BTreeMap<String, i64>) -> i64 {
    counts.values().max().unwrap() - counts.values().min().unwrap()
}

/// Whether best fit decreasing, the textbook way, finds room for these sizes in these bins.
fn best_fit_decreasing(mut sizes: Vec<u64>, mut bins: Vec<u64>) -> bool {
    sizes.sort_unstable_by(|one, other| other.cmp(one));
    sizes.into_iter().all(|size| {
        let best = bins.iter_mut().filter(|bin| **bin >= size).min();
        best.map(|bin| *bin -= size).is_some()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn an_answer_takes_no_more_than_there_is_and_a_gang_whole(mut world in small_world()) {
        for ask in world.asks() {
            let wanted: usize = ask.members.iter().map(Vec::len).sum();
            let evaluation = world.evaluate(&ask, u32::MAX, false);
            prop_assert_eq!(&evaluation, &world.evaluate(&ask, u32::MAX, false));
            let placed = accepted(&evaluation).len();
            prop_assert_eq!(placed, evaluation.placed.len());
            if world.spec.gang == Gang::All {
                prop_assert!(placed == 0 || placed == wanted);
            }
            prop_assert_eq!(placed < wanted, evaluation.refusals.is_some());
            // An over-commitment of an agent panics in the world.
            world.launch(&evaluation);
            world.agents.values().for_each(|agent| drop(world.free(agent)));
        }
    }

    #[test]
    fn no_more_units_are_taken_than_are_allowed(world in small_world(), units in 1u32..3) {
        for ask in world.asks().iter().filter(|ask| ask.ask.members.iter().all(|member| member.least == 0)) {
            let placed = accepted(&world.evaluate(ask, units, false)).len();
            prop_assert!(placed <= usize::try_from(units).unwrap());
        }
    }

    #[test]
    fn every_agent_that_refuses_says_why(world in small_world()) {
        for ask in world.asks() {
            let Some(refusals) = world.evaluate(&ask, u32::MAX, true).refusals else { continue };
            prop_assert_eq!(usize::try_from(refusals.agents).unwrap(), world.agents.len());
            prop_assert_eq!(refusals.nearest.is_some(), !world.agents.is_empty());
            let told: u32 = refusals.groups.iter().map(|group| group.agents).sum();
            prop_assert!(told >= refusals.agents, "an agent without a reason: {refusals}");
        }
    }

    #[test]
    fn zones_differ_by_at_most_one_also_after_scaling_out(
        first in 1u32..7, more in 0u32..5, zones in 1usize..4, gang in any::<bool>()
    ) {
        let zones = &["a", "b", "c"][..zones];
        let mut spec = bare_spec();
        spec.gang = if gang { Gang::All } else { Gang::None };
        spec.pod_types.push(PodType { rule: spread_over_zones(), ..pod_type("node", first, 1000, 0) });
        let mut world = World::new(spec);
        for (at, zone) in zones.iter().cycle().take(zones.len() * 2).enumerate() {
            world.add_agent(agent(&format!("a{at}"), Some(zone), room(20_000, 64 << 30, 0)));
        }
        for count in [first, first + more] {
            world.spec.pod_types[0].count = count;
            for ask in world.asks() {
                world.launch(&world.evaluate(&ask, u32::MAX, false));
            }
            let counts = by_zone(&world, "node", zones);
            prop_assert_eq!(counts.values().sum::<i64>(), i64::from(count));
            prop_assert!(skew(&counts) <= 1, "{counts:?}");
            for (id, _) in world.spec.clone().instances() {
                world.set(&id, TaskState::Running { ready: true });
            }
        }
    }

    #[test]
    fn a_gang_is_placed_whenever_best_fit_decreasing_places_it(
        sizes in prop::collection::vec(1u64..9, 1..9), bins in prop::collection::vec(0u64..17, 1..6)
    ) {
        let mut spec = bare_spec();
        spec.gang = Gang::All;
        for (at, size) in sizes.iter().enumerate() {
            spec.pod_types.push(pod_type(&format!("t{at}"), 1, size * 1000, 0));
        }
        let mut world = World::new(spec);
        for (at, bin) in bins.iter().enumerate() {
            world.add_agent(agent(&format!("a{at}"), None, room(bin * 1000, 64 << 30, 0)));
        }
        let ask = world.asks().remove(0);
        let is_placed = !accepted(&world.evaluate(&ask, 1, false)).is_empty();
        prop_assert!(is_placed || !best_fit_decreasing(sizes, bins));
    }
}

#[test]
fn a_gang_that_fails_biggest_first_is_tried_in_other_orders() {
    let mut spec = bare_spec();
    spec.gang = Gang::All;
    // Biggest first puts the flexible one on the only agent that the picky one may go to.
    let mut picky = pod_type("picky", 1, 1000, 0);
    picky.admission.selector.insert(Word::from("disk"), Word::from("ssd"));
    spec.pod_types.extend([pod_type("big", 1, 3000, 0), picky]);
    let mut world = World::new(spec);
    let mut ssd = agent("a0", None, room(3000, 64 << 30, 0));
    ssd.attributes.insert(Word::from("disk"), Word::from("ssd"));
    world.add_agent(ssd);
    world.add_agent(agent("a1", None, room(4000, 64 << 30, 0)));
    let ask = world.asks().remove(0);
    let evaluation = world.evaluate(&ask, 1, false);
    let places: Vec<String> = accepted(&evaluation)
        .iter()
        .zip(&evaluation.placed)
        .map(|(placement, instance)| format!("{instance} on {}", placement.agent))
        .collect();
    assert_eq!(places, ["picky-0 on a0", "big-0 on a1"]);
}
