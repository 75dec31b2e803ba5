//! The laws (A1 to A18 of the verification plan), each checked against the facts: what the allocator says must be what
//! follows from what it was told. The law of revocation comes with what it speaks of.

use super::facts::Facts;
use super::sums::{Sums, excess};
use super::turn::Share;
use std::collections::BTreeMap;
use twofold_allocator::allocator::Allocator;
use twofold_allocator::id::{AgentId, RolePath};
use twofold_allocator::invariants::Violation;
use twofold_allocator::resources::{Amounts, Kind, Resources};

/// A law by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Law {
    /// A1: nothing given makes an over-commitment of an agent larger.
    OverCommit,
    /// A2: what is in use and what is free make up the capacity, or the excess is flagged.
    Conservation,
    /// A3: a device has one owner, or shares that come to no more than it.
    Devices,
    /// A4: nothing given makes an excess over a limit larger, on any level, live offers counted.
    Limit,
    /// A5: a role is charged its own and its children's.
    Hierarchy,
    /// A6: nothing given widens what guarantees miss; who serves a guarantee goes first.
    Guarantee,
    /// A7: an offer is answered once; another answer changes nothing.
    AnswerOnce,
    /// A8: an accept is booked whole or not at all.
    Atomic,
    /// A9: who may have a turn gets it before the cycle is over.
    Starvation,
    /// A10: the one of least share goes next, and just past the one after.
    Fairness,
    /// A11: a rebuild from the cluster gives the same books, in whatever order it is told.
    Recovery,
    /// A12: same input, same output.
    Determinism,
    /// A13: the same change again changes nothing.
    Duplicates,
    /// A14: what is placed is where role and ask want it, on an agent that takes new work.
    Domains,
    /// A15: what is lost leaves the totals once and comes back once.
    LostAndFound,
    /// A17: what is kept beside the books is bounded by what there is.
    Bounded,
    /// A18: no input makes it panic.
    Total,
}

/// A law that does not hold, and where.
pub(crate) type Broken = (Law, String);

/// The law that a violation found by the allocator itself is of.
pub(crate) fn law_of(violation: &Violation) -> Law {
    match violation {
        Violation::AgentBalance(_) | Violation::Hold(_) | Violation::Reservation(_) => Law::Conservation,
        Violation::RoleSum(_) => Law::Hierarchy,
        Violation::Totals => Law::LostAndFound,
        Violation::Rebuild(_) => Law::Recovery,
        Violation::SoftState(_) | Violation::DeadOffer(_) | Violation::Inverse(_) | Violation::Claim(_) => {
            Law::Bounded
        }
        Violation::Sleeper(_) => Law::Starvation,
        Violation::Order => Law::Fairness,
        Violation::OverCommitted { .. } => Law::OverCommit,
        Violation::Owned(_) => Law::Devices,
        Violation::OverLimit { .. } => Law::Limit,
        Violation::Headroom { .. } => Law::Guarantee,
    }
}

fn differ<T: PartialEq + std::fmt::Debug>(law: Law, what: String, is: &T, must: &T) -> Option<Broken> {
    (is != must).then(|| (law, format!("{what} is {is:?}, must be {must:?}")))
}

/// What holds in every state.
pub(crate) fn of_state(allocator: &Allocator, facts: &Facts, sums: &Sums) -> Vec<Broken> {
    let mut broken = Vec::new();
    broken.extend(agents(allocator, facts, sums));
    broken.extend(roles(allocator, facts, sums));
    broken.extend(facts.devices_differ(allocator).into_iter().map(|differ| (Law::Devices, differ)));
    broken.extend(differ(Law::LostAndFound, "the total".into(), allocator.total(), &sums.total));
    broken.extend(differ(Law::LostAndFound, "all that is free".into(), allocator.free(), &sums.free));
    let live: Vec<_> = allocator.live_offers().collect();
    let told: Vec<_> = facts.live.values().map(|live| &live.offer).collect();
    broken.extend(differ(Law::AnswerOnce, "what is live".into(), &live, &told));
    broken
}

fn agents(allocator: &Allocator, facts: &Facts, sums: &Sums) -> Vec<Broken> {
    let mut broken = Vec::new();
    let known: Vec<&AgentId> = allocator.agents().map(|agent| &agent.id).collect();
    broken.extend(differ(Law::LostAndFound, "who is known".into(), &known, &facts.agents.keys().collect()));
    for (id, agent) in &facts.agents {
        let (Some(is), must) = (allocator.agent(id), &sums.agents[id]) else { continue };
        let pairs = [
            ("charged", is.charged, &must.charged),
            ("foreign", is.foreign, &must.foreign),
            ("offered", is.offered, &must.offered),
            ("free", is.free, &must.free),
        ];
        for (what, is, must) in pairs {
            broken.extend(differ(Law::Conservation, format!("agent {id}, {what}"), is, must));
        }
        let flagged = excess(&agent.capacity, &must.used());
        broken.extend(differ(Law::Conservation, format!("agent {id}, excess"), &is.excess, &flagged));
    }
    broken
}

