//! What the jobs that usually come take: the shapes of what is declared, finished or not, each as often as it is wanted.
//! The fragmentation gradient packs by it ([`crate::spec::Packing`]).

use crate::spec::{PodType, ServiceSpec};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use twofold_allocator::device::{DeviceAmount, DeviceRequest};
use twofold_allocator::gpu::GpuRequest;
use twofold_allocator::score::{Piece, Typical};

/// The shapes with GPUs of these services, those alike together, in an order that depends on nothing else.
#[must_use]
pub fn typical<'a>(services: impl IntoIterator<Item = &'a ServiceSpec>) -> Vec<Typical> {
    let mut counts: BTreeMap<(DeviceRequest, u64), (u32, &PodType)> = BTreeMap::new();
    for pod_type in services.into_iter().flat_map(|spec| &spec.pod_types) {
        if let Some(gpu) = &pod_type.shape.gpu {
            let key = (request(gpu), pod_type.shape.base.cpu_milli);
            let (count, _) = counts.entry(key).or_insert((0, pod_type));
            *count = count.saturating_add(pod_type.count);
        }
    }
    let typical = counts.into_iter().map(|((devices, _), (weight, pod_type))| Typical {
        piece: Piece { base: pod_type.shape.base.clone(), devices: Some(devices) },
        weight,
    });
    typical.collect()
}

fn request(gpu: &GpuRequest) -> DeviceRequest {
    let count = u32::try_from(gpu.count).unwrap_or(u32::MAX);
    DeviceRequest { models: gpu.model.iter().cloned().collect(), amount: DeviceAmount::Whole(count) }
}
