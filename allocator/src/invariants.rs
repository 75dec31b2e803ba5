//! The laws, one function each. Of the state: the books balance. Of decisions: nothing that is given makes an
//! over-commitment, an excess over a limit or a shortfall of headroom larger. Excess that came from outside, by a
//! changed limit, guarantee, agent or foreign task, breaks no law: it is reported, and stops new gifts there.

mod asks;
mod devices;
mod holds;
mod rebuild;
mod reservations;

use crate::allocator::Allocator;
use crate::books::{AgentNo, Books, RoleNo};
use crate::id::{AgentId, FrameworkId, OfferId, ReservationId, RolePath};
use crate::policy::Laws;
use crate::refusal::Levels;
use crate::resources::{Amounts, Kind, Resources};
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;

/// A law that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// What is free on an agent is not its capacity less what is in use.
    AgentBalance(AgentId),
    /// A role is not charged its own and its children's.
    RoleSum(RolePath),
    /// The sums over all agents are wrong.
    Totals,
    /// The books differ from a fresh build from the same facts, in this object.
    Rebuild(alloc::string::String),
    /// A framework's soft state names what is not there, or is larger than it can be.
    SoftState(FrameworkId),
    /// An ask sleeps while an agent that it sees has room for it.
    Sleeper(FrameworkId),
    /// The index of the order says another is next than the definition.
    Order,
    /// What is held for a framework is not on the books as its hold says, or more than its unit takes, or in a pool that
    /// has a hold already.
    Hold(FrameworkId),
    /// An inverse offer is live that its unit does not wait for, or a unit waits for one that is not.
    Inverse(OfferId),
    /// A claim is not of one unit of an ask, or asks for nothing.
    Claim(FrameworkId),
    /// What is idle of a reservation is not what nothing of its owner runs in, or is not on the books of its agent.
    Reservation(ReservationId),
    /// An offer is live whose want is not there.
    DeadOffer(OfferId),
    /// A gift made an over-commitment larger.
    OverCommitted {
        /// The agent.
        agent: AgentId,
        /// Of which resource.
        kind: Kind,
    },
    /// A gift gave of a device what somebody has.
    Owned(AgentId),
    /// A gift made an excess over a limit larger.
    OverLimit {
        /// The role.
        role: RolePath,
        /// Of which resource.
        kind: Kind,
    },
    /// A gift made a shortfall of headroom larger.
    Headroom {
        /// Who was given.
        role: RolePath,
        /// Of which resource.
        kind: Kind,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AgentBalance(agent) => write!(f, "agent {agent}: what is free is not capacity less use"),
            Self::RoleSum(role) => write!(f, "role {role}: it is not charged its own and its children's"),
            Self::Totals => f.write_str("the sums over all agents are wrong"),
            Self::Rebuild(object) => write!(f, "{object}: the books differ from a fresh build"),
            Self::SoftState(framework) => {
                write!(f, "framework {framework}: its filters name what is not there")
            }
            Self::Sleeper(framework) => write!(f, "framework {framework}: an ask sleeps beside room for it"),
            Self::Order => f.write_str("the index of the order says another is next than the definition"),
            Self::Hold(framework) => write!(f, "framework {framework}: what is held for it is wrong"),
            Self::Inverse(offer) => write!(f, "inverse offer {}: its unit does not wait for it", offer.0),
            Self::Claim(framework) => write!(f, "framework {framework}: its claim is not of one unit"),
            Self::Reservation(id) => write!(f, "reservation {id}: what is idle of it is wrong"),
            Self::DeadOffer(offer) => write!(f, "offer {}: it is live, and its want is not there", offer.0),
            Self::OverCommitted { agent, kind } => write!(f, "agent {agent}: a gift over-committed {kind}"),
            Self::Owned(agent) => write!(f, "agent {agent}: a gift gave a device that has an owner"),
            Self::OverLimit { role, kind } => write!(f, "role {role}: a gift went over the limit of {kind}"),
            Self::Headroom { role, kind } => {
                write!(f, "role {role}: a gift took {kind} that guarantees need")
            }
        }
    }
}

