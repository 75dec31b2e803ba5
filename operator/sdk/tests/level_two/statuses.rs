//! Properties of plans: a status for every view, no error without one, and each instance in the care of one plan.

use crate::generate::any_view;
use proptest::prelude::*;
use std::collections::BTreeSet;
use twofold_allocator::tick::Timestamp;
use twofold_sdk::launch::withdrawals;
use twofold_sdk::observed::{Data, ServiceView, TaskState, View};
use twofold_sdk::plan::{Status, StepStatus, plans};
use twofold_sdk::removal::removals;
use twofold_sdk::requirement::asks;
use twofold_sdk::spec::{Relaunch, ServiceSpec, Start};
use twofold_sdk::start::starts;

const NOW: Timestamp = Timestamp(150_000);

const ALL: [Status; 6] =
    [Status::Error, Status::Pending, Status::Delayed, Status::Waiting, Status::InProgress, Status::Complete];

fn any_status() -> impl Strategy<Value = Status> {
    prop::sample::select(ALL.as_slice())
}

#[test]
fn back_off_of_one_part_is_no_error_of_the_whole() {
    use Status::{Complete, Delayed, InProgress, Pending};
    assert_eq!(Status::of([Complete, Delayed]), InProgress);
    assert_eq!(Status::of([Delayed, Pending]), Delayed);
    assert_eq!(Status::of([Delayed, Delayed]), Delayed);
    assert_eq!(Status::of([]), Complete);
}

proptest! {
    #[test]
    fn the_whole_has_an_error_exactly_if_a_part_has_and_is_complete_exactly_if_all_are(
        parts in prop::collection::vec(any_status(), 0..6)
    ) {
        let whole = Status::of(parts.iter().copied());
        prop_assert_eq!(whole == Status::Error, parts.contains(&Status::Error));
        prop_assert_eq!(whole == Status::Complete, parts.iter().all(|part| *part == Status::Complete));
    }

    #[test]
    fn a_part_that_moves_on_never_moves_the_whole_back(
        parts in prop::collection::vec(any_status(), 1..6), at in any::<prop::sample::Index>(), to in any_status()
    ) {
        let mut later = parts.clone();
        let at = at.index(parts.len());
        later[at] = later[at].max(to);
        prop_assert!(Status::of(later) >= Status::of(parts));
    }

    #[test]
    fn every_view_has_a_status_and_the_same_view_the_same((spec, view) in any_view()) {
        let now = plans(&spec, &view, NOW);
        prop_assert_eq!(&now, &plans(&spec, &view, NOW));
        prop_assert_eq!(now.deploy.steps().count(), spec.instances().count());
        let may_end = spec.pod_types.iter().any(|pod_type| pod_type.relaunch != Relaunch::Always);
        prop_assert!(may_end || !now.has_error(), "an error though everything is launched again");
    }

    #[test]
    fn an_instance_is_in_the_care_of_one_plan((spec, view) in any_view()) {
        let plans = plans(&spec, &view, NOW);
        let open: Vec<_> = plans.steps().filter(|step| !step.status.is_complete()).collect();
        let names: BTreeSet<_> = open.iter().map(|step| &step.instance).collect();
        prop_assert_eq!(names.len(), open.len());
        for step in plans.deploy.steps().filter(|step| step.degraded) {
            prop_assert!(plans.recovery.steps().any(|other| other.instance == step.instance));
        }
    }

    #[test]
    fn only_names_that_are_free_are_asked_for_and_each_once((spec, view) in any_view()) {
        let plans = plans(&spec, &view, NOW);
        let mut seen = BTreeSet::new();
        for ask in asks(&spec, &view, &plans) {
            prop_assert_eq!(ask.ask.members.len(), ask.members.len());
            for (member, instances) in ask.ask.members.iter().zip(&ask.members) {
                prop_assert_eq!(usize::try_from(member.count).unwrap(), instances.len());
                prop_assert!(member.least == 0 || member.least == member.count);
            }
            for instance in ask.members.into_iter().flatten() {
                let task = view.instances.get(&instance).map(|seen| &seen.task);
                prop_assert!(matches!(task, None | Some(View::Known(TaskState::Absent, _))));
                prop_assert!(seen.insert(instance), "asked for twice");
            }
        }
    }

    #[test]
    fn nothing_is_ended_or_started_that_cannot_be_seen((spec, view) in any_view()) {
        let removed = removals(&spec, &view, NOW).into_iter().map(|one| one.instance);
        let withdrawn = withdrawals(&spec, &view, NOW, 60_000).into_iter().map(|one| one.instance);
        for instance in removed.chain(withdrawn).chain(starts(&spec, &view)) {
            prop_assert!(matches!(view.instances[&instance].task, View::Known(..)));
        }
    }

    #[test]
    fn no_pod_is_removed_and_withdrawn_at_once((spec, view) in any_view()) {
        let removed: BTreeSet<_> =
            removals(&spec, &view, NOW).into_iter().map(|one| one.instance).collect();
        for one in withdrawals(&spec, &view, NOW, 60_000) {
            prop_assert!(!removed.contains(&one.instance), "{} is both", one.instance);
        }
    }

    #[test]
    fn at_most_one_member_without_data_is_on_its_way_into_a_ring((spec, view) in any_view()) {
        for name in started_one_at_a_time(&spec, &view) {
            prop_assert!(name.len() <= 1, "{name:?}");
        }
    }

    #[test]
    fn a_delayed_step_is_what_wakes_the_loop((spec, view) in any_view()) {
        let plans = plans(&spec, &view, NOW);
        let delayed = plans.steps().any(|step| matches!(step.status, StepStatus::Delayed { .. }));
        prop_assert_eq!(delayed, plans.wake().is_some_and(|at| at > NOW));
    }
}

/// For each pod type that starts one at a time, the members without data that start now.
fn started_one_at_a_time(spec: &ServiceSpec, view: &ServiceView) -> Vec<Vec<String>> {
    let due = starts(spec, view);
    let careful = spec.pod_types.iter().filter(|pod_type| pod_type.start == Start::OneAtATimeWhenEmpty);
    careful
        .map(|pod_type| {
            due.iter()
                .filter(|id| id.pod_type == pod_type.name && view.instances[id].data != Data::Present)
                .map(ToString::to_string)
                .collect()
        })
        .collect()
}
