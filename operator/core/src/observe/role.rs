//! Custom resources of roles become the tree.

use crate::frameworks::Problem;
use crate::observe::requests::{self, GPU};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::ask::Constraint;
use twofold_allocator::id::{RolePath, Word};
use twofold_allocator::resources::{Amounts, Kind};
use twofold_allocator::role::{FrameworkOrder, Role};
use twofold_crds::AllocationRole;
use twofold_crds::allocation_role::{LabelOperator, LabelRequirement, RoleOrder};

/// The path of a role from the root, or what is wrong with its parents.
///
/// # Errors
/// A parent is missing, or the parents go in a circle.
pub fn path(name: &str, roles: &BTreeMap<String, AllocationRole>) -> Result<RolePath, Problem> {
    let mut names = vec![name];
    let mut current = name;
    while let Some(parent) = roles.get(current).and_then(|role| role.spec.parent.as_deref()) {
        if names.contains(&parent) {
            return Err(Problem {
                reason: "ParentCycle",
                field: "spec.parent".to_owned(),
                message: format!(
                    "the parents of role {name:?} go in a circle ({} -> {parent}); change one of them",
                    names.join(" -> ")
                ),
            });
        }
        if !roles.contains_key(parent) {
            return Err(Problem {
                reason: "ParentNotFound",
                field: "spec.parent".to_owned(),
                message: format!(
                    "role {current:?} names the parent {parent:?}, which does not exist; create it or name another"
                ),
            });
        }
        names.push(parent);
        current = parent;
    }
    names.reverse();
    Ok(RolePath::from(names.join("/").as_str()))
}

/// The role that level one is told of, or all that is wrong with the resource.
///
/// # Errors
/// Parents that do not lead to the root, and quantities that cannot be read.
pub fn role(
    resource: &AllocationRole,
    roles: &BTreeMap<String, AllocationRole>,
) -> Result<Role, Vec<Problem>> {
    let name = resource.metadata.name.as_deref().unwrap_or_default();
    let spec = &resource.spec;
    let mut problems = Vec::new();
    let guarantee = amounts(&spec.guarantee, "spec.guarantee", &mut problems);
    let limit = amounts(&spec.limit, "spec.limit", &mut problems);
    for (kind, guaranteed) in &guarantee {
        if limit.get(kind).is_some_and(|limit| limit < guaranteed) {
            problems.push(Problem {
                reason: "GuaranteeAboveLimit",
                field: format!("spec.guarantee[{}]", resource_name(kind)),
                message: "the guarantee is above the limit; lower it or raise the limit".to_owned(),
            });
        }
    }
    let path = path(name, roles).map_err(|problem| problems.push(problem));
    match path {
        Ok(path) if problems.is_empty() => Ok(Role {
            path,
            weight: u32::try_from(spec.weight).unwrap_or(1),
            guarantee,
            limit,
            agents: spec.agents.as_ref().map_or_else(Vec::new, |agents| {
                let labels = agents.selector.match_labels.iter();
                let exact = labels.map(|(key, value)| {
                    Constraint::AttributeIn(
                        Word::from(key.as_str()),
                        BTreeSet::from([Word::from(value.as_str())]),
                    )
                });
                exact.chain(agents.selector.match_expressions.iter().map(requirement)).collect()
            }),
            order: match spec.order {
                RoleOrder::Priority => FrameworkOrder::Priority,
                RoleOrder::Drf => FrameworkOrder::Drf,
            },
        }),
        _ => Err(problems),
    }
}

/// Whether a namespace may use a role.
#[must_use]
pub fn permits(resource: &AllocationRole, namespace: &str) -> bool {
    resource.spec.namespaces.iter().any(|listed| listed == "*" || listed == namespace)
}

fn requirement(requirement: &LabelRequirement) -> Constraint {
    let key = Word::from(requirement.key.as_str());
    let values = || requirement.values.iter().map(|value| Word::from(value.as_str())).collect();
    match requirement.operator {
        LabelOperator::In => Constraint::AttributeIn(key, values()),
        LabelOperator::NotIn => Constraint::AttributeNotIn(key, values()),
        LabelOperator::Exists => Constraint::AttributeExists(key),
        LabelOperator::DoesNotExist => Constraint::AttributeAbsent(key),
    }
}

fn amounts(map: &BTreeMap<String, Quantity>, field: &str, problems: &mut Vec<Problem>) -> Amounts {
    let mut found = Amounts::new();
    for (name, value) in map {
        match requests::amount(name, &value.0) {
            Ok(amount) if amount > requests::MOST => problems.push(Problem {
                reason: "InvalidQuantity",
                field: format!("{field}[{name}]"),
                message: format!("{} is more than can be counted; 1Pi is the most", value.0),
            }),
            Ok(amount) => {
                found.insert(kind(name), amount);
            }
            Err(message) => problems.push(Problem {
                reason: "InvalidQuantity",
                field: format!("{field}[{name}]"),
                message,
            }),
        }
    }
    found
}

/// The kind that a resource's name speaks of.
fn kind(name: &str) -> Kind {
    match name {
        "cpu" => Kind::Cpu,
        "memory" => Kind::Memory,
        "ephemeral-storage" => Kind::Disk,
        "pods" => Kind::Pods,
        GPU => Kind::Gpu,
        other => Kind::Other(Word::from(other)),
    }
}

/// The name of a kind as manifests write it.
#[must_use]
pub fn resource_name(kind: &Kind) -> String {
    match kind {
        Kind::Cpu => "cpu".to_owned(),
        Kind::Memory => "memory".to_owned(),
        Kind::Disk => "ephemeral-storage".to_owned(),
        Kind::Pods => "pods".to_owned(),
        Kind::Gpu => GPU.to_owned(),
        Kind::GpuModel(model) => format!("{GPU}/{model}"),
        Kind::Other(name) => name.as_str().to_owned(),
        Kind::Ports | Kind::PortRange(..) => kind.to_string(),
    }
}