impl Allocator {
    /// Checks all laws, and the books against a fresh build.
    #[must_use]
    pub fn audit(&self) -> Vec<Violation> {
        let books = &self.books;
        let mut broken = self.broken.clone();
        broken.extend(books.agent_names.values().filter_map(|no| books.agent_balances(*no)));
        broken.extend(books.agent_names.values().filter_map(|no| books.is_counted_by_devices(*no)));
        broken.extend(books.role_names.values().filter_map(|no| books.role_adds_up(*no)));
        broken.extend(books.totals_add_up());
        broken.extend(books.soft_state_is_bounded());
        broken.extend(books.holds_are_sound());
        broken.extend(self.asks_are_sound());
        broken.extend(books.reservations_are_sound());
        broken.extend(self.live_offers_have_wants());
        broken.extend(self.equals_rebuild());
        let mut next = self.clone();
        next.look_around();
        broken.extend(next.books.nobody_sleeps_beside_room());
        broken.extend(next.books.order_is_as_defined());
        broken
    }

    /// Checks the laws on what was touched since this was last asked, or all where the policy says so.
    pub fn check_touched(&mut self) -> Vec<Violation> {
        let agents = core::mem::take(&mut self.books.touched_agents);
        let roles = core::mem::take(&mut self.books.touched_roles);
        agents.iter().for_each(|no| self.books.agents.at_mut(*no).touched = false);
        roles.iter().for_each(|no| self.books.roles.at_mut(*no).touched = false);
        let broken = match self.books.policy.laws {
            Laws::Off => Vec::new(),
            Laws::Everything => self.audit(),
            Laws::Touched => {
                let mut broken = self.broken.clone();
                broken.extend(agents.iter().filter_map(|no| self.books.is_counted_by_devices(*no)));
                broken.extend(agents.into_iter().filter_map(|no| self.books.agent_balances(no)));
                broken.extend(roles.into_iter().filter_map(|no| self.books.role_adds_up(no)));
                broken
            }
        };
        self.broken.clear();
        broken
    }

    /// Every live offer is of a want that is there.
    fn live_offers_have_wants(&self) -> impl Iterator<Item = Violation> {
        let dead = self.live().filter(|live| {
            let seat = self.books.seat(&live.offer.framework, &live.offer.role);
            seat != Some(live.want.framework) || self.books.want(live.want).is_none()
        });
        dead.map(|live| Violation::DeadOffer(live.offer.id))
    }
}

impl Books {
    /// The index of the order says the same as the definition.
    fn order_is_as_defined(&mut self) -> Option<Violation> {
        let by_index = self.next_turn();
        (by_index != self.next_by_definition()).then_some(Violation::Order)
    }

    /// Nobody sleeps while an agent that it sees has room for it.
    fn nobody_sleeps_beside_room(&self) -> impl Iterator<Item = Violation> {
        let missed = self.soft.asleep.iter().copied().chain(self.soft.classes.sleepers()).filter(|no| {
            let keeps = self.keeps_gpu_room(*no);
            self.known_agents().any(|(agent, _)| self.has_room(*no, agent, keeps))
        });
        missed.map(|no| Violation::Sleeper(self.frameworks.at(no.framework).id.clone()))
    }

    /// On each agent, what is in use and what is free make up the capacity, or the excess is flagged.
    fn agent_balances(&self, no: AgentNo) -> Option<Violation> {
        let book = self.agents.at(no);
        let nothing = Resources::default();
        let capacity = book.agent.as_ref().map_or(&nothing, |agent| &agent.capacity);
        let mut sum = book.used();
        sum.add(&book.free);
        if sum == *capacity {
            return None;
        }
        let excess = capacity.shortfall(&book.used());
        let (mut expected, mut beyond) = (capacity.clone(), book.used());
        beyond.take_up_to(capacity);
        expected.add(&beyond);
        let flagged = book.agent.is_none() || excess == book.excess();
        (sum != expected || !flagged).then(|| Violation::AgentBalance(book.id.clone()))
    }

    /// A role is charged its own and its children's.
    fn role_adds_up(&self, no: RoleNo) -> Option<Violation> {
        let book = self.roles.at(no);
        let (mut sum, mut held) = (book.own.clone(), book.own_held.clone());
        let (mut reserved, mut revocable) = (book.own_reserved.clone(), book.own_revocable.sum());
        for child in book.children.values().map(|child| self.roles.at(*child)) {
            sum.add(&child.charged);
            held.add(&child.held);
            reserved.add(&child.reserved);
            revocable.add(&child.revocable.sum());
        }
        let wrong = sum != book.charged || held != book.held || reserved != book.reserved;
        let wrong = wrong || revocable != book.revocable.sum();
        wrong.then(|| Violation::RoleSum(book.path.clone()))
    }

