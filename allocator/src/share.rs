//! Shares: how much of the whole is charged, over the weight. After dominant resource fairness (Ghodsi et al., NSDI
//! 2011): the share is the largest over the fair set.

use crate::books::{Books, FrameworkNo, RoleNo};
use crate::plant::Plant;
use crate::resources::{Kind, Resources};
use crate::wide::Fraction;
use alloc::vec::Vec;

/// The resources that shares are measured in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FairSet {
    kinds: Vec<Kind>,
}

/// Some of the fair set: one bit for each, by position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mask(u32);

impl FairSet {
    const MOST: usize = 32;

    pub(crate) fn new(kinds: &[Kind]) -> Self {
        Self { kinds: kinds.iter().take(Self::MOST).cloned().collect() }
    }

    /// The kinds for which `takes` holds.
    pub(crate) fn mask(&self, takes: impl Fn(&Kind) -> bool) -> Mask {
        let bits = self.kinds.iter().enumerate().filter(|(_, kind)| takes(kind));
        Mask(bits.fold(0, |mask, (bit, _)| mask | (1 << bit)))
    }

    pub(crate) fn all(&self) -> Mask {
        self.mask(|_| true)
    }

    fn within(&self, mask: Mask) -> impl Iterator<Item = &Kind> {
        self.kinds.iter().enumerate().filter(move |(bit, _)| mask.0 & (1 << bit) != 0).map(|(_, kind)| kind)
    }

    /// The largest of `charged` over `total` times weight among the kinds of the mask. A kind of which there is
    /// nothing in all does not count.
    pub(crate) fn share(
        &self,
        mask: Mask,
        charged: impl Fn(&Kind) -> u64,
        total: &Resources,
        weight: u32,
    ) -> Fraction {
        let mut most = Fraction::ZERO;
        for kind in self.within(mask) {
            let whole = u128::from(total.amount(kind)) * u128::from(weight.max(1));
            if whole > 0 {
                most = most.max(Fraction::new(u128::from(charged(kind)), whole));
            }
        }
        most
    }

    /// The kind that makes the share.
    fn dominant(&self, charged: impl Fn(&Kind) -> u64, total: &Resources) -> Option<&Kind> {
        let part = |kind: &Kind| Fraction::new(u128::from(charged(kind)), u128::from(total.amount(kind)));
        self.kinds.iter().filter(|kind| total.amount(kind) > 0).max_by(|a, b| part(a).cmp(&part(b)))
    }
}

/// A place in the tree that is compared with its siblings: a role with all below it, or the frameworks directly in an
/// inner role, its implicit leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Own(RoleNo),
    Role(RoleNo),
}

impl Books {
    pub(crate) fn is_inner(&self, role: RoleNo) -> bool {
        role == self.root || !self.roles.at(role).children.is_empty()
    }

    /// What of one kind is charged to a place, without what is held, or reserved and idle: that counts in no share. What is
    /// in use of revocable room counts in it alone.
    fn used_at(&self, place: Place, kind: &Kind) -> u64 {
        let (Place::Own(role) | Place::Role(role)) = place;
        let book = self.roles.at(role);
        let (charged, held, reserved, revocable) = match place {
            Place::Own(_) => (&book.own, &book.own_held, &book.own_reserved, &book.own_revocable),
            Place::Role(_) => (&book.charged, &book.held, &book.reserved, &book.revocable),
        };
        let used =
            charged.amount(kind).saturating_sub(held.amount(kind)).saturating_sub(reserved.amount(kind));
        used.saturating_add(revocable.amount(kind))
    }

    pub(crate) fn weight_at(&self, place: Place) -> u32 {
        match place {
            Place::Own(_) => 1,
            Place::Role(role) => self.roles.at(role).weight(),
        }
    }

    /// The resources by which a place is compared for a want that takes those of `mask`: a leaf by all, an inner role
    /// by what the want takes, or a sibling's use of another resource would starve it (Bhattacharya et al., SoCC 2013).
    pub(crate) fn compared(&self, place: Place, mask: Mask) -> Mask {
        match place {
            Place::Role(role) if self.is_inner(role) => mask,
            Place::Role(_) | Place::Own(_) => self.fair.all(),
        }
    }

    /// The share of a place in the resources of the mask, with `more` charged to it besides.
    pub(crate) fn share_at(&self, place: Place, mask: Mask, more: impl Fn(&Kind) -> u64) -> Fraction {
        let weight = if self.planted.is(Plant::Fairness) { 1 } else { self.weight_at(place) };
        if self.planted.is(Plant::Total) {
            let _ = self.used_at(place, &Kind::Cpu) / self.total.cpu_milli;
        }
        let sum = |kind: &Kind| self.used_at(place, kind).saturating_add(more(kind));
        self.fair.share(mask, sum, &self.total, weight)
    }

    /// The kind that makes a role's share.
    pub(crate) fn dominant(&self, role: RoleNo) -> Option<&Kind> {
        self.fair.dominant(|kind| self.used_at(Place::Role(role), kind), &self.total)
    }

    /// A framework's share, with `more` charged to it besides.
    pub(crate) fn framework_share(&self, framework: FrameworkNo, more: impl Fn(&Kind) -> u64) -> Fraction {
        let book = self.frameworks.at(framework);
        let used = |kind: &Kind| book.charged.amount(kind).saturating_add(book.revocable.amount(kind));
        let sum = |kind: &Kind| used(kind).saturating_add(more(kind));
        self.fair.share(self.fair.all(), sum, &self.total, 1)
    }
}
