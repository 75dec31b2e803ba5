//! The typical workload: the shapes that tasks usually have, and how often, as whoever scores has seen them. From it come
//! tables of what such tasks are expected to use of a device, for each model.

use super::Piece;
use crate::device::{DeviceRequest, WHOLE_MILLI};
use crate::id::Word;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// A shape that tasks often have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typical {
    /// The shape. Memory plays no part.
    pub piece: Piece,
    /// How often it comes, next to the others.
    pub weight: u32,
}

impl Typical {
    /// The most common shapes of those seen that together are at least this many percent of them; memory and the like are
    /// not told apart. Ties: the smaller request.
    #[must_use]
    pub fn most_common<'a>(seen: impl IntoIterator<Item = &'a Piece>, percent: u32) -> Vec<Self> {
        let mut counts: BTreeMap<(u64, Option<&DeviceRequest>), (u32, &Piece)> = BTreeMap::new();
        let mut total: u64 = 0;
        for piece in seen {
            let key = (piece.base.cpu_milli, piece.devices.as_ref());
            let (count, _) = counts.entry(key).or_insert((0, piece));
            *count = count.saturating_add(1);
            total += 1;
        }
        let mut counted: Vec<_> = counts.into_iter().collect();
        counted.sort_by_key(|(key, (count, _))| (Reverse(*count), *key));
        let mut covered: u64 = 0;
        let mut common = Vec::new();
        for (_, (weight, piece)) in counted {
            if covered * 100 >= total * u64::from(percent) {
                break;
            }
            covered += u64::from(weight);
            common.push(Self { piece: piece.clone(), weight });
        }
        common
    }
}

/// The typical workload, ready to score by. Tasks without devices use no GPU, so they are left out.
#[derive(Clone, Debug)]
pub struct Workload {
    /// For the models that some shape names.
    named: BTreeMap<Word, Table>,
    /// For all other models.
    other: Table,
    /// The sum of the weights.
    weight: i64,
}

/// What the typical workload can do with devices of one model.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// For each number of thousandths that are free on a device: the millionths of it that are expected to be used.
    expected: Vec<u64>,
    /// Shapes of one device.
    singles: Singles,
    /// Shapes of several whole devices, with their number.
    several: Vec<(u64, Rate)>,
}

/// How much GPU a shape uses for its processor time.
#[derive(Clone, Copy, Debug)]
struct Rate {
    weight: u64,
    /// Millionths of a device for each thousandth of a core, times [`FINE`]; the largest number where it takes none.
    per_cpu_milli: u64,
}

/// Shapes of one device, those that use the most GPU for their processor time first, summed so that a value is found by
/// one search: the processor time lasts for those before a point, and runs out for those behind it.
#[derive(Clone, Debug)]
struct Singles {
    rates: Vec<u64>,
    /// For each point, the weight of all before it.
    weight_before: Vec<u64>,
    /// For each point, the sum of rate times weight of all from it on.
    rate_behind: Vec<u128>,
}

/// A typical shape, as tables are made from it.
#[derive(Clone, Copy, Debug)]
struct Use<'a> {
    request: &'a DeviceRequest,
    cpu_milli: u64,
    weight: u64,
}

/// Weights are read in this many parts of their sum, so that no product of them passes 64 bits.
const PARTS: u64 = 1 << 16;
const FINE: u64 = 1 << 12;
const MICRO_PER_MILLI: u64 = 1000;
/// A tenth of a device in millionths: the step in which a loss is counted.
const STEP_MICRO: i64 = 100_000;

impl Workload {
    /// How many typical tasks a device is expected to be shown before nothing more is hoped for it. With few, a hole that
    /// only a rare task fills counts as waste; with many, as good as filled.
    pub const HORIZON: u32 = 96;

    /// Makes the tables. Of the weights only the proportions count.
    #[must_use]
    pub fn new(typical: &[Typical]) -> Self {
        let valid = typical.iter().filter_map(|typical| {
            let request = typical.piece.devices.as_ref().filter(|request| request.amount.is_valid())?;
            Some((request, typical.piece.base.cpu_milli, u64::from(typical.weight)))
        });
        let valid: Vec<_> = valid.filter(|(_, _, weight)| *weight > 0).collect();
        let sum = valid.iter().map(|(_, _, weight)| weight).sum::<u64>().max(1);
        let uses: Vec<Use<'_>> = valid
            .into_iter()
            .map(|(request, cpu_milli, weight)| Use {
                request,
                cpu_milli,
                weight: (weight * PARTS / sum).max(1),
            })
            .collect();
        let weight = uses.iter().map(|of| of.weight).sum::<u64>().max(1);
        let table = |admits: &dyn Fn(&DeviceRequest) -> bool| {
            let admitted: Vec<_> = uses.iter().filter(|of| admits(of.request)).copied().collect();
            Table::new(&admitted, weight)
        };
        let names: BTreeSet<&Word> = uses.iter().flat_map(|of| &of.request.models).collect();
        let named =
            names.into_iter().map(|model| (model.clone(), table(&|request| request.admits(model)))).collect();
        let other = table(&|request| request.models.is_empty());
        Self { named, other, weight: i64::try_from(weight).unwrap_or(i64::MAX) }
    }

