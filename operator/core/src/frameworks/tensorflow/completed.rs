//! Replicas that ended well. They are put on record, so that one does not run again when its pod is collected or
//! deleted while the job goes on.

use super::defaults::Job;
use super::reclaim;
use super::tally::{belongs, completes};
use crate::frameworks::Situation;
use crate::observe::service::instance_of;
use crate::record::PodRecord;
use std::collections::BTreeSet;
use twofold_crds::tfjob::TfJobStatus;
use twofold_sdk::instance::InstanceId;

/// The replicas that are on record.
pub(super) fn of(status: &TfJobStatus) -> BTreeSet<InstanceId> {
    let names = status.twofold.iter().flat_map(|twofold| &twofold.completed);
    names.filter_map(|name| InstanceId::parse(name)).collect()
}

/// Whether the replica of this pod is on record.
pub(super) fn has(status: &TfJobStatus, pod: &PodRecord) -> bool {
    instance_of(pod).is_some_and(|instance| of(status).contains(&instance))
}

/// Puts on record which replicas have ended well, but for what is taken back; surplus ones are forgotten.
pub(super) fn note(status: &mut TfJobStatus, job: &Job<'_>, situation: &Situation<'_>) {
    let policy = |instance: &InstanceId| {
        let own = job.replicas.iter().find(|replicas| belongs(instance, replicas));
        own.map(|replicas| replicas.restart)
    };
    let pods = situation.pods.iter().filter(|pod| !reclaim::takes(status, pod));
    let known = pods.filter_map(|pod| Some((pod, instance_of(pod)?)));
    let ended_well =
        known.filter(|(pod, instance)| policy(instance).is_some_and(|policy| completes(pod, policy)));
    let mut completed = of(status);
    completed.extend(ended_well.map(|(_, instance)| instance));
    completed.retain(|instance| policy(instance).is_some());
    let names = completed.iter().map(ToString::to_string).collect();
    status.twofold.get_or_insert_default().completed = names;
}
