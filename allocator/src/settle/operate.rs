//! Accepts with operations: each is checked and carried out on what those before it left, and all are taken back when one
//! is refused.

mod volume;

use super::SettleError;
use super::check::{check_parts, placed};
use crate::allocator::{Allocator, LiveOffer};
use crate::books::reservation::{OwnerNo, ReservationBook};
use crate::books::task::TaskBook;
use crate::books::want::WantState;
use crate::books::{AgentNo, Books, FrameworkNo, RoleNo, WantNo};
use crate::hold::Hold;
use crate::id::{AgentId, ReservationId, TaskId};
use crate::offer::{Launch, Offer, Placement, Terms};
use crate::operation::{Operation, OperationError};
use crate::policy::Laws;
use crate::reservation::{Reservation, ReservedFor};
use crate::resources::{Kind, Resources};
use crate::tick::Timestamp;
use alloc::vec::Vec;

/// The carrying out of one accept.
struct Trial<'a> {
    books: &'a mut Books,
    want: WantNo,
    role: RoleNo,
    now: Timestamp,
    /// What may still be reserved of what is free, in all; none for open demand, which has the parts.
    units: Option<Resources>,
    open_gpus: u64,
    /// What is left of the parts of an offer to open demand.
    parts: Vec<(AgentId, Resources)>,
    undo: Vec<Undo>,
}

/// How one step is taken back.
enum Undo {
    Strike(ReservationId),
    Enter(Reservation),
    Task(TaskId),
}

impl Allocator {
    /// Carries out the operations of an accept.
    pub(super) fn operate(
        &mut self,
        live: &LiveOffer,
        operations: &[Operation],
    ) -> Result<Vec<Launch>, SettleError> {
        let launches = operations.iter().filter_map(|operation| match operation {
            Operation::Launch(placement) => Some(placement.clone()),
            Operation::Reserve(_)
            | Operation::Unreserve(_)
            | Operation::CreateVolume(..)
            | Operation::DestroyVolume(..)
            | Operation::GrowVolume(..)
            | Operation::ShrinkVolume(..) => None,
        });
        let placements: Vec<Placement> = launches.collect();
        if operations.is_empty() {
            return Err(SettleError::Nothing);
        }
        let counts = self.books.check_launches(live, &placements)?;
        let role = self.books.charged_role(live.want.framework);
        let checked = self.books.policy.laws != Laws::Off;
        let agents: Vec<AgentNo> =
            operations.iter().filter_map(|operation| self.books.given_on(operation)).collect();
        // What a hold has is free while its unit is placed; what is not taken of it stays held if nothing comes of this.
        let hold = self.books.lift_hold(live.want);
        let witness = checked.then(|| self.books.witness(role, agents.into_iter()));
        let mut trial = Trial::new(&mut self.books, live, role, self.tick.now);
        let done = operations.iter().enumerate().try_for_each(|(at, operation)| {
            trial.carry_out(operation).map_err(|why| match why {
                Failed::Operation(why) => SettleError::Operation { at, why },
                Failed::Launch(error) => error,
            })
        });
        if let Err(error) = done {
            trial.take_back();
            if let Some(hold) = hold {
                self.books.put_hold(live.want, hold);
            }
            return Err(error);
        }
        self.note_worsened(live.want, witness.as_ref());
        self.books.fleet += 1;
        self.changed = true;
        self.stats.holds_started += u64::from(hold.is_some());
        if placements.is_empty() {
            self.books.set_state(live.want, WantState::Parked);
            self.changed = operations.iter().any(gives_back);
        }
        self.lower(live.want, &counts);
        let Offer { id: offer, framework, role, .. } = &live.offer;
        let launch = |mut placement: Placement| {
            let booked = self.books.tasks.get(&placement.task);
            placement.devices = booked.map(|task| task.devices.to_vec()).unwrap_or_default();
            Launch { framework: framework.clone(), role: role.clone(), offer: *offer, placement }
        };
        Ok(placements.into_iter().map(launch).collect())
    }
}

