//! Strategies: whose turn it is. A step that has begun is never held back by them, only one that still waits for an
//! offer.

use super::{Phase, Plan, Status, StepStatus};
use crate::spec::Strategy;

/// Marks the steps as pending whose turn has not come.
pub(super) fn apply(plan: &mut Plan) {
    let mut plan_is_open = true;
    for phase in &mut plan.phases {
        hold_back(phase, plan_is_open);
        plan_is_open &= match plan.strategy {
            Strategy::Serial => phase.status() == Status::Complete,
            Strategy::Parallel => true,
        };
    }
}

fn hold_back(phase: &mut Phase, plan_is_open: bool) {
    let mut phase_is_open = plan_is_open;
    for step in &mut phase.steps {
        if !phase_is_open && step.status == StepStatus::WaitingForOffers {
            step.status = StepStatus::Pending;
        }
        phase_is_open &= match phase.strategy {
            Strategy::Serial => step.status.is_complete(),
            Strategy::Parallel => true,
        };
    }
}
