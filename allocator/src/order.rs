//! Who is next. Stage one serves guarantees, stage two descends the tree by fair shares.

use crate::books::want::{Terms, Unit, Want, WantState};
use crate::books::{Books, RoleNo, WantNo};
use crate::id::FrameworkId;
use crate::resources::Kind;
use crate::role::FrameworkOrder;
use crate::share::{Mask, Place};
use crate::tick::Timestamp;
use crate::wide::Fraction;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// The want whose turn it is, and how far it may go.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) want: WantNo,
    /// Whether it is served from a guarantee.
    pub(crate) guaranteed: bool,
    /// On each level of the descent, who is next after the chosen.
    pub(crate) rivals: Vec<Rival>,
    /// Where the role goes by shares, the share of the next framework.
    pub(crate) next_framework: Option<Fraction>,
}

/// One level of the descent.
#[derive(Clone, Debug)]
pub(crate) struct Rival {
    pub(crate) place: Place,
    pub(crate) mask: Mask,
    /// The share of the next waiting sibling.
    pub(crate) next: Fraction,
}

/// What frameworks of one role are ordered by.
type InRole<'a> = (Fraction, Reverse<i32>, Reverse<i32>, Timestamp, &'a FrameworkId, usize);

impl Books {
    /// The next turn among all wants that may have one.
    pub(crate) fn next_turn(&self) -> Option<Choice> {
        let waiting: Vec<Waiting<'_>> = self.wants().filter_map(|no| self.waiting(no)).collect();
        self.first_guaranteed(&waiting).or_else(|| self.first_by_share(&waiting))
    }

    fn waiting(&self, no: WantNo) -> Option<Waiting<'_>> {
        let want = self.want(no).filter(|want| want.state == WantState::Waiting)?;
        let framework = self.frameworks.at(no.framework);
        framework.framework.as_ref()?;
        Some(Waiting { no, role: framework.role?, want, unit: want.unit.as_ref()? })
    }

    fn first_guaranteed(&self, waiting: &[Waiting<'_>]) -> Option<Choice> {
        if self.roles.at(self.root).need.is_empty() {
            return None;
        }
        let served = waiting.iter().filter(|waiting| match &waiting.want.terms {
            Terms::Ask(_) => self.serves_guarantee(waiting.role, |kind| waiting.unit.amount(kind)),
            Terms::Open(_) => self.serves_open(waiting.role, waiting.unit),
        });
        let first = served.min_by(|a, b| self.guarantee_key(a).cmp(&self.guarantee_key(b)))?;
        Some(Choice { want: first.no, guaranteed: true, rivals: Vec::new(), next_framework: None })
    }

    /// Whether some resource that the role is guaranteed is still missing by as much as open demand takes at least.
    pub(crate) fn serves_open(&self, role: RoleNo, least: &Unit) -> bool {
        let declared = self.path(role).flat_map(|(_, book)| book.own_guarantee());
        declared.into_iter().any(|(kind, _)| {
            let taken = least.amount(kind).max(1);
            self.serves_guarantee(role, |other| if other == kind { taken } else { 0 })
        })
    }

    fn guarantee_key<'a>(
        &'a self,
        waiting: &Waiting<'a>,
    ) -> (Fraction, u64, &'a crate::id::RolePath, InRole<'a>) {
        let open = matches!(waiting.want.terms, Terms::Open(_));
        let takes = |kind: &Kind| open || waiting.unit.amount(kind) > 0;
        let ratios = self.path(waiting.role).filter_map(|(_, book)| {
            let declared = book.own_guarantee().filter(|(kind, _)| takes(kind));
            declared.map(|(kind, sum)| Fraction::new(book.charged.amount(kind).into(), sum.into())).max()
        });
        let role = self.roles.at(waiting.role);
        (ratios.min().unwrap_or(Fraction::ZERO), role.own_turns, &role.path, self.in_role(waiting))
    }

    /// Descends from the root: on each level to the place with the least share, towards the wants that made it least.
    fn first_by_share(&self, waiting: &[Waiting<'_>]) -> Option<Choice> {
        let mut below: Vec<&Waiting<'_>> = waiting.iter().collect();
        let mut allowed = below.clone();
        let mut node = self.root;
        let mut rivals = Vec::new();
        loop {
            let (place, mask, share) = allowed.iter().map(|w| self.place_key(node, w)).min_by(|a, b| {
                a.2.cmp(&b.2)
                    .then_with(|| self.turns_at(a.0).cmp(&self.turns_at(b.0)))
                    .then_with(|| self.by_path(a.0, b.0))
            })?;
            let others = below.iter().map(|w| self.place_key(node, w)).filter(|(other, ..)| *other != place);
            if let Some(next) = others.map(|(_, _, share)| share).min() {
                rivals.push(Rival { place, mask, next });
            }
            below.retain(|w| self.place_key(node, w).0 == place);
            allowed.retain(|w| {
                let (other, _, its) = self.place_key(node, w);
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
        rivals: Vec<Rival>,
    ) -> Option<Choice> {
        let first = allowed.iter().min_by(|a, b| self.in_role(a).cmp(&self.in_role(b)))?;
        let others = below.iter().filter(|other| other.no.framework != first.no.framework);
        let next_framework = others
            .filter(|_| self.goes_by_share(role))
            .map(|other| self.framework_share(other.no.framework, |_| 0))
            .min();
        Some(Choice { want: first.no, guaranteed: false, rivals, next_framework })
    }

    /// Which child of an inner node a want is below, and the share that the child is compared by for this want.
    fn place_key(&self, node: RoleNo, waiting: &Waiting<'_>) -> (Place, Mask, Fraction) {
        let mut place = Place::Own(waiting.role);
        for (no, _) in self.path(waiting.role) {
            if no == node {
                break;
            }
            place = Place::Role(no);
        }
        let mask = self.compared(place, waiting.unit.mask);
        (place, mask, self.share_at(place, mask, |_| 0))
    }

    fn turns_at(&self, place: Place) -> u64 {
        match place {
            Place::Own(role) => self.roles.at(role).own_turns,
            Place::Role(role) => self.roles.at(role).turns,
        }
    }

    fn by_path(&self, a: Place, b: Place) -> core::cmp::Ordering {
        let path = |place| match place {
            Place::Own(role) => (false, &self.roles.at(role).path),
            Place::Role(role) => (true, &self.roles.at(role).path),
        };
        path(a).cmp(&path(b))
    }

    fn goes_by_share(&self, role: RoleNo) -> bool {
        self.roles.at(role).declared.as_ref().is_some_and(|role| role.order == FrameworkOrder::Drf)
    }

    fn in_role<'a>(&'a self, waiting: &Waiting<'a>) -> InRole<'a> {
        let book = self.frameworks.at(waiting.no.framework);
        let share = if self.goes_by_share(waiting.role) {
            self.framework_share(waiting.no.framework, |_| 0)
        } else {
            Fraction::ZERO
        };
        let (priority, since) = book.framework.as_ref().map(|f| (f.priority, f.since)).unwrap_or_default();
        let ask = match &waiting.want.terms {
            Terms::Ask(ask) => ask.priority,
            Terms::Open(_) => 0,
        };
        (share, Reverse(ask), Reverse(priority), since, &book.id, waiting.no.at)
    }
}

/// A want that may have a turn.
#[derive(Clone, Copy)]
struct Waiting<'a> {
    no: WantNo,
    role: RoleNo,
    want: &'a Want,
    unit: &'a Unit,
}
