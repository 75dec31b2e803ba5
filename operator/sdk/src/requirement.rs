//! What is asked of level one: the steps that wait for an offer, as asks.

use crate::instance::InstanceId;
use crate::observed::{InstanceView, Reach, ServiceView};
use crate::plan::{Plan, Plans, StepStatus, awaits_gang};
use crate::rule::Rule;
use crate::spec::{PodType, ServiceSpec};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use twofold_allocator::ask::{Ask, Constraint, Member};
use twofold_allocator::id::AskId;

/// An ask together with the instances that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskPlan {
    /// What level one is told.
    pub ask: Ask,
    /// For each member of the ask, by position, the instances that it stands for, first come first.
    pub members: Vec<Vec<InstanceId>>,
}

/// What is asked for now, the most urgent first: what was up and is not, each by itself; then the first deployment of
/// a gang as one unit, or the instances whose turn in the deploy plan it is, each by itself. A job that is over, or
/// that failed for good, asks for nothing.
///
/// A gang is asked for when the names of all its members are free or in use by pods of the same launch: while an
/// earlier try is still ending, or a member cannot be seen, it is not whole.
#[must_use]
pub fn asks(spec: &ServiceSpec, view: &ServiceView, plans: &Plans) -> Vec<AskPlan> {
    if plans.finished || (spec.finish.is_some() && plans.has_error()) {
        return Vec::new();
    }
    let recovery = waiting(&plans.recovery).map(|id| {
        let name = format!("recover/{id}");
        plan_ask(spec, view, &name, vec![id], false)
    });
    let mut all: Vec<AskPlan> = recovery.flatten().collect();
    if awaits_gang(spec, view) {
        let whole = plans.deploy.steps().all(|step| may_be_in_a_gang(&step.status));
        let instances: Vec<InstanceId> = waiting(&plans.deploy).collect();
        all.extend(whole.then(|| plan_ask(spec, view, "gang", instances, true)).flatten());
    } else {
        for phase in &plans.deploy.phases {
            let steps = phase.steps.iter().filter(|step| step.status == StepStatus::WaitingForOffers);
            let instances = steps.map(|step| step.instance.clone()).collect();
            all.extend(plan_ask(spec, view, &format!("deploy/{}", phase.name), instances, false));
        }
    }
    all
}

fn waiting(plan: &Plan) -> impl Iterator<Item = InstanceId> {
    plan.steps().filter(|step| step.status == StepStatus::WaitingForOffers).map(|step| step.instance.clone())
}

fn may_be_in_a_gang(status: &StepStatus) -> bool {
    match status {
        StepStatus::Pending
        | StepStatus::WaitingForOffers
        | StepStatus::WaitingForBind
        | StepStatus::WaitingForStart
        | StepStatus::Starting
        | StepStatus::Complete => true,
        StepStatus::WaitingForEnd
        | StepStatus::Delayed { .. }
        | StepStatus::Unknown { .. }
        | StepStatus::Error { .. } => false,
    }
}

/// An ask for these instances, equal ones in one member; none when there are no instances.
fn plan_ask(
    spec: &ServiceSpec,
    view: &ServiceView,
    name: &str,
    instances: Vec<InstanceId>,
    whole: bool,
) -> Option<AskPlan> {
    let mut members: Vec<Member> = Vec::new();
    let mut stand_for: Vec<Vec<InstanceId>> = Vec::new();
    for id in instances {
        let pod_type = spec.pod_type(&id.pod_type)?;
        let seen = view.instances.get(&id);
        let constraints = constraints(pod_type, seen);
        let reservation = seen.and_then(|seen| seen.kept.as_ref()).map(|_| id.reservation(&spec.framework));
        let like = members.iter_mut().zip(&mut stand_for).find(|(member, ids)| {
            (&member.constraints, &member.reservation) == (&constraints, &reservation)
                && ids.iter().all(|other| other.pod_type == id.pod_type)
        });
        if let Some((member, ids)) = like {
            member.count = member.count.saturating_add(1);
            ids.push(id);
        } else {
            let shape = pod_type.shape.clone();
            members.push(Member { shape, count: 1, least: 0, constraints, reservation });
            stand_for.push(vec![id]);
        }
    }
    if members.is_empty() {
        return None;
    }
    if whole {
        members.iter_mut().for_each(|member| member.least = member.count);
    }
    let ask = Ask {
        id: AskId::from(name),
        members,
        priority: spec.priority,
        since: spec.since,
        reclaimable: spec.reclaimable,
    };
    Some(AskPlan { ask, members: stand_for })
}

/// What level one can check of an instance's needs, so that it shows only agents that may do.
pub(crate) fn constraints(pod_type: &PodType, seen: Option<&InstanceView>) -> Vec<Constraint> {
    let admission = &pod_type.admission;
    let mut all: Vec<Constraint> = admission
        .selector
        .iter()
        .map(|(key, value)| Constraint::AttributeIn(key.clone(), BTreeSet::from([value.clone()])))
        .collect();
    if !admission.affinity.is_empty() {
        all.push(Constraint::Any(admission.affinity.iter().map(|term| term_constraint(term)).collect()));
    }
    agent_rules(&pod_type.rule, &mut all);
    let Some(seen) = seen else {
        return all;
    };
    if let Some(zone) = &seen.bound_zone {
        all.push(Constraint::ZoneIn(BTreeSet::from([zone.clone()])));
    }
    match &seen.reach {
        Reach::Anywhere => {}
        Reach::Zones(zones) => all.push(Constraint::ZoneIn(zones.clone())),
        Reach::Agents(agents) => all.push(Constraint::AgentIn(agents.clone())),
    }
    all
}

/// One term of a required node affinity. An empty one holds for no agent.
pub(crate) fn term_constraint(term: &[Constraint]) -> Constraint {
    if term.is_empty() { Constraint::Any(Vec::new()) } else { Constraint::All(term.to_vec()) }
}

/// Those parts of a rule that speak of the agent alone and must hold whatever the others say.
fn agent_rules(rule: &Rule, all: &mut Vec<Constraint>) {
    match rule {
        Rule::Agent(constraint) => all.push(constraint.clone()),
        Rule::All(rules) => rules.iter().for_each(|rule| agent_rules(rule, all)),
        Rule::Spread { .. } | Rule::AtMost { .. } | Rule::SameAs { .. } | Rule::Any(_) | Rule::Not(_) => {}
    }
}
