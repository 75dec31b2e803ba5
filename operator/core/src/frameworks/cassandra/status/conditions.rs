//! The conditions of a ring: ready, progressing, degraded, stalled; and whether fault domains are unknown.

use super::{Picture, nodes};
use crate::condition::{Verdict, set};
use crate::frameworks::cassandra::racks;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use twofold_crds::cassandra_service::NodeState;
use twofold_crds::condition::{DEGRADED, PROGRESSING, READY, STALLED};

/// Set where racks come from zones and no agent has one.
const FAULT_DOMAINS_UNKNOWN: &str = "FaultDomainsUnknown";
/// The longest message that is written; a status is no log.
const MOST_CHARS: usize = 4_096;

fn said(is: bool, reason: &'static str, message: impl Into<String>) -> Verdict {
    let message = message.into().chars().take(MOST_CHARS).collect();
    Verdict { status: Some(is), reason, message }
}

fn holds(verdict: &Verdict) -> bool {
    verdict.status == Some(true)
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
    let generation = picture.resource.metadata.generation;
    let now = picture.situation.now;
    all.into_iter().map(|(kind, verdict)| set(shown, kind, verdict, generation, now)).collect()
}

fn ready(picture: &Picture<'_>, [stalled, degraded, progressing]: [&Verdict; 3]) -> Verdict {
    let wanted = usize::try_from(picture.resource.spec.nodes).unwrap_or_default();
    let up = picture.situation.view.instances.values().filter(|seen| seen.is_ready()).count();
    let count = format!("{up} of {wanted} nodes are up and answer CQL");
    let blocker = [stalled, degraded, progressing].into_iter().find(|said| holds(said));
    match blocker {
        Some(blocker) => said(false, blocker.reason, format!("{count}; {}", blocker.message)),
        None => said(true, "AllNodesReady", count),
    }
}

/// Nothing more happens until somebody changes something.
fn stalled(picture: &Picture<'_>) -> Verdict {
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
fn degraded(picture: &Picture<'_>) -> Verdict {
    let down: Vec<String> = nodes::seen(picture)
        .filter(|node| node.joined && node.state != NodeState::Normal)
        .map(|node| {
            format!("{}: {}", node.instance, node.message.unwrap_or_else(|| "is not ready".to_owned()))
        })
        .collect();
    if down.is_empty() { said(false, "AllMembersUp", "") } else { said(true, "MembersDown", down.join("; ")) }
}

fn progressing(picture: &Picture<'_>, stalled: &Verdict) -> Verdict {
    let Some(plans) = picture.plans else { return said(false, "Stalled", stalled.message.clone()) };
    let waiting = picture.waiting.map(|waiting| waiting.summary.as_str()).unwrap_or_default();
    let (is_done, reason) =
        match (plans.deploy.steps().all(|s| s.status.is_complete()), plans.recovery.phases.is_empty()) {
            (false, _) => (false, "Deploying"),
            (true, false) => (false, "Recovering"),
            (true, true) => (true, "Complete"),
        };
    let unrecorded = nodes::unrecorded(picture);
    if is_done && !unrecorded.is_empty() {
        let message = format!("{}: up, and about to be put on record as members", unrecorded.join(", "));
        return said(true, "Deploying", message);
    }
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
