//! The laws of what is asked back: a unit is asked for once, and claims are of asks that are there.

use super::Violation;
use crate::allocator::Allocator;
use crate::inverse::Asked;
use alloc::vec::Vec;

impl Allocator {
    /// Every live inverse offer is the one that its unit waits for, every unit that waits has one, and every claim is of an
    /// ask and of no more than its unit takes.
    pub(super) fn asks_are_sound(&self) -> Vec<Violation> {
        let state = |offer: &crate::inverse::InverseOffer| self.inverse.units.get(&offer.unit_name());
        let mut broken = Vec::new();
        for offer in self.inverse.live.values() {
            if state(offer) != Some(&Asked::Out(offer.id)) || offer.tasks.is_empty() {
                broken.push(Violation::Inverse(offer.id));
            }
        }
        for asked in self.inverse.units.values() {
            match asked {
                Asked::Out(id) if !self.inverse.live.contains_key(id) => {
                    broken.push(Violation::Inverse(*id));
                }
                Asked::Out(_) | Asked::Accepted(_) | Asked::Rests(_) => {}
            }
        }
        for (no, claim) in &self.books.soft.holds.claims {
            let unit = self.books.want(*no).and_then(|want| want.unit.as_ref());
            let placed = claim.parts.iter().fold(0u64, |sum, (_, part)| sum.saturating_add(part.cpu_milli));
            let whole = unit.is_some_and(|unit| unit.settled.cpu_milli == placed);
            if !whole || claim.units.is_empty() {
                broken.push(Violation::Claim(self.books.frameworks.at(no.framework).id.clone()));
            }
        }
        broken
    }
}