/// Whether an operation leaves more to give to somebody.
fn gives_back(operation: &Operation) -> bool {
    match operation {
        Operation::Unreserve(_) | Operation::DestroyVolume(..) | Operation::ShrinkVolume(..) => true,
        Operation::Reserve(_)
        | Operation::CreateVolume(..)
        | Operation::GrowVolume(..)
        | Operation::Launch(_) => false,
    }
}

/// What was refused: an operation, or a launch as it is refused of a plain accept.
enum Failed {
    Operation(OperationError),
    Launch(SettleError),
}

impl From<OperationError> for Failed {
    fn from(why: OperationError) -> Self {
        Self::Operation(why)
    }
}

impl<'a> Trial<'a> {
    fn new(books: &'a mut Books, live: &LiveOffer, role: RoleNo, now: Timestamp) -> Self {
        let (want, mut units, mut open_gpus, mut parts) = (live.want, None, 0, Vec::new());
        match &live.offer.terms {
            Terms::Parts { parts: named, .. } => parts = named.clone(),
            Terms::Units { units: most, .. } => {
                let unit = books.want(want).and_then(|want| want.unit.as_ref());
                units = Some(unit.map(|unit| unit.settled.scaled(u64::from(*most))).unwrap_or_default());
                open_gpus = unit.map_or(0, |unit| unit.open_gpus.saturating_mul(u64::from(*most)));
            }
        }
        Self { books, want, role, now, units, open_gpus, parts, undo: Vec::new() }
    }

    fn carry_out(&mut self, operation: &Operation) -> Result<(), Failed> {
        match operation {
            Operation::Reserve(reservation) => self.reserve(reservation)?,
            Operation::Unreserve(id) => self.unreserve(id)?,
            Operation::CreateVolume(id, volume) => self.create_volume(id, volume)?,
            Operation::DestroyVolume(id, volume) => self.destroy_volume(id, volume)?,
            Operation::GrowVolume(id, volume, by) => self.grow_volume(id, volume, *by)?,
            Operation::ShrinkVolume(id, volume, by) => self.shrink_volume(id, volume, *by)?,
            Operation::Launch(placement) => self.launch(placement).map_err(Failed::Launch)?,
        }
        Ok(())
    }

