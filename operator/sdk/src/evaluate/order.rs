//! In which order the members of a gang are placed. Each order fails on some gang that another fits, so a few are
//! tried; the number is bounded, since the exact answer is as hard as bin packing. In all of them a pod type comes after
//! those that its rule speaks of, so that the rule sees where they went.

use super::ground::Ground;
use super::score::Preference;
use super::spot::Need;
use crate::spec::{PodType, ServiceSpec};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use twofold_allocator::id::Word;

/// Every order that differs, each with every preference; the usual one first: biggest first, evenly spread.
pub(super) fn orders<'a>(ground: &Ground<'a>, needs: &[Need<'a>]) -> Vec<(Vec<Need<'a>>, Preference)> {
    let big_first = |amount: u64| u64::MAX - amount;
    let gpus = |need: &Need<'_>| big_first(need.pod_type.shape.gpu.as_ref().map_or(0, |gpu| gpu.count));
    let choices = |need: &Need<'_>| ground.eligible.get(need.member).map_or(0, |rooms| amount(rooms.len()));
    let candidates = [
        sorted(needs, |need| (gpus(need), big_first(ground.scale.dominant(&need.pod_type.shape.base)))),
        sorted(needs, |need| (choices(need), gpus(need))),
        sorted(needs, |need| (0, big_first(need.pod_type.shape.base.cpu_milli))),
        sorted(needs, |need| (0, big_first(need.pod_type.shape.base.memory_bytes))),
        needs.to_vec(),
    ];
    let mut distinct: Vec<Vec<Need<'a>>> = Vec::new();
    let depths = depths(ground.inquiry.spec);
    for mut order in candidates {
        order.sort_by_key(|need| depths.get(&need.pod_type.name));
        if !distinct.iter().any(|seen| is_same(seen, &order)) {
            distinct.push(order);
        }
    }
    let mut all = Vec::new();
    for preference in [Preference::Spread, Preference::Tight] {
        all.extend(distinct.iter().map(|order| (order.clone(), preference)));
    }
    all
}

fn sorted<'a>(needs: &[Need<'a>], key: impl Fn(&Need<'_>) -> (u64, u64)) -> Vec<Need<'a>> {
    let mut order = needs.to_vec();
    order.sort_by_key(key);
    order
}

/// For each pod type, how many others stand one behind the other in what its rule speaks of. A circle is followed once
/// around.
fn depths(spec: &ServiceSpec) -> BTreeMap<&Word, usize> {
    let mut depths: BTreeMap<&Word, usize> = BTreeMap::new();
    for _ in &spec.pod_types {
        let of = |pod_type: &PodType| {
            let others = pod_type.rule.others().into_iter().filter(|other| **other != pod_type.name);
            others.map(|other| 1 + depths.get(other).copied().unwrap_or_default()).max().unwrap_or_default()
        };
        depths = spec.pod_types.iter().map(|pod_type| (&pod_type.name, of(pod_type))).collect();
    }
    depths
}

fn amount(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn is_same(one: &[Need<'_>], other: &[Need<'_>]) -> bool {
    one.iter().map(|need| need.member).eq(other.iter().map(|need| need.member))
}
