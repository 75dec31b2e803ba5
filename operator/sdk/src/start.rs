//! Start turns: which instances may pass the start gate. A member without data joins a ring, and two that join at
//! once can end as two rings; one that has data only comes back.

use crate::instance::InstanceId;
use crate::observed::{Data, InstanceView, ServiceView, TaskState, View};
use crate::plan::awaits_gang;
use crate::spec::{PodType, ServiceSpec, Start};
use alloc::vec::Vec;
use twofold_allocator::id::Word;

/// The instances whose start gate may be lifted now, in the order of their pod types.
///
/// Those with data start at once. Of those without, at most one of a pod type is between its start and being ready, and
/// it starts only while every member that ever joined is known to be ready. The first of all is instance 0, when every
/// member of a gang has its pod; then the zone with the fewest members goes first. One that had begun and was lost
/// before it was ready keeps the turn. An instance of which it is not known whether it has data does not start,
/// nor does one that joined and has lost its data: as a new member it would be a stranger under an old name.
#[must_use]
pub fn starts(spec: &ServiceSpec, view: &ServiceView) -> Vec<InstanceId> {
    spec.pod_types.iter().flat_map(|pod_type| starts_of(spec, pod_type, view)).collect()
}

fn starts_of(spec: &ServiceSpec, pod_type: &PodType, view: &ServiceView) -> Vec<InstanceId> {
    let members: Vec<(&InstanceId, &InstanceView)> = view
        .instances
        .iter()
        .filter(|(id, _)| id.pod_type == pod_type.name && id.index < pod_type.count)
        .collect();
    let gated = |wanted: fn(&InstanceView) -> bool| {
        members.iter().filter(move |(_, seen)| is_gated(seen) && wanted(seen)).map(|(id, _)| (*id).clone())
    };
    match pod_type.start {
        Start::Free => gated(|_| true).collect(),
        Start::OneAtATimeWhenEmpty => {
            let first = next_newcomer(spec, &members, view);
            gated(|seen| seen.data == Data::Present).chain(first).collect()
        }
    }
}

/// The instance without data whose turn it is.
fn next_newcomer(
    spec: &ServiceSpec,
    members: &[(&InstanceId, &InstanceView)],
    view: &ServiceView,
) -> Option<InstanceId> {
    let newcomers = || members.iter().filter(|(_, seen)| is_newcomer(seen));
    let is_member = |seen: &InstanceView| seen.joined || seen.is_ready() || seen.data != Data::Empty;
    let mut joined = members.iter().filter(|(_, seen)| is_member(seen)).peekable();
    let is_first_of_all = joined.peek().is_none();
    if !joined.all(|(_, seen)| seen.is_ready()) {
        return None;
    }
    let next = if let Some(begun) = newcomers().find(|(_, seen)| has_begun(seen)) {
        Some(begun)
    } else if is_first_of_all {
        newcomers().find(|(id, _)| id.index == 0 && gang_exists(spec, view))
    } else {
        newcomers()
            .filter(|(_, seen)| is_gated(seen))
            .min_by_key(|(id, seen)| (joined_in(members, seen.zone()), id.index))
    };
    next.filter(|(_, seen)| is_gated(seen)).map(|(id, _)| (*id).clone())
}

/// One that would join as a new member.
fn is_newcomer(seen: &InstanceView) -> bool {
    seen.data == Data::Empty && !seen.joined && !seen.is_ready()
}

/// Whether a newcomer has left its gate behind, so that it may be on its way into the ring. A pod whose state is not
/// known may be.
fn has_begun(seen: &InstanceView) -> bool {
    seen.started
        || match &seen.task {
            View::Known(TaskState::Absent | TaskState::Gated, _) => false,
            View::Known(
                TaskState::Launched
                | TaskState::Starting
                | TaskState::Running { .. }
                | TaskState::Succeeded
                | TaskState::Failed { .. }
                | TaskState::Terminating
                | TaskState::Unreachable
                | TaskState::Lost,
                _,
            )
            | View::Unknown(_) => true,
        }
}

fn is_gated(seen: &InstanceView) -> bool {
    matches!(seen.task, View::Known(TaskState::Gated, _))
}

/// Whether every member of a gang that is still to start has a pod.
fn gang_exists(spec: &ServiceSpec, view: &ServiceView) -> bool {
    !awaits_gang(spec, view)
        || spec.instances().all(|(id, _)| {
            view.instances.get(&id).is_some_and(|seen| {
                !matches!(seen.task, View::Known(TaskState::Absent | TaskState::Terminating, _))
            })
        })
}

fn joined_in(members: &[(&InstanceId, &InstanceView)], zone: Option<&Word>) -> usize {
    members.iter().filter(|(_, seen)| seen.is_ready() && seen.zone() == zone).count()
}
