//! A gang that could run is not starved by a stream of small jobs: seeded lives of small clusters that small jobs keep
//! full. A seed that fails prints the command that runs it again.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

#[path = "cases/world.rs"]
mod world;

use std::collections::BTreeMap;
use twofold_allocator::change::Change;
use twofold_allocator::explain::Verdict;
use twofold_allocator::holding::{Holding, Owner};
use twofold_allocator::id::TaskId;
use twofold_allocator::tick::Timestamp;
use world::World;

/// The longest that a small job runs, in cycles.
const LONGEST: u64 = 6;
/// A gang waits for what runs when it gets its hold, and for those that are older.
const CYCLES_MOST: u64 = 10 * LONGEST;

/// Numbers from a seed (splitmix64 by Steele, Lea and Flood, 2014).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    }
}

/// A cluster that small jobs keep full, and what runs on it until when.
struct Life {
    world: World,
    numbers: Numbers,
    cycle: u64,
    running: BTreeMap<TaskId, u64>,
    unseen: Vec<Holding>,
    started: Vec<String>,
}

impl Life {
    fn new(seed: u64, policy: &str) -> Self {
        let mut numbers = Numbers(seed);
        let mut world = World::new();
        world.run(&format!("policy {policy}"));
        for at in 0..=numbers.below(4) {
            let gpus = ["", " gpu=m:2", " gpu=m:4"][usize::try_from(numbers.below(3)).unwrap()];
            world.run(&format!("agent a{at} cpu={}{gpus} gpu-room=shared", 2 + numbers.below(7)));
        }
        for at in 0..3 {
            world.run(&format!("framework small{at} role=s/{at}"));
        }
        let (running, unseen, started) = Default::default();
        Self { world, numbers, cycle: 0, running, unseen, started }
    }

    /// One cycle: what is over ends, what was launched is seen, small jobs come, and all take what fits.
    fn step(&mut self) {
        self.cycle += 1;
        let over: Vec<TaskId> = self
            .running
            .iter()
            .filter(|(_, until)| **until <= self.cycle)
            .map(|(task, _)| task.clone())
            .collect();
        for task in over {
            self.running.remove(&task);
            self.world.allocator.apply(Change::HoldingGone(task)).unwrap();
        }
        for holding in std::mem::take(&mut self.unseen) {
            self.world.allocator.apply(Change::Holding(holding)).unwrap();
        }
        for at in 0..3 {
            let cpu = 1 + self.numbers.below(2);
            let gpu = ["", " gpu=1"][usize::try_from(self.numbers.below(2)).unwrap()];
            self.world.tell(&format!("asks small{at} x since={}{{count=9 cpu={cpu}{gpu}}}", self.cycle));
        }
        self.world.tick.now = Timestamp(self.cycle * 1_000);
        self.world.tick.cycle = self.cycle;
        self.world.allocator.begin(self.world.tick);
        while let Some(offer) = self.world.allocator.next_offer() {
            let answer = self.world.first_fit(&offer, u32::MAX);
            for launch in self.world.allocator.settle(offer.id, answer).unwrap() {
                let (placement, framework) = (launch.placement(), launch.framework().clone());
                let role = launch.role().clone();
                if framework.as_str().starts_with("gang") {
                    self.started.push(framework.to_string());
                }
                self.running.insert(placement.task.clone(), self.cycle + 2 + self.numbers.below(LONGEST));
                self.unseen.push(Holding {
                    task: placement.task.clone(),
                    agent: placement.agent.clone(),
                    owner: Owner::Framework { id: framework, role },
                    resources: placement.resources.clone(),
                    finishing: true,
                    unit: None,
                    reservation: None,
                    devices: Vec::new(),
                });
            }
        }
        let broken = self.world.allocator.audit();
        assert!(broken.is_empty(), "{broken:?}");
    }

    /// Lets gangs come, after a while; their names.
    fn gangs(&mut self) -> Vec<String> {
        let mut gangs = Vec::new();
        for at in 0..=self.numbers.below(2) {
            let name = format!("gang{at}");
            let (count, cpu) = (2 + self.numbers.below(5), 1 + self.numbers.below(4));
            let gpu = ["", "", " gpu=1", " gpu=2"][usize::try_from(self.numbers.below(4)).unwrap()];
            self.world.tell(&format!("framework {name} role=g/{at} since={}", self.cycle));
            let since = self.cycle;
            self.world
                .run(&format!("asks {name} x since={since}{{count={count} least={count} cpu={cpu}{gpu}}}"));
            let why = self
                .world
                .allocator
                .explain(&name.as_str().into(), &format!("g/{at}").as_str().into(), &"x".into())
                .unwrap();
            if why.on_empty_cluster == Verdict::Yes {
                gangs.push(name);
            }
        }
        gangs
    }
}

/// How many of the gangs that fit on the empty cluster did not start in time.
fn starved(seed: u64, policy: &str) -> (usize, usize) {
    let mut life = Life::new(seed, policy);
    (0..LONGEST).for_each(|_| life.step());
    let gangs = life.gangs();
    (0..CYCLES_MOST).for_each(|_| life.step());
    let waiting = gangs.iter().filter(|gang| !life.started.contains(gang)).count();
    (waiting, gangs.len())
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

#[test]
fn a_gang_that_could_run_is_not_starved_by_a_stream_of_small_jobs() {
    let (first, runs) = (number("SEED", 1), number("RUNS", 25));
    let (mut without, mut gangs) = (0, 0);
    for seed in first..first.saturating_add(runs) {
        let (waiting, all) = starved(seed, "");
        assert_eq!(
            waiting, 0,
            "a gang starved; run it again with: SEED={seed} RUNS=1 cargo test -p twofold-allocator --test starvation"
        );
        gangs += all;
        without += starved(seed, "patience=none").0;
    }
    // Else the stream is too thin to prove anything.
    assert!(runs < 25 || without * 4 > gangs, "only {without} of {gangs} gangs starve without holds");
}
