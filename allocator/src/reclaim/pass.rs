//! All claims of one time, the first in the order of guarantees first.

use super::choose::Plan;
use super::units::Running;
use super::{Claim, NoReclaim};
use crate::books::want::Terms;
use crate::books::{AgentNo, Books, RoleNo, WantNo};
use crate::hold::Slot;
use crate::inverse::{Asked, UnitName};
use crate::resources::{Amounts, Kind, Resources};
use crate::tick::Timestamp;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// What came out.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    pub(crate) claims: BTreeMap<WantNo, Claim>,
    /// The units to be asked for now, and for whom.
    pub(crate) victims: Vec<(WantNo, Running)>,
    /// Why asks that are owed something claim nothing.
    pub(crate) said: BTreeMap<WantNo, NoReclaim>,
}

/// The units that run, and what was asked of them.
struct Lent {
    /// Those that may be asked for.
    units: Vec<Running>,
    /// Those that were asked for already and count as coming free.
    asked: Vec<Running>,
    coming: BTreeMap<AgentNo, Resources>,
}

impl Books {
    /// All claims. What they and the units that go change of the charges is booked while they are decided, and taken
    /// back: the next claim is decided as if those before it were served.
    pub(super) fn claims(&mut self, asked: &BTreeMap<UnitName, Asked>, now: Timestamp) -> Pass {
        let mut pass = Pass::default();
        if self.claims_nothing() {
            return pass;
        }
        let owed = self.owed_asks(now);
        let mut lent = self.lent_units(asked);
        if owed.is_empty() || (lent.units.is_empty() && lent.asked.is_empty()) {
            return pass;
        }
        let mut undo: Vec<(RoleNo, Resources, bool)> = Vec::new();
        for unit in &lent.asked {
            self.book(&mut undo, unit.role, &unit.sum, false);
        }
        let mut taken: BTreeSet<Slot> = BTreeSet::new();
        for no in owed {
            match self.try_claim(no, &mut lent, &mut taken, &mut undo) {
                Ok((claim, victims)) => {
                    pass.victims.extend(victims.into_iter().map(|unit| (no, unit)));
                    pass.claims.insert(no, claim);
                }
                Err(why) => drop(pass.said.insert(no, why)),
            }
        }
        while let Some(step) = undo.pop() {
            self.unbook(step);
        }
        pass
    }

    /// Why an ask may claim nothing, by what needs no look at the agents.
    pub(super) fn no_claim(&self, no: WantNo, now: Timestamp) -> Option<NoReclaim> {
        if self.policy.inverse_offer_millis.is_none() || self.policy.hold_patience_millis.is_none() {
            return Some(NoReclaim::Off);
        }
        let (want, role) = (self.want(no)?, self.charged_role(no.framework));
        let unit = match (&want.terms, &want.unit) {
            (Terms::Ask(_), Some(unit)) => unit,
            (Terms::Ask(_) | Terms::Open(_), _) => return Some(NoReclaim::NoUnit),
        };
        let beyond = self.beyond_hold(no, |kind| unit.amount(kind));
        let whole = self.hold(no).is_some_and(|hold| hold.is_complete());
        if whole || !self.serves_guarantee(role, &beyond) {
            return Some(if whole { NoReclaim::Fits } else { NoReclaim::NotOwed });
        }
        if !want.unserved {
            return Some(NoReclaim::New);
        }
        if let Some(rest) = want.rest.filter(|rest| rest.until > now) {
            return Some(NoReclaim::Rests(rest.until));
        }
        self.block_for(no, role, |kind| unit.amount(kind)).map(NoReclaim::Blocked)
    }

    /// The asks in the stage of guarantees that wait, in its order.
    fn owed_asks(&self, now: Timestamp) -> Vec<WantNo> {
        let waits = |no: &WantNo| {
            self.frameworks.at(no.framework).framework.is_some() && self.no_claim(*no, now).is_none()
        };
        let mut owed: Vec<WantNo> = self.wants().filter(waits).collect();
        owed.sort_by_cached_key(|no| self.claim_key(*no));
        owed
    }

    fn lent_units(&self, asked: &BTreeMap<UnitName, Asked>) -> Lent {
        let mut lent = Lent { units: Vec::new(), asked: Vec::new(), coming: BTreeMap::new() };
        for unit in self.reclaimable_units() {
            let name = self.unit_name(&unit.key);
            match asked.get(&name) {
                None => lent.units.push(unit),
                Some(state) if state.is_coming() => lent.push_asked(unit),
                Some(_) => {}
            }
        }
        lent
    }

