//! Reports on reservations.

use super::Reservation;
use crate::allocator::Allocator;
use crate::id::ReservationId;
use crate::resources::Resources;

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
}
