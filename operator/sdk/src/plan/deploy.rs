//! The deploy plan: a phase for each pod type, a step for each instance, complete once the instance was up. A larger
//! count adds steps for the new indexes, so scaling out is deploying.

use super::status::step_status;
use super::{Phase, Plan, Step, StepStatus, strategy};
use crate::instance::InstanceId;
use crate::observed::ServiceView;
use crate::spec::{Gang, PodType, ServiceSpec};
use alloc::string::ToString;
use twofold_allocator::tick::Timestamp;

/// The deploy plan as it is now.
pub(super) fn plan(spec: &ServiceSpec, view: &ServiceView, now: Timestamp) -> Plan {
    let phases = spec.pod_types.iter().map(|pod_type| phase(spec, pod_type, view, now)).collect();
    let mut plan = Plan { name: "deploy", strategy: spec.deploy, phases };
    if !awaits_gang(spec, view) {
        strategy::apply(&mut plan);
    }
    plan
}

/// Whether the first deployment is still to be given whole. Its order is then that of the start turns alone.
pub(crate) fn awaits_gang(spec: &ServiceSpec, view: &ServiceView) -> bool {
    spec.gang == Gang::All && !view.gang_started
}

fn phase(spec: &ServiceSpec, pod_type: &PodType, view: &ServiceView, now: Timestamp) -> Phase {
    let steps = (0..pod_type.count).map(|index| {
        let instance = InstanceId { pod_type: pod_type.name.clone(), index };
        let seen = view.instances.get(&instance);
        let status = step_status(spec, pod_type, seen, now);
        if seen.is_some_and(|seen| seen.joined) {
            let degraded = !status.is_complete();
            Step { instance, status: StepStatus::Complete, degraded }
        } else {
            Step { instance, status, degraded: false }
        }
    });
    Phase { name: pod_type.name.to_string(), strategy: pod_type.deploy, steps: steps.collect() }
}
