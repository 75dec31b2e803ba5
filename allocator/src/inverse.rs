//! Inverse offers: requests to give a unit back, for a role below its guarantee or because an agent drains. They ask;
//! level one kills nothing itself. All of it is soft state: what was asked and answered may be lost, and is asked again.
//! After the inverse offers of Mesos, which are for maintenance only.

mod drain;

use crate::allocator::Allocator;
use crate::books::framework::Seat;
use crate::books::{Books, UnitKey};
use crate::id::{AgentId, AskId, FrameworkId, OfferId, RolePath, TaskId, UnitId};
use crate::reclaim::units::Running;
use crate::tick::Timestamp;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::fmt;

/// A request to a framework to give one of its units back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InverseOffer {
    /// Its number, of the same row as those of offers; an answer names it and is taken once.
    pub id: OfferId,
    /// Who is asked.
    pub framework: FrameworkId,
    /// The role that is charged for the unit.
    pub role: RolePath,
    /// The unit; for a task that is in none, the name of the task.
    pub unit: UnitId,
    /// The unit's tasks; where an agent drains, those on it.
    pub tasks: Vec<TaskId>,
    /// The agents that these run on, by name.
    pub agents: Vec<AgentId>,
    /// What for.
    pub why: Why,
    /// When it ends without an answer.
    pub expires: Timestamp,
}

/// What a unit is asked back for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// A role below its guarantee wants the room.
    Claim {
        /// Who waits.
        framework: FrameworkId,
        /// The role that is charged for it.
        role: RolePath,
        /// The ask.
        ask: AskId,
    },
    /// The agent takes no new work and is to be empty.
    Drain(AgentId),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim { framework, role, ask } => {
                write!(f, "{ask} of {framework} waits, and role {role} is owed the room")
            }
            Self::Drain(agent) => write!(f, "agent {agent} is draining"),
        }
    }
}

/// What a framework says to an inverse offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InverseAnswer {
    /// The tasks will end; their room counts as coming free.
    Accept,
    /// They go on, and are not asked for again before then.
    Decline {
        /// Until when.
        until: Timestamp,
    },
}

/// Why an answer to an inverse offer was refused. It changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InverseError {
    /// The inverse offer is not live: never made, answered already, over, or taken back.
    Unknown(OfferId),
    /// A decline until a time that is over, which would be asked again at once.
    Past {
        /// The inverse offer; it is still live.
        offer: OfferId,
        /// The time.
        until: Timestamp,
    },
}

impl fmt::Display for InverseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(id) => {
                write!(f, "inverse offer {} is not live: it was answered, is over, or was taken back", id.0)
            }
            Self::Past { offer, until } => write!(
                f,
                "inverse offer {}: declined until {}, which is over; name a later time",
                offer.0, until.0
            ),
        }
    }
}

impl core::error::Error for InverseError {}

/// A unit by name: of a framework in a role.
pub(crate) type UnitName = (Seat, UnitId);

/// What is asked back, by unit: nothing is asked for twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asking {
    pub(crate) live: BTreeMap<OfferId, InverseOffer>,
    pub(crate) units: BTreeMap<UnitName, Asked>,
    /// Those that were not handed out yet.
    new: VecDeque<OfferId>,
    taken_back: Vec<OfferId>,
    /// Whether anything changed since it was last looked at what is to be asked back.
    pub(crate) stale: bool,
}

/// How it stands with a unit that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It waits for an answer.
    Out(OfferId),
    /// It was accepted, and is to be gone by then.
    Accepted(Timestamp),
    /// It was declined, or nothing came of it: it is left alone until then.
    Rests(Timestamp),
}

impl Asked {
    /// Whether the unit counts as coming free.
    pub(crate) fn is_coming(self) -> bool {
        match self {
            Self::Out(_) | Self::Accepted(_) => true,
            Self::Rests(_) => false,
        }
    }
}

impl Asking {
    /// When the first of what was asked and answered is over.
    pub(crate) fn next_expiry(&self) -> Option<Timestamp> {
        let until = |asked: &Asked| match asked {
            Asked::Out(id) => self.live.get(id).map(|offer| offer.expires),
            Asked::Accepted(until) | Asked::Rests(until) => Some(*until),
        };
        self.units.values().filter_map(until).min()
    }
}

impl Allocator {
    /// The next new inverse offer, to be asked for when the turns of a cycle are over; none when all were handed out.
    pub fn next_inverse(&mut self) -> Option<InverseOffer> {
        if !self.ended_early && core::mem::take(&mut self.inverse.stale) {
            self.ask_back();
        }
        while let Some(id) = self.inverse.new.pop_front() {
            if let Some(offer) = self.inverse.live.get(&id) {
                return Some(offer.clone());
            }
        }
        None
    }

    /// The inverse offers that wait for an answer.
    pub fn live_inverse(&self) -> impl Iterator<Item = &InverseOffer> {
        self.inverse.live.values()
    }

    /// The inverse offers that ended by time, or that nobody needs any more, since this was last asked.
    pub fn take_inverse_ended(&mut self) -> Vec<OfferId> {
        core::mem::take(&mut self.inverse.taken_back)
    }

