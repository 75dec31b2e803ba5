//! What is held for an ask, where, and what it still misses; or why nothing is.

use super::{Explanation, Verdict};
use crate::allocator::Allocator;
use crate::books::want::Terms;
use crate::books::{Books, WantNo};
use crate::hold::{Hold, NoHold, Slot};
use crate::id::{AgentId, AskId, FrameworkId, RolePath};
use crate::resources::Resources;
use crate::tick::Timestamp;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// A hold: room that is kept for a unit that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldWord {
    /// What is held where, by agent.
    pub parts: Vec<HoldPart>,
    /// What it still misses in all; when nothing, it starts in its next turn.
    pub missing: Resources,
    /// When it expires, unless what it misses shrinks before; never while it is complete.
    pub expires: Option<Timestamp>,
}

/// What is held of one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldPart {
    /// The agent.
    pub agent: AgentId,
    /// What is held.
    pub held: Resources,
    /// What the unit misses there.
    pub missing: Resources,
}

impl Allocator {
    /// All holds, with whose they are: framework, role and ask.
    pub fn holds(&self) -> impl Iterator<Item = (&FrameworkId, &RolePath, &AskId, HoldWord)> {
        let mut holding: Vec<_> = self.books.soft.holds.holding.iter().copied().collect();
        let seat =
            |no: &WantNo| (&self.books.frameworks.at(no.framework).id, self.books.role_path(no.framework));
        holding.sort_by_key(|no| (seat(no), no.at));
        holding.into_iter().filter_map(move |no| {
            let Terms::Ask(ask) = &self.books.want(no)?.terms else { return None };
            let word = self.books.hold_word(self.books.hold(no)?);
            let (framework, role) = seat(&no);
            Some((framework, role, &ask.id, word))
        })
    }
}

impl Books {
    fn hold_word(&self, hold: &Hold) -> HoldWord {
        let mut parts: Vec<HoldPart> = hold
            .parts
            .iter()
            .map(|part| HoldPart {
                agent: self.agents.at(part.agent).id.clone(),
                held: part.held.clone(),
                missing: part.missing(),
            })
            .collect();
        parts.sort_by(|a, b| a.agent.cmp(&b.agent));
        let expires = self.policy.hold_patience_millis.filter(|_| !hold.is_complete());
        let expires = expires.map(|patience| hold.expires(patience));
        HoldWord { parts, missing: hold.missing(), expires }
    }

    /// What is held for a want, or why nothing is, by what is explained of it already.
    pub(super) fn explain_hold(
        &self,
        no: WantNo,
        known: &Explanation,
        now: Timestamp,
    ) -> Result<HoldWord, NoHold> {
        if let Some(hold) = self.hold(no) {
            return Ok(self.hold_word(hold));
        }
        match self.no_hold(no, now) {
            Some(why @ (NoHold::Off | NoHold::NoUnit | NoHold::Reserved(_))) => return Err(why),
            why => {
                if known.on_empty_cluster == Verdict::No {
                    return Err(NoHold::EmptyCluster);
                }
                known.inside_limits.clone().map_err(NoHold::Limits)?;
                known.beside_guarantees.clone().map_err(NoHold::Guarantees)?;
                why.map_or(Ok(()), Err)?;
            }
        }
        if known.is_free() {
            return Err(NoHold::Fits);
        }
        let holding = self.soft.holds.holding.iter().filter_map(|other| Some((*other, self.hold(*other)?)));
        let slots = holding.flat_map(|(other, hold)| {
            let agents = hold.parts.iter().filter_map(|part| self.agents.at(part.agent).agent.as_ref());
            agents.flat_map(Slot::of).map(move |slot| (slot, other))
        });
        let taken: BTreeMap<Slot, WantNo> = slots.collect();
        let others = taken.keys().cloned().collect();
        if self.finds_place(no, &others).is_ok() {
            return Err(NoHold::Next);
        }
        let wanted = self.finds_place(no, &Default::default()).map_err(|()| NoHold::NothingEnds)?;
        let first = wanted.into_iter().find_map(|slot| taken.get_key_value(&slot));
        Err(first.map_or(NoHold::NothingEnds, |(slot, holder)| {
            let (by, role) = self.seat_name(holder.framework);
            NoHold::Taken { slot: slot.clone(), by, role }
        }))
    }
}

impl Explanation {
    /// Whether what is free holds a unit, and neither limits nor guarantees keep it back.
    fn is_free(&self) -> bool {
        let blocked = matches!(self.standing, super::Standing::Blocked(_));
        !blocked && self.fit.miss.is_none()
    }
}
