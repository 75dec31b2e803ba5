//! Revocation: where more runs in revocable room than that still is, units on it are asked back, the youngest first, until
//! what comes free makes up the excess. Nothing is killed here.

use super::{Asked, Why};
use crate::allocator::Allocator;
use crate::books::{AgentNo, Books};
use crate::id::AgentId;
use crate::reclaim::units::Running;
use crate::resources::Resources;
use alloc::vec::Vec;
use core::cmp::Reverse;

impl Allocator {
    /// Asks for units in revocable room that shrank below its use.
    pub(super) fn revoke(&mut self) {
        let books = &self.books;
        let exceeds = |id: &AgentId| books.agent_names.get(id).is_some_and(|no| books.agents.at(*no).over);
        let revoked = self.inverse.live.values().filter_map(|offer| match &offer.why {
            Why::Revoked(agent) => Some(agent),
            Why::Drain(_) | Why::Claim { .. } => None,
        });
        let over: Vec<AgentId> = revoked.filter(|agent| !exceeds(agent)).cloned().collect();
        if !over.is_empty() {
            self.take_back(|offer| matches!(&offer.why, Why::Revoked(agent) if over.contains(agent)));
        }
        let rooms: Vec<AgentNo> = self.books.rooms_in_excess().collect();
        rooms.into_iter().for_each(|room| self.revoke_on(room));
    }

    fn revoke_on(&mut self, room: AgentNo) {
        let book = self.books.agents.at(room);
        let (id, mut excess) = (book.id.clone(), book.used());
        excess.take_up_to(book.agent.as_ref().map_or(&Resources::default(), |agent| &agent.capacity));
        excess.take_up_to(&book.finishing);
        let mut units = self.books.units_on(|agent| agent == room);
        units.sort_by_key(|(_, unit)| Reverse(unit.since));
        // What was asked for comes first, so that nothing is asked for in its place.
        let (mut waiting, mut unasked) = (Vec::new(), Vec::new());
        for (_, unit) in units {
            match self.inverse.units.get(&self.books.unit_name(&unit.key)) {
                Some(Asked::Accepted(_)) => excess.take_up_to(&unit.sum_on(room)),
                Some(Asked::Out(offer)) => waiting.push((*offer, unit)),
                Some(Asked::Rests(_)) => {}
                None => unasked.push(unit),
            }
        }
        let mut needed = |unit: &Running| {
            let part = unit.sum_on(room);
            let helps = !part.at_most(&excess).is_zero();
            if helps {
                excess.take_up_to(&part);
            }
            helps
        };
        waiting.retain(|(_, unit)| !needed(unit));
        unasked.retain(|unit| needed(unit));
        self.take_back(|offer| {
            let vain = waiting.iter().any(|(id, _)| *id == offer.id);
            vain && matches!(offer.why, Why::Revoked(_))
        });
        unasked.iter().for_each(|unit| self.ask_for(unit, Why::Revoked(id.clone())));
    }
}

impl Books {
    /// The agents of revocable room on which more is in use than there is.
    fn rooms_in_excess(&self) -> impl Iterator<Item = AgentNo> {
        let rooms = self.revocable.keys().filter_map(|machine| self.agent_names.get(&machine.revocable()));
        rooms.copied().filter(|no| self.agents.at(*no).over)
    }
}
