//! What is held on the books: who has what of his own, and what is given back.

use super::{Dropped, Hold, Rest};
use crate::books::{AgentNo, Books, FrameworkNo, WantNo};
use crate::resources::{Kind, Resources};
use crate::tick::Timestamp;
use alloc::borrow::Cow;

impl Books {
    /// What is held for a want; none when it has no hold.
    pub(crate) fn hold(&self, no: WantNo) -> Option<&Hold> {
        self.want(no)?.hold.as_ref()
    }

    /// What a want has in its own hold on an agent.
    pub(crate) fn own_held(&self, no: WantNo, agent: AgentNo) -> Option<&Resources> {
        Some(&self.hold(no)?.part(agent)?.held)
    }

    /// The want that something is held for on an agent: at most one, as it takes a slot in each pool of the agent.
    pub(crate) fn holder_on(&self, agent: AgentNo) -> Option<WantNo> {
        let has = |no: &WantNo| self.own_held(*no, agent).is_some();
        self.soft.holds.holding.iter().copied().find(has)
    }

    /// What of `taken` does not come from a want's own hold or reservations: that is charged already, and not free.
    pub(crate) fn beyond_hold(&self, no: WantNo, taken: impl Fn(&Kind) -> u64) -> impl Fn(&Kind) -> u64 {
        let own = self.charged_for(no);
        move |kind| taken(kind).saturating_sub(own.as_deref().map_or(0, |own| own.amount(kind)))
    }

    /// What is free in all, with what is held or reserved for a want.
    pub(crate) fn free_with_hold(&self, no: WantNo) -> Cow<'_, Resources> {
        let mut free = Cow::Borrowed(&self.free);
        if let Some(own) = self.charged_for(no) {
            free.to_mut().add(&own);
        }
        free
    }

    /// Takes a want's hold off the books; what it had is free for all. Says whether there was one.
    pub(crate) fn let_go(&mut self, no: WantNo) -> bool {
        let Some(hold) = self.want_mut(no).and_then(|want| want.hold.take()) else { return false };
        self.soft.holds.holding.remove(&no);
        self.release_hold_of(no.framework, &hold);
        true
    }

    /// Takes all holds of a framework off the books.
    pub(crate) fn let_go_of(&mut self, framework: FrameworkNo) {
        for at in 0..self.frameworks.at(framework).wants.len() {
            self.let_go(WantNo { framework, at });
        }
    }

    /// Gives back what a hold of a framework has on the books.
    pub(crate) fn release_hold_of(&mut self, framework: FrameworkNo, hold: &Hold) {
        for part in &hold.parts {
            self.set_held(part.agent, Resources::default());
            self.note_free(part.agent, true);
        }
        self.let_go_for_role(self.charged_role(framework), &hold.sum);
    }

    /// Drops a hold that was complete and did not start; says whether there was one.
    pub(crate) fn spoil_hold(&mut self, no: WantNo, why: Dropped, now: Timestamp) -> bool {
        if !self.hold(no).is_some_and(Hold::is_complete) {
            return false;
        }
        self.let_go(no);
        self.rest(no, why, now);
        true
    }

    /// Has the holds aimed anew when one expires, or when an ask may have one again.
    pub(crate) fn expire_hold(&mut self, no: WantNo, now: Timestamp) {
        let patience = self.policy.hold_patience_millis.unwrap_or_default();
        let Some(want) = self.want_mut(no) else { return };
        let rests = want.rest.as_ref().map(|rest| rest.until);
        if rests.is_some_and(|until| until <= now) {
            want.rest = None;
        }
        let held = want.hold.as_ref().filter(|hold| !hold.is_complete());
        let held = held.map(|hold| hold.expires(patience));
        for until in [rests, held].into_iter().flatten() {
            self.soft.holds.stale |= until <= now;
            self.expires(Some(until).filter(|until| *until > now));
        }
    }

    /// Keeps an ask without a hold for as long as the patience, so that others have their chance.
    pub(super) fn rest(&mut self, no: WantNo, why: Dropped, now: Timestamp) {
        let until = now.plus_millis(self.policy.hold_patience_millis.unwrap_or_default());
        if let Some(want) = self.want_mut(no) {
            want.rest = Some(Rest { why, until });
        }
        self.expires(Some(until));
    }

    /// Lets go of all that is held on an agent, as it takes no new work.
    pub(crate) fn let_go_on(&mut self, agent: AgentNo) {
        self.soft.holds.claims.retain(|_, claim| claim.parts.iter().all(|(on, _)| *on != agent));
        let Some(no) = self.holder_on(agent) else { return };
        self.keep_held(no, agent, &Resources::default());
        if let Some(hold) = self.want_mut(no).and_then(|want| want.hold.as_mut()) {
            hold.lose(agent);
        }
    }

    /// Shrinks what is held where its room was taken from outside.
    pub(crate) fn shrink_crowded(&mut self) {
        for agent in core::mem::take(&mut self.soft.holds.crowded) {
            let book = self.agents.at(agent);
            let Some(known) = book.agent.as_ref().filter(|_| book.over && !book.held.is_zero()) else {
                continue;
            };
            let mut room = known.capacity.clone();
            for sum in [&book.charged, &book.foreign, &book.offered, &book.reserved] {
                room.take_up_to(sum);
            }
            if let Some(no) = self.holder_on(agent) {
                self.keep_held(no, agent, &room);
            }
        }
    }

    /// Keeps of what is held on an agent no more than this.
    fn keep_held(&mut self, no: WantNo, agent: AgentNo, most: &Resources) {
        let mut less = Resources::default();
        if let Some(hold) = self.want_mut(no).and_then(|want| want.hold.as_mut()) {
            for part in hold.parts.iter_mut().filter(|part| part.agent == agent) {
                let kept = part.held.at_most(most);
                less = core::mem::replace(&mut part.held, kept);
                less.take_up_to(&part.held);
            }
            hold.sum.take_up_to(&less);
        }
        self.let_go_for_role(self.charged_role(no.framework), &less);
        let kept = self.own_held(no, agent).cloned().unwrap_or_default();
        self.set_held(agent, kept);
        self.note_free(agent, true);
    }
}
