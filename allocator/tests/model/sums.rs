//! Every sum, computed from the facts by its definition, each time anew.

use super::facts::{Facts, Seat};
use std::collections::BTreeMap;
use twofold_allocator::agent::AgentState;
use twofold_allocator::counts::Counts;
use twofold_allocator::holding::Owner;
use twofold_allocator::id::{AgentId, RolePath};
use twofold_allocator::resources::{Amounts, Kind, Resources};

/// What is in use and what is left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sums {
    pub(crate) agents: BTreeMap<AgentId, AgentSums>,
    /// Charged to each framework in each role.
    pub(crate) seats: BTreeMap<Seat, Resources>,
    /// Charged to each role's own frameworks, and to it with all below it.
    pub(crate) roles: BTreeMap<RolePath, (Resources, Resources)>,
    pub(crate) children: BTreeMap<RolePath, Vec<RolePath>>,
    pub(crate) total: Resources,
    pub(crate) free: Resources,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct AgentSums {
    pub(crate) charged: Resources,
    pub(crate) foreign: Resources,
    pub(crate) offered: Resources,
    pub(crate) free: Resources,
}

impl AgentSums {
    pub(crate) fn used(&self) -> Resources {
        let mut used = self.charged.clone();
        used.add(&self.foreign);
        used.add(&self.offered);
        used
    }
}

/// What `part` leaves of `whole`, kind by kind, never below zero.
pub(crate) fn rest(whole: &Resources, part: &Resources) -> Resources {
    let mut gpus = Counts::default();
    for (model, count) in whole.gpus.iter() {
        gpus.add(model, count.saturating_sub(part.amount(&Kind::GpuModel(model.clone()))));
    }
    let left =
        |(name, amount): (&_, u64)| (Clone::clone(name), amount.saturating_sub(part.other.count(name)));
    Resources {
        cpu_milli: whole.cpu_milli.saturating_sub(part.cpu_milli),
        memory_bytes: whole.memory_bytes.saturating_sub(part.memory_bytes),
        disk_bytes: whole.disk_bytes.saturating_sub(part.disk_bytes),
        pods: whole.pods.saturating_sub(part.pods),
        gpus,
        other: whole.other.iter().map(left).collect(),
    }
}

/// What is in use beyond `whole`.
pub(crate) fn excess(whole: &Resources, used: &Resources) -> Amounts {
    whole.shortfall(used)
}

impl Sums {
    pub(crate) fn of(facts: &Facts) -> Self {
        let mut sums = Self::default();
        for id in facts.agents.keys() {
            sums.agents.insert(id.clone(), AgentSums::default());
        }
        for (holding, _) in facts.tasks.values() {
            let agent = sums.agents.get_mut(&holding.agent);
            match &holding.owner {
                Owner::Framework { id, role } => {
                    agent.into_iter().for_each(|sums| sums.charged.add(&holding.resources));
                    sums.seats.entry((id.clone(), role.clone())).or_default().add(&holding.resources);
                }
                Owner::Foreign => agent.into_iter().for_each(|sums| sums.foreign.add(&holding.resources)),
            }
        }
        for live in facts.live.values() {
            for (agent, part) in live.parts() {
                sums.agents.get_mut(agent).unwrap().offered.add(part);
                sums.seats.entry(live.seat.clone()).or_default().add(part);
            }
        }
        for (id, agent) in &facts.agents {
            let of = sums.agents.get_mut(id).unwrap();
            of.free = rest(&agent.capacity, &of.used());
            sums.total.add(&agent.capacity);
            if agent.state == AgentState::Active {
                sums.free.add(&of.free);
            }
        }
        sums.charge_roles(facts);
        sums
    }

    fn charge_roles(&mut self, facts: &Facts) {
        for path in facts.paths() {
            if let Some(parent) = path.parent() {
                self.children.entry(parent).or_default().push(path.clone());
            }
            self.roles.insert(path, <_>::default());
        }
        for ((_, role), charged) in &self.seats {
            for path in role.path() {
                let (own, all) = self.roles.get_mut(&path).unwrap();
                all.add(charged);
                if path == *role {
                    own.add(charged);
                }
            }
        }
    }