    /// Settles the answer to an inverse offer.
    ///
    /// # Errors
    /// [`InverseError`]; nothing changed.
    pub fn settle_inverse(&mut self, id: OfferId, answer: InverseAnswer) -> Result<(), InverseError> {
        let Some(offer) = self.inverse.live.get(&id) else { return Err(InverseError::Unknown(id)) };
        let asked = match answer {
            InverseAnswer::Decline { until } if until <= self.tick.now => {
                return Err(InverseError::Past { offer: id, until });
            }
            InverseAnswer::Decline { until } => {
                self.stats.inverse_declined += 1;
                Asked::Rests(until)
            }
            InverseAnswer::Accept => {
                self.stats.inverse_accepted += 1;
                Asked::Accepted(self.tick.now.plus_millis(self.inverse_millis()))
            }
        };
        let unit = offer.unit_name();
        self.inverse.live.remove(&id);
        self.inverse.units.insert(unit, asked);
        self.inverse.stale = true;
        Ok(())
    }

    fn inverse_millis(&self) -> u64 {
        self.books.policy.inverse_offer_millis.unwrap_or_default()
    }

    /// Decides what is asked back now, and takes back what nobody needs any more.
    fn ask_back(&mut self) {
        if self.books.policy.inverse_offer_millis.is_none() {
            return;
        }
        self.forget_ended_units();
        self.claim();
        self.drain();
        self.inverse.stale = false;
    }

    /// Makes an inverse offer.
    pub(crate) fn ask_for(&mut self, unit: &Running, why: Why) {
        let id = OfferId(self.next_offer_id);
        self.next_offer_id += 1;
        self.stats.inverse_offers += 1;
        let name = self.books.unit_name(&unit.key);
        let ((framework, role), unit_id) = name.clone();
        let agents: BTreeSet<AgentId> =
            unit.parts.keys().map(|agent| self.books.agents.at(*agent).id.clone()).collect();
        let offer = InverseOffer {
            id,
            framework,
            role,
            unit: unit_id,
            tasks: unit.tasks.clone(),
            agents: agents.into_iter().collect(),
            why,
            expires: self.tick.now.plus_millis(self.inverse_millis()),
        };
        self.inverse.units.insert(name, Asked::Out(id));
        self.inverse.live.insert(id, offer);
        self.inverse.new.push_back(id);
    }

    /// Takes inverse offers back that wait for an answer and are not needed any more.
    pub(crate) fn take_back(&mut self, unneeded: impl Fn(&InverseOffer) -> bool) {
        let ended: Vec<OfferId> =
            self.inverse.live.values().filter(|offer| unneeded(offer)).map(|offer| offer.id).collect();
        for id in ended {
            if let Some(offer) = self.inverse.live.remove(&id) {
                self.inverse.units.remove(&offer.unit_name());
                self.inverse.taken_back.push(id);
                self.stats.inverse_ended += 1;
            }
        }
    }

    /// Forgets what was asked of units that are gone.
    fn forget_ended_units(&mut self) {
        let books = &self.books;
        self.inverse.units.retain(|unit, _| books.has_unit(unit));
        let units = &self.inverse.units;
        let gone = |offer: &InverseOffer| units.get(&offer.unit_name()) != Some(&Asked::Out(offer.id));
        self.inverse.live.retain(|_, offer| !gone(offer));
    }

    /// Ends what ends by time: a unit that did not answer, or did not end, is left alone for a while.
    pub(crate) fn expire_inverse(&mut self, now: Timestamp) {
        if self.inverse.units.is_empty() {
            return;
        }
        let rests = Asked::Rests(now.plus_millis(self.inverse_millis()));
        let Asking { live, units, taken_back, stale, .. } = &mut self.inverse;
        let ended = &mut self.stats.inverse_ended;
        units.retain(|_, asked| {
            let over = match asked {
                Asked::Out(id) => live.get(id).is_none_or(|offer| offer.expires <= now),
                Asked::Accepted(until) | Asked::Rests(until) => *until <= now,
            };
            if !over {
                return true;
            }
            *stale = true;
            if let Asked::Out(id) = asked {
                live.remove(id);
                taken_back.push(*id);
                *ended += 1;
            }
            let kept = asked.is_coming();
            *asked = rests;
            kept
        });
    }
}

impl InverseOffer {
    pub(crate) fn unit_name(&self) -> UnitName {
        ((self.framework.clone(), self.role.clone()), self.unit.clone())
    }
}

impl Books {
    pub(crate) fn unit_name(&self, key: &UnitKey) -> UnitName {
        (self.seat_name(key.0), key.1.clone())
    }

    /// Whether a unit, or a task of this name that is in none, is on the books.
    fn has_unit(&self, (seat, unit): &UnitName) -> bool {
        let Some(no) = self.framework_names.get(seat).copied() else { return false };
        let alone = self.tasks.get(&TaskId::from(unit.as_str()));
        self.units.contains_key(&(no, unit.clone())) || alone.is_some_and(|task| task.framework == Some(no))
    }
}
