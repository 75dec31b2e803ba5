//! Changes into the books.

use crate::agent::Agent;
use crate::allocator::{Allocator, LiveOffer};
use crate::ask::Demand;
use crate::books::agent::Growth;
use crate::books::framework::Told;
use crate::books::task::TaskBook;
use crate::books::want::{Want, wants_of};
use crate::books::{AgentNo, FrameworkNo, RoleNo};
use crate::change::Change;
use crate::device::DeviceSet;
use crate::framework::Framework;
use crate::holding::{Holding, Owner};
use crate::id::{AgentId, FrameworkId, OfferId, ReservationId, RolePath, TaskId};
use crate::plant::Plant;
use crate::refused::Refused;
use crate::reservation::Reservation;
use crate::role::Role;
use crate::tick::Timestamp;
use alloc::vec::Vec;

impl Allocator {
    /// Takes a change into the books. The same change again changes nothing.
    ///
    /// # Errors
    /// [`Refused`] names the object, the field and what to do; nothing was changed.
    pub fn apply(&mut self, change: Change) -> Result<(), Refused> {
        if let Err(refused) = self.books.validate(&change) {
            self.stats.changes_refused += 1;
            return Err(refused);
        }
        let changed = match change {
            Change::Agent(agent) => {
                let id = agent.id.clone();
                self.apply_agent(agent).then(|| self.follow_machine(&id)).is_some()
            }
            Change::AgentGone(id) => self.apply_agent_gone(&id).then(|| self.follow_machine(&id)).is_some(),
            Change::Revocable { agent, resources } => self.apply_revocable(agent, resources),
            Change::Devices(id, set) => self.apply_devices(&id, set),
            Change::Role(role) => self.apply_role(role),
            Change::RoleGone(path) => self.apply_role_gone(&path),
            Change::Framework(framework) => self.apply_framework(&framework),
            Change::FrameworkGone(id) => self.apply_framework_gone(&id),
            Change::Demand { framework, role, demand } => self.apply_demand(&framework, &role, &demand),
            Change::Pause { framework, paused } => self.apply_pause(&framework, paused),
            Change::Holding(holding) => self.apply_holding(holding),
            Change::HoldingGone(task) => self.apply_holding_gone(&task),
            Change::Reservation(reservation) => self.apply_reservation(reservation),
            Change::ReservationGone(id) => self.apply_reservation_gone(&id),
            Change::LocalRegion(region) => self.apply_local_region(region),
            Change::Avoid { framework, agent, until } => self.apply_avoid(&framework, &agent, until),
        };
        if changed {
            self.books.shrink_crowded();
            self.books.settle_pool();
            self.books.soft.holds.stale = true;
            self.inverse.stale = true;
            self.stats.changes += 1;
            self.changed = true;
        }
        Ok(())
    }

    pub(crate) fn apply_agent(&mut self, agent: Agent) -> bool {
        let no = self.books.agent_no(&agent.id);
        let agent = self.books.counted_by_devices(no, agent);
        let before = self.books.agents.at(no).agent.clone();
        if before.as_ref() == Some(&agent) {
            return false;
        }
        // What was refused of an agent with GPUs was seen by another measure than one without shows.
        let another = before.is_none_or(|before| {
            let gpus = before.capacity.gpus.is_empty() != agent.capacity.gpus.is_empty();
            gpus || Agent { capacity: agent.capacity.clone(), ..before } != agent
        });
        self.books.set_agent(no, Some(agent));
        if another {
            self.rescind_unseen();
        }
        if !self.books.agents.at(no).is_active() {
            self.books.let_go_on(no);
        }
        self.books.agent_grew(no, if another { Growth::Another } else { Growth::More });
        true
    }

    pub(crate) fn apply_agent_gone(&mut self, id: &AgentId) -> bool {
        let Some(no) = self.books.agent_names.get(id).copied() else { return false };
        if self.books.agents.at(no).agent.is_none() {
            return false;
        }
        self.rescind_on(no);
        self.books.let_go_on(no);
        self.books.forget_told(no);
        self.books.set_agent(no, None);
        self.books.forget_agent(no);
        true
    }

    fn apply_devices(&mut self, id: &AgentId, set: Option<DeviceSet>) -> bool {
        let no = self.books.agent_no(id);
        let known = self.books.agents.at(no).devices.as_ref().map(|book| &book.set);
        if known == set.as_ref() {
            self.books.drop_agent_if_unused(no);
            return false;
        }
        self.rescind_on(no);
        self.books.let_go_on(no);
        self.books.show_devices(no, set);
        if self.books.agent_names.contains_key(id) {
            self.books.agent_grew(no, Growth::Another);
        }
        true
    }

