//! Properties of reclaim, in seeded lives: roles borrow what others are guaranteed, and claims take it back.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

#[path = "cases/world.rs"]
mod world;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::id::{FrameworkId, RolePath, TaskId, UnitId};
use twofold_allocator::inverse::{InverseAnswer, InverseOffer, Why};
use twofold_allocator::tick::Timestamp;
use world::World;

const ROLES: [&str; 5] = ["a", "b", "p", "p/c", "p/d"];

/// A world with the tasks that run in it: whose each is, its unit, agent and processor time, and whether it ends.
struct Life {
    world: World,
    bytes: Vec<u8>,
    at: usize,
    guarantees: BTreeMap<&'static str, u64>,
    tasks: BTreeMap<TaskId, Task>,
    asked: BTreeSet<(FrameworkId, UnitId)>,
    now: u64,
}

#[derive(Clone)]
struct Task {
    framework: FrameworkId,
    role: &'static str,
    unit: UnitId,
    agent: String,
    cpu: u64,
    finishing: bool,
}

impl Life {
    fn new(bytes: Vec<u8>) -> Self {
        let mut life = Self {
            world: World::new(),
            bytes,
            at: 0,
            guarantees: BTreeMap::new(),
            tasks: BTreeMap::new(),
            asked: BTreeSet::new(),
            now: 0,
        };
        life.tell("policy inverse-millis=5");
        for agent in 0..2 + life.below(3) {
            let cpu = 3 + life.below(5);
            life.tell(&format!("agent m{agent} cpu={cpu}"));
        }
        for role in ROLES {
            let guarantee = life.below(5);
            if guarantee > 0 {
                life.guarantees.insert(role, guarantee);
            }
            life.tell(&format!("role {role} guarantee=cpu:{guarantee}"));
            life.tell(&format!("framework f-{} role={role}", role.replace('/', "-")));
        }
        for number in 0..4 + life.below(10) {
            life.borrow(number);
        }
        life
    }

    fn below(&mut self, most: u64) -> u64 {
        self.at += 1;
        u64::from(self.bytes[self.at % self.bytes.len()]) % most
    }

    fn tell(&mut self, command: &str) -> String {
        let out = self.world.run(command);
        assert!(!out.contains("BROKEN"), "{command}\n{out}");
        out
    }

    /// A task that runs where there is room, alone or in a gang of its framework.
    fn borrow(&mut self, number: u64) {
        let role = ROLES[usize::try_from(self.below(5)).unwrap()];
        let cpu = 1 + self.below(3);
        let agents = self.world.allocator.agents();
        let roomy = |agent: &&twofold_allocator::agent::Agent| {
            self.world.allocator.agent(&agent.id).unwrap().free.cpu_milli >= cpu * 1_000
        };
        let Some(agent) = agents.into_iter().find(roomy).map(|agent| agent.id.to_string()) else { return };
        let framework = format!("f-{}", role.replace('/', "-"));
        let unit = if self.below(4) == 0 { format!("g-{framework}") } else { format!("u{number}") };
        let task = Task {
            framework: framework.as_str().into(),
            role,
            unit: unit.as_str().into(),
            agent,
            cpu,
            finishing: false,
        };
        self.tasks.insert(format!("t{number}").as_str().into(), task);
        self.hold(&format!("t{number}").as_str().into());
    }

    fn hold(&mut self, id: &TaskId) {
        let Task { framework, unit, agent, cpu, finishing, .. } = self.tasks[id].clone();
        let ends = if finishing { " finishing" } else { "" };
        self.tell(&format!(
            "holding {id} {agent} {framework} cpu={cpu} unit={unit} reclaimable since=1{ends}"
        ));
    }

    /// What stays charged to a role in thousandths once what ends and what was asked for is gone.
    fn stays(&self, role: &str) -> u64 {
        let path = if role == "/" { RolePath::root() } else { role.into() };
        let charged = self.world.allocator.role_report(&path).map_or(0, |report| report.charged.cpu_milli);
        let below = |task: &&Task| task.role == role || task.role.starts_with(&format!("{role}/"));
        let going = self.tasks.values().filter(below).filter(|task| {
            task.finishing || self.asked.contains(&(task.framework.clone(), task.unit.clone()))
        });
        charged.saturating_sub(going.map(|task| task.cpu * 1_000).sum())
    }

    /// What is asked back now holds every law of reclaim.
    fn check(&self, offers: &[InverseOffer]) {
        let owed = !self.world.allocator.role_report(&RolePath::root()).unwrap().need.is_empty();
        assert!(owed || offers.is_empty(), "nothing is owed, and {offers:?} asked for");
        for offer in offers {
            let Why::Claim { role: claimant, .. } = &offer.why else { panic!("nothing drains") };
            let task = &self.tasks[&offer.tasks[0]];
            for role in [task.role, task.role.split('/').next().unwrap()] {
                let shared = claimant.as_str() == role || claimant.as_str().starts_with(&format!("{role}/"));
                let guarantee = self.guarantees.get(role).copied().unwrap_or_default() * 1_000;
                assert!(shared || self.stays(role) >= guarantee, "{role} falls below for {offer:?}");
            }
        }
    }

