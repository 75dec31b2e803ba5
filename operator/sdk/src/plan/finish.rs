//! The finish of a job.

use crate::instance::InstanceId;
use crate::observed::{ServiceView, TaskState, View};
use crate::spec::{FinishRule, ServiceSpec};

/// Whether the job is over. Only what is known to have ended with success counts; a pod type without instances
/// finishes nothing.
#[must_use]
pub(super) fn is_reached(spec: &ServiceSpec, view: &ServiceView) -> bool {
    spec.finish.as_ref().is_some_and(|finish| finish.when_any.iter().any(|rule| holds(spec, view, rule)))
}

fn holds(spec: &ServiceSpec, view: &ServiceView, rule: &FinishRule) -> bool {
    match rule {
        FinishRule::AllOf(name) => spec.pod_type(name).is_some_and(|pod_type| {
            pod_type.count > 0
                && (0..pod_type.count)
                    .all(|index| succeeded(view, &InstanceId { pod_type: name.clone(), index }))
        }),
        FinishRule::Instance(instance) => succeeded(view, instance),
    }
}

fn succeeded(view: &ServiceView, instance: &InstanceId) -> bool {
    view.instances.get(instance).is_some_and(|seen| matches!(seen.task, View::Known(TaskState::Succeeded, _)))
}
