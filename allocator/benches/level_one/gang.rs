//! `gang`: 500 machines of 8 GPUs. One gang of 512; 4,000 jobs of one GPU; the same behind a gang of 4,096, which never
//! fits; and how long it takes to say that it does not.

use crate::report::{Aim, Report, Value, Watch};
use crate::world::{GI, add_agents, add_framework, ask, cycle, gpu_machine, names, role, strict, take_first};
use twofold_allocator::allocator::Allocator;
use twofold_allocator::ask::Shape;
use twofold_allocator::explain::Verdict;
use twofold_allocator::gpu::GpuRequest;
use twofold_allocator::offer::Offer;
use twofold_allocator::resources::Resources;

const JOBS: u32 = 4000;
const TOO_MANY: u32 = 4096;

fn one_gpu() -> Shape {
    let base = Resources { pods: 1, ..Resources::new(4000, 32 * GI) };
    Shape { base, gpu: Some(GpuRequest { model: None, count: 1, one_island: false }) }
}

fn machines() -> Allocator {
    let mut allocator = strict();
    add_agents(&mut allocator, 500, &gpu_machine());
    allocator
}

fn placed(ready: &Allocator, expected: u32) -> f64 {
    let names = &mut names(JOBS.max(TOO_MANY));
    let answer = |allocator: &Allocator, offer: &Offer| take_first(allocator, offer, u32::MAX, names);
    let cycle = cycle(&mut ready.clone(), 1, answer);
    assert_eq!(cycle.launches, u64::from(expected));
    cycle.millis
}

pub(crate) fn run(report: &mut Report) {
    let members = 512;
    let mut ready = machines();
    add_framework(&mut ready, 0, role(0), ask(one_gpu(), members, members));
    let parameters: [(&str, &dyn std::fmt::Display); 2] = [("members", &members), ("case", &"fits")];
    let millis = report.median(|| placed(&ready, members));
    report.point("gang", &parameters, Value("ms", millis, "ms", Aim::AtMost(5.0)));

    let mut alone = machines();
    (1..=JOBS).for_each(|at| drop(add_framework(&mut alone, at, role(0), ask(one_gpu(), 1, 0))));
    let mut behind = machines();
    let gang = add_framework(&mut behind, 0, role(0), ask(one_gpu(), TOO_MANY, TOO_MANY));
    (1..=JOBS).for_each(|at| drop(add_framework(&mut behind, at, role(0), ask(one_gpu(), 1, 0))));
    let millis = report.median(|| placed(&alone, JOBS));
    let parameters: [(&str, &dyn std::fmt::Display); 2] = [("jobs", &JOBS), ("case", &"alone")];
    report.point("gang", &parameters, Value("ms", millis, "ms", Aim::AtMost(10.0)));
    let blocked = report.median(|| placed(&behind, JOBS));
    let parameters: [(&str, &dyn std::fmt::Display); 2] = [("jobs", &JOBS), ("case", &"behind a gang")];
    report.point("gang", &parameters, Value("ms", blocked, "ms", Aim::None));
    report.point("gang", &parameters, Value("ratio", blocked / millis, "", Aim::AtMost(1.05)));

    let parameters: [(&str, &dyn std::fmt::Display); 2] = [("members", &TOO_MANY), ("case", &"cannot fit")];
    let millis = report.median(|| {
        let watch = Watch::start();
        let why = behind.explain(&gang, &role(0), &"x".into()).unwrap();
        assert_eq!(why.on_empty_cluster, Verdict::No);
        watch.millis()
    });
    report.point("gang", &parameters, Value("ms", millis, "ms", Aim::AtMost(10.0)));
}
