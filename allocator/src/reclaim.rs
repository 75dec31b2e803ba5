//! Reclaim: what idle guarantees were lent comes back. A claim is one unit of an ask in the stage of guarantees that
//! does not fit now and would fit once units went that their frameworks mark as reclaimable. For each of its members the
//! agent is chosen where the fewest units must go. What is freed is held for the claimant. Everything here is soft
//! state: it follows from the books and from what was asked, and is decided anew after the turns of a cycle.

mod choose;
mod pass;
pub(crate) mod units;

use crate::allocator::Allocator;
use crate::books::{AgentNo, Books, WantNo};
use crate::headroom::Block;
use crate::id::{AgentId, FrameworkId, RolePath, UnitId};
use crate::inverse::{Asked, UnitName, Why};
use crate::resources::Resources;
use crate::tick::Timestamp;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;
use pass::Pass;

/// Where a claim is to stand, and the units that are to go for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) parts: Vec<(AgentNo, Resources)>,
    pub(crate) units: BTreeSet<UnitName>,
}

/// What an ask asks back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimWord {
    /// Where its unit is to stand, by agent.
    pub parts: Vec<(AgentId, Resources)>,
    /// What is asked back for it.
    pub units: Vec<UnitWord>,
}

/// A unit that is asked back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitWord {
    /// Whose it is.
    pub framework: FrameworkId,
    /// The role that is charged for it.
    pub role: RolePath,
    /// Its name.
    pub unit: UnitId,
    /// Whether its framework said that it will end.
    pub accepted: bool,
}

/// Why an ask asks nothing back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoReclaim {
    /// The policy is to ask nothing back, or to hold nothing, so that what came back would go to others.
    Off,
    /// Nothing of it is wanted any more, or it is open demand, of which there are no units.
    NoUnit,
    /// A unit of it lowers no guarantee that is owed by all that it takes.
    NotOwed,
    /// It had no turn yet.
    New,
    /// What was held for it last did not start, and others have their chance until then.
    Rests(Timestamp),
    /// A limit does not hold a unit, or it would take what guarantees of others need.
    Blocked(Block),
    /// No unit runs that its framework marks as reclaimable.
    NothingLent,
    /// A unit has room on what is free or ends by itself.
    Fits,
    /// What may be asked back makes no room for it, in the pools that no other claim has: units that are not marked,
    /// that were asked for in vain, or whose role would fall below its guarantee stay.
    NoRoom,
}

impl fmt::Display for NoReclaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("the policy is to ask nothing back"),
            Self::NoUnit => f.write_str("there is no unit to ask anything back for"),
            Self::NotOwed => f.write_str("no guarantee is owed what a unit takes"),
            Self::New => f.write_str("it had no turn yet"),
            Self::Rests(until) => write!(f, "what was held for it did not start; none until {}", until.0),
            Self::Blocked(block) => write!(f, "a unit would not be let in: {block}"),
            Self::NothingLent => f.write_str("nothing runs that is marked as reclaimable"),
            Self::Fits => f.write_str("a unit has room on what is free or ends"),
            Self::NoRoom => f.write_str(
                "what may be asked back makes no room: it is not marked, was declined, keeps its role at its guarantee, or is another's claim",
            ),
        }
    }
}

impl Allocator {
    /// Decides what is claimed, asks for it, and takes back what no claim needs any more.
    pub(crate) fn claim(&mut self) {
        let asks = self.inverse.live.values().any(|offer| matches!(offer.why, Why::Claim { .. }));
        if self.books.claims_nothing() && !asks && self.books.soft.holds.claims.is_empty() {
            return;
        }
        let Pass { claims, victims, .. } = self.books.claims(&self.inverse.units, self.tick.now);
        let needed: BTreeSet<_> = claims.values().flat_map(|claim| claim.units.iter().cloned()).collect();
        self.take_back(|offer| {
            matches!(offer.why, Why::Claim { .. }) && !needed.contains(&offer.unit_name())
        });
        for (no, unit) in victims {
            if let Some(why) = self.books.claim_of(no) {
                self.ask_for(&unit, why);
            }
        }
        if self.books.soft.holds.claims != claims {
            self.books.soft.holds.claims = claims;
            self.books.soft.holds.stale = true;
        }
        self.aim();
    }
}

impl Books {
    /// Whether no guarantee is owed anything, or nothing may be asked back.
    fn claims_nothing(&self) -> bool {
        self.roles.at(self.root).need.is_empty() || self.units.is_empty()
    }

    fn claim_of(&self, no: WantNo) -> Option<Why> {
        let crate::books::want::Terms::Ask(ask) = &self.want(no)?.terms else { return None };
        let (framework, role) = self.seat_name(no.framework);
        Some(Why::Claim { framework, role, ask: ask.id.clone() })
    }

    /// What an ask claims or would claim next, or why it claims nothing. On a copy of the books, where any may be.
    pub(crate) fn explain_claim(
        &self,
        no: WantNo,
        asked: &alloc::collections::BTreeMap<UnitName, Asked>,
        now: Timestamp,
    ) -> Result<ClaimWord, NoReclaim> {
        self.no_claim(no, now).map_or(Ok(()), Err)?;
        if self.claims_nothing() {
            return Err(NoReclaim::NothingLent);
        }
        let mut pass = self.clone().claims(asked, now);
        let Some(claim) = pass.claims.remove(&no) else {
            return Err(pass.said.remove(&no).unwrap_or(NoReclaim::NoRoom));
        };
        let mut parts: Vec<(AgentId, Resources)> =
            claim.parts.into_iter().map(|(agent, part)| (self.agents.at(agent).id.clone(), part)).collect();
        parts.sort_by(|a, b| a.0.cmp(&b.0));
        let word = |name: UnitName| {
            let accepted = matches!(asked.get(&name), Some(Asked::Accepted(_)));
            let ((framework, role), unit) = name;
            UnitWord { framework, role, unit, accepted }
        };
        Ok(ClaimWord { parts, units: claim.units.into_iter().map(word).collect() })
    }
}
