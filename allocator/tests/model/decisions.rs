//! A running sum over decisions: FNV-1a in 64 bits (Fowler, Noll and Vo, 1991) of their text, so that it is the same on
//! every machine and in every version of the compiler.

use std::fmt::Display;
use twofold_allocator::offer::{Launch, Offer, Terms};
use twofold_allocator::refused::Refused;
use twofold_allocator::settle::SettleError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decisions(u64);

impl Default for Decisions {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Decisions {
    pub(crate) fn sum(self) -> u64 {
        self.0
    }

    fn note(&mut self, what: impl Display) {
        for byte in what.to_string().bytes().chain([0]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    pub(crate) fn taken(&mut self, taken: &Result<(), Refused>) {
        match taken {
            Ok(()) => self.note("taken"),
            Err(refused) => self.note(refused),
        }
    }

    pub(crate) fn offer(&mut self, offer: &Offer) {
        let Offer { id, framework, role, terms } = offer;
        self.note(format_args!("offer {} to {framework} of {role}", id.0));
        match terms {
            Terms::Units { ask, units } => self.note(format_args!("{units} of {ask}")),
            Terms::Parts { parts, expires } => {
                parts.iter().for_each(|(agent, part)| self.note(format_args!("{agent}: {part}")));
                self.note(expires.map_or(0, |at| at.0));
            }
        }
    }

    pub(crate) fn said(&mut self, said: &Result<Vec<Launch>, SettleError>) {
        match said {
            Ok(launches) => launches.iter().map(Launch::placement).for_each(|placement| {
                self.note(format_args!("{} on {}: {}", placement.task, placement.agent, placement.resources));
            }),
            Err(error) => self.note(error),
        }
    }
}
