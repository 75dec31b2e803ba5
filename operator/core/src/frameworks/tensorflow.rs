//! Jobs of TensorFlow: `kubeflow.org/v1` TFJob, so that manifests and clients of Kubeflow's training operator work
//! unchanged. A job is a gang of replicas, each with a service of its own; it is over when its chief or its workers
//! say so.

mod cleanup;
mod completed;
mod condition;
mod defaults;
mod event;
mod labels;
mod pod;
mod reclaim;
mod report;
mod restart;
mod service;
mod status;
mod tally;
mod template;
mod tf_config;
mod translate;
mod trouble;
mod validate;

use crate::action::{Action, Target, Write};
use crate::condition::merge_patch;
use crate::frameworks::{Framework, InstanceRecord, Problem, Situation, Upkeep, Waiting};
use crate::object::Object;
use crate::record::{Phase, PodRecord};
use crate::settings::Settings;
use defaults::{Job, ReplicaType};
use k8s_openapi::api::core::v1::Pod;
use pod::Mould;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::offer::Launch;
use twofold_crds::tfjob::TfJobStatus;
use twofold_crds::{ServiceLedger, TFJob};
use twofold_sdk::instance::InstanceId;
use twofold_sdk::plan::Plans;
use twofold_sdk::spec::ServiceSpec;

impl Framework for TFJob {
    fn role(&self) -> &str {
        Job::new(self).role()
    }

    fn record(&self, _ledger: Option<&ServiceLedger>, _instance: &InstanceId) -> InstanceRecord {
        InstanceRecord::default()
    }

    /// A job whose room was taken back is launched whole again.
    fn has_run(&self, _ledger: Option<&ServiceLedger>, pods: &[&PodRecord]) -> bool {
        if self.status.as_ref().is_some_and(|status| reclaim::record(status).is_some()) {
            return false;
        }
        let ran = |pod: &&PodRecord| match pod.phase {
            Phase::Running | Phase::Succeeded => true,
            Phase::Failed => !tally::launch_failed(pod),
            Phase::Pending | Phase::Unknown => false,
        };
        let shows = |type_| self.status.as_ref().is_some_and(|status| condition::holds(status, type_));
        shows(condition::RUNNING) || shows(condition::RESTARTING) || pods.iter().any(ran)
    }

    fn finished(&self) -> BTreeSet<InstanceId> {
        self.status.as_ref().map(completed::of).unwrap_or_default()
    }

    fn is_reclaimable(&self, allowed: &dyn Fn(&str) -> bool) -> bool {
        reclaim::is_reclaimable(&Job::new(self), allowed)
    }

    fn gives_back(&self) -> bool {
        let record = self.status.as_ref().and_then(reclaim::record);
        record.is_some_and(|record| !record.pods.is_empty())
    }

    fn translate(
        &self,
        _ledger: Option<&ServiceLedger>,
        _settings: &Settings,
        _zones: &BTreeMap<String, String>,
    ) -> Result<ServiceSpec, Vec<Problem>> {
        translate::service(self)
    }

    fn upkeep(&self, _spec: &ServiceSpec, situation: &Situation<'_>) -> Upkeep {
        let job = Job::new(self);
        if job.is_not_ours() {
            return Upkeep::default();
        }
        let known = self.status.clone().unwrap_or_default();
        if condition::is_finished(&known) {
            return after_the_end(&job, &known, situation);
        }
        if status::is_put_aside(&job, &known, situation) {
            // That it is put aside is on record first: whoever goes on knows then why its pods end.
            let recorded = condition::holds(&known, condition::SUSPENDED);
            let actions = if recorded { cleanup::suspended(&job, situation) } else { Vec::new() };
            return Upkeep { actions, ..Upkeep::default() };
        }
        let next = status::next(&job, situation);
        let mut actions = service::upkeep(&job, situation);
        // Pods of a job that ends in this pass go by its policy alone.
        let is_over = condition::is_finished(&next);
        let taken_back = if is_over { Vec::new() } else { reclaim::deletions(&job, &known, situation) };
        actions.extend(taken_back);
        Upkeep {
            actions,
            wants_offers: !is_over && !self.gives_back(),
            wake_at: restart::deadline(&job, &next).filter(|deadline| *deadline > situation.now),
            ..Upkeep::default()
        }
    }

    fn launch(
        &self,
        _spec: &ServiceSpec,
        situation: &Situation<'_>,
        launches: &[(InstanceId, Launch)],
    ) -> Vec<Action> {
        let job = Job::new(self);
        let moulds = moulds(&job);
        let create = |(instance, launch): &(InstanceId, Launch)| {
            let mould = moulds.get(&ReplicaType::parse(instance.pod_type.as_str())?)?;
            let agent = launch.placement().agent.as_str();
            let pod = mould.pod(instance.index, agent, &situation.settings.cluster_domain);
            Some(Action { owner: job.key(), write: Write::Create(Object::from(pod)) })
        };
        launches.iter().filter_map(create).collect()
    }

    fn start(&self, _spec: &ServiceSpec, _situation: &Situation<'_>, _starts: &[InstanceId]) -> Vec<Action> {
        Vec::new()
    }

    fn status(
        &self,
        outcome: Result<(&ServiceSpec, &Plans, &Waiting), &[Problem]>,
        situation: &Situation<'_>,
    ) -> Vec<Action> {
        let job = Job::new(self);
        if job.is_not_ours() {
            return Vec::new();
        }
        let mut next = status::next(&job, situation);
        let waiting = outcome.map(|(_, _, waiting)| waiting);
        next.twofold = Some(report::twofold(&job, &next, waiting, situation));
        let known = self.status.clone().unwrap_or_default();
        if next == known {
            return Vec::new();
        }
        let mut actions = vec![write_status(&job, &known, &next)];
        actions.extend(event::between(&job, &known, &next, situation));
        actions
    }

    /// The last pod of each replica type: the others differ from it in their number only, and its name is the longest.
    fn samples(&self, _spec: &ServiceSpec, settings: &Settings) -> Vec<Pod> {
        let job = Job::new(self);
        let sample = |(type_, mould): (&ReplicaType, &Mould<'_>)| {
            let last = job.of(*type_)?.count.checked_sub(1)?;
            Some(mould.pod(last, "any", &settings.cluster_domain))
        };
        moulds(&job).iter().filter_map(sample).collect()
    }
}

fn moulds<'a>(job: &'a Job<'a>) -> BTreeMap<ReplicaType, Mould<'a>> {
    job.replicas.iter().filter_map(|one| Some((one.type_, Mould::new(job, one).ok()?))).collect()
}

/// A job that is over takes no offers: its pods go by its policy, and the job itself when its time has come. That it
/// is over was written before.
fn after_the_end(job: &Job<'_>, known: &TfJobStatus, situation: &Situation<'_>) -> Upkeep {
    let expiry = cleanup::expiry(job, known);
    if expiry.is_some_and(|expiry| expiry <= situation.now) {
        return Upkeep { actions: cleanup::expired(job), ..Upkeep::default() };
    }
    Upkeep { actions: cleanup::finished(job, situation), wake_at: expiry, ..Upkeep::default() }
}

fn write_status(job: &Job<'_>, known: &TfJobStatus, next: &TfJobStatus) -> Action {
    let target = Target {
        key: job.key(),
        uid: job.uid().to_owned(),
        resource_version: job.resource.metadata.resource_version.clone(),
    };
    let patch = json!({ "status": merge_patch(&json!(known), &json!(next)) });
    Action { owner: job.key(), write: Write::Status { target, patch } }
}
