//! Claims, volumes and support objects, reduced to what decisions use.

use crate::object::{Key, Kind, Object};
use crate::observe::agent::ZONE;
use crate::observe::pod::{REVISION, controller, identity};
use crate::record::{ClaimRecord, SupportRecord, VolumeRecord};
use k8s_openapi::api::core::v1::{NodeSelectorRequirement, PersistentVolume, PersistentVolumeClaim};
use twofold_allocator::id::AgentId;
use twofold_allocator::quantity::parse_bytes;

/// The label with the UID of the service whose data a claim holds.
pub const CLUSTER_ID: &str = "twofold.dev/cluster-id";
/// The label with the instance whose data a claim holds, as `<pod type>-<index>`.
pub const INSTANCE: &str = "twofold.dev/instance";
/// Set by kube-scheduler on a claim whose volume is made where its pod will run.
pub const SELECTED: &str = "volume.kubernetes.io/selected-node";
const HOSTNAME: &str = "kubernetes.io/hostname";

/// Reduces a claim.
#[must_use]
pub fn claim(claim: &PersistentVolumeClaim) -> ClaimRecord {
    let metadata = &claim.metadata;
    let label = |name: &str| metadata.labels.as_ref().and_then(|labels| labels.get(name)).cloned();
    let selected = metadata.annotations.as_ref().and_then(|a| a.get(SELECTED));
    ClaimRecord {
        key: Key::new(
            Kind::PersistentVolumeClaim,
            metadata.namespace.as_deref().unwrap_or_default(),
            metadata.name.as_deref().unwrap_or_default(),
        ),
        identity: identity(metadata),
        cluster_id: label(CLUSTER_ID),
        instance: label(INSTANCE),
        volume: claim.spec.as_ref().and_then(|s| s.volume_name.clone()).filter(|name| !name.is_empty()),
        selected_agent: selected.map(|name| AgentId::from(name.as_str())),
        deleting: metadata.deletion_timestamp.is_some(),
        bytes: bytes(claim),
        class: claim.spec.as_ref().and_then(|spec| spec.storage_class_name.clone()),
        owned: metadata.owner_references.as_ref().is_some_and(|owners| !owners.is_empty()),
    }
}

fn bytes(claim: &PersistentVolumeClaim) -> Option<u64> {
    let requests = claim.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?;
    parse_bytes(&requests.get("storage")?.0).ok()
}

/// Reduces a volume to how far it reaches. A machine is named by its name or by its host name label, which are the
/// same wherever local volumes are used.
#[must_use]
pub fn volume(volume: &PersistentVolume) -> VolumeRecord {
    let affinity = volume.spec.as_ref().and_then(|spec| spec.node_affinity.as_ref());
    let required = affinity.and_then(|affinity| affinity.required.as_ref());
    let terms = required.map(|required| required.node_selector_terms.as_slice()).unwrap_or_default();
    let values = |accepts: &dyn Fn(&NodeSelectorRequirement) -> bool| {
        let expressions = terms.iter().flat_map(|term| {
            term.match_expressions.iter().flatten().chain(term.match_fields.iter().flatten())
        });
        let named: Vec<String> = expressions
            .filter(|e| e.operator == "In" && accepts(e))
            .flat_map(|e| e.values.clone().unwrap_or_default())
            .collect();
        (!named.is_empty()).then_some(named)
    };
    let agents = values(&|e| e.key == HOSTNAME || e.key == "metadata.name");
    VolumeRecord {
        agents: agents.map(|names| names.iter().map(|name| AgentId::from(name.as_str())).collect()),
        zones: values(&|e| e.key == ZONE),
    }
}

/// Reduces a service, configuration map or budget of ours.
#[must_use]
pub fn support(object: &Object) -> SupportRecord {
    let metadata = object.metadata();
    SupportRecord {
        identity: identity(metadata),
        controller: controller(metadata),
        revision: metadata.annotations.as_ref().and_then(|a| a.get(REVISION)).cloned(),
    }
}
