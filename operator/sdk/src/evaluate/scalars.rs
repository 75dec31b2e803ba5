//! Stage three: everything that is a plain number.

use super::spot::{Against, Need, Spot};
use crate::refusal::Stage;

pub(super) fn check(need: Need<'_>, spot: &Spot<'_>, against: &mut Against) {
    let base = &need.pod_type.shape.base;
    if spot.free.contains(base) {
        return;
    }
    for (kind, missing) in spot.free.shortfall(base) {
        let free = spot.free.amount(&kind);
        against.short(Stage::Scalars, kind, free.saturating_add(missing), free);
    }
}
