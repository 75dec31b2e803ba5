//! Frameworks: how a custom resource becomes a service of level two, and level two's decisions become objects.
//! This trait is the one open seam: a new kind is one file of its type, one file that implements this, and its lines
//! in the two lists below.

use crate::action::Action;
use crate::object::Key;
use crate::record::{ClaimRecord, PodRecord, SupportRecord};
use crate::settings::Settings;
use k8s_openapi::api::core::v1::Pod;
use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::id::{AgentId, FrameworkId, RolePath};
use twofold_allocator::offer::Launch;
use twofold_allocator::tick::Timestamp;
use twofold_crds::ServiceLedger;
use twofold_sdk::instance::InstanceId;
use twofold_sdk::observed::{Data, ServiceView};
use twofold_sdk::plan::Plans;
use twofold_sdk::spec::ServiceSpec;

pub mod admission;
pub mod cassandra;
pub mod pin;
pub mod plan_status;
pub mod revision;
pub mod tensorflow;

/// What is wrong with a field of a custom resource, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A word in camel case for the condition's reason.
    pub reason: &'static str,
    /// The field's path, such as `spec.tfReplicaSpecs[Worker].template.spec.containers[0].resources.limits[memory]`.
    pub field: String,
    /// What is wrong and what to do, as a sentence.
    pub message: String,
}

/// All that is known around one custom resource at this tick.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The time of the cycle.
    pub now: Timestamp,
    /// The administrator's choices.
    pub settings: &'a Settings,
    /// Its pods: controlled by it, by UID.
    pub pods: &'a [&'a PodRecord],
    /// Claims that hold its data.
    pub claims: &'a [&'a ClaimRecord],
    /// Services, configuration and budgets that it controls.
    pub support: &'a BTreeMap<Key, SupportRecord>,
    /// Its ledger, for a stateful service.
    pub ledger: Option<&'a ServiceLedger>,
    /// What the agents in its pods last said, by pod UID.
    pub reports: &'a BTreeMap<String, Report>,
    /// What is seen of its instances, derived from the above.
    pub view: &'a ServiceView,
    /// Zones of agents, by agent name; an agent that does not say is absent.
    pub zones: &'a BTreeMap<String, String>,
    /// Of the agents that its claims are aimed at, those that are no more.
    pub gone: &'a BTreeSet<AgentId>,
    /// That its room is taken back, as long as this is not on record.
    pub reclaim: Option<&'a Reclaim>,
}

/// What a service gives back for a role below its guarantee. It is put on record before anything ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reclaim {
    /// The role that the room is for.
    pub role: RolePath,
    /// The UIDs of its pods that are to end.
    pub pods: BTreeSet<String>,
    /// When it was decided.
    pub at: Timestamp,
    /// When it is given up if it is not on record by then.
    pub until: Timestamp,
}

/// What a service agent said, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// When the answer came.
    pub at: Timestamp,
    /// The answer, or why there is none.
    pub answer: Result<serde_json::Value, String>,
}

/// What a framework wants done before level two plans: children that must exist or go, and whether it wants room.
#[derive(Debug, Default)]
pub struct Upkeep {
    /// Writes: support objects, pods to delete, ledger changes.
    pub actions: Vec<Action>,
    /// Whether it takes part in offers. A finished, suspended or refused one does not.
    pub wants_offers: bool,
    /// Instances that are not to be launched now, with the reason: finished for good, or waiting for a write.
    pub held: BTreeMap<InstanceId, String>,
    /// When to look again if nothing happens before.
    pub wake_at: Option<Timestamp>,
}

/// How it stands with the room that a service waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// One sentence for a condition's message: the nearest miss first. Empty when nothing waits.
    pub summary: String,
    /// At most 16 groups of refusals: stage, reason, number of agents.
    pub groups: Vec<WaitingGroup>,
}

/// Refusals of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingGroup {
    /// The stage that said no.
    pub stage: String,
    /// The reason, with amounts.
    pub reason: String,
    /// How many agents said so.
    pub agents: u32,
}

/// The name that level one knows a custom resource's framework by: `<kind>/<namespace>/<name>`.
#[must_use]
pub fn framework_id(key: &Key) -> FrameworkId {
    FrameworkId::from(format!("{}/{}/{}", key.kind, key.namespace, key.name))
}

/// What is on record about one instance, beside what its pod and claims show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceRecord {
    /// The zone that it is bound to, because its rack was derived from it.
    pub bound_zone: Option<String>,
    /// Whether its volumes hold data.
    pub data: Data,
    /// Whether it was ever allowed to start.
    pub started: bool,
    /// Whether it was ever ready, or ended with success.
    pub joined: bool,
}

/// A custom resource that becomes a service.
pub trait Framework {
    /// The bare name of the role that it is in (or `default`), whatever else is wrong with it.
    fn role(&self) -> &str;

    /// What is on record about an instance.
    fn record(&self, ledger: Option<&ServiceLedger>, instance: &InstanceId) -> InstanceRecord;

    /// Whether the first deployment is over, so that lost members are asked for singly: some member has run.
    fn has_run(&self, ledger: Option<&ServiceLedger>, pods: &[&PodRecord]) -> bool;

    /// Instances that ended with success once: they are done for good, also when their pods are gone.
    fn finished(&self) -> BTreeSet<InstanceId> {
        BTreeSet::new()
    }

    /// Whether all that runs of it may be ended for a role below its guarantee; `allowed` says of a role by name
    /// whether it lets that be done. Never for what keeps data.
    fn is_reclaimable(&self, _allowed: &dyn Fn(&str) -> bool) -> bool {
        false
    }

    /// Whether it is on record that pods of it end for a role below its guarantee, and not all of them are gone.
    fn gives_back(&self) -> bool {
        false
    }

    /// The service in level two's language, or all that is wrong with the resource. Pure in the resource, its
    /// ledger, the settings and the zones of agents. Its `role` is the bare name that the resource gives (or `default`);
    /// the path in the tree, whether the namespace may use it, and whether it is `reclaimable`, are settled by the caller.
    ///
    /// # Errors
    /// Every problem that keeps the resource from being carried out.
    fn translate(
        &self,
        ledger: Option<&ServiceLedger>,
        settings: &Settings,
        zones: &BTreeMap<String, String>,
    ) -> Result<ServiceSpec, Vec<Problem>>;

    /// What must be done around the instances before planning.
    fn upkeep(&self, spec: &ServiceSpec, situation: &Situation<'_>) -> Upkeep;

    /// The writes that turn accepted launches into pods: ledger, claims, then pods.
    fn launch(
        &self,
        spec: &ServiceSpec,
        situation: &Situation<'_>,
        launches: &[(InstanceId, Launch)],
    ) -> Vec<Action>;

    /// The writes that start instances that wait behind the start gate.
    fn start(&self, spec: &ServiceSpec, situation: &Situation<'_>, starts: &[InstanceId]) -> Vec<Action>;

    /// Status and events, where they differ from what the resource shows; nothing when all is said.
    fn status(
        &self,
        outcome: Result<(&ServiceSpec, &Plans, &Waiting), &[Problem]>,
        situation: &Situation<'_>,
    ) -> Vec<Action>;

    /// The pods of all instances as they would be created on some agent, for a strict dry run before the first
    /// launch: a typo inside a pod template is found before anything is created.
    fn samples(&self, spec: &ServiceSpec, settings: &Settings) -> Vec<Pod>;
}
