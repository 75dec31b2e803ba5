//! Reservations on the books: what of each is idle, and who is charged for that.

use super::agent::Use;
use super::{AgentNo, Books, FrameworkNo, RoleNo};
use crate::id::ReservationId;
use crate::reservation::{Reservation, ReservedFor};
use crate::resources::Resources;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// All reservations, and what runs in them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reservations {
    by_id: BTreeMap<ReservationId, ReservationBook>,
    by_agent: BTreeMap<AgentNo, BTreeSet<ReservationId>>,
    /// What tasks take that name a reservation, by agent and framework, whether it is there and theirs or not.
    users: BTreeMap<ReservationId, BTreeMap<(AgentNo, FrameworkNo), Users>>,
}

/// The tasks of one framework on one agent that name one reservation.
#[derive(Clone, Debug, Default)]
struct Users {
    taken: Resources,
    tasks: u32,
}

/// A reservation on the books.
#[derive(Clone, Debug)]
pub(crate) struct ReservationBook {
    pub(crate) reservation: Reservation,
    pub(crate) agent: AgentNo,
    pub(crate) owner: OwnerNo,
    /// What of it nothing runs in, and no other reservation is a part of.
    pub(crate) idle: Resources,
    /// Whether the owner is charged for what is idle: not while the agent is gone.
    charged: bool,
}

/// Who a reservation is kept for, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnerNo {
    Role(RoleNo),
    Framework(FrameworkNo),
}

impl Reservations {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    pub(crate) fn get(&self, id: &ReservationId) -> Option<&ReservationBook> {
        self.by_id.get(id)
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> impl DoubleEndedIterator<Item = &ReservationBook> {
        self.by_id.values()
    }

    /// Those on one agent, by name.
    pub(crate) fn on(&self, agent: AgentNo) -> impl Iterator<Item = &ReservationBook> {
        self.by_agent.get(&agent).into_iter().flatten().filter_map(|id| self.by_id.get(id))
    }
}

impl Books {
    /// Enters a reservation, in the place of the one of the same name.
    pub(crate) fn enter_reservation(&mut self, reservation: Reservation) {
        let agent = self.agent_no(&reservation.agent);
        let owner = match &reservation.owner {
            ReservedFor::Role(path) => OwnerNo::Role(self.role_no(path)),
            ReservedFor::Instance { framework, role, .. } => {
                OwnerNo::Framework(self.framework_no(framework, role))
            }
        };
        // It counts as a use before the old one is struck out, so that nothing that both name is forgotten between.
        self.occupy(agent, Use::Reserved, &Resources::default(), 1);
        match owner {
            OwnerNo::Role(role) => self.roles.at_mut(role).reservations += 1,
            OwnerNo::Framework(framework) => self.charge_framework(framework, &Resources::default(), 1),
        }
        self.strike_reservation(&reservation.id);
        let id = reservation.id.clone();
        let refines = reservation.refines.clone();
        let idle = Resources::default();
        let book = ReservationBook { reservation, agent, owner, idle, charged: false };
        self.reservations.by_id.insert(id.clone(), book);
        self.reservations.by_agent.entry(agent).or_default().insert(id.clone());
        self.refresh_reservation(&id);
        refines.iter().for_each(|refined| self.refresh_reservation(refined));
    }

    /// Strikes a reservation out; says what it was.
    pub(crate) fn strike_reservation(&mut self, id: &ReservationId) -> Option<Reservation> {
        let book = self.reservations.by_id.remove(id)?;
        if let Some(on) = self.reservations.by_agent.get_mut(&book.agent) {
            on.remove(id);
            if on.is_empty() {
                self.reservations.by_agent.remove(&book.agent);
            }
        }
        if book.charged {
            self.charge_idle(book.owner, &book.idle, false);
        }
        book.reservation.refines.iter().for_each(|refined| self.refresh_reservation(refined));
        self.vacate(book.agent, Use::Reserved, &book.idle);
        match book.owner {
            OwnerNo::Role(role) => {
                let known = self.roles.at_mut(role);
                known.reservations = known.reservations.saturating_sub(1);
                self.drop_role_if_unused(role);
            }
            OwnerNo::Framework(framework) => self.discharge_framework(framework, &Resources::default(), 1),
        }
        Some(book.reservation)
    }

