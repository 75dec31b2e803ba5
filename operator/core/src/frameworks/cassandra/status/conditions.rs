//! The conditions of a ring: ready, progressing, degraded, stalled; and whether fault domains are unknown.

use super::{Picture, nodes, time};
use crate::frameworks::cassandra::racks;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use twofold_crds::cassandra_service::NodeState;
use twofold_crds::condition::{DEGRADED, PROGRESSING, READY, STALLED};

/// Set where racks come from zones and no agent has one.
const FAULT_DOMAINS_UNKNOWN: &str = "FaultDomainsUnknown";
/// The longest message that is written; a status is no log.
const MOST_CHARS: usize = 4_096;

/// What a condition says.
struct Said {
    is: bool,
    reason: String,
    message: String,
}

fn said(is: bool, reason: &str, message: impl Into<String>) -> Said {
    Said { is, reason: reason.to_owned(), message: message.into() }
}

/// All conditions. The time of the last transition stays as long as the status does.
pub(super) fn all(picture: &Picture<'_>, shown: &[Condition]) -> Vec<Condition> {
    let stalled = stalled(picture);
    let degraded = degraded(picture);
    let progressing = progressing(picture, &stalled);
    let ready = ready(picture, [&stalled, &degraded, &progressing]);
    let mut all = vec![(READY, ready), (PROGRESSING, progressing), (DEGRADED, degraded), (STALLED, stalled)];
    if racks::are_unknown(picture.resource, picture.ledger.as_ref()) {
        let message = format!(
            "no agent had the label topology.kubernetes.io/zone when the ring began, so all nodes are in rack {}, and \
             what fails together is not known",
            racks::ONLY_RACK
        );
        all.push((FAULT_DOMAINS_UNKNOWN, said(true, "NoZones", message)));
    }
    all.into_iter().map(|(kind, said)| condition(picture, kind, said, shown)).collect()
}

fn condition(picture: &Picture<'_>, kind: &str, said: Said, shown: &[Condition]) -> Condition {
    let status = if said.is { "True" } else { "False" };
    let known = shown.iter().find(|known| known.type_ == kind && known.status == status);
    Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: said.reason,
        message: said.message.chars().take(MOST_CHARS).collect(),
        observed_generation: picture.resource.metadata.generation,
        last_transition_time: known
            .map_or_else(|| time(picture.situation.now), |known| known.last_transition_time.clone()),
    }
}

fn ready(picture: &Picture<'_>, [stalled, degraded, progressing]: [&Said; 3]) -> Said {
    let wanted = usize::try_from(picture.resource.spec.nodes).unwrap_or_default();
    let up = picture.situation.view.instances.values().filter(|seen| seen.is_ready()).count();
    let count = format!("{up} of {wanted} nodes are up and answer CQL");
    let blocker = [stalled, degraded, progressing].into_iter().find(|said| said.is);
    match blocker {
        Some(blocker) => said(false, &blocker.reason, format!("{count}; {}", blocker.message)),
        None => said(true, "AllNodesReady", count),
    }
}

/// Nothing more happens until somebody changes something.
fn stalled(picture: &Picture<'_>) -> Said {
    let all = picture.problems.iter().chain(&picture.unsupported);
    let listed: Vec<String> =
        all.clone().map(|found| format!("{}: {}", found.field, found.message)).collect();
    if let Some(first) = all.clone().next() {
        return said(true, first.reason, listed.join("; "));
    }
    if let Some(why) = picture.held.values().next() {
        let reason = if picture.ledger.is_none() { "LedgerLost" } else { "VolumeUnusable" };
        return said(true, reason, why.clone());
    }
    let errors: Vec<String> =
        picture.plans.iter().flat_map(|plans| plans.deploy.errors().chain(plans.recovery.errors())).collect();
    if !errors.is_empty() {
        return said(true, "NodeFailed", errors.join("; "));
    }
    let unpullable = picture.situation.pods.iter().find_map(|pod| {
        let image = nodes::unpullable(pod)?;
        Some(format!(
            "the image of container {image} of pod {} cannot be pulled; correct it, or see `kubectl describe pod {}`",
            pod.key.name, pod.key.name
        ))
    });
    match unpullable {
        Some(message) => said(true, "ImageUnavailable", message),
        None => said(false, "NotStalled", ""),
    }
}

/// A member that was up is not.
fn degraded(picture: &Picture<'_>) -> Said {
    let down: Vec<String> = nodes::seen(picture)
        .filter(|node| node.joined && node.state != NodeState::Normal)
        .map(|node| {
            format!("{}: {}", node.instance, node.message.unwrap_or_else(|| "is not ready".to_owned()))
        })
        .collect();
    if down.is_empty() { said(false, "AllMembersUp", "") } else { said(true, "MembersDown", down.join("; ")) }
}

fn progressing(picture: &Picture<'_>, stalled: &Said) -> Said {
    let Some(plans) = picture.plans else { return said(false, "Stalled", stalled.message.clone()) };
    let waiting = picture.waiting.map(|waiting| waiting.summary.as_str()).unwrap_or_default();
    let (is_done, reason) =
        match (plans.deploy.steps().all(|s| s.status.is_complete()), plans.recovery.phases.is_empty()) {
            (false, _) => (false, "Deploying"),
            (true, false) => (false, "Recovering"),
            (true, true) => (true, "Complete"),
        };
    if is_done {
        return said(false, reason, "");
    }
    if !waiting.is_empty() {
        return said(true, "WaitingForOffers", waiting);
    }
    let pending = nodes::seen(picture).filter(|node| node.state != NodeState::Normal);
    let steps = pending.filter_map(|node| Some(format!("{}: {}", node.instance, node.message?)));
    said(true, reason, steps.collect::<Vec<_>>().join("; "))
}
