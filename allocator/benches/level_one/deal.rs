//! `deal`: whole agents to open frameworks, all taken; one agent a turn, or with a grain that makes it about ten.

use crate::report::{Aim, Report, Value};
use crate::world::{NO_GRAIN, cluster, cycle, law, names, open, policy, take_whole};
use twofold_allocator::policy::{Grain, Laws};

pub(crate) fn run(report: &mut Report) {
    for (turn, laws) in
        [("one", Laws::Touched), ("one", Laws::Off), ("ten", Laws::Touched), ("ten", Laws::Off)]
    {
        let (agents, frameworks) = (10_000, 1000);
        let parameters: [(&str, &dyn std::fmt::Display); 4] =
            [("agents", &agents), ("frameworks", &frameworks), ("a turn", &turn), ("laws", &law(laws))];
        let grain = if turn == "ten" { Grain { numerator: 9, denominator: agents } } else { NO_GRAIN };
        let ready = cluster(policy(laws, grain), agents, frameworks, open);
        let mut offers = 0;
        let millis = report.median(|| {
            let cycle = cycle(&mut ready.clone(), 1, take_whole(names(agents)));
            assert_eq!(cycle.launches, u64::from(agents));
            offers = cycle.offers;
            cycle.millis
        });
        report.point("deal", &parameters, Value("cycle_ms", millis, "ms", Aim::AtMost(20.0)));
        let each = millis * 1e6 / offers as f64;
        report.point("deal", &parameters, Value("ns_per_offer", each, "ns", Aim::None));
    }
}
