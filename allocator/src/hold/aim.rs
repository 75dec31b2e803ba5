//! Aiming: who has a hold, and where. All holds are taken off the books and given anew, the oldest first; what comes out
//! as it was changes nothing.

use super::target::Aim;
use super::{Dropped, Hold, NoHold, Part, Slot, is_less};
use crate::allocator::Allocator;
use crate::books::want::{Terms, Want, WantState};
use crate::books::{AgentNo, Books, RoleNo, WantNo};
use crate::invariants::Witness;
use crate::policy::Laws;
use crate::resources::Resources;
use crate::tick::Timestamp;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// So many asks are looked at in vain before the others wait for the next time.
const LOOKS_MOST: usize = 32;

/// One aiming: which pools are taken so far, and the time.
struct Round {
    taken: BTreeSet<Slot>,
    now: Timestamp,
    patience: u64,
}

/// What became of an ask that was looked at.
enum Outcome {
    Held,
    /// Its hold expired.
    Expired,
    /// It may have none: it fits, rests, or waits for something else than what ends.
    None,
    /// It found no place in the pools that are left.
    NoPlace,
    /// No pool is left.
    Full,
}

impl Allocator {
    /// Aims the holds anew if anything changed; says whether anybody may now have a turn who had none.
    pub(crate) fn aim(&mut self) -> bool {
        if !core::mem::take(&mut self.books.soft.holds.stale) {
            return false;
        }
        // What moves holds, such as the end of a rest, may move claims.
        self.inverse.stale = true;
        let Some(patience) = self.books.policy.hold_patience_millis else { return false };
        let Books { soft, finishing, .. } = &self.books;
        let ends = !soft.holds.unserved.is_empty() && !finishing.is_zero();
        if soft.holds.holding.is_empty() && soft.holds.claims.is_empty() && !ends {
            return false;
        }
        let before = self.books.take_holds();
        self.aim_queue(&before, patience);
        let freed = self.books.note_holds(&before);
        let woken = self.books.wake_holders(&before);
        self.changed |= freed;
        self.books.soft.holds.stale = false;
        freed || woken
    }

    /// Drops a hold that was complete and did not start in its turn.
    pub(crate) fn spoil_hold(&mut self, want: WantNo, why: Dropped) {
        let dropped = self.books.spoil_hold(want, why, self.tick.now);
        self.stats.holds_dropped += u64::from(dropped);
        self.changed |= dropped;
    }

    /// Goes through those that wait, until no pool is left.
    fn aim_queue(&mut self, before: &BTreeMap<WantNo, Hold>, patience: u64) {
        self.books.sort_queue();
        let passed = core::mem::take(&mut self.books.soft.holds.passed);
        let mut round = Round { taken: BTreeSet::new(), now: self.tick.now, patience };
        let mut vain: Vec<WantNo> = Vec::new();
        self.aim_claims(before, &mut round);
        let mut at = 0;
        while let Some(no) = self.books.soft.holds.queue.get(at).copied() {
            at += 1;
            let was = before.get(&no);
            if self.books.soft.holds.claims.contains_key(&no) {
                continue;
            }
            if (was.is_none() && at <= passed) || vain.iter().any(|other| self.books.are_alike(*other, no)) {
                continue;
            }
            match self.watched(no, was, |books| books.try_hold(no, was, &mut round)) {
                Outcome::Held | Outcome::Expired | Outcome::None => {}
                Outcome::NoPlace if vain.len() < LOOKS_MOST => vain.push(no),
                Outcome::NoPlace => {
                    self.books.soft.holds.passed = at;
                    return;
                }
                Outcome::Full => return,
            }
        }
    }

    /// What comes back for claims is held for them, before others are aimed.
    fn aim_claims(&mut self, before: &BTreeMap<WantNo, Hold>, round: &mut Round) {
        let claims: Vec<WantNo> = self.books.soft.holds.claims.keys().copied().collect();
        for no in claims {
            let was = before.get(&no);
            self.watched(no, was, |books| books.hold_claim(no, was, round));
        }
    }

    /// Gives a hold under the eyes of the laws, and counts what became of it.
    fn watched(
        &mut self,
        no: WantNo,
        was: Option<&Hold>,
        give: impl FnOnce(&mut Books) -> Outcome,
    ) -> Outcome {
        let checked = self.books.policy.laws != Laws::Off;
        let witness = checked.then(|| self.books.hold_witness(no));
        let outcome = give(&mut self.books);
        match outcome {
            Outcome::Held => {
                self.stats.holds += u64::from(was.is_none());
                self.broken.extend(witness.iter().flat_map(|witness| self.books.worsened(witness)));
            }
            Outcome::Expired => self.stats.holds_dropped += 1,
            Outcome::None | Outcome::NoPlace | Outcome::Full => {}
        }
        outcome
    }
}