    pub(crate) fn charged(&self, role: &RolePath) -> &Resources {
        &self.roles[role].1
    }

    pub(crate) fn free_on(&self, agent: &AgentId) -> &Resources {
        &self.agents[agent].free
    }

    fn children(&self, role: &RolePath) -> &[RolePath] {
        self.children.get(role).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn is_inner(&self, role: &RolePath) -> bool {
        role.is_root() || !self.children(role).is_empty()
    }

    /// G(n): the larger of its own guarantee and the sum of its children's.
    fn guarantee(&self, facts: &Facts, role: &RolePath, kind: &Kind) -> u64 {
        let below = self.children(role).iter().map(|child| self.guarantee(facts, child, kind)).sum();
        own(facts, role, kind).max(below)
    }

    /// need(n) if `more` were charged to the role `to`.
    pub(crate) fn need(&self, facts: &Facts, role: &RolePath, kind: &Kind, to: &RolePath, more: u64) -> u64 {
        let below = self.children(role).iter().map(|child| self.need(facts, child, kind, to, more)).sum();
        let charged_too = to.path().any(|path| path == *role);
        let charged = self.charged(role).amount(kind) + if charged_too { more } else { 0 };
        self.guarantee(facts, role, kind).saturating_sub(charged).max(below)
    }

    pub(crate) fn need_of_root(&self, facts: &Facts, kind: &Kind) -> u64 {
        self.need(facts, &RolePath::root(), kind, &RolePath::root(), 0)
    }

    /// What all guarantees still miss beyond what is free.
    pub(crate) fn shortfall(&self, facts: &Facts) -> Amounts {
        let kinds = guaranteed_kinds(facts).into_iter();
        kinds
            .map(|kind| (self.need_of_root(facts, &kind).saturating_sub(self.free.amount(&kind)), kind))
            .map(|(short, kind)| (kind, short))
            .collect()
    }

    /// Whether charging `more` to a role makes the shortfall of this kind larger.
    pub(crate) fn widens(&self, facts: &Facts, role: &RolePath, kind: &Kind, more: u64) -> bool {
        let free = i128::from(self.free.amount(kind));
        let root = &RolePath::root();
        let need = self.need(facts, root, kind, role, 0);
        // Where guarantees miss nothing, there is nothing to widen.
        let before = i128::from(need) - free;
        let after = i128::from(self.need(facts, root, kind, role, more)) - (free - i128::from(more));
        need > 0 && after.max(0) > before.max(0)
    }

    /// Whether a limit on the path or the headroom holds back `more` of one kind.
    pub(crate) fn holds_back(&self, facts: &Facts, role: &RolePath, kind: &Kind, more: u64) -> bool {
        let passes = |path: RolePath| {
            let limit = facts.roles.get(&path).and_then(|role| role.limit.get(kind));
            limit.is_some_and(|limit| self.charged(&path).amount(kind) + more > *limit)
        };
        more > 0 && (role.path().any(passes) || self.widens(facts, role, kind, more))
    }
}

/// What the role itself is guaranteed.
pub(crate) fn own(facts: &Facts, role: &RolePath, kind: &Kind) -> u64 {
    facts.roles.get(role).and_then(|role| role.guarantee.get(kind)).copied().unwrap_or_default()
}

/// The kinds that somebody is guaranteed.
pub(crate) fn guaranteed_kinds(facts: &Facts) -> Vec<Kind> {
    let all = facts.roles.values().flat_map(|role| &role.guarantee).filter(|(_, amount)| **amount > 0);
    let mut kinds: Vec<Kind> = all.map(|(kind, _)| kind.clone()).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

/// The kinds that a role on the path limits, or that somebody is guaranteed: all that can hold anything back.
pub(crate) fn bound_kinds(facts: &Facts, role: &RolePath) -> Vec<Kind> {
    let mut kinds = guaranteed_kinds(facts);
    for path in role.path() {
        kinds.extend(facts.roles.get(&path).into_iter().flat_map(|role| role.limit.keys().cloned()));
    }
    kinds.sort();
    kinds.dedup();
    kinds
}
