//! `decline`, after Mesos' `DeclineOffers`: every agent is dealt to some framework of one role that goes by shares, all
//! offers are out, then each is declined for ever; twenty rounds. An agent has 24 CPUs, 4 GiB of memory and of disk, of
//! which 16, 2 and 1 are in use, by the frameworks in turn.

use crate::report::{Aim, Report, Value, Watch, resident};
use crate::world::{FOR_EVER, GI, NO_GRAIN, add_agents, add_framework, open, policy};
use twofold_allocator::allocator::Allocator;
use twofold_allocator::change::Change;
use twofold_allocator::holding::{Holding, Owner};
use twofold_allocator::id::FrameworkId;
use twofold_allocator::offer::Terms;
use twofold_allocator::policy::{Laws, Policy};
use twofold_allocator::resources::Resources;
use twofold_allocator::role::{FrameworkOrder, Role};
use twofold_allocator::tick::{Tick, Timestamp};

const ROUNDS: u64 = 20;

pub(crate) fn run(report: &mut Report) {
    let mut grid = vec![(1000, 100, None), (10_000, 1000, Some(10.0)), (20_000, 2000, Some(25.0))];
    if report.all {
        grid.extend([
            (1000, 1, None),
            (10_000, 10_000, None),
            (100_000, 1000, None),
            (100_000, 10_000, None),
        ]);
    }
    for (agents, frameworks, most) in grid {
        let parameters: [(&str, &dyn std::fmt::Display); 2] =
            [("agents", &agents), ("frameworks", &frameworks)];
        let ready = ready(agents, frameworks);
        let (mut offers, mut bytes) = (0, 0);
        let millis = report.median(|| {
            let mut allocator = ready.clone();
            let before = resident();
            let (millis, made) = rounds(&mut allocator);
            bytes = resident().saturating_sub(before).max(bytes);
            offers = made;
            millis / ROUNDS as f64
        });
        let aim = most.map_or(Aim::None, Aim::AtMost);
        report.point("decline", &parameters, Value("ms_per_round", millis, "ms", aim));
        let each = millis * 1e6 * ROUNDS as f64 / offers as f64;
        report.point("decline", &parameters, Value("ns_per_offer", each, "ns", Aim::AtMost(1000.0)));
        report.point("decline", &parameters, Value("filter_bytes", bytes as f64, "B", Aim::None));
    }
}

fn ready(agents: u32, frameworks: u32) -> Allocator {
    let mut allocator =
        Allocator::new(Policy { open_offer_millis: Some(u64::MAX), ..policy(Laws::Touched, NO_GRAIN) });
    let capacity = Resources { disk_bytes: 4 * GI, ..Resources::new(24_000, 4 * GI) };
    add_agents(&mut allocator, agents, &capacity);
    allocator
        .apply(Change::Role(Role {
            path: "all".into(),
            weight: 1,
            guarantee: [].into(),
            limit: [].into(),
            agents: Vec::new(),
            order: FrameworkOrder::Drf,
        }))
        .unwrap();
    let ids: Vec<FrameworkId> =
        (0..frameworks).map(|at| add_framework(&mut allocator, at, "all".into(), open(at))).collect();
    for at in 0..agents {
        let holding = Holding {
            task: format!("used-{at:06}").as_str().into(),
            agent: format!("agent-{at:06}").as_str().into(),
            owner: Owner::Framework { id: ids[(at % frameworks) as usize].clone(), role: "all".into() },
            resources: Resources { disk_bytes: GI, ..Resources::new(16_000, 2 * GI) },
            finishing: false,
            unit: None,
            reservation: None,
            devices: Vec::new(),
        };
        allocator.apply(Change::Holding(holding)).unwrap();
    }
    allocator
}

/// All rounds: milliseconds, and agents offered.
fn rounds(allocator: &mut Allocator) -> (f64, u64) {
    let watch = Watch::start();
    let mut offered = 0;
    for round in 1..=ROUNDS {
        allocator.begin(Tick { cycle: round, now: Timestamp(round) });
        let mut out = Vec::new();
        while let Some(offer) = allocator.next_offer() {
            let Terms::Parts { parts, .. } = &offer.terms else { continue };
            offered += parts.len() as u64;
            out.push(offer.id);
        }
        for id in out {
            allocator.settle(id, FOR_EVER).unwrap();
        }
        assert_eq!(allocator.check_touched(), []);
    }
    (watch.millis(), offered)
}