impl Books {
    /// Holds for a claim what is free of where it is to stand.
    fn hold_claim(&mut self, no: WantNo, was: Option<&Hold>, round: &mut Round) -> Outcome {
        let rests = self.want(no).is_none_or(|want| {
            !want.unserved || want.unit.is_none() || want.rest.is_some_and(|rest| rest.until > round.now)
        });
        let claim = self.soft.holds.claims.get(&no).filter(|_| !rests);
        let Some(claim) = claim else { return Outcome::None };
        let role = self.charged_role(no.framework);
        let keeps = self.keeps_gpu_room(no);
        let part = |(agent, target): &(AgentNo, Resources)| Part {
            agent: *agent,
            target: target.clone(),
            held: target.at_most(&self.free_for(no, *agent, keeps)),
        };
        let parts = claim.parts.iter().map(part).collect();
        self.give_hold(no, (role, parts), was, round)
    }

    /// Takes all holds off the books. Who may see what they had is noted once they are given anew.
    fn take_holds(&mut self) -> BTreeMap<WantNo, Hold> {
        let holding = core::mem::take(&mut self.soft.holds.holding);
        let mut before = BTreeMap::new();
        for no in holding {
            let Some(hold) = self.want_mut(no).and_then(|want| want.hold.take()) else { continue };
            self.take_parts(self.charged_role(no.framework), &hold);
            before.insert(no, hold);
        }
        before
    }

    fn take_parts(&mut self, role: RoleNo, hold: &Hold) {
        hold.parts.iter().for_each(|part| self.set_held(part.agent, Resources::default()));
        self.let_go_for_role(role, &hold.sum);
    }

    /// Why a want may have no hold, by what needs no look at the agents.
    pub(crate) fn no_hold(&self, no: WantNo, now: Timestamp) -> Option<NoHold> {
        if self.policy.hold_patience_millis.is_none() {
            return Some(NoHold::Off);
        }
        let (want, role) = (self.want(no)?, self.charged_role(no.framework));
        let unit = match (&want.terms, &want.unit) {
            (Terms::Ask(_), Some(unit)) => unit,
            (Terms::Ask(_) | Terms::Open(_), _) => return Some(NoHold::NoUnit),
        };
        if let Some((_, book)) = self.comes_back_to(no).find(|(_, book)| !book.idle.is_zero()) {
            return Some(NoHold::Reserved(book.reservation.id.clone()));
        }
        if !want.unserved {
            return Some(NoHold::New);
        }
        if let Some(rest) = want.rest.filter(|rest| rest.until > now) {
            return Some(NoHold::Rests { why: rest.why, until: rest.until });
        }
        let mut later = self.free.clone();
        later.add(&self.roles.at(self.root).held);
        later.add(&self.finishing);
        if !unit.is_within(&later) {
            return Some(NoHold::NothingEnds);
        }
        self.later_block(role, self.beyond_hold(no, |kind| unit.amount(kind))).map(NoHold::Blocked)
    }

    /// The pools of the agents that a unit would be aimed at, were these taken.
    pub(crate) fn finds_place(&self, no: WantNo, taken: &BTreeSet<Slot>) -> Result<BTreeSet<Slot>, ()> {
        let mut aim = Aim::new(self, no, taken, true);
        if !aim.place_unit() {
            return Err(());
        }
        let parts = aim.into_parts();
        let agents = parts.iter().filter_map(|part| self.agents.at(part.agent).agent.as_ref());
        Ok(agents.flat_map(Slot::of).collect())
    }

    fn hold_witness(&self, no: WantNo) -> Witness {
        self.witness(self.charged_role(no.framework), core::iter::empty())
    }

    /// Whether where one finds no place the other finds none either.
    fn are_alike(&self, one: WantNo, other: WantNo) -> bool {
        let [a, b] = [one, other].map(|no| (self.want(no), self.frameworks.at(no.framework)));
        a.1.role == b.1.role
            && a.1.avoid.is_empty()
            && b.1.avoid.is_empty()
            && a.0.map(Want::members) == b.0.map(Want::members)
    }

