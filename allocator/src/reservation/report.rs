//! Reports on reservations, and whether one could be made.

use super::{Reservation, ReservedFor};
use crate::allocator::Allocator;
use crate::books::Books;
use crate::books::reservation::OwnerNo;
use crate::id::ReservationId;
use crate::resources::{Kind, Resources};

/// A reservation with its books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationReport<'a> {
    /// The reservation.
    pub reservation: &'a Reservation,
    /// What of it nothing runs in, and no other is a part of.
    pub idle: &'a Resources,
}

impl Allocator {
    /// One reservation; none when it is not known.
    #[must_use]
    pub fn reservation(&self, id: &ReservationId) -> Option<ReservationReport<'_>> {
        let book = self.books.reservations.get(id)?;
        Some(ReservationReport { reservation: &book.reservation, idle: &book.idle })
    }

    /// All reservations, by name.
    pub fn reservations(&self) -> impl Iterator<Item = ReservationReport<'_>> {
        let all = self.books.reservations.all();
        all.map(|book| ReservationReport { reservation: &book.reservation, idle: &book.idle })
    }

    /// Whether a reservation could be made, or changed into this, without taking anything from others: what of it no task
    /// runs in that names it, and what it has not had before, is free on its agent, and inside the limits and the headroom
    /// of who is charged for it. An instance that moves to another role of its framework has had its room before. Not for
    /// an agent or an owner that is not known, nor for a part of another reservation.
    #[must_use]
    pub fn may_reserve(&self, reservation: &Reservation) -> bool {
        let books = &self.books;
        let owner = match &reservation.owner {
            ReservedFor::Role(path) => books.role_names.get(path).copied().map(OwnerNo::Role),
            ReservedFor::Instance { framework, role, .. } => {
                books.seat(framework, role).map(OwnerNo::Framework)
            }
        };
        let agent = books.agent_names.get(&reservation.agent).map(|no| (*no, books.agents.at(*no)));
        let known_agent = agent.filter(|(_, book)| book.agent.is_some() && reservation.refines.is_none());
        let (Some(owner), Some((no, book))) = (owner, known_agent) else { return false };
        let role = match owner {
            OwnerNo::Role(role) => role,
            OwnerNo::Framework(framework) => books.charged_role(framework),
        };
        let mut more = reservation.resources.clone();
        more.take_up_to(&books.taken_in(&reservation.id, no, owner));
        let known = books.reservations.get(&reservation.id);
        if let Some(known) =
            known.filter(|known| known.agent == no && books.is_same_owner(known.owner, owner))
        {
            more.take_up_to(&known.idle);
        }
        let amount = |kind: &Kind| more.amount(kind);
        // What is free where no new work is taken serves no guarantee.
        let headroom = || if book.is_active() { books.headroom_block(role, amount) } else { None };
        book.free.contains(&more) && books.limit_block(role, amount).or_else(headroom).is_none()
    }
}

impl Books {
    /// Whether two reservations are for the same role, or for instances of one framework, whatever its role.
    fn is_same_owner(&self, one: OwnerNo, other: OwnerNo) -> bool {
        match (one, other) {
            (OwnerNo::Framework(one), OwnerNo::Framework(other)) => {
                self.frameworks.at(one).id == self.frameworks.at(other).id
            }
            (OwnerNo::Role(one), OwnerNo::Role(other)) => one == other,
            (OwnerNo::Role(_), OwnerNo::Framework(_)) | (OwnerNo::Framework(_), OwnerNo::Role(_)) => false,
        }
    }
}
