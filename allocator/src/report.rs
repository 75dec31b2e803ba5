//! Reports on agents, frameworks and roles, for status and metrics.

use crate::agent::Agent;
use crate::allocator::Allocator;
use crate::books::framework::Told;
use crate::device::AgentDevices;
use crate::framework::Framework;
use crate::id::{AgentId, FrameworkId, RolePath};
use crate::resources::{Amounts, Kind, Resources};
use crate::role::Role;
use crate::share::Place;
use alloc::vec::Vec;

/// An agent with its books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentReport<'a> {
    /// The agent.
    pub agent: &'a Agent,
    /// In use by frameworks, launches that are not observed yet included.
    pub charged: &'a Resources,
    /// In use by anybody else.
    pub foreign: &'a Resources,
    /// In live offers that name the agent.
    pub offered: &'a Resources,
    /// Held for a unit that waits.
    pub held: &'a Resources,
    /// Reserved, and idle.
    pub reserved: &'a Resources,
    /// What is left.
    pub free: &'a Resources,
    /// In use beyond the capacity, by a change from outside; nothing is given there while it lasts.
    pub excess: Amounts,
}

/// A role with its books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleReport<'a> {
    /// The path.
    pub path: &'a RolePath,
    /// How it is declared; none when it only is used.
    pub declared: Option<&'a Role>,
    /// Charged to it and all below it.
    pub charged: &'a Resources,
    /// What of the charged is held for units that wait; no share counts it.
    pub held: &'a Resources,
    /// What of the charged is reserved and idle; no share counts it.
    pub reserved: &'a Resources,
    /// In use of revocable room: in the share, and no part of the charged.
    pub revocable: Resources,
    /// What its guarantee, or those below it, still miss.
    pub need: &'a Amounts,
    /// Its dominant share over its weight, above and below the line; the fraction is not reduced.
    pub share: (u128, u128),
    /// The resource that makes the share.
    pub dominant: Option<&'a Kind>,
    /// Charged beyond its limit, by a change from outside; nothing of it is given while that lasts.
    pub excess: Amounts,
}

impl Allocator {
    /// The devices of an agent and who has them; none where its GPUs are counted.
    #[must_use]
    pub fn devices(&self, id: &AgentId) -> Option<&AgentDevices> {
        self.books.agents.at(*self.books.agent_names.get(id)?).devices()
    }

    /// One agent; none when it is not known.
    #[must_use]
    pub fn agent(&self, id: &AgentId) -> Option<AgentReport<'_>> {
        let book = self.books.agents.at(*self.books.agent_names.get(id)?);
        Some(AgentReport {
            agent: book.agent.as_ref()?,
            charged: &book.charged,
            foreign: &book.foreign,
            offered: &book.offered,
            held: &book.held,
            reserved: &book.reserved,
            free: &book.free,
            excess: book.excess(),
        })
    }

    /// One framework as it was told, its roles by path; none when it is not known.
    #[must_use]
    pub fn framework(&self, id: &FrameworkId) -> Option<Framework> {
        let told = |no| self.books.frameworks.at(no).framework;
        let Told { priority, since, region_aware } = self.books.seats_taken(id).find_map(told)?;
        let roles = self.books.seats_taken(id).map(|no| self.books.role_path(no).clone());
        Some(Framework { id: id.clone(), roles: roles.collect(), priority, since, region_aware })
    }

    /// The agents that are known, by name, and after a machine its revocable room.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.books.known_agents().filter_map(|(_, book)| book.agent.as_ref())
    }

    /// Capacity of all agents that are not gone, without revocable room: what shares are parts of.
    #[must_use]
    pub fn total(&self) -> &Resources {
        &self.books.total
    }

    /// What is free on all agents that take new work, without revocable room.
    #[must_use]
    pub fn free(&self) -> &Resources {
        &self.books.free
    }

    /// One role; none when it is neither declared nor used.
    #[must_use]
    pub fn role_report(&self, path: &RolePath) -> Option<RoleReport<'_>> {
        let no = *self.books.role_names.get(path)?;
        let book = self.books.roles.at(no);
        let share = self.books.share_at(Place::Role(no), self.books.fair.all(), |_| 0);
        let over = book.limits().filter(|(kind, limit)| book.charged.amount(kind) > *limit);
        Some(RoleReport {
            path: &book.path,
            declared: book.declared.as_ref(),
            charged: &book.charged,
            held: &book.held,
            reserved: &book.reserved,
            revocable: book.revocable.sum(),
            need: &book.need,
            share: share.parts(),
            dominant: self.books.dominant(no),
            excess: over.map(|(kind, limit)| (kind.clone(), book.charged.amount(kind) - limit)).collect(),
        })
    }

    /// All roles that are declared or used, by path; the root first.
    pub fn roles(&self) -> impl Iterator<Item = RoleReport<'_>> {
        let paths: Vec<&RolePath> = self.books.role_names.keys().collect();
        paths.into_iter().filter_map(|path| self.role_report(path))
    }
}