    /// Takes back all that was done, the last first.
    fn take_back(mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Strike(id) => drop(self.books.strike_reservation(&id)),
                Undo::Enter(reservation) => self.books.enter_reservation(reservation),
                Undo::Task(task) => drop(self.books.strike_task(&task)),
            }
        }
    }

    fn enter(&mut self, reservation: Reservation) {
        let known = self.books.reservations.get(&reservation.id).map(|book| book.reservation.clone());
        self.undo.push(known.map_or_else(|| Undo::Strike(reservation.id.clone()), Undo::Enter));
        self.books.enter_reservation(reservation);
    }

    /// A reservation that the framework may change: of its role itself, or of an instance of it.
    fn own(&self, id: &ReservationId) -> Result<&ReservationBook, OperationError> {
        let unknown = || OperationError::Unknown(id.clone());
        let book = self.books.reservations.get(id).ok_or_else(unknown)?;
        let own = match book.owner {
            OwnerNo::Role(role) => role == self.role,
            OwnerNo::Framework(framework) => framework == self.want.framework,
        };
        if own { Ok(book) } else { Err(OperationError::NotYours(id.clone())) }
    }

    fn check_idle(&self, book: &ReservationBook) -> Result<(), OperationError> {
        let id = || book.reservation.id.clone();
        if self.books.is_in_use(book) {
            return Err(OperationError::Busy(id()));
        }
        if self.books.parts_of(book).next().is_some() {
            return Err(OperationError::Refined(id()));
        }
        Ok(())
    }

    fn unreserve(&mut self, id: &ReservationId) -> Result<(), OperationError> {
        let book = self.own(id)?;
        self.check_idle(book)?;
        if let Some(volume) = &book.reservation.volume {
            return Err(OperationError::HasVolume(id.clone(), volume.id.clone()));
        }
        let struck = self.books.strike_reservation(id);
        self.undo.extend(struck.map(Undo::Enter));
        Ok(())
    }

    fn reserve(&mut self, reservation: &Reservation) -> Result<(), OperationError> {
        let id = || reservation.id.clone();
        if self.books.reservations.get(&reservation.id).is_some() {
            return Err(OperationError::InUse(id()));
        }
        if reservation.resources.is_zero() {
            return Err(OperationError::Empty(id()));
        }
        if reservation.agent.is_revocable() {
            return Err(OperationError::Revocable(id()));
        }
        if reservation.resources.other.ports().open() > 0 {
            return Err(OperationError::OpenPorts(id()));
        }
        if let Some(volume) = &reservation.volume {
            return Err(OperationError::WithVolume(id(), volume.id.clone()));
        }
        match &reservation.refines {
            Some(refines) => self.check_refined(reservation, refines)?,
            None => self.check_free(reservation)?,
        }
        self.enter(reservation.clone());
        Ok(())
    }

    /// Who a reservation would be charged to, if the framework may reserve for it.
    fn charged(&self, owner: &ReservedFor) -> Option<RoleNo> {
        let framework: FrameworkNo = self.want.framework;
        match owner {
            ReservedFor::Instance { framework: id, role, .. } => {
                (self.books.seat(id, role) == Some(framework)).then_some(self.role)
            }
            ReservedFor::Role(path) => self.books.role_names.get(path).copied(),
        }
    }

    /// What is reserved of what is free is free, shown, and within limits, headroom and the offer.
    fn check_free(&mut self, reservation: &Reservation) -> Result<(), OperationError> {
        let Reservation { id, owner, agent, resources, .. } = reservation;
        if self.charged(owner) != Some(self.role) {
            return Err(OperationError::NotYours(id.clone()));
        }
        let no = self.books.agent_names.get(agent).copied().filter(|no| self.books.sees(self.want, *no));
        let no = no.ok_or_else(|| OperationError::NotShown(agent.clone(), None))?;
        let short = |room: &Resources| OperationError::Room(agent.clone(), room.shortfall(resources));
        let free = self.books.free_for(self.want, no, self.books.keeps_gpu_room(self.want));
        if !free.contains(resources) {
            return Err(short(&free));
        }
        if let Some(block) = self.books.block(self.role, |kind| resources.amount(kind)) {
            return Err(OperationError::Blocked(block));
        }
        match &mut self.units {
            None => {
                let part = self.parts.iter_mut().find(|(named, _)| named == agent);
                let (_, part) = part.ok_or_else(|| OperationError::NotShown(agent.clone(), None))?;
                part.take(resources).map_err(|short| OperationError::Room(agent.clone(), short.0))
            }
            Some(units) => {
                let mut within = units.clone();
                // GPUs of an open model are of any.
                for (model, count) in resources.gpus.iter() {
                    let short = count.saturating_sub(units.gpus.count(model)).min(self.open_gpus);
                    within.gpus.add(model, short);
                    self.open_gpus -= short;
                }
                within.take(resources).map_err(|short| OperationError::TooMuch(short.0))?;
                *units = within;
                Ok(())
            }
        }
    }

    /// What is reserved of another reservation is idle there, is kept for somebody below, and is within limits below.
    fn check_refined(
        &self,
        reservation: &Reservation,
        refines: &ReservationId,
    ) -> Result<(), OperationError> {
        let Reservation { id, owner, agent, resources, .. } = reservation;
        let unknown = || OperationError::Unknown(refines.clone());
        let whole = self.books.reservations.get(refines).ok_or_else(unknown)?;
        if !self.books.may_use(whole.owner, self.want.framework) {
            return Err(OperationError::NotYours(refines.clone()));
        }
        let OwnerNo::Role(top) = whole.owner else {
            return Err(OperationError::NotBelow { reservation: id.clone(), refines: refines.clone() });
        };
        let below = self.charged(owner).filter(|role| self.books.path(*role).any(|(no, _)| no == top));
        let below = below.filter(|_| whole.reservation.agent == *agent);
        let role =
            below.ok_or(OperationError::NotBelow { reservation: id.clone(), refines: refines.clone() })?;
        if self.books.path(self.role).all(|(no, _)| no != role) {
            return Err(OperationError::NotYours(id.clone()));
        }
        let idle = self.idle(whole);
        if !idle.contains(resources) {
            return Err(OperationError::Room(agent.clone(), idle.shortfall(resources)));
        }
        let charged = [(top, resources.clone())];
        let block = self.books.limit_block_beyond(role, &charged, |kind: &Kind| resources.amount(kind));
        block.map_or(Ok(()), |block| Err(OperationError::Blocked(block)))
    }

    fn launch(&mut self, placement: &Placement) -> Result<(), SettleError> {
        let (want, one) = (self.want, core::slice::from_ref(placement));
        let numbers = self.books.numbers(one)?;
        if self.units.is_none() {
            let agents: Vec<AgentNo> =
                self.parts.iter().filter_map(|(id, _)| self.books.agent_names.get(id).copied()).collect();
            check_parts(&self.parts, &agents, one)?;
        } else if let Some(member) =
            self.books.want(want).and_then(|known| known.members().get(placement.member))
        {
            let agent = numbers.first().copied();
            agent.map_or(Ok(()), |agent| self.books.check_shown(want, member, agent))?;
        }
        let placed = placed(one, &numbers);
        let own = self.books.own_room(want, one, &numbers);
        self.books.check_room(want, &placed, &own)?;
        let devices = self.books.check_devices(want, one, &numbers)?.pop().unwrap_or_default();
        let charged: Vec<_> = own.into_iter().map(|own| (own.role, own.taken)).collect();
        let (lends, amounts) = (self.books.lends(want), |kind: &Kind| placement.resources.amount(kind));
        let block = self.books.block_beyond(self.role, lends, &charged, amounts);
        if let Some(block) = block.filter(|_| !self.books.takes_revocable(want)) {
            return Err(SettleError::Blocked(block));
        }
        if let Some((_, part)) = self.parts.iter_mut().find(|(id, _)| *id == placement.agent) {
            part.take_up_to(&placement.resources);
        }
        for agent in numbers {
            let task = TaskBook {
                agent,
                framework: Some(want.framework),
                resources: placement.resources.clone(),
                finishing: false,
                unit: self.books.launch_mark(want, self.now),
                launch: true,
                reservation: self.books.names_of(want, placement),
                devices: devices.clone().into_boxed_slice(),
            };
            self.undo.push(Undo::Task(placement.task.clone()));
            self.books.enter_task(placement.task.clone(), task);
        }
        Ok(())
    }
}

