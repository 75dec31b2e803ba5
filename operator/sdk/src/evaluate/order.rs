//! In which order the members of a gang are placed. Each order fails on some gang that another fits, so a few are
//! tried; the number is bounded, since the exact answer is as hard as bin packing.

use super::ground::Ground;
use super::score::Preference;
use super::spot::Need;
use alloc::vec::Vec;

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
    for order in candidates {
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

fn amount(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn is_same(one: &[Need<'_>], other: &[Need<'_>]) -> bool {
    one.iter().map(|need| need.member).eq(other.iter().map(|need| need.member))
}