    fn apply_role(&mut self, role: Role) -> bool {
        let no = self.books.role_no(&role.path);
        let before = &self.books.roles.at(no).declared;
        if before.as_ref() == Some(&role) {
            return false;
        }
        let agents = before.as_ref().map_or(&[][..], |before| &before.agents) != role.agents;
        self.books.declare_role(no, Some(role));
        self.role_changed(no, agents);
        if agents {
            self.rescind_unseen();
        }
        true
    }

    fn apply_role_gone(&mut self, path: &RolePath) -> bool {
        let Some(no) = self.books.role_names.get(path).copied() else { return false };
        let Some(before) = self.books.roles.at(no).declared.clone() else { return false };
        self.role_changed(no, !before.agents.is_empty());
        self.books.declare_role(no, None);
        true
    }

    /// Those below a changed role look again; from the start where they may see other agents than before.
    fn role_changed(&mut self, role: RoleNo, agents: bool) {
        self.books.fleet += u64::from(agents);
        for framework in self.books.frameworks_below(role) {
            if agents {
                self.books.forget_refusals(framework);
            } else {
                self.books.wake(framework);
            }
        }
    }

    fn apply_framework(&mut self, framework: &Framework) -> bool {
        let Framework { id, roles, priority, since, region_aware } = framework;
        let told = Told { priority: *priority, since: *since, region_aware: *region_aware };
        let seats: Vec<FrameworkNo> = self.books.seats_taken(id).collect();
        let left = seats.iter().filter(|no| !roles.contains(self.books.role_path(**no)));
        let left: Vec<FrameworkNo> = left.copied().collect();
        // What holds for all roles holds for a new one.
        let soft = seats.first().map(|no| self.books.frameworks.at(*no));
        let soft = soft.map(|book| (book.paused, book.avoid.clone())).unwrap_or_default();
        let (mut changed, mut others) = (!left.is_empty(), false);
        for role in roles {
            let no = self.books.framework_no(id, role);
            let book = self.books.frameworks.at_mut(no);
            if book.framework == Some(told) {
                continue;
            }
            if book.framework.is_none() {
                (book.paused, book.avoid) = soft.clone();
            }
            let aware = book.framework.is_some_and(|before| before.region_aware != told.region_aware);
            self.books.set_framework(no, Some(told));
            if aware {
                self.sees_other_regions(no);
                others = true;
            }
            changed = true;
        }
        if others {
            self.rescind_unseen();
        }
        left.into_iter().for_each(|no| self.leave(no));
        changed
    }

    fn apply_framework_gone(&mut self, id: &FrameworkId) -> bool {
        let seats: Vec<FrameworkNo> = self.books.seats_taken(id).collect();
        let known = !seats.is_empty();
        seats.into_iter().for_each(|no| self.leave(no));
        known
    }

    /// Takes a framework out of a role: it is offered nothing more there, and stays charged with what it holds.
    fn leave(&mut self, no: FrameworkNo) {
        self.rescind_of(no);
        self.books.let_go_of(no);
        let book = self.books.frameworks.at_mut(no);
        book.avoid.clear();
        book.paused = false;
        if self.books.planted.is(Plant::Recovery) {
            let (role, charged) = (book.role, book.charged.clone());
            self.books.discharge_role(role, &charged);
        }
        self.books.set_framework(no, None);
    }

    fn apply_demand(&mut self, id: &FrameworkId, role: &RolePath, demand: &Demand) -> bool {
        let Some(no) = self.books.seat(id, role) else { return false };
        let wants = wants_of(demand, &self.books.fair);
        let book = self.books.frameworks.at(no);
        if wants.iter().map(|want| &want.terms).eq(book.wants.iter().map(|want| &want.terms)) {
            return false;
        }
        self.rescind_of(no);
        let mut before = self.books.take_wants(no);
        // An ask that is the same as before keeps what it refused.
        let keep = |want: Want| match before.iter().position(|old| old.terms == want.terms) {
            Some(at) => before.swap_remove(at),
            None => want,
        };
        let wants = wants.into_iter().map(keep).collect();
        for hold in before.iter().filter_map(|dropped| dropped.hold.as_ref()) {
            self.books.release_hold_of(no, hold);
        }
        self.books.put_wants(no, wants);
        true
    }

    fn apply_pause(&mut self, id: &FrameworkId, paused: bool) -> bool {
        let seats: Vec<FrameworkNo> = self.books.seats_taken(id).collect();
        let mut changed = false;
        for no in seats {
            if core::mem::replace(&mut self.books.frameworks.at_mut(no).paused, paused) == paused {
                continue;
            }
            if paused {
                self.rescind_of(no);
            } else {
                self.books.forget_refusals(no);
            }
            self.books.relist_framework(no);
            changed = true;
        }
        changed
    }

