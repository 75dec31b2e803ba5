//! How many members may be evicted at once: one.

use super::names;
use crate::frameworks::revision::digest;
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
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
        metadata: names::metadata(resource, names::name(resource).to_owned(), digest(&spec)),
        spec: Some(spec),
        ..PodDisruptionBudget::default()
    }
}
