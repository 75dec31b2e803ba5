//! `domains`, after Nomad's `BenchmarkServiceScheduler`: a job of many tasks on agents in racks; level two spreads them
//! evenly over the racks, or takes what fits first.

use crate::report::{Aim, Report, Value};
use crate::world::{
    FOR_EVER, GI, add_framework, agent, cycle, large, names, role, singles, strict, take_first,
};
use std::collections::BTreeMap;
use twofold_allocator::allocator::Allocator;
use twofold_allocator::change::Change;
use twofold_allocator::id::{AgentId, TaskId, Word};
use twofold_allocator::offer::{Answer, Offer, Placement, Terms};
use twofold_allocator::resources::Resources;

pub(crate) fn run(report: &mut Report) {
    let mut grid = vec![(500, 25, 50), (5000, 50, 300), (10_000, 75, 1200)];
    if report.all {
        for agents in [500, 1000, 5000, 10_000] {
            for racks in [25, 50, 75] {
                grid.extend([50, 300, 600, 900, 1200].map(|tasks| (agents, racks, tasks)));
            }
        }
    }
    for (agents, racks, tasks) in grid {
        let mut ready = strict();
        for at in 0..agents {
            let mut agent = agent(at, large());
            agent.attributes.insert("rack".into(), rack(at % racks));
            ready.apply(Change::Agent(agent)).unwrap();
        }
        add_framework(&mut ready, 0, role(0), singles(tasks, 1000, GI));
        let mut plain = 0.0;
        for spread in ["no", "yes"] {
            let mut skew = 0;
            let micros = report.median(|| {
                let (names, mut per_rack) = (&mut names(tasks), BTreeMap::new());
                let answer = |allocator: &Allocator, offer: &Offer| {
                    if spread == "no" {
                        return take_first(allocator, offer, u32::MAX, names);
                    }
                    take_spread(allocator, offer, racks, names, &mut per_rack)
                };
                let cycle = cycle(&mut ready.clone(), 1, answer);
                assert_eq!(cycle.launches, u64::from(tasks));
                let counts = || per_rack.values().copied();
                skew = counts().max().unwrap_or(0) - counts().min().unwrap_or(0);
                cycle.millis * 1e3 / f64::from(tasks)
            });
            let parameters: [(&str, &dyn std::fmt::Display); 4] =
                [("agents", &agents), ("racks", &racks), ("tasks", &tasks), ("spread", &spread)];
            report.point("domains", &parameters, Value("us_per_task", micros, "us", Aim::None));
            if spread == "no" {
                plain = micros;
                continue;
            }
            report.point("domains", &parameters, Value("ratio", micros / plain, "", Aim::AtMost(1.2)));
            report.point("domains", &parameters, Value("skew", f64::from(skew), "tasks", Aim::AtMost(1.0)));
        }
    }
}

fn rack(at: u32) -> Word {
    format!("rack-{at:03}").as_str().into()
}

/// An agent in use for a rack, and what is left of it.
type Open = BTreeMap<Word, (AgentId, Resources)>;

/// Takes the allowance evenly over the racks: each task goes to a rack that has least, onto the agent in use there.
fn take_spread(
    allocator: &Allocator,
    offer: &Offer,
    racks: u32,
    names: &mut Vec<TaskId>,
    per_rack: &mut BTreeMap<Word, u32>,
) -> Answer {
    let Terms::Units { units, .. } = offer.terms else { return FOR_EVER };
    let shown = allocator.shown(offer);
    let view = shown.member(0).unwrap();
    let mut agents = view.fitting();
    let mut open = Open::new();
    per_rack.extend((0..racks).map(|at| (rack(at), 0)));
    let mut order: Vec<Word> = per_rack.keys().cloned().collect();
    let mut placements = Vec::with_capacity(units as usize);
    'tasks: while placements.len() < units as usize && !order.is_empty() {
        // A pass gives one task to each rack, so that they stay within one of each other.
        let mut still = Vec::with_capacity(order.len());
        for rack in order {
            if placements.len() == units as usize {
                break 'tasks;
            }
            let taken = loop {
                if let Some((agent, free)) = open.get_mut(&rack) {
                    if let Ok(resources) = view.wanted().shape.on(free) {
                        free.take(&resources).unwrap();
                        break Some((agent.clone(), resources));
                    }
                    open.remove(&rack);
                }
                let Some((agent, free)) = agents.next() else { break None };
                let its = agent.attributes.get(&Word::from("rack")).unwrap();
                open.entry(its.clone()).or_insert_with(|| (agent.id.clone(), free.into_owned()));
            };
            if let Some((agent, resources)) = taken {
                let task = names.pop().unwrap();
                placements.push(Placement { task, member: 0, agent, resources, devices: vec![] });
                *per_rack.get_mut(&rack).unwrap() += 1;
                still.push(rack);
            }
        }
        order = still;
    }
    Answer::Accept(placements)
}