    fn apply_holding(&mut self, holding: Holding) -> bool {
        let Holding { task, agent, owner, resources, finishing, unit, reservation, devices } = holding;
        let mut devices = devices.into_boxed_slice();
        if let Some(known) = self.books.tasks.get(&task) {
            let same_owner = match (&owner, known.framework) {
                (Owner::Framework { id, role }, Some(no)) => self.books.seat(id, role) == Some(no),
                (Owner::Foreign, None) => true,
                (Owner::Framework { .. }, None) | (Owner::Foreign, Some(_)) => false,
            };
            let same =
                same_owner && self.books.agents.at(known.agent).id == agent && known.resources == resources;
            let news = self.books.planted.is(Plant::Duplicates);
            if devices.is_empty() && self.books.agents.at(known.agent).id == agent {
                devices.clone_from(&known.devices);
            }
            let same = same && known.devices == devices && known.finishing == finishing && known.unit == unit;
            if same && known.reservation == reservation && !known.launch && !news {
                return false;
            }
        }
        // The new entry stands before the old one is struck out, so that neither agent nor framework is forgotten.
        let agent = self.books.agent_no(&agent);
        let framework = match &owner {
            Owner::Framework { id, role } => Some(self.books.framework_no(id, role)),
            Owner::Foreign => None,
        };
        let entry =
            TaskBook { agent, framework, resources, finishing, unit, launch: false, reservation, devices };
        self.books.replace_task(task, entry);
        true
    }

    fn apply_holding_gone(&mut self, task: &TaskId) -> bool {
        let owner = self.books.tasks.get(task).and_then(|known| known.framework);
        let owner = owner.map(|no| self.books.frameworks.at(no).id.clone());
        let Some(before) = self.books.strike_task(task) else { return false };
        // The framework's own rules may have counted the task that is gone, whatever role it was in.
        let seats: Vec<FrameworkNo> = owner.iter().flat_map(|id| self.books.seats_taken(id)).collect();
        seats.into_iter().for_each(|no| self.books.show_again(no, before.agent));
        true
    }

    fn apply_reservation(&mut self, reservation: Reservation) -> bool {
        let known = self.books.reservations.get(&reservation.id).map(|book| &book.reservation);
        if known == Some(&reservation) {
            return false;
        }
        self.books.enter_reservation(reservation);
        // Another reach of a volume may leave an ask another choice among agents with and without GPUs.
        self.books.fleet += 1;
        true
    }

    fn apply_reservation_gone(&mut self, id: &ReservationId) -> bool {
        let gone = self.books.strike_reservation(id).is_some();
        self.books.fleet += u64::from(gone);
        gone
    }

    fn apply_avoid(&mut self, framework: &FrameworkId, agent: &AgentId, until: Timestamp) -> bool {
        let Some(agent) = self.books.agent_names.get(agent).copied() else { return false };
        if self.books.agents.at(agent).agent.is_none() {
            return false;
        }
        self.books.expires(Some(until));
        let seats: Vec<FrameworkNo> = self.books.seats_taken(framework).collect();
        let mut any = false;
        for no in seats {
            any |= self.books.frameworks.at_mut(no).avoid.insert(agent, until) != Some(until);
            self.books.relist_framework(no);
        }
        any
    }

    /// Ends the live offers of a framework in a role.
    fn rescind_of(&mut self, framework: FrameworkNo) {
        let ended = self.live().filter(|live| live.want.framework == framework);
        let ended: Vec<OfferId> = ended.map(|live| live.offer.id).collect();
        for id in ended {
            self.rescind(id);
        }
    }

    /// Ends the live offers that name an agent which takes no new work, or which the framework or its role may not see,
    /// any more.
    pub(crate) fn rescind_unseen(&mut self) {
        let unseen = |live: &LiveOffer| {
            let mut agents = live.agents.iter().filter_map(|no| self.books.agents.at(*no).agent.as_ref());
            agents.any(|agent| self.books.hides(live.want.framework, agent))
        };
        let ended: Vec<OfferId> = self.live().filter(|live| unseen(live)).map(|live| live.offer.id).collect();
        for id in ended {
            self.rescind(id);
        }
    }

    /// Ends the live offers that name an agent.
    fn rescind_on(&mut self, agent: AgentNo) {
        let id = self.books.agents.at(agent).id.clone();
        let names = |terms: &crate::offer::Terms| match terms {
            crate::offer::Terms::Parts { parts, .. } => parts.iter().any(|(named, _)| *named == id),
            crate::offer::Terms::Units { .. } => false,
        };
        let ended = self.live().filter(|live| names(&live.offer.terms));
        let ended: Vec<OfferId> = ended.map(|live| live.offer.id).collect();
        for id in ended {
            self.rescind(id);
        }
    }
}