impl Books {
    /// The agent on which an operation gives something.
    fn given_on(&self, operation: &Operation) -> Option<AgentNo> {
        let agent = match operation {
            Operation::Reserve(reservation) => &reservation.agent,
            Operation::Launch(placement) => &placement.agent,
            Operation::Unreserve(_)
            | Operation::CreateVolume(..)
            | Operation::DestroyVolume(..)
            | Operation::GrowVolume(..)
            | Operation::ShrinkVolume(..) => return None,
        };
        self.agent_names.get(agent).copied()
    }

    /// Takes a want's hold off the books for as long as its unit is placed.
    fn lift_hold(&mut self, no: WantNo) -> Option<Hold> {
        let hold = self.want_mut(no).and_then(|want| want.hold.take())?;
        self.soft.holds.holding.remove(&no);
        self.release_hold_of(no.framework, &hold);
        Some(hold)
    }

    /// Puts it back as it was.
    fn put_hold(&mut self, no: WantNo, hold: Hold) {
        for part in &hold.parts {
            self.set_held(part.agent, part.held.clone());
        }
        self.hold_for_role(self.charged_role(no.framework), &hold.sum);
        self.soft.holds.holding.insert(no);
        if let Some(want) = self.want_mut(no) {
            want.hold = Some(hold);
        }
    }
}