    /// Counts a task that names a reservation in or out.
    pub(crate) fn count_user(
        &mut self,
        id: &ReservationId,
        (agent, framework): (AgentNo, FrameworkNo),
        taken: &Resources,
        counts: bool,
    ) {
        let known = self.reservations.users.entry(id.clone()).or_default();
        let users = known.entry((agent, framework)).or_default();
        users.taken.count(taken, counts);
        users.tasks = if counts { users.tasks.saturating_add(1) } else { users.tasks.saturating_sub(1) };
        if users.tasks == 0 {
            known.remove(&(agent, framework));
            if known.is_empty() {
                self.reservations.users.remove(id);
            }
        }
        self.refresh_reservation(id);
    }

    /// Computes anew what of the reservations on an agent is idle and charged, as it came or went.
    pub(crate) fn refresh_reservations_on(&mut self, agent: AgentNo) {
        let ids: Vec<ReservationId> =
            self.reservations.on(agent).map(|book| book.reservation.id.clone()).collect();
        ids.iter().for_each(|id| self.refresh_reservation(id));
    }

    fn refresh_reservation(&mut self, id: &ReservationId) {
        let Some(book) = self.reservations.by_id.get(id) else { return };
        let (agent, owner) = (book.agent, book.owner);
        let (idle, charged) = (self.idle_of(book), self.agents.at(agent).agent.is_some());
        if idle == book.idle && charged == book.charged {
            return;
        }
        let (before, was_charged) = (book.idle.clone(), book.charged);
        if charged {
            self.charge_idle(owner, &idle, true);
        }
        if was_charged {
            self.charge_idle(owner, &before, false);
        }
        self.occupy(agent, Use::Reserved, &idle, 1);
        if let Some(book) = self.reservations.by_id.get_mut(id) {
            (book.idle, book.charged) = (idle, charged);
        }
        self.vacate(agent, Use::Reserved, &before);
    }

    /// What of a reservation nothing runs in that may, and no other is a part of.
    pub(crate) fn idle_of(&self, book: &ReservationBook) -> Resources {
        let mut idle = book.reservation.resources.clone();
        idle.take_up_to(&self.taken_in(&book.reservation.id, book.agent, book.owner));
        for part in self.parts_of(book) {
            idle.take_up_to(&part.reservation.resources);
        }
        idle
    }

    /// What tasks take that name a reservation, on its agent and by right of its owner, whether it is there or not.
    pub(crate) fn taken_in(&self, id: &ReservationId, agent: AgentNo, owner: OwnerNo) -> Resources {
        let mut taken = Resources::default();
        for ((on, framework), users) in self.reservations.users.get(id).into_iter().flatten() {
            if *on == agent && self.may_use(owner, *framework) {
                taken.add(&users.taken);
            }
        }
        taken
    }

    /// The reservations that are a part of another.
    pub(crate) fn parts_of(&self, book: &ReservationBook) -> impl Iterator<Item = &ReservationBook> {
        let (id, owner) = (book.reservation.id.clone(), book.owner);
        self.reservations.on(book.agent).filter(move |part| {
            part.reservation.refines.as_ref() == Some(&id)
                && part.reservation.id != id
                && self.is_below(part.owner, owner)
        })
    }

    /// Whether a framework may use what is kept for this owner.
    pub(crate) fn may_use(&self, owner: OwnerNo, framework: FrameworkNo) -> bool {
        match owner {
            OwnerNo::Framework(no) => no == framework,
            OwnerNo::Role(role) => self.path(self.charged_role(framework)).any(|(above, _)| above == role),
        }
    }

    /// Whether what is kept for one owner may be a part of what is kept for another: down the tree only.
    fn is_below(&self, part: OwnerNo, whole: OwnerNo) -> bool {
        match (part, whole) {
            (OwnerNo::Role(role), OwnerNo::Role(above)) => self.path(role).any(|(no, _)| no == above),
            (OwnerNo::Framework(framework), OwnerNo::Role(_)) => self.may_use(whole, framework),
            (OwnerNo::Role(_) | OwnerNo::Framework(_), OwnerNo::Framework(_)) => false,
        }
    }

    /// Whether tasks run in a reservation.
    pub(crate) fn is_in_use(&self, book: &ReservationBook) -> bool {
        let users = self.reservations.users.get(&book.reservation.id).into_iter().flatten();
        users
            .into_iter()
            .any(|((agent, framework), _)| *agent == book.agent && self.may_use(book.owner, *framework))
    }

    fn charge_idle(&mut self, owner: OwnerNo, idle: &Resources, more: bool) {
        let role = match owner {
            OwnerNo::Role(role) => role,
            OwnerNo::Framework(framework) => {
                let book = self.frameworks.at_mut(framework);
                book.reserved.count(idle, more);
                book.role
            }
        };
        if more {
            self.reserve_for_role(role, idle);
        } else {
            self.unreserve_for_role(role, idle);
        }
    }
}
