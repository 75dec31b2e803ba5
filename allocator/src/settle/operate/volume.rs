//! Operations on volumes: made, grown and shrunk inside their reservation, and destroyed.

use super::Trial;
use crate::books::reservation::ReservationBook;
use crate::id::{ReservationId, VolumeId};
use crate::operation::OperationError;
use crate::reservation::{Reservation, Volume};
use crate::resources::Resources;

impl Trial<'_> {
    pub(super) fn create_volume(
        &mut self,
        id: &ReservationId,
        volume: &Volume,
    ) -> Result<(), OperationError> {
        let book = self.own(id)?;
        if let Some(known) = &book.reservation.volume {
            return Err(OperationError::HasVolume(id.clone(), known.id.clone()));
        }
        let agent = self.books.agents.at(book.agent).agent.as_ref();
        if agent.is_none_or(|agent| !volume.reach.holds(agent)) {
            return Err(OperationError::OutOfReach(volume.id.clone(), volume.reach.clone()));
        }
        if self.has_volume(&volume.id) {
            return Err(OperationError::VolumeInUse(volume.id.clone()));
        }
        if !volume.shared && self.books.volume_users(book) > 1 {
            return Err(OperationError::Busy(id.clone()));
        }
        self.check_disk(book, volume.size_bytes)?;
        let changed = with(book, Some(volume.clone()));
        self.enter(changed);
        Ok(())
    }

    pub(super) fn destroy_volume(
        &mut self,
        id: &ReservationId,
        volume: &VolumeId,
    ) -> Result<(), OperationError> {
        let (book, _) = self.own_volume(id, volume)?;
        self.check_unused(book, volume)?;
        self.check_idle(book)?;
        let changed = with(book, None);
        self.enter(changed);
        Ok(())
    }

    pub(super) fn grow_volume(
        &mut self,
        id: &ReservationId,
        volume: &VolumeId,
        by: u64,
    ) -> Result<(), OperationError> {
        let (book, known) = self.to_resize(id, volume, by)?;
        self.check_disk(book, by)?;
        let size_bytes = known.size_bytes.saturating_add(by);
        let changed = with(book, Some(Volume { size_bytes, ..known.clone() }));
        self.enter(changed);
        Ok(())
    }

    pub(super) fn shrink_volume(
        &mut self,
        id: &ReservationId,
        volume: &VolumeId,
        by: u64,
    ) -> Result<(), OperationError> {
        let (book, known) = self.to_resize(id, volume, by)?;
        let left = known.size_bytes.checked_sub(by).filter(|left| *left > 0);
        let small = OperationError::VolumeTooSmall { volume: volume.clone(), size_bytes: known.size_bytes };
        let size_bytes = left.ok_or(small)?;
        self.check_unused(book, volume)?;
        let changed = with(book, Some(Volume { size_bytes, ..known.clone() }));
        self.enter(changed);
        Ok(())
    }

    fn has_volume(&self, id: &VolumeId) -> bool {
        let mut all = self.books.reservations.all().filter_map(|book| book.reservation.volume.as_ref());
        all.any(|known| known.id == *id)
    }

    /// What of a reservation is idle beside its volume's room.
    pub(super) fn idle(&self, book: &ReservationBook) -> Resources {
        let mut idle = book.idle.clone();
        idle.take_up_to(&book.reservation.volume_room());
        idle
    }

    fn own_volume(
        &self,
        id: &ReservationId,
        volume: &VolumeId,
    ) -> Result<(&ReservationBook, &Volume), OperationError> {
        let book = self.own(id)?;
        let known = book.reservation.volume.as_ref().filter(|known| known.id == *volume);
        Ok((book, known.ok_or_else(|| OperationError::NoVolume(id.clone(), volume.clone()))?))
    }

    /// The same, of one that is to change its size.
    fn to_resize(
        &self,
        id: &ReservationId,
        volume: &VolumeId,
        by: u64,
    ) -> Result<(&ReservationBook, &Volume), OperationError> {
        let own = self.own_volume(id, volume)?;
        if by == 0 { Err(OperationError::VolumeAsItIs(volume.clone())) } else { Ok(own) }
    }

    /// There is so much disk in the reservation that neither its volume, nor a task, nor a part of it has.
    fn check_disk(&self, book: &ReservationBook, bytes: u64) -> Result<(), OperationError> {
        let (idle, more) = (self.idle(book), Resources { disk_bytes: bytes, ..Resources::default() });
        if idle.contains(&more) {
            return Ok(());
        }
        Err(OperationError::Room(book.reservation.agent.clone(), idle.shortfall(&more)))
    }

    fn check_unused(&self, book: &ReservationBook, volume: &VolumeId) -> Result<(), OperationError> {
        let unused = self.books.volume_users(book) == 0;
        if unused { Ok(()) } else { Err(OperationError::VolumeBusy(volume.clone())) }
    }
}

/// A reservation with this volume in place of its own.
fn with(book: &ReservationBook, volume: Option<Volume>) -> Reservation {
    Reservation { volume, ..book.reservation.clone() }
}
