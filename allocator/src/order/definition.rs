//! The order by its definition: every want is looked at, every share computed. It is what the index must agree with,
//! and what an explanation, which has no index to change, goes by.

use super::Choice;
use super::guaranteed::GuaranteeKey;
use crate::books::want::{Terms, Unit, Want, WantState};
use crate::books::{Books, RoleNo, WantNo};
use crate::resources::Kind;
use crate::share::Place;
use crate::wide::Fraction;
use alloc::vec::Vec;

impl Books {
    /// The next turn among all wants that may have one.
    pub(crate) fn next_by_definition(&self) -> Option<Choice> {
        let waiting: Vec<Waiting<'_>> = self.wants().filter_map(|no| self.waiting(no)).collect();
        self.first_guaranteed(&waiting).or_else(|| self.first_by_share(&waiting))
    }

    pub(super) fn waiting(&self, no: WantNo) -> Option<Waiting<'_>> {
        self.listable(no).filter(|waiting| self.state(waiting.want) == WantState::Waiting)
    }

    /// A want that is in the lists: one of a crowd stays there while its class sleeps.
    pub(super) fn listable(&self, no: WantNo) -> Option<Waiting<'_>> {
        let crowd =
            |want: &&Want| want.state == WantState::Waiting && self.soft.classes.listed(want.class).is_some();
        let want = self.want(no).filter(|want| crowd(want) || self.state(want) == WantState::Waiting)?;
        let framework = self.frameworks.at(no.framework);
        framework.framework.as_ref().filter(|_| !framework.paused)?;
        Some(Waiting { no, role: framework.role, want, unit: want.unit.as_ref()? })
    }

    fn first_guaranteed(&self, waiting: &[Waiting<'_>]) -> Option<Choice> {
        if self.roles.at(self.root).need.is_empty() {
            return None;
        }
        let served = waiting.iter().filter(|waiting| self.is_served(waiting));
        let first = served.min_by_key(|waiting| self.guarantee_key(waiting))?;
        Some(Choice { want: first.no, guaranteed: true, rivals: Vec::new(), next_framework: None })
    }

    /// Whether a want is in the stage of guarantees.
    pub(super) fn is_served(&self, waiting: &Waiting<'_>) -> bool {
        match &waiting.want.terms {
            Terms::Ask(_) => {
                let beyond = self.beyond_hold(waiting.no, |kind| waiting.unit.amount(kind));
                self.serves_guarantee(waiting.role, beyond)
            }
            Terms::Open(_) => self.serves_open(waiting.role, waiting.unit),
        }
    }

    /// Whether some resource that the role is guaranteed is still missing by as much as open demand takes at least.
    fn serves_open(&self, role: RoleNo, least: &Unit) -> bool {
        let declared = self.path(role).flat_map(|(_, book)| book.own_guarantee());
        declared.into_iter().any(|(kind, _)| {
            let taken = least.amount(kind).max(1);
            self.serves_guarantee(role, |other| if other == kind { taken } else { 0 })
        })
    }

    /// The place in that order of a want that waits, whatever its state.
    pub(crate) fn claim_key(&self, no: WantNo) -> Option<GuaranteeKey> {
        let (want, role) = (self.want(no)?, self.charged_role(no.framework));
        Some(self.guarantee_key(&Waiting { no, role, want, unit: want.unit.as_ref()? }))
    }

    /// What wants in the stage of guarantees are ordered by: the least, over the declaring roles on the path, of the
    /// largest charged over guaranteed among the resources that the want takes.
    pub(super) fn guarantee_key(&self, waiting: &Waiting<'_>) -> GuaranteeKey {
        let open = matches!(waiting.want.terms, Terms::Open(_));
        let takes = |kind: &Kind| open || waiting.unit.amount(kind) > 0;
        let ratios = self.path(waiting.role).filter_map(|(_, book)| {
            let declared = book.own_guarantee().filter(|(kind, _)| takes(kind));
            declared.map(|(kind, sum)| Fraction::new(book.charged.amount(kind).into(), sum.into())).max()
        });
        let role = self.roles.at(waiting.role);
        (ratios.min().unwrap_or(Fraction::ZERO), role.own_turns, role.path.clone(), self.want_key(waiting))
    }

    /// Descends from the root: on each level to the place with the least share, towards the wants that made it least.
    fn first_by_share(&self, waiting: &[Waiting<'_>]) -> Option<Choice> {
        let mut below: Vec<&Waiting<'_>> = waiting.iter().collect();
        let mut allowed = below.clone();
        let mut node = self.root;
        let mut rivals = Vec::new();
        loop {
            let least = allowed
                .iter()
                .map(|w| self.share_below(node, w))
                .min_by(|a, b| a.1.cmp(&b.1).then_with(|| self.place_rank(a.0).cmp(&self.place_rank(b.0))));
            let (place, share) = least?;
            let others = below.iter().map(|w| self.share_below(node, w)).filter(|(other, _)| *other != place);
            if let Some(next) = others.map(|(_, share)| share).min() {
                rivals.push((place, next));
            }
            below.retain(|w| self.share_below(node, w).0 == place);
            allowed.retain(|w| {
                let (other, its) = self.share_below(node, w);
                other == place && its == share
            });
            match place {
                Place::Role(role) if self.is_inner(role) => node = role,
                Place::Role(role) | Place::Own(role) => {
                    return self.first_in_role(role, &allowed, &below, rivals);
                }
            }
        }
    }

    fn first_in_role(
        &self,
        role: RoleNo,
        allowed: &[&Waiting<'_>],
        below: &[&Waiting<'_>],
        rivals: Vec<(Place, Fraction)>,
    ) -> Option<Choice> {
        let first = allowed.iter().min_by_key(|waiting| self.want_key(waiting))?;
        let others = below.iter().filter(|other| other.no.framework != first.no.framework);
        let next_framework = others
            .filter(|_| self.goes_by_share(role))
            .map(|other| self.framework_share(other.no.framework, |_| 0))
            .min();
        let rivals = self.rivals(first.unit.mask, rivals);
        Some(Choice { want: first.no, guaranteed: false, rivals, next_framework })
    }

    /// Which child of an inner node a want is below, and the share that the child is compared by for this want.
    fn share_below(&self, node: RoleNo, waiting: &Waiting<'_>) -> (Place, Fraction) {
        let mut place = Place::Own(waiting.role);
        for (no, _) in self.path(waiting.role) {
            if no == node {
                break;
            }
            place = Place::Role(no);
        }
        (place, self.share_at(place, self.compared(place, waiting.unit.mask), |_| 0))
    }
}

/// A want that may have a turn.
#[derive(Clone, Copy)]
pub(super) struct Waiting<'a> {
    pub(super) no: WantNo,
    pub(super) role: RoleNo,
    pub(super) want: &'a Want,
    pub(super) unit: &'a Unit,
}