    pub(super) fn table(&self, model: &Word) -> &Table {
        self.named.get(model).unwrap_or(&self.other)
    }

    /// Millionths of a device times weight, as tenths of a device, rounded down.
    pub(super) fn tenths(&self, value: i64) -> i64 {
        value.div_euclid(self.weight.saturating_mul(STEP_MICRO))
    }
}

impl Table {
    /// The table of the shapes that may use the model, of a workload with so much weight in all.
    fn new(uses: &[Use<'_>], weight: u64) -> Self {
        let mut sizes: BTreeMap<u32, u64> = BTreeMap::new();
        let (mut singles, mut several) = (Vec::new(), Vec::new());
        for of in uses {
            let (milli, count) = of.request.amount.parts();
            *sizes.entry(milli).or_default() += of.weight;
            let micro = of.request.amount.total_milli().saturating_mul(MICRO_PER_MILLI);
            let per_cpu_milli = micro.saturating_mul(FINE).checked_div(of.cpu_milli).unwrap_or(u64::MAX);
            let rate = Rate { weight: of.weight, per_cpu_milli };
            if count == 1 {
                singles.push(rate);
            } else {
                several.push((u64::from(count), rate));
            }
        }
        Self { expected: expected(&sizes, weight), singles: Singles::new(singles), several }
    }

    /// Millionths of a device with so many thousandths free that the next tasks are expected to use.
    pub(super) fn expected(&self, free_milli: u32) -> u64 {
        usize::try_from(free_milli).ok().and_then(|at| self.expected.get(at)).copied().unwrap_or_default()
    }

    /// What all shapes together are expected to use, each weighed, in millionths of a device times weight: of `singles`
    /// millionths that single tasks would use and of `whole` devices that nobody uses, with so much processor time.
    pub(super) fn value(&self, singles: u64, whole: u64, cpu_milli: u64) -> u64 {
        let several = self.several.iter().map(|(count, rate)| {
            let devices = whole.checked_div(*count).unwrap_or_default() * count;
            rate.within(devices * u64::from(WHOLE_MILLI) * MICRO_PER_MILLI, cpu_milli)
        });
        several.fold(self.singles.value(singles, cpu_milli), u64::saturating_add)
    }
}

/// Millionths of a device that processor time lasts for at a rate.
fn lasting(cpu_milli: u64, rate: u64) -> u64 {
    if rate == u64::MAX { rate } else { cpu_milli.saturating_mul(rate) / FINE }
}

impl Singles {
    fn new(mut singles: Vec<Rate>) -> Self {
        singles.sort_by_key(|rate| Reverse(rate.per_cpu_milli));
        let weight_before =
            singles.iter().scan(0, |sum, rate| Some(core::mem::replace(sum, *sum + rate.weight)));
        let mut rate_behind: Vec<u128> = singles
            .iter()
            .rev()
            .scan(0_u128, |sum, rate| {
                *sum = sum.saturating_add(u128::from(rate.per_cpu_milli) * u128::from(rate.weight));
                Some(*sum)
            })
            .collect();
        rate_behind.reverse();
        let mut weight_before: Vec<u64> = weight_before.collect();
        weight_before.push(singles.iter().map(|rate| rate.weight).sum());
        rate_behind.push(0);
        Self { rates: singles.iter().map(|rate| rate.per_cpu_milli).collect(), weight_before, rate_behind }
    }

    /// What the shapes are expected to use of so many millionths, each weighed.
    fn value(&self, micro: u64, cpu_milli: u64) -> u64 {
        let point = self.rates.partition_point(|rate| lasting(cpu_milli, *rate) >= micro);
        let weight = self.weight_before.get(point).copied().unwrap_or_default();
        let behind = self.rate_behind.get(point).copied().unwrap_or_default();
        let scarce = u128::from(cpu_milli).saturating_mul(behind) / u128::from(FINE);
        micro.saturating_mul(weight).saturating_add(u64::try_from(scarce).unwrap_or(u64::MAX))
    }
}

impl Rate {
    /// So much of the device, or what the processor time lasts for, times weight.
    fn within(self, micro: u64, cpu_milli: u64) -> u64 {
        micro.min(lasting(cpu_milli, self.per_cpu_milli)).saturating_mul(self.weight)
    }
}

/// What is expected to be used of a device, in millionths, by the thousandths of it that are free: the mean over all
/// sequences of [`Workload::HORIZON`] tasks, each of which takes its share if that is still free. Found from the end: after
/// the last task nothing comes; before each, it comes with its weight.
fn expected(sizes: &BTreeMap<u32, u64>, weight: u64) -> Vec<u64> {
    let mut after = vec![0_u64; WHOLE_MILLI as usize + 1];
    for _ in 0..Workload::HORIZON {
        let before = (0..).zip(&after).map(|(free, unused)| {
            let mut sum = 0;
            let mut taken = 0;
            for (milli, often) in sizes.range(..=free) {
                let rest: u32 = free - milli;
                let then = after.get(rest as usize).copied().unwrap_or_default();
                sum += often * (u64::from(*milli) * MICRO_PER_MILLI + then);
                taken += often;
            }
            (sum + weight.saturating_sub(taken) * unused) / weight
        });
        after = before.collect();
    }
    after
}
