//! Changes of a spec that this version cannot carry out. The ring goes on as it is; the status says what to do.

use super::revision::Revision;
use super::translate;
use super::validate::problem;
use crate::frameworks::{Problem, Situation};
use std::collections::BTreeMap;
use twofold_allocator::quantity::parse_bytes;
use twofold_crds::cassandra_service::OnDelete;
use twofold_crds::{CassandraService, ServiceLedgerSpec};

/// All that the spec asks for and that is not done.
#[must_use]
pub fn changes(
    resource: &CassandraService,
    situation: &Situation<'_>,
    ledger: Option<&ServiceLedgerSpec>,
) -> Vec<Problem> {
    let mut found = Vec::new();
    fewer_nodes(resource, ledger, &mut found);
    storage(resource, situation, &mut found);
    pods(resource, situation, &mut found);
    found
}

fn fewer_nodes(resource: &CassandraService, ledger: Option<&ServiceLedgerSpec>, found: &mut Vec<Problem>) {
    let recorded = translate::recorded(ledger);
    if i64::from(resource.spec.nodes) < i64::from(recorded) {
        let message = format!(
            "{} nodes are wanted and {recorded} are on record; removing nodes is not supported, so all {recorded} are \
             kept: set spec.nodes to {recorded} or more",
            resource.spec.nodes
        );
        found.push(problem("Unsupported", "spec.nodes", message));
    }
}

fn storage(resource: &CassandraService, situation: &Situation<'_>, found: &mut Vec<Problem>) {
    let storage = &resource.spec.storage;
    let size = parse_bytes(&storage.size).ok();
    let of = |differs: &dyn Fn(&crate::record::ClaimRecord) -> bool| {
        let names =
            situation.claims.iter().filter(|claim| differs(claim)).map(|claim| claim.key.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let sized = of(&|claim| claim.bytes.is_some() && claim.bytes != size);
    if !sized.is_empty() {
        let message = format!(
            "{sized} have another size, and resizing volumes is not supported; put the earlier size back"
        );
        found.push(problem("Unsupported", "spec.storage.size", message));
    }
    let class = storage.storage_class_name.as_ref();
    let classed = of(&|claim| class.is_some() && claim.class.is_some() && claim.class.as_ref() != class);
    if !classed.is_empty() {
        let message = format!("{classed} have another class, which a volume cannot change; put it back");
        found.push(problem("Unsupported", "spec.storage.storageClassName", message));
    }
    let goes = storage.on_delete == OnDelete::Delete;
    let kept = of(&|claim| claim.owned != goes);
    if !kept.is_empty() {
        let message = format!(
            "it is settled when a claim is made, and {kept} were made with another value; put it back, or change the \
             owner references of these claims by hand"
        );
        found.push(problem("Unsupported", "spec.storage.onDelete", message));
    }
}

/// Pods that run what the spec said earlier. Deleting one by hand makes it anew from the spec as it is, with its data.
fn pods(resource: &CassandraService, situation: &Situation<'_>, found: &mut Vec<Problem>) {
    let wanted = Revision::of(resource, 0, false);
    let mut behind: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let pods = situation.pods.iter().filter(|pod| pod.deleting.is_none());
    for pod in pods {
        let Some(revision) = pod.revision.as_deref().and_then(Revision::parse) else { continue };
        for field in wanted.differences(&revision) {
            behind.entry(field).or_default().push(&pod.key.name);
        }
    }
    for (field, pods) in behind {
        let message = format!(
            "{} still run with the earlier value, and rolling a change out is not supported; put it back, or delete \
             these pods one at a time, each when the one before is ready again: they keep their data and start with \
             the new value",
            pods.join(", ")
        );
        found.push(problem("Unsupported", format!("spec.{field}"), message));
    }
}
