//! Who may have a turn: who sleeps because there is nothing to see, who is held back, and what wakes them.

use crate::books::want::{Terms, Want, WantState};
use crate::books::{Books, FrameworkNo, WantNo};
use crate::tick::Timestamp;
use alloc::vec::Vec;

impl Books {
    pub(crate) fn set_state(&mut self, no: WantNo, state: WantState) {
        let Some(want) = self.want_mut(no).filter(|want| want.state != state) else { return };
        if let Some(class) = want.class.filter(|_| state == WantState::Asleep) {
            return self.sleep_class(class);
        }
        want.state = state;
        if state != WantState::Waiting && matches!(want.terms, Terms::Ask(_)) {
            want.unserved = true;
            self.soft.holds.note_unserved(no);
        }
        self.note_state(no, state);
        self.relist(no);
    }

    fn note_state(&mut self, no: WantNo, state: WantState) {
        self.soft.asleep.remove(&no);
        self.soft.parked.remove(&no);
        match state {
            WantState::Waiting => {}
            WantState::Asleep => drop(self.soft.asleep.insert(no)),
            WantState::Parked => drop(self.soft.parked.insert(no)),
        }
    }

    /// Takes out what a framework wants.
    pub(crate) fn take_wants(&mut self, framework: FrameworkNo) -> Vec<Want> {
        self.unlist_framework(framework);
        for at in 0..self.frameworks.at(framework).wants.len() {
            let no = WantNo { framework, at };
            self.leave_class(no);
            self.note_state(no, WantState::Waiting);
            self.soft.refusing.remove(&no);
            self.soft.holds.forget(no);
            self.soft.refusing_sets.remove(&no);
        }
        core::mem::take(&mut self.frameworks.at_mut(framework).wants)
    }

    /// Puts in what a framework wants from now on.
    pub(crate) fn put_wants(&mut self, framework: FrameworkNo, wants: Vec<Want>) {
        for (at, want) in wants.iter().enumerate() {
            let no = WantNo { framework, at };
            self.note_state(no, want.state);
            if !want.refused.is_empty() {
                self.soft.refusing.insert(no);
                if want.is_of_many() {
                    self.soft.refusing_sets.insert(no);
                }
            }
            if want.unserved {
                self.soft.holds.note_unserved(no);
            }
            if want.hold.is_some() {
                self.soft.holds.holding.insert(no);
            }
        }
        self.frameworks.at_mut(framework).wants = wants;
        self.relist_framework(framework);
    }

    /// Lets the wants of a framework look again.
    pub(crate) fn wake(&mut self, framework: FrameworkNo) {
        for at in 0..self.frameworks.at(framework).wants.len() {
            let no = WantNo { framework, at };
            self.set_state(no, WantState::Waiting);
            // A limit on a model of GPU sets those apart who would take any.
            if self.narrows_models(no) {
                self.relist(no);
            }
        }
    }

    /// Gives those another chance that a limit, the headroom or an unanswered turn held back.
    pub(crate) fn unpark(&mut self) {
        let parked: Vec<WantNo> = self.soft.parked.iter().copied().collect();
        for no in parked {
            self.set_state(no, WantState::Waiting);
        }
        let looking: Vec<WantNo> = self.soft.asleep.union(&self.soft.refusing).copied().collect();
        // Nor does it show what is reserved for a want, and whether that is kept for it still.
        let comes_back = |no: &WantNo| self.want(*no).is_some_and(Want::names_reservation);
        let narrowed = looking.into_iter().filter(|no| comes_back(no) || self.narrows_models(*no));
        let narrowed: Vec<WantNo> = narrowed.collect();
        for no in narrowed {
            // How much of a model its limit leaves is no property of the agent, so no change of the agent shows it.
            self.show_all(no);
            self.set_state(no, WantState::Waiting);
        }
        self.reconsider_guarantees();
    }

    /// Lifts what ends by time; says whether anything did.
    pub(crate) fn expire(&mut self, now: Timestamp) -> bool {
        if self.soft.next_expiry.is_none_or(|next| next > now) {
            return false;
        }
        self.soft.next_expiry = None;
        let mut any = false;
        let frameworks: Vec<FrameworkNo> = self.framework_names.values().copied().collect();
        for framework in frameworks {
            let avoid = &mut self.frameworks.at_mut(framework).avoid;
            let before = avoid.len();
            avoid.retain(|_, until| *until > now);
            let shown = avoid.len() < before;
            let next = avoid.values().min().copied();
            self.expires(next);
            for at in 0..self.frameworks.at(framework).wants.len() {
                any |= self.expire_want(WantNo { framework, at }, now, shown);
            }
        }
        any
    }

    fn expire_want(&mut self, no: WantNo, now: Timestamp, shown: bool) -> bool {
        self.expire_hold(no, now);
        let Some(want) = self.want_mut(no) else { return false };
        let lifted = want.refused.expire(now);
        let (next, many, asleep) =
            (want.refused.next_expiry(), want.is_of_many(), want.state == WantState::Asleep);
        self.expires(next);
        if (lifted || shown) && many {
            self.show_all(no);
        } else if (lifted || shown) && asleep {
            self.set_state(no, WantState::Waiting);
        }
        self.note_refusing(no);
        lifted || shown
    }
}
