//! Fragmentation gradient: the agent that loses the least of what the typical workload is expected to use of it.
//!
//! The idea is fragmentation gradient descent (Weng, Yang, Yu, Wang, Tang, Yang and Zhang, "Beware of Fragmentation:
//! Scheduling GPU-Sharing Workloads with Fragmentation Gradient Descent", USENIX ATC 2023): what is free on an agent is
//! worth what the tasks that usually come could do with it, and a task goes where that value falls the least. There, a
//! device is of use to a typical shape when one task of it fits. That is blind to processor time spent on an agent rich
//! in GPUs until it is too late, and takes a hole for used up by whatever fits in it. So the value differs here in
//! three points:
//!
//! - a device is worth what the next [`Workload::HORIZON`] typical tasks are expected to fill of it, those that fit, one
//!   after the other, not all that is free;
//! - no shape is expected to use more GPUs than the free processor time lasts for, at its processor time for each GPU;
//! - the fall is counted in tenths of a GPU, and best fit decides among equals. A coarse score with a packing tie-break
//!   is what makes the gradient work: in the published simulator, the rounding and a fixed order of ties do.
//!
//! Memory decides whether a task fits, and ties; the value leaves it out, as the source does.

use super::workload::Table;
use super::{Piece, Room, Score, Source, Stock, Workload};
use crate::device::WHOLE_MILLI;

/// The score of a task on an agent; none when it does not fit there. The device is the one that makes it the least.
#[must_use]
pub fn score(room: &Room, piece: &Piece, workload: &Workload) -> Option<Score> {
    if !room.free.contains(&piece.base) {
        return None;
    }
    let cpu_left = room.free.cpu_milli.saturating_sub(piece.base.cpu_milli);
    // What is lost on the models that the task takes no device of: its processor time alone.
    let by_cpu = |stock: &Stock| {
        let (table, worth) = (workload.table(&stock.model), Worth::of(stock, workload));
        worth.value(table, room.free.cpu_milli) - worth.value(table, cpu_left)
    };
    let Some(request) = &piece.devices else {
        let lost = workload.tenths(room.models.iter().map(by_cpu).sum());
        return Some(Score { lost, ..Score::of_rest(room, piece, 0) });
    };
    let (milli, count) = request.amount.parts();
    let at = |source: Source<'_>| {
        let others = room.models.iter().filter(|stock| stock.model != source.stock.model);
        let table = workload.table(&source.stock.model);
        let before = Worth::of(source.stock, workload);
        let after = before.less(table, source.free_milli, milli, count);
        let own = before.value(table, room.free.cpu_milli) - after.value(table, cpu_left);
        let lost = workload.tenths(own + others.map(by_cpu).sum::<i64>());
        Score { lost, ..Score::of_rest(room, piece, source.free_milli) }
    };
    room.sources(request).map(at).min()
}

/// What the devices of one model on an agent are worth, as far as it does not depend on processor time.
#[derive(Clone, Copy, Debug)]
struct Worth {
    /// Millionths of a device that single tasks are expected to use.
    singles: u64,
    /// Devices that nobody uses.
    whole: u64,
}

impl Worth {
    fn of(stock: &Stock, workload: &Workload) -> Self {
        let table = workload.table(&stock.model);
        let singles =
            stock.levels.iter().map(|level| table.expected(level.free_milli) * u64::from(level.count)).sum();
        Self { singles, whole: u64::from(stock.whole()) }
    }

    /// After a task took so much of so many devices with so much free.
    fn less(self, table: &Table, free_milli: u32, milli: u32, count: u32) -> Self {
        let (before, after) = (table.expected(free_milli), table.expected(free_milli.saturating_sub(milli)));
        let count = u64::from(count);
        let whole = if free_milli == WHOLE_MILLI { self.whole.saturating_sub(count) } else { self.whole };
        Self { singles: (self.singles + after * count).saturating_sub(before * count), whole }
    }

    /// What the typical workload is expected to use with so much processor time, in millionths of a device times weight.
    fn value(self, table: &Table, cpu_milli: u64) -> i64 {
        i64::try_from(table.value(self.singles, self.whole, cpu_milli)).unwrap_or(i64::MAX)
    }
}
