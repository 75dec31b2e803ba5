//! Stage four: GPUs. All that one instance takes are of one model on one agent.

use super::spot::{Against, Need, Spot};
use crate::refusal::Stage;
use twofold_allocator::counts::Counts;
use twofold_allocator::gpu::GpuRequest;
use twofold_allocator::id::Word;
use twofold_allocator::resources::Kind;

pub(super) fn check(need: Need<'_>, spot: &Spot<'_>, against: &mut Against) {
    let Some(request) = &need.pod_type.shape.gpu else {
        return;
    };
    if choose(request, &spot.free.gpus).is_none() {
        let kind = request.model.clone().map_or(Kind::Gpu, Kind::GpuModel);
        let most = usable(request, &spot.free.gpus).map(|(_, count)| count).max();
        against.short(Stage::Gpu, kind, request.count, most.unwrap_or_default());
    }
}

/// The model that the request takes: the one that leaves the fewest behind, then by name.
pub(super) fn choose<'a>(request: &'a GpuRequest, free: &'a Counts) -> Option<&'a Word> {
    usable(request, free)
        .filter(|(_, count)| *count >= request.count)
        .min_by_key(|(_, count)| *count)
        .map(|(model, _)| model)
}

fn usable<'a>(request: &'a GpuRequest, free: &'a Counts) -> impl Iterator<Item = (&'a Word, u64)> {
    free.iter().filter(|(model, _)| request.model.as_ref().is_none_or(|wanted| wanted == *model))
}
