//! The laws of reservations: what is reserved is kept for its owner alone, and is on the books once.

use super::Violation;
use crate::books::reservation::ReservationBook;
use crate::books::{AgentNo, Books};
use crate::resources::Resources;
use alloc::collections::BTreeMap;

impl Books {
    /// What is idle of each reservation is what no task of its owner takes and no part keeps, and what agents have
    /// reserved is what is idle on them.
    pub(super) fn reservations_are_sound(&self) -> impl Iterator<Item = Violation> {
        let mut on: BTreeMap<AgentNo, Resources> = BTreeMap::new();
        self.reservations.all().for_each(|book| on.entry(book.agent).or_default().add(&book.idle));
        let wrong = self.reservations.all().filter(|book| book.idle != self.idle_by_tasks(book));
        let wrong = wrong.map(|book| Violation::Reservation(book.reservation.id.clone()));
        let agents = self
            .agent_names
            .iter()
            .filter(move |(_, no)| self.agents.at(**no).reserved != on.get(no).cloned().unwrap_or_default());
        wrong.chain(agents.map(|(id, _)| Violation::AgentBalance(id.clone())))
    }

    /// What is idle of a reservation, by its definition.
    fn idle_by_tasks(&self, book: &ReservationBook) -> Resources {
        let mut idle = book.reservation.resources.clone();
        let disk = idle.disk_bytes;
        let volume = book.reservation.volume.as_ref().map_or(0, |volume| volume.size_bytes);
        idle.disk_bytes = disk.saturating_sub(volume);
        let inside = self.tasks.iter().map(|(_, task)| task).filter(|task| {
            let named = task.reservation.as_ref() == Some(&book.reservation.id);
            let owned = || task.framework.is_some_and(|framework| self.may_use(book.owner, framework));
            named && task.agent == book.agent && owned()
        });
        inside.for_each(|task| idle.take_up_to(&task.resources));
        self.parts_of(book).for_each(|part| idle.take_up_to(&part.reservation.resources));
        idle.disk_bytes += disk.min(volume);
        idle
    }
}
