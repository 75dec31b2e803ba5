//! Filters against a plain model that remembers for every ask and agent what was refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

#[path = "cases/world.rs"]
mod world;

use proptest::prelude::*;
use std::collections::BTreeMap;
use twofold_allocator::offer::Answer;
use twofold_allocator::tick::{Tick, Timestamp};
use world::World;

const AGENTS: usize = 4;
const ASKS: usize = 4;
const CAPACITY: u64 = 6;

fn cases() -> u32 {
    std::env::var("CASES").map_or(150, |text| text.parse().unwrap())
}

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// A task of this size is on the agent, in the place of the one that was there.
    Load { agent: usize, cpu: u64 },
    /// The agent has another attribute than before.
    Relabel { agent: usize },
    /// All who are offered something refuse it, for this long, or for ever.
    Refuse { millis: Option<u64> },
    /// Time passes.
    Wait { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..AGENTS, 0..=CAPACITY).prop_map(|(agent, cpu)| Step::Load { agent, cpu }),
        1 => (0..AGENTS).prop_map(|agent| Step::Relabel { agent }),
        4 => proptest::option::weighted(0.4, 1u64..6).prop_map(|millis| Step::Refuse { millis }),
        1 => (1u64..4).prop_map(|millis| Step::Wait { millis }),
    ]
}

/// What is remembered: by ask and agent what was refused, and until when.
struct Model {
    free: [u64; AGENTS],
    refused: Vec<BTreeMap<usize, (u64, Option<u64>)>>,
    looked: [bool; ASKS],
    now: u64,
}

impl Model {
    /// Asks with an odd number are gangs of two.
    fn is_gang(ask: usize) -> bool {
        ask % 2 == 1
    }

    /// Forgets what no longer holds.
    fn look_around(&mut self) {
        for ask in 0..ASKS {
            let (free, now) = (self.free, self.now);
            let refused = &mut self.refused[ask];
            let before = refused.len();
            refused.retain(|_, (_, until)| until.is_none_or(|until| until > now));
            let expired = refused.len() < before;
            refused.retain(|agent, (amount, _)| free[*agent] <= *amount);
            let visible = (0..AGENTS).any(|agent| free[agent] >= 1 && !refused.contains_key(&agent));
            if Self::is_gang(ask) && (visible || expired) {
                refused.clear();
            }
        }
    }

    /// The agents that an ask is shown in its turn; none when it has none.
    fn shown(&self, ask: usize) -> Option<Vec<usize>> {
        let shown: Vec<usize> = (0..AGENTS).filter(|agent| !self.refused[ask].contains_key(agent)).collect();
        // A gang that was shown something once has no turn while all that is free is less than it takes.
        let enough = !Self::is_gang(ask) || !self.looked[ask] || self.free.iter().sum::<u64>() >= 2;
        let room = enough && shown.iter().any(|agent| self.free[*agent] >= 1);
        (room || (!self.looked[ask] && !shown.is_empty())).then_some(shown)
    }
}

fn name(agent: usize) -> String {
    format!("a{agent}")
}

/// Lets everybody refuse, and compares who was shown what with the model.
fn refuse(
    world: &mut World,
    model: &mut Model,
    cycle: u64,
    millis: Option<u64>,
) -> Result<(), TestCaseError> {
    model.look_around();
    let until = millis.map(|millis| model.now + millis);
    world.allocator.begin(Tick { cycle, now: Timestamp(model.now) });
    let mut offered = BTreeMap::new();
    while let Some(offer) = world.allocator.next_offer() {
        let shown: Vec<String> =
            world.allocator.shown(&offer).agents().map(|(agent, _)| agent.id.to_string()).collect();
        offered.insert(offer.framework.to_string(), shown);
        world.allocator.settle(offer.id, Answer::Decline { until: until.map(Timestamp) }).unwrap();
    }
    let mut expected = BTreeMap::new();
    for ask in 0..ASKS {
        if let Some(shown) = model.shown(ask) {
            expected.insert(format!("f{ask}"), shown.iter().copied().map(name).collect::<Vec<_>>());
            model.looked[ask] = true;
            for agent in shown {
                model.refused[ask].insert(agent, (model.free[agent], until));
            }
        }
    }
    prop_assert_eq!(offered, expected);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn filters_hide_what_the_model_hides(steps in proptest::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        let mut model = Model {
            free: [CAPACITY; AGENTS],
            refused: vec![BTreeMap::new(); ASKS],
            looked: [false; ASKS],
            now: 0,
        };
        for agent in 0..AGENTS {
            world.run(&format!("agent {} cpu={CAPACITY}", name(agent)));
        }
        for ask in 0..ASKS {
            world.run(&format!("framework f{ask} role=r{ask}"));
            let least = if Model::is_gang(ask) { 2 } else { 0 };
            world.run(&format!("asks f{ask} x{{count=2 least={least} cpu=1}}"));
        }
        for (at, step) in steps.iter().enumerate() {
            match step {
                Step::Load { agent, cpu } => {
                    world.run(&format!("holding t{agent} {} foreign cpu={cpu}", name(*agent)));
                    model.free[*agent] = CAPACITY - cpu;
                }
                Step::Relabel { agent } => {
                    world.run(&format!("agent {} cpu={CAPACITY} a.seen={at}", name(*agent)));
                    for refused in &mut model.refused {
                        refused.remove(agent);
                    }
                }
                Step::Refuse { millis } => refuse(&mut world, &mut model, at as u64, *millis)?,
                Step::Wait { millis } => model.now += millis,
            }
        }
    }
}
