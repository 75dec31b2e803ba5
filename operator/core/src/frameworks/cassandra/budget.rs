//! How many members may be evicted at once: one.

use super::names;
use crate::frameworks::revision::digest;
use crate::observe::pod::REVISION;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use twofold_crds::CassandraService;

/// The disruption budget of a ring. It needs no change when the ring grows: one is one of however many.
#[must_use]
pub fn budget(resource: &CassandraService) -> PodDisruptionBudget {
    let spec = PodDisruptionBudgetSpec {
        max_unavailable: Some(IntOrString::Int(1)),
        selector: Some(LabelSelector {
            match_labels: Some(names::selector(resource)),
            ..LabelSelector::default()
        }),
        ..PodDisruptionBudgetSpec::default()
    };
    PodDisruptionBudget {
        metadata: ObjectMeta {
            name: Some(names::name(resource).to_owned()),
            namespace: Some(names::namespace(resource).to_owned()),
            labels: Some(names::labels(resource)),
            annotations: Some([(REVISION.to_owned(), digest(&spec))].into()),
            owner_references: Some(vec![names::owner(resource)]),
            ..ObjectMeta::default()
        },
        spec: Some(spec),
        ..PodDisruptionBudget::default()
    }
}
