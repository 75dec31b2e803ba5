//! Rings of Cassandra: `twofold.dev/v1alpha1` CassandraService.
//!
//! A ring is one pod type, `node`. Its first deployment is a gang: all nodes have their place before the first one
//! starts. Every pod waits behind the start gate; nodes with data start at once, nodes without one at a time, node 0
//! first of all, which alone may begin a ring. What cannot be undone is in the ring's [`ledger`]: which rack each node
//! is in, whether the ring has begun, and who is joining it.
//!
//! - [`validate`], [`translate`]: from the resource to a service in level two's language;
//! - [`racks`], [`ledger`], [`recording`]: the record, and how it changes;
//! - [`upkeep`], [`launch`], [`turn`]: what is done in a cycle;
//! - [`pod`], [`container`], [`config_map`], [`service`], [`claim`], [`budget`]: the objects;
//! - [`unsupported`], [`status`]: what people are told.
//!
//! When the resource is deleted its pods go with it. Claims and ledger stay, unless `spec.storage.onDelete` is
//! `Delete`; a resource of the same name then takes the data over.

use crate::action::Action;
use crate::frameworks::{Framework, InstanceRecord, Problem, Situation, Upkeep, Waiting};
use crate::record::{Phase, PodRecord};
use crate::settings::Settings;
use k8s_openapi::api::core::v1::Pod;
use std::collections::BTreeMap;
use twofold_allocator::offer::Launch;
use twofold_crds::service_ledger::InstanceState;
use twofold_crds::{CassandraService, ServiceLedger};
use twofold_sdk::instance::InstanceId;
use twofold_sdk::observed::Data;
use twofold_sdk::plan::Plans;
use twofold_sdk::spec::ServiceSpec;

pub mod aim;
pub mod budget;
pub mod claim;
pub mod config_map;
pub mod container;
pub mod heap;
pub mod launch;
pub mod ledger;
pub mod names;
pub mod pod;
pub mod racks;
pub mod recording;
pub mod report;
pub mod revision;
pub mod service;
pub mod status;
pub mod support;
pub mod translate;
pub mod turn;
pub mod unsupported;
pub mod upkeep;
pub mod validate;

impl Framework for CassandraService {
    fn role(&self) -> &str {
        &self.spec.placement.role
    }

    fn record(&self, ledger: Option<&ServiceLedger>, instance: &InstanceId) -> InstanceRecord {
        let spec = ledger.map(|ledger| &ledger.spec);
        let Some(entry) = spec.and_then(|spec| ledger::entry(spec, instance)) else {
            return InstanceRecord::default();
        };
        let rack = spec.and_then(|spec| racks::recorded(spec, instance));
        InstanceRecord {
            bound_zone: rack.and_then(|rack| rack.zone),
            // A join that was begun and not seen to end leaves a volume that is no member's: it begins again as one
            // without data, under the same turn.
            data: if entry.state == InstanceState::Member { Data::Present } else { Data::Empty },
            started: entry.state != InstanceState::Empty,
            joined: entry.state == InstanceState::Member,
        }
    }

    fn has_run(&self, ledger: Option<&ServiceLedger>, pods: &[&PodRecord]) -> bool {
        let recorded = ledger.is_some_and(|ledger| {
            ledger.spec.initialized
                || ledger.spec.instances.iter().any(|entry| entry.state == InstanceState::Member)
        });
        recorded || pods.iter().any(|pod| pod.phase == Phase::Running)
    }

    fn translate(
        &self,
        ledger: Option<&ServiceLedger>,
        settings: &Settings,
        zones: &BTreeMap<String, String>,
    ) -> Result<ServiceSpec, Vec<Problem>> {
        translate::service(self, ledger.map(|ledger| &ledger.spec), settings, zones)
    }

    fn upkeep(&self, _: &ServiceSpec, situation: &Situation<'_>) -> Upkeep {
        upkeep::upkeep(self, situation)
    }

    fn launch(
        &self,
        _: &ServiceSpec,
        situation: &Situation<'_>,
        launches: &[(InstanceId, Launch)],
    ) -> Vec<Action> {
        let agent = |launch: &Launch| launch.placement().agent.clone();
        let placed: Vec<_> =
            launches.iter().map(|(instance, launch)| (instance.clone(), agent(launch))).collect();
        launch::writes(self, situation, &placed)
    }

    fn start(&self, _: &ServiceSpec, situation: &Situation<'_>, starts: &[InstanceId]) -> Vec<Action> {
        turn::writes(self, situation, starts)
    }

    fn status(
        &self,
        outcome: Result<(&ServiceSpec, &Plans, &Waiting), &[Problem]>,
        situation: &Situation<'_>,
    ) -> Vec<Action> {
        status::writes(self, outcome, situation)
    }

    fn samples(&self, _: &ServiceSpec, settings: &Settings) -> Vec<Pod> {
        vec![pod::sample(self, settings)]
    }
}

/// A small ring, for tests.
#[cfg(test)]
fn example() -> CassandraService {
    let json = serde_json::json!({
        "apiVersion": "twofold.dev/v1alpha1", "kind": "CassandraService",
        "metadata": {"name": "demo", "namespace": "team-a", "uid": "uid-1"},
        "spec": {"version": "5.0.9", "storage": {"size": "1Gi"}},
    });
    serde_json::from_value(json).unwrap()
}
