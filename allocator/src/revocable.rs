//! Revocable room: what an estimator outside thinks that a machine could give beside its capacity, for as long as that
//! lasts; after the revocable resources of Apache Mesos. It is an agent beside the machine, named after it and like it in
//! all but its capacity, which only asks that say so are shown. What runs in it is in its role's share, and counts for no
//! guarantee and no limit.

use crate::agent::Agent;
use crate::allocator::Allocator;
use crate::ask::{Ask, Constraint, Member};
use crate::books::{AgentNo, Books, FrameworkNo, WantNo};
use crate::id::AgentId;
use crate::resources::{Kind, Resources};
use alloc::boxed::Box;

const SUFFIX: &str = "/revocable";

impl AgentId {
    /// The name of the revocable room of this machine.
    #[must_use]
    pub fn revocable(&self) -> Self {
        Self::from(alloc::format!("{self}{SUFFIX}"))
    }

    /// Whether it is the name of a machine's revocable room.
    #[must_use]
    pub fn is_revocable(&self) -> bool {
        self.as_str().ends_with(SUFFIX)
    }
}

impl Ask {
    /// Whether it takes revocable room, and no other: all its members say so.
    #[must_use]
    pub fn is_revocable(&self) -> bool {
        self.members.iter().any(Member::is_revocable)
    }
}

impl Member {
    pub(crate) fn is_revocable(&self) -> bool {
        self.constraints.contains(&Constraint::Revocable)
    }
}

/// What of a role or a framework is revocable: for nearly all nothing, which is one empty word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Revocable(Option<Box<Resources>>);

impl Revocable {
    pub(crate) fn count(&mut self, some: &Resources, more: bool) {
        if some.is_zero() {
            return;
        }
        let sum = self.0.get_or_insert_default();
        sum.count(some, more);
        self.0.take_if(|sum| sum.is_zero());
    }

    pub(crate) fn amount(&self, kind: &Kind) -> u64 {
        self.0.as_ref().map_or(0, |sum| sum.amount(kind))
    }

    pub(crate) fn sum(&self) -> Resources {
        self.0.as_deref().cloned().unwrap_or_default()
    }
}

impl Allocator {
    /// A machine has so much revocable room now.
    pub(crate) fn apply_revocable(&mut self, machine: AgentId, room: Resources) -> bool {
        let before = self.books.revocable.get(&machine);
        if before.map_or_else(|| room.is_zero(), |before| *before == room) {
            return false;
        }
        if room.is_zero() {
            self.books.revocable.remove(&machine);
        } else {
            self.books.revocable.insert(machine.clone(), room);
        }
        self.follow_machine(&machine);
        true
    }

    /// Makes the revocable room of a machine what follows from the two: like the machine, and gone with it.
    pub(crate) fn follow_machine(&mut self, machine: &AgentId) {
        if machine.is_revocable() {
            return;
        }
        let known = self.books.agent_names.get(machine);
        let known = known.and_then(|no| self.books.agents.at(*no).agent.as_ref());
        let (id, room) = (machine.revocable(), self.books.revocable.get(machine));
        match known.zip(room) {
            Some((known, room)) => {
                let beside = Agent { id, capacity: room.clone(), ..known.clone() };
                self.apply_agent(beside);
            }
            None => drop(self.apply_agent_gone(&id)),
        }
    }
}

impl Books {
    /// Whether a want takes revocable room, and no other.
    pub(crate) fn takes_revocable(&self, no: WantNo) -> bool {
        self.want(no).is_some_and(|want| want.revocable)
    }

    /// What is free on all agents that take new work: revocable room, or all other.
    pub(crate) fn all_free(&mut self, revocable: bool) -> &mut Resources {
        if revocable { &mut self.revocable_free } else { &mut self.free }
    }

    /// Charges a framework with uses of an agent, and its role once that is known.
    pub(crate) fn charge_use(&mut self, no: FrameworkNo, agent: AgentNo, resources: &Resources, uses: u32) {
        if !self.agents.at(agent).revocable {
            return self.charge_framework(no, resources, uses);
        }
        self.charge_framework(no, &Resources::default(), uses);
        self.count_revocable(no, resources, true);
    }

    /// Takes the charge for a use back.
    pub(crate) fn discharge_use(&mut self, no: FrameworkNo, agent: AgentNo, resources: &Resources) {
        if !self.agents.at(agent).revocable {
            return self.discharge_framework(no, resources, 1);
        }
        self.count_revocable(no, resources, false);
        self.discharge_framework(no, &Resources::default(), 1);
    }

    fn count_revocable(&mut self, no: FrameworkNo, resources: &Resources, more: bool) {
        let book = self.frameworks.at_mut(no);
        book.revocable.count(resources, more);
        let role = book.role;
        self.moved_framework(no);
        self.revocable_in_role(role, resources, more);
    }
}
