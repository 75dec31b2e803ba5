//! Changes for level one: agents, roles and holdings as the cluster shows them.

use super::{path, reserve};
use crate::frameworks::framework_id;
use crate::object::Key;
use crate::observe::requests::GPU;
use crate::observe::role;
use crate::observe::touched::Touched;
use crate::observe::world::World;
use crate::record::{Phase, PodRecord};
use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::change::Change;
use twofold_allocator::counts::Counts;
use twofold_allocator::holding::{Holding, Owner, UnitMark};
use twofold_allocator::id::{AgentId, RolePath, TaskId, UnitId, Word};
use twofold_allocator::resources::{Amounts, Resources};
use twofold_allocator::role::Role;

/// The name that level one knows a pod by.
#[must_use]
pub(super) fn task(key: &Key) -> TaskId {
    TaskId::from(format!("{}/{}", key.namespace, key.name))
}

/// What level one must be told of what was touched: agents first, then the pods on them.
#[must_use]
pub(super) fn changes(world: &World, touched: &Touched) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut pods = touched.pods.clone();
    for id in &touched.agents {
        changes.push(match world.agents.get(id) {
            Some(agent) => Change::Agent(agent.clone()),
            None => Change::AgentGone(id.clone()),
        });
        pods.extend(world.pods_by_agent.get(id).into_iter().flatten().cloned());
    }
    let owners = touched.services.iter().chain(&touched.gone);
    for key in owners {
        let uid = world.resources.get(key).map(|resource| resource.uid().to_owned());
        let owned = uid.and_then(|uid| world.pods_by_owner.get(&uid));
        pods.extend(owned.into_iter().flatten().cloned());
    }
    changes.extend(pods.iter().map(|key| of_pod(key, world)));
    changes
}

/// What level one must be told of the pods of one service.
pub(super) fn of_service<'a>(world: &'a World, uid: &str) -> impl Iterator<Item = Change> + use<'a> {
    world.pods_by_owner.get(uid).into_iter().flatten().map(|key| of_pod(key, world))
}

fn of_pod(key: &Key, world: &World) -> Change {
    match world.pods.get(key).and_then(|pod| holding(pod, world)) {
        Some(holding) => Change::Holding(holding),
        None => Change::HoldingGone(task(key)),
    }
}

/// Everything, for books that are built anew.
#[must_use]
pub(super) fn everything(world: &World) -> Touched {
    Touched {
        services: world.resources.keys().cloned().collect(),
        gone: BTreeSet::new(),
        agents: world.agents.keys().cloned().collect(),
        pods: world.pods.keys().cloned().collect(),
        roles: true,
    }
}

/// What a pod takes on its agent: every pod that is not over counts, foreign ones and ending ones too.
fn holding(pod: &PodRecord, world: &World) -> Option<Holding> {
    if matches!(pod.phase, Phase::Succeeded | Phase::Failed) {
        return None;
    }
    let agent = pod.agent.clone()?;
    let reservation = reserve::of_pod(world, pod);
    Some(Holding {
        task: task(&pod.key),
        owner: owner(pod, world),
        resources: with_model(&pod.resources, &agent, world),
        // What its instance comes back to does not come free.
        finishing: pod.deleting.is_some() && !reserve::is_kept(world, pod),
        unit: unit(pod, world),
        reservation,
        agent,
        devices: Vec::new(),
    })
}

/// The unit that a pod may be taken back with: all pods of its job, since none of them is of use without the others.
fn unit(pod: &PodRecord, world: &World) -> Option<UnitMark> {
    let owner = world.owner_of(&pod.key).filter(|owner| world.is_reclaimable(owner))?;
    Some(UnitMark { id: UnitId::from(owner.name.as_str()), reclaimable: true, since: pod.created })
}

/// The GPUs of a pod are of the model of its agent.
pub(super) fn with_model(resources: &Resources, agent: &AgentId, world: &World) -> Resources {
    let model = world.agents.get(agent).and_then(|agent| agent.capacity.gpus.iter().next());
    let model = model.map_or_else(|| Word::from(GPU), |(model, _)| model.clone());
    let count = resources.gpus.total();
    let gpus = if count == 0 { Counts::default() } else { Counts::of(model, count) };
    Resources { gpus, ..resources.clone() }
}

/// A pod is ours only if its controller is a custom resource that is there now, by UID: a label proves nothing.
fn owner(pod: &PodRecord, world: &World) -> Owner {
    let Some(controller) = &pod.controller else { return Owner::Foreign };
    let Some(kind) = controller.kind else { return Owner::Foreign };
    let key = Key::new(kind, &pod.key.namespace, &controller.name);
    match world.resources.get(&key) {
        Some(resource) if resource.uid() == controller.uid => {
            Owner::Framework { id: framework_id(&key), role: path::of(world, &key) }
        }
        _ => Owner::Foreign,
    }
}

/// The tree of roles as level one was told of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree(BTreeMap<RolePath, Role>);

impl Tree {
    /// The changes that lead from what level one was told to what the resources say now. A resource that cannot be
    /// carried out is no role: nothing new is given to it, and what it uses stays charged to its path.
    pub(super) fn changes(&mut self, world: &World) -> Vec<Change> {
        let roles = world.roles.values().filter_map(|resource| role::role(resource, &world.roles).ok());
        let wanted: BTreeMap<_, _> = roles.map(|role| (role.path.clone(), role)).collect();
        let gone = self.0.keys().filter(|path| !wanted.contains_key(*path)).cloned().map(Change::RoleGone);
        let mut changes: Vec<_> = gone.collect();
        let changed = wanted.values().filter(|role| self.0.get(&role.path) != Some(*role));
        changes.extend(changed.cloned().map(Change::Role));
        self.0 = wanted;
        changes
    }

    /// The guarantee in force: the larger of a role's own and the sum of those below it.
    #[must_use]
    pub(super) fn guarantee(&self, path: &RolePath) -> Amounts {
        let children = self.0.keys().filter(|child| child.parent().as_ref() == Some(path));
        let mut sum = Amounts::new();
        for (kind, amount) in children.flat_map(|child| self.guarantee(child)) {
            let total = sum.entry(kind).or_default();
            *total = total.saturating_add(amount);
        }
        for (kind, amount) in self.0.get(path).iter().flat_map(|role| &role.guarantee) {
            let value = sum.entry(kind.clone()).or_default();
            *value = (*value).max(*amount);
        }
        sum
    }

    /// The limit in force: the least of a role's own and those above it.
    #[must_use]
    pub(super) fn limit(&self, path: &RolePath) -> Amounts {
        let mut least = Amounts::new();
        for role in path.path().filter_map(|path| self.0.get(&path)) {
            for (kind, amount) in &role.limit {
                let value = least.entry(kind.clone()).or_insert(*amount);
                *value = (*value).min(*amount);
            }
        }
        least
    }
}
