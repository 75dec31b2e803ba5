//! The policies of level one's crate, best fit and fragmentation gradient, applied to an instance on an agent.

use crate::spec::PodType;
use alloc::vec::Vec;
use twofold_allocator::counts::Counts;
use twofold_allocator::device::{DeviceAmount, DeviceRequest};
use twofold_allocator::resources::Resources;
use twofold_allocator::score::{Piece, Room, Score, Workload, best_fit, fragmentation};

/// How an instance packs on an agent; the least is the best. For one without GPUs only what concerns GPUs is looked at:
/// how tight it fits otherwise is the matter of its dominant resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Packed {
    lost: i64,
    gpus_milli_left: u64,
    cpu_milli_left: u64,
    memory_bytes_left: u64,
}

/// How an instance packs that takes so much of what is free, the model of its GPUs settled; by the gradient where the
/// workload is given. None when it does not fit.
pub(super) fn packed(
    pod_type: &PodType,
    free: &Resources,
    taken: &Resources,
    gradient: Option<&Workload>,
) -> Option<Packed> {
    if free.gpus.is_empty() && taken.gpus.is_empty() {
        return Some(Packed::default());
    }
    let (room, piece) = (Room::counted(free), piece(taken));
    let Score { lost, idle_milli, cpu_milli, memory_bytes, device_free_milli: _ } = match gradient {
        Some(workload) => fragmentation::score(&room, &piece, workload)?,
        None => best_fit::score(&room, &piece)?,
    };
    let takes_gpus = pod_type.shape.gpu.is_some();
    let beside = |amount: u64| if takes_gpus { amount } else { 0 };
    Some(Packed {
        lost,
        gpus_milli_left: idle_milli,
        cpu_milli_left: beside(cpu_milli),
        memory_bytes_left: beside(memory_bytes),
    })
}

fn piece(taken: &Resources) -> Piece {
    let whole = |(model, count): (&_, u64)| DeviceRequest {
        models: Vec::from([Clone::clone(model)]),
        amount: DeviceAmount::Whole(u32::try_from(count).unwrap_or(u32::MAX)),
    };
    let base = Resources { gpus: Counts::default(), ..taken.clone() };
    Piece { base, devices: taken.gpus.iter().next().map(whole) }
}