    /// The sums over all agents are those of the agents.
    fn totals_add_up(&self) -> Option<Violation> {
        let (mut total, mut free, mut used) =
            (Resources::default(), Resources::default(), Resources::default());
        let mut revocable = Resources::default();
        for no in self.agent_names.values() {
            let book = self.agents.at(*no);
            used.add(&book.used());
            if let Some(agent) = book.agent.as_ref().filter(|_| !book.revocable) {
                total.add(&agent.capacity);
            }
            if book.is_active() {
                let sum = if book.revocable { &mut revocable } else { &mut free };
                sum.add(&book.free);
            }
        }
        let wrong = total != self.total || free != self.free || revocable != self.revocable_free;
        (wrong || used != self.used).then_some(Violation::Totals)
    }

    /// Filters name agents that are known, so that they are no more than there are pairs; an agent keeps few levels.
    fn soft_state_is_bounded(&self) -> impl Iterator<Item = Violation> {
        let known: BTreeSet<AgentNo> = self.known_agents().map(|(no, _)| no).collect();
        let levels = self
            .known_agents()
            .all(|(_, book)| book.levels.len().max(book.kept_levels.len()) <= Levels::MOST);
        let broken = self.framework_names.iter().filter(move |(_, no)| {
            let book = self.frameworks.at(**no);
            let mut refused = book.wants.iter().flat_map(|want| want.refused.agents());
            !levels
                || !book.avoid.keys().all(|no| known.contains(no))
                || !refused.all(|no| known.contains(&no))
        });
        broken.map(|((id, _), _)| Violation::SoftState(id.clone()))
    }

    /// What a gift must not make larger, before it is given.
    pub(crate) fn witness(&self, role: RoleNo, agents: impl Iterator<Item = AgentNo>) -> Witness {
        let excess = |no| (no, self.agents.at(no).flagged_excess(), self.devices_over(no));
        let agents = agents.map(excess).collect();
        let limited = self.path(role).filter(|(_, book)| book.limits().next().is_some());
        let limits = limited.map(|(no, book)| (no, over(book.limits(), &book.charged))).collect();
        let shortfall = self.shortfall();
        Witness { role, agents, limits, shortfall }
    }

    /// What guarantees miss beyond what is free and what is lent.
    fn shortfall(&self) -> Amounts {
        let short = |(kind, need): (&Kind, u64)| {
            let free = self.free.amount(kind).saturating_add(self.lent(kind));
            (kind.clone(), need.saturating_sub(free))
        };
        self.needs().map(short).collect()
    }

    /// What a gift made larger that it must not.
    pub(crate) fn worsened(&self, before: &Witness) -> Vec<Violation> {
        let mut broken = Vec::new();
        for (no, excess, over) in &before.agents {
            let book = self.agents.at(*no);
            broken.extend((self.devices_over(*no) > *over).then(|| Violation::Owned(book.id.clone())));
            broken.extend(
                larger(excess, &book.excess())
                    .map(|kind| Violation::OverCommitted { agent: book.id.clone(), kind }),
            );
        }
        for (no, excess) in &before.limits {
            let book = self.roles.at(*no);
            let now = over(book.limits(), &book.charged);
            broken.extend(
                larger(excess, &now).map(|kind| Violation::OverLimit { role: book.path.clone(), kind }),
            );
        }
        let shortfall = self.shortfall();
        let role = &self.roles.at(before.role).path;
        broken.extend(
            larger(&before.shortfall, &shortfall)
                .map(|kind| Violation::Headroom { role: role.clone(), kind }),
        );
        broken
    }
}

/// What a gift must not make larger.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    role: RoleNo,
    /// What is in use beyond each agent, and beyond its devices.
    agents: Vec<(AgentNo, Amounts, u64)>,
    limits: Vec<(RoleNo, Amounts)>,
    shortfall: Amounts,
}

fn over<'a>(limits: impl Iterator<Item = (&'a Kind, u64)>, charged: &Resources) -> Amounts {
    let excess = limits.map(|(kind, limit)| (kind.clone(), charged.amount(kind).saturating_sub(limit)));
    excess.filter(|(_, amount)| *amount > 0).collect()
}

fn larger(before: &Amounts, after: &Amounts) -> impl Iterator<Item = Kind> {
    let grown =
        after.iter().filter(|(kind, amount)| **amount > before.get(kind).copied().unwrap_or_default());
    grown.map(|(kind, _)| kind.clone())
}