    /// Decides one claim, and books what it changes.
    fn try_claim(
        &mut self,
        no: WantNo,
        lent: &mut Lent,
        taken: &mut BTreeSet<Slot>,
        undo: &mut Vec<(RoleNo, Resources, bool)>,
    ) -> Result<(Claim, Vec<Running>), NoReclaim> {
        let role = self.charged_role(no.framework);
        let unit = self.want(no).and_then(|want| want.unit.clone()).ok_or(NoReclaim::NoUnit)?;
        if !self.serves_guarantee(role, self.beyond_hold(no, |kind| unit.amount(kind))) {
            return Err(NoReclaim::NotOwed);
        }
        let mut plan = Plan::new(self, (no, role), taken, &lent.units, &lent.coming);
        if !plan.place_unit() {
            return Err(NoReclaim::NoRoom);
        }
        let leans = plan.leans_on();
        let chosen: BTreeSet<usize> = core::mem::take(&mut plan.chosen).into_iter().collect();
        let parts = plan.into_parts();
        if chosen.is_empty() && leans.is_empty() {
            return Err(NoReclaim::Fits);
        }
        let (mut victims, mut others) = (Vec::new(), Vec::new());
        for (at, unit) in core::mem::take(&mut lent.units).into_iter().enumerate() {
            if chosen.contains(&at) { victims.push(unit) } else { others.push(unit) }
        }
        lent.units = others;
        let relied = lent.asked.iter().filter(|unit| unit.parts.keys().any(|agent| leans.contains(agent)));
        let going: Vec<Running> = relied.chain(&victims).cloned().collect();
        if !self.book_claim((no, role), &parts, &going, undo, victims.len()) {
            lent.units.append(&mut victims);
            return Err(NoReclaim::NoRoom);
        }
        for (agent, _) in &parts {
            taken.extend(self.agents.at(*agent).agent.iter().flat_map(Slot::of));
        }
        let units = going.iter().map(|unit| self.unit_name(&unit.key)).collect();
        victims.iter().cloned().for_each(|unit| lent.push_asked(unit));
        Ok((Claim { parts, units }, victims))
    }

    /// Books a claim and the units that go for it, the last `new` of them for the first time. Says whether need(root) is
    /// lowered by the full amount of what is owed: a role is not served by what is taken from another that then misses as
    /// much. If not, all is as before.
    fn book_claim(
        &mut self,
        (no, role): (WantNo, RoleNo),
        parts: &[(AgentNo, Resources)],
        going: &[Running],
        undo: &mut Vec<(RoleNo, Resources, bool)>,
        new: usize,
    ) -> bool {
        let mut sum = Resources::default();
        parts.iter().for_each(|(_, part)| sum.add(part));
        if let Some(hold) = self.hold(no) {
            sum.take_up_to(&hold.sum);
        }
        let asked = going.len().saturating_sub(new);
        going.iter().take(asked).for_each(|unit| self.charge_role(unit.role, &unit.sum));
        let before = self.owed_to(role, &sum);
        going.iter().take(asked).for_each(|unit| self.discharge_role(unit.role, &unit.sum));
        let steps = undo.len();
        going.iter().skip(asked).for_each(|unit| self.book(undo, unit.role, &unit.sum, false));
        self.book(undo, role, &sum, true);
        let after = self.owed_to(role, &sum);
        let serves = before.iter().all(|(kind, need)| {
            let then = after.get(kind).copied().unwrap_or_default();
            then.saturating_add(sum.amount(kind)) <= *need
        });
        while !serves && undo.len() > steps {
            undo.pop().into_iter().for_each(|step| self.unbook(step));
        }
        serves
    }

    /// need(root) of the kinds that a claim takes and that the role or one above it declares a guarantee for.
    fn owed_to(&self, role: RoleNo, sum: &Resources) -> Amounts {
        let declared = self.path(role).flat_map(|(_, book)| book.own_guarantee().map(|(kind, _)| kind));
        let need = |kind: &Kind| self.roles.at(self.root).need.get(kind).copied().unwrap_or_default();
        declared.filter(|kind| sum.amount(kind) > 0).map(|kind| (kind.clone(), need(kind))).collect()
    }

    fn book(
        &mut self,
        undo: &mut Vec<(RoleNo, Resources, bool)>,
        role: RoleNo,
        sum: &Resources,
        charges: bool,
    ) {
        undo.push((role, sum.clone(), !charges));
        if charges { self.charge_role(role, sum) } else { self.discharge_role(role, sum) }
    }

    fn unbook(&mut self, (role, sum, charges): (RoleNo, Resources, bool)) {
        if charges { self.charge_role(role, &sum) } else { self.discharge_role(role, &sum) }
    }
}

impl Lent {
    fn push_asked(&mut self, unit: Running) {
        for (agent, part) in &unit.parts {
            self.coming.entry(*agent).or_default().add(part);
        }
        self.asked.push(unit);
    }
}