    /// Holds for a want what it may have of its targets.
    fn try_hold(&mut self, no: WantNo, was: Option<&Hold>, round: &mut Round) -> Outcome {
        let role = self.charged_role(no.framework);
        if self.no_hold(no, round.now).is_some() {
            return Outcome::None;
        }
        let mut aim = Aim::new(self, no, &round.taken, false);
        if !aim.place_unit() {
            return if aim.open { Outcome::NoPlace } else { Outcome::Full };
        }
        let parts = aim.into_parts();
        self.give_hold(no, (role, parts), was, round)
    }

    /// Puts a hold on the books, unless it is not needed or expired.
    fn give_hold(
        &mut self,
        no: WantNo,
        (role, parts): (RoleNo, Vec<Part>),
        was: Option<&Hold>,
        round: &mut Round,
    ) -> Outcome {
        let (now, patience) = (round.now, round.patience);
        let mut hold = self.book_parts(role, parts);
        if was.is_none() && hold.is_complete() {
            // It fits, and has its turn as others have.
            self.take_parts(role, &hold);
            return Outcome::None;
        }
        let missing = hold.missing();
        let stuck = was.filter(|was| !is_less(&missing, &was.least));
        hold.shrank = stuck.map_or(now, |was| was.shrank);
        hold.least = stuck.map_or(missing, |was| was.least.clone());
        if !hold.is_complete() && now >= hold.expires(patience) {
            self.take_parts(role, &hold);
            self.rest(no, Dropped::Expired, now);
            return Outcome::Expired;
        }
        self.expires((!hold.is_complete()).then(|| hold.expires(patience)));
        for part in &hold.parts {
            round.taken.extend(self.agents.at(part.agent).agent.iter().flat_map(Slot::of));
        }
        self.soft.holds.holding.insert(no);
        if let Some(want) = self.want_mut(no) {
            want.hold = Some(hold);
        }
        self.relist(no);
        Outcome::Held
    }

    /// Puts parts on the books, cut to what limits and the headroom leave: by name, so that what is left out does not
    /// depend on who was told first.
    fn book_parts(&mut self, role: RoleNo, mut parts: Vec<Part>) -> Hold {
        parts.sort_by(|a, b| self.agents.at(a.agent).id.cmp(&self.agents.at(b.agent).id));
        let mut hold = Hold::default();
        for mut part in parts {
            part.held = self.cut(role, &part.held);
            self.set_held(part.agent, part.held.clone());
            self.hold_for_role(role, &part.held);
            hold.sum.add(&part.held);
            hold.parts.push(part);
        }
        hold.parts.sort_by_key(|part| part.agent);
        hold
    }

    /// Notes on which agents more or less is free than before; says whether anything was freed.
    fn note_holds(&mut self, before: &BTreeMap<WantNo, Hold>) -> bool {
        let mut freed = before.iter().any(|(no, was)| {
            let now = self.hold(*no).map(|hold| &hold.sum);
            !now.unwrap_or(&Resources::default()).contains(&was.sum)
        });
        let mut agents: BTreeMap<AgentNo, Resources> = BTreeMap::new();
        for part in before.values().flat_map(|hold| &hold.parts) {
            agents.insert(part.agent, part.held.clone());
        }
        let holding = self.soft.holds.holding.iter().filter_map(|no| self.hold(*no));
        for part in holding.flat_map(|hold| &hold.parts) {
            agents.entry(part.agent).or_default();
        }
        for (agent, was) in agents {
            let held = &self.agents.at(agent).held;
            if *held != was {
                let grew = !held.contains(&was);
                freed |= grew;
                self.note_free(agent, grew);
            }
        }
        freed
    }

    /// Shows those again what they refused whose hold grew there, and wakes them; says whether there are any.
    fn wake_holders(&mut self, before: &BTreeMap<WantNo, Hold>) -> bool {
        let mut woken = false;
        let holding: Vec<WantNo> = self.soft.holds.holding.iter().copied().collect();
        for no in holding {
            let Some(hold) = self.hold(no) else { continue };
            let was = |agent| before.get(&no).and_then(|was| was.part(agent)).map(|part| &part.held);
            let grown = hold.parts.iter().filter(|part| {
                !part.held.is_zero() && was(part.agent).is_none_or(|was| !was.contains(&part.held))
            });
            let grown: Vec<AgentNo> = grown.map(|part| part.agent).collect();
            let complete = hold.is_complete();
            let waits = self.want(no).is_some_and(|want| self.state(want) == WantState::Waiting);
            if complete && !waits {
                self.show_all(no);
                self.set_state(no, WantState::Waiting);
                woken = true;
            } else if !grown.is_empty() {
                woken |= self.show_grown(no, &grown);
            }
        }
        woken
    }
}
