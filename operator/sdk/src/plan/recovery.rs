//! The recovery plan: a step for each instance that was up and is not. Instances come back in place, that is under
//! their name and with their volumes, all at once.

use super::status::step_status;
use super::{Phase, Plan, Step};
use crate::observed::ServiceView;
use crate::spec::{PodType, ServiceSpec, Strategy};
use alloc::string::ToString;
use alloc::vec::Vec;
use twofold_allocator::tick::Timestamp;

/// The recovery plan as it is now; without phases when all is well.
pub(super) fn plan(spec: &ServiceSpec, view: &ServiceView, now: Timestamp) -> Plan {
    let phases = spec.pod_types.iter().map(|pod_type| phase(spec, pod_type, view, now));
    Plan {
        name: "recovery",
        strategy: Strategy::Parallel,
        phases: phases.filter(|phase| !phase.steps.is_empty()).collect(),
    }
}

fn phase(spec: &ServiceSpec, pod_type: &PodType, view: &ServiceView, now: Timestamp) -> Phase {
    let steps: Vec<Step> = view
        .instances
        .iter()
        .filter(|(id, seen)| id.pod_type == pod_type.name && id.index < pod_type.count && seen.joined)
        .map(|(id, seen)| (id, step_status(spec, pod_type, Some(seen), now)))
        .filter(|(_, status)| !status.is_complete())
        .map(|(id, status)| Step { instance: id.clone(), status, degraded: false })
        .collect();
    Phase { name: pod_type.name.to_string(), strategy: Strategy::Parallel, steps }
}