    /// With everything gone that was asked for, each claim of this time has its room in the next cycle.
    fn suffices(&mut self, offers: &[InverseOffer]) {
        let copy = self.world.allocator.clone();
        let tick = self.world.tick;
        let gone: Vec<TaskId> = self
            .tasks
            .iter()
            .filter(|(_, task)| {
                task.finishing || self.asked.contains(&(task.framework.clone(), task.unit.clone()))
            })
            .map(|(id, _)| id.clone())
            .collect();
        gone.iter().for_each(|id| drop(self.tell(&format!("holding-gone {id}"))));
        let out = self.tell("cycle");
        for offer in offers {
            let Why::Claim { framework, .. } = &offer.why else { continue };
            assert!(out.contains(&format!("  {framework}-")), "{offer:?} was not enough:\n{out}");
        }
        self.world.allocator = copy;
        self.world.tick = tick;
    }

    fn step(&mut self) {
        let role = ROLES[usize::try_from(self.below(5)).unwrap()];
        let (cpu, count) = (1 + self.below(3), 1 + self.below(2));
        let least = if self.below(2) == 0 { 0 } else { count };
        let framework = format!("f-{}", role.replace('/', "-"));
        self.tell(&format!("asks {framework} x{}{{cpu={cpu} count={count} least={least}}}", self.now));
        self.world.tick.now = Timestamp(self.now);
        let out = self.tell("cycle answer=decline");
        assert!(!out.contains("ended early"));
        let mut offers = Vec::new();
        while let Some(offer) = self.world.allocator.next_inverse() {
            offers.push(offer);
        }
        let ended: BTreeSet<_> =
            self.world.allocator.live_inverse().map(|o| (o.framework.clone(), o.unit.clone())).collect();
        self.asked.retain(|unit| {
            ended.contains(unit)
                || self
                    .tasks
                    .values()
                    .any(|task| task.finishing && (&task.framework, &task.unit) == (&unit.0, &unit.1))
        });
        for offer in &offers {
            let unit = (offer.framework.clone(), offer.unit.clone());
            let twice = self
                .tasks
                .values()
                .any(|task| task.finishing && (&task.framework, &task.unit) == (&unit.0, &unit.1));
            assert!(!twice, "{offer:?} ends already");
            self.asked.insert(unit);
        }
        let live: Vec<_> = self.world.allocator.live_inverse().collect();
        let units: BTreeSet<_> = live.iter().map(|offer| (&offer.framework, &offer.unit)).collect();
        assert_eq!(live.len(), units.len(), "a unit is asked for twice");
        assert!(self.tell("audit").is_empty());
        self.check(&offers);
        self.suffices(&offers);
        assert_eq!(self.tell("inverse"), "");
        self.answer(&offers);
        self.now += self.below(4);
    }

    fn answer(&mut self, offers: &[InverseOffer]) {
        for offer in offers {
            match self.below(3) {
                0 => {
                    self.world.allocator.settle_inverse(offer.id, InverseAnswer::Accept).unwrap();
                    for id in &offer.tasks {
                        self.tasks.get_mut(id).unwrap().finishing = true;
                        self.hold(id);
                    }
                }
                1 => {
                    let until = Timestamp(self.now + 3);
                    self.world.allocator.settle_inverse(offer.id, InverseAnswer::Decline { until }).unwrap();
                    self.asked.remove(&(offer.framework.clone(), offer.unit.clone()));
                }
                _ => {}
            }
        }
        let finished: Vec<TaskId> =
            self.tasks.iter().filter(|(_, task)| task.finishing).map(|(id, _)| id.clone()).collect();
        for id in finished {
            if self.below(2) == 0 {
                self.tasks.remove(&id);
                self.tell(&format!("holding-gone {id}"));
            }
        }
    }
}

/// Whoever runs the loop sleeps until something ends by time, so what was asked and answered must be among it.
#[test]
fn the_next_expiry_knows_what_is_asked_back() {
    let mut world = World::new();
    let lines = [
        "policy inverse-millis=10",
        "agent m cpu=8 state=draining",
        "framework f role=r",
        "holding t m f cpu=1",
        "cycle",
    ];
    lines.iter().for_each(|line| drop(world.run(line)));
    assert_eq!(world.allocator.next_expiry(), None);
    world.run("inverse");
    assert_eq!(world.allocator.next_expiry(), Some(Timestamp(10)));
    world.run("keep 1 until=30");
    assert_eq!(world.allocator.next_expiry(), Some(Timestamp(30)));
    world.run("holding-gone t");
    world.run("cycle");
    world.run("inverse");
    assert_eq!(world.allocator.next_expiry(), None);
}

/// The same lives every time; `SEED=7` or `SEED=random` for others.
fn seed() -> RngSeed {
    let named = std::env::var("SEED").unwrap_or_else(|_| "35".into());
    if named == "random" { RngSeed::Random } else { RngSeed::Fixed(named.parse().unwrap()) }
}

/// How many lives; `CASES=2000` for a long run.
fn cases() -> u32 {
    std::env::var("CASES").map_or(300, |text| text.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), rng_seed: seed(), failure_persistence: None, ..ProptestConfig::default() })]

    /// No role falls below its guarantee by what is asked back, no unit is asked for twice, what is asked for is enough,
    /// and nothing is asked for while no guarantee is owed anything.
    #[test]
    fn claims_are_fair_and_enough(bytes in proptest::collection::vec(any::<u8>(), 64..160)) {
        let mut life = Life::new(bytes);
        for _ in 0..8 {
            life.step();
        }
    }
}