fn roles(allocator: &Allocator, facts: &Facts, sums: &Sums) -> Vec<Broken> {
    let mut broken = Vec::new();
    let reports: BTreeMap<_, _> = allocator.roles().map(|report| (report.path.clone(), report)).collect();
    let known: Vec<&RolePath> = reports.keys().collect();
    broken.extend(differ(Law::Recovery, "the roles".into(), &known, &sums.roles.keys().collect()));
    for (path, (own, charged)) in &sums.roles {
        let Some(is) = reports.get(path) else { continue };
        let mut sum = own.clone();
        let children = sums.children.get(path).into_iter().flatten();
        children.filter_map(|child| reports.get(child)).for_each(|child| sum.add(child.charged));
        broken.extend(differ(Law::Hierarchy, format!("role {path}, own and below"), is.charged, &sum));
        broken.extend(differ(Law::Recovery, format!("role {path}, charged"), is.charged, charged));
        let revocable = &sums.revocable_roles[path].1;
        broken.extend(differ(Law::Recovery, format!("role {path}, revocable"), &is.revocable, revocable));
        let need = super::sums::guaranteed_kinds(facts).into_iter();
        let need = need.map(|kind| (sums.need(facts, path, &kind, &RolePath::root(), 0), kind));
        let need: Amounts = need.filter(|(need, _)| *need > 0).map(|(need, kind)| (kind, need)).collect();
        broken.extend(differ(Law::Guarantee, format!("role {path}, need"), is.need, &need));
        let share = Share(is.share.0, is.share.1);
        broken.extend(differ(
            Law::Fairness,
            format!("role {path}, share"),
            &share,
            &facts.role_share(sums, path),
        ));
        broken.extend(differ(
            Law::Limit,
            format!("role {path}, excess"),
            &is.excess,
            &over(facts, path, charged),
        ));
    }
    broken
}

fn over(facts: &Facts, path: &RolePath, charged: &Resources) -> Amounts {
    let limits = facts.roles.get(path).into_iter().flat_map(|role| &role.limit);
    let over = limits.map(|(kind, limit)| (kind.clone(), charged.amount(kind).saturating_sub(*limit)));
    over.filter(|(_, amount)| *amount > 0).collect()
}

/// What a decision must not make larger.
#[derive(Clone, Debug)]
pub(crate) struct Excesses {
    agents: BTreeMap<AgentId, Amounts>,
    roles: BTreeMap<RolePath, Amounts>,
    shortfall: Amounts,
    devices: BTreeMap<AgentId, u64>,
}

impl Excesses {
    pub(crate) fn of(facts: &Facts, sums: &Sums) -> Self {
        let agents = facts.agents.iter();
        let roles = sums.roles.iter();
        Self {
            agents: agents
                .map(|(id, a)| (id.clone(), excess(&a.capacity, &sums.agents[id].used())))
                .collect(),
            roles: roles.map(|(path, (_, charged))| (path.clone(), over(facts, path, charged))).collect(),
            shortfall: sums.shortfall(facts),
            devices: facts.devices_over(),
        }
    }

    /// What a decision made larger than it was.
    pub(crate) fn worse(&self, now: &Self) -> Vec<Broken> {
        let mut broken = Vec::new();
        let none = Amounts::new();
        for (id, now) in &now.agents {
            let grown = larger(self.agents.get(id).unwrap_or(&none), now);
            broken
                .extend(grown.map(|kind| (Law::OverCommit, format!("agent {id}: over-committed in {kind}"))));
        }
        for (path, now) in &now.roles {
            let grown = larger(self.roles.get(path).unwrap_or(&none), now);
            broken.extend(grown.map(|kind| (Law::Limit, format!("role {path}: over its limit of {kind}"))));
        }
        let grown = now.devices.iter().filter(|(id, over)| self.devices.get(*id) < Some(*over));
        broken.extend(grown.map(|(id, _)| (Law::Devices, format!("agent {id}: a device has two owners"))));
        let grown = larger(&self.shortfall, &now.shortfall);
        broken.extend(grown.map(|kind| (Law::Guarantee, format!("guarantees miss more {kind}"))));
        broken
    }
}

fn larger(before: &Amounts, now: &Amounts) -> impl Iterator<Item = Kind> {
    let of = |kind: &Kind| before.get(kind).copied().unwrap_or_default();
    let grown: Vec<Kind> =
        now.iter().filter(|(kind, n)| **n > of(kind)).map(|(kind, _)| kind.clone()).collect();
    grown.into_iter()
}
