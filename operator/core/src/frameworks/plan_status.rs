//! Plans as a status shows them.

use twofold_crds::plan_status::{PhaseStatus, PlanState, PlanStatus, StepStatus as Shown};
use twofold_sdk::plan::{Phase, Plan, Plans, Status, Step, StepStatus};
use twofold_sdk::spec::Strategy;

/// The most steps of a phase that are shown.
const MOST_STEPS: usize = 64;

/// The plans that have something in them.
#[must_use]
pub fn plans(plans: &Plans) -> Vec<PlanStatus> {
    [&plans.deploy, &plans.recovery].into_iter().filter(|plan| !plan.phases.is_empty()).map(plan).collect()
}

fn plan(plan: &Plan) -> PlanStatus {
    PlanStatus {
        name: plan.name.to_owned(),
        status: state(plan.status()),
        phases: plan.phases.iter().map(phase).collect(),
    }
}

fn phase(phase: &Phase) -> PhaseStatus {
    let many = phase.steps.len() > MOST_STEPS;
    let shown = phase.steps.iter().filter(|step| !many || !step.status.is_complete());
    PhaseStatus {
        name: phase.name.clone(),
        status: state(phase.status()),
        strategy: Some(match phase.strategy {
            Strategy::Serial => "serial".to_owned(),
            Strategy::Parallel => "parallel".to_owned(),
        }),
        steps: shown.take(MOST_STEPS).map(step).collect(),
    }
}

fn step(step: &Step) -> Shown {
    let (status, message) = match &step.status {
        StepStatus::Pending => (PlanState::Pending, None),
        StepStatus::WaitingForOffers => (PlanState::Prepared, Some("waits for an offer to accept")),
        StepStatus::WaitingForBind => (PlanState::Starting, Some("waits to be bound to its agent")),
        StepStatus::WaitingForStart => (PlanState::Starting, Some("waits for its turn to start")),
        StepStatus::Starting => (PlanState::Started, Some("starts and is not ready yet")),
        StepStatus::WaitingForEnd => (PlanState::Pending, Some("waits for its old pod to end")),
        StepStatus::Delayed { .. } => (PlanState::Delayed, Some("failed; is launched again after a while")),
        StepStatus::Unknown { why } => (PlanState::Unknown, Some(why.as_str())),
        StepStatus::Complete => (PlanState::Complete, step.degraded.then_some("was up, and is not well now")),
        StepStatus::Error { text } => (PlanState::Error, Some(text.as_str())),
    };
    Shown {
        name: step.instance.to_string(),
        status,
        message: message.map(|message| message.chars().take(1024).collect()),
        since: None,
    }
}

fn state(status: Status) -> PlanState {
    match status {
        Status::Error => PlanState::Error,
        Status::Pending => PlanState::Pending,
        Status::Delayed => PlanState::Delayed,
        Status::Waiting => PlanState::Waiting,
        Status::InProgress => PlanState::InProgress,
        Status::Complete => PlanState::Complete,
    }
}
