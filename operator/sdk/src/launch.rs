//! Launches that failed: sent and created, but not bound, or turned away by the agent. It is not the task's fault, so
//! it is never counted as its failure; the pod is withdrawn and the instance placed anew.

use crate::backoff::Backoff;
use crate::instance::InstanceId;
use crate::observed::{InstanceView, Place, ServiceView, TaskState, View};
use crate::plan::awaits_gang;
use crate::spec::ServiceSpec;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use twofold_allocator::id::AgentId;
use twofold_allocator::tick::Timestamp;

/// A pod that is withdrawn, to be placed anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// Whose pod.
    pub instance: InstanceId,
    /// Why.
    pub why: LaunchFailure,
    /// The agent that is not to be shown for a while, and until when; none for members that are withdrawn only
    /// because their gang is, and for an agent that is gone anyway.
    pub avoid: Option<(AgentId, Timestamp)>,
}

/// Why a launch failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaunchFailure {
    /// It was not bound within this many milliseconds.
    NotBound(u64),
    /// Its agent is gone.
    AgentGone,
    /// Its agent turned it away, with this reason.
    Rejected(String),
    /// It gave way to a pod of higher priority.
    Preempted,
    /// It is well itself, but its gang cannot be completed.
    GangIncomplete,
}

/// How long an agent is avoided after a launch on it failed: 30 s, doubling, at most 10 min.
const AVOIDANCE: Backoff = Backoff { initial_millis: 30_000, factor_percent: 200, cap_millis: 600_000 };

/// The reason that kube-scheduler and the kubelet give for a pod that gave way to another.
const PREEMPTED: [&str; 2] = ["PreemptionByScheduler", "Preempting"];

/// Reasons with which a kubelet turns a pod away before it starts anything of it, besides `OutOf` with a resource's
/// name (kubernetes, `pkg/kubelet/lifecycle/predicate.go` and the managers that it asks).
const REJECTED: [&str; 11] = [
    "InitContainerRestartPolicyForbidden",
    "InvalidNodeInfo",
    "NodeAffinity",
    "NodeName",
    "NodePorts",
    "NodeShutdown",
    "NodeUnschedulable",
    "TaintToleration",
    "TopologyAffinityError",
    "UnexpectedAdmissionError",
    "UnexpectedPredicateFailureType",
];

/// What the reason of a failed pod says about its launch; none when the task itself failed.
#[must_use]
pub fn failure_of(reason: &str) -> Option<LaunchFailure> {
    if PREEMPTED.contains(&reason) {
        Some(LaunchFailure::Preempted)
    } else if reason.starts_with("OutOf") || REJECTED.contains(&reason) {
        Some(LaunchFailure::Rejected(String::from(reason)))
    } else {
        None
    }
}

/// Whether a pod that failed for this reason failed through no fault of its own: its launch failed.
#[must_use]
pub fn is_no_fault(reason: &str) -> bool {
    failure_of(reason).is_some()
}

/// The pods of wanted instances that are to be withdrawn now. Behind the start gate no time counts. A gang that is still to start, and of
/// which it is known that no member runs, is withdrawn whole, so that no half of it stays behind.
#[must_use]
pub fn withdrawals(
    spec: &ServiceSpec,
    view: &ServiceView,
    now: Timestamp,
    bind_timeout_millis: u64,
) -> Vec<Withdrawal> {
    let is_wanted = |id: &InstanceId| spec.pod_type(&id.pod_type).is_some_and(|one| id.index < one.count);
    let wanted = || view.instances.iter().filter(|(id, _)| is_wanted(id));
    let direct = wanted().filter_map(|(id, seen)| {
        let why = failed(seen, now, bind_timeout_millis)?;
        let avoid = avoided(seen, &why, now);
        Some(Withdrawal { instance: id.clone(), why, avoid })
    });
    let mut all: Vec<Withdrawal> = direct.collect();
    if !all.is_empty() && awaits_gang(spec, view) && view.instances.values().all(never_ran) {
        let rest = wanted().filter(|(id, seen)| {
            has_waiting_pod(seen) && all.iter().all(|withdrawal| withdrawal.instance != **id)
        });
        let rest: Vec<Withdrawal> = rest
            .map(|(id, _)| Withdrawal {
                instance: id.clone(),
                why: LaunchFailure::GangIncomplete,
                avoid: None,
            })
            .collect();
        all.extend(rest);
    }
    all
}

/// Why the launch of one instance failed, if it did.
fn failed(seen: &InstanceView, now: Timestamp, bind_timeout_millis: u64) -> Option<LaunchFailure> {
    let View::Known(state, _) = &seen.task else {
        return None;
    };
    let agent_gone = seen.place.as_ref().is_some_and(|place| place.agent_gone);
    match state {
        TaskState::Launched | TaskState::Gated | TaskState::Starting if agent_gone => {
            Some(LaunchFailure::AgentGone)
        }
        TaskState::Launched => (now.millis_since(seen.since) >= bind_timeout_millis)
            .then_some(LaunchFailure::NotBound(bind_timeout_millis)),
        TaskState::Failed { reason, .. } => failure_of(reason),
        TaskState::Absent
        | TaskState::Gated
        | TaskState::Starting
        | TaskState::Running { .. }
        | TaskState::Succeeded
        | TaskState::Terminating
        | TaskState::Unreachable
        | TaskState::Lost => None,
    }
}

fn avoided(seen: &InstanceView, why: &LaunchFailure, now: Timestamp) -> Option<(AgentId, Timestamp)> {
    let Place { agent, .. } = seen.place.as_ref()?;
    match why {
        LaunchFailure::NotBound(_) | LaunchFailure::Rejected(_) | LaunchFailure::Preempted => {
            Some((agent.clone(), AVOIDANCE.until(seen.failed_launches.saturating_add(1), now)))
        }
        LaunchFailure::AgentGone | LaunchFailure::GangIncomplete => None,
    }
}

/// Whether it is known that nothing of the instance ran. What is not known may have run.
fn never_ran(seen: &InstanceView) -> bool {
    match &seen.task {
        View::Known(state, _) => match state {
            TaskState::Absent
            | TaskState::Launched
            | TaskState::Gated
            | TaskState::Starting
            | TaskState::Terminating => true,
            TaskState::Failed { reason, .. } => is_no_fault(reason),
            TaskState::Running { .. } | TaskState::Succeeded | TaskState::Unreachable | TaskState::Lost => {
                false
            }
        },
        View::Unknown(_) => false,
    }
}

fn has_waiting_pod(seen: &InstanceView) -> bool {
    matches!(seen.task, View::Known(TaskState::Launched | TaskState::Gated | TaskState::Starting, _))
}

impl fmt::Display for LaunchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBound(millis) => write!(f, "it was not bound within {} s", millis / 1000),
            Self::AgentGone => f.write_str("its agent is gone"),
            Self::Rejected(reason) => write!(f, "its agent turned it away: {reason}"),
            Self::Preempted => f.write_str("it gave way to a pod of higher priority"),
            Self::GangIncomplete => f.write_str("its gang cannot be completed"),
        }
    }
}
