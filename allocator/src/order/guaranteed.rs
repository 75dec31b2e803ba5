//! The stage of guarantees as an index: the wants in roles with a guarantee, in the order in which they are served.

use super::{Choice, WantKey};
use crate::books::{Books, RoleNo, WantNo};
use crate::id::RolePath;
use crate::wide::Fraction;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// What wants in the stage of guarantees are ordered by: charged over guaranteed, turns won, path, place in the role.
pub(super) type GuaranteeKey = (Fraction, u64, RolePath, WantKey);

/// The wants that may be in the stage. One that is found not to be leaves: what others take never brings it back, only
/// a change does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guaranteed {
    keys: BTreeMap<WantNo, GuaranteeKey>,
    order: BTreeSet<(GuaranteeKey, WantNo)>,
}

impl Guaranteed {
    fn set(&mut self, no: WantNo, key: GuaranteeKey) {
        if self.keys.get(&no) != Some(&key) {
            self.remove(no);
            self.order.insert((key.clone(), no));
            self.keys.insert(no, key);
        }
    }

    pub(super) fn remove(&mut self, no: WantNo) {
        if let Some(key) = self.keys.remove(&no) {
            self.order.remove(&(key, no));
        }
    }
}

impl Books {
    /// Enters a want if its role or one above it has a guarantee.
    pub(crate) fn enter_guaranteed(&mut self, no: WantNo) {
        let Some(waiting) = self.waiting(no) else { return };
        if self.path(waiting.role).any(|(_, book)| book.own_guarantee().next().is_some()) {
            let key = self.guarantee_key(&waiting);
            self.order.guaranteed.set(no, key);
        }
    }

    /// Puts the wants in order again whose place depends on what a role is charged: all below the highest role with a
    /// guarantee that is charged with it.
    pub(super) fn move_guaranteed(&mut self, role: RoleNo) {
        let guaranteed = self.path(role).filter(|(_, book)| book.own_guarantee().next().is_some());
        let Some((top, _)) = guaranteed.last() else { return };
        let mut below = alloc::vec![top];
        while let Some(role) = below.pop() {
            below.extend(self.roles.at(role).children.values());
            let wants: Vec<WantNo> = self.order.own(role).collect();
            for no in
                wants.into_iter().filter(|no| self.order.guaranteed.keys.contains_key(no)).collect::<Vec<_>>()
            {
                self.enter_guaranteed(no);
            }
        }
    }

    /// Lets those be looked at again for the stage that were found not to be in it.
    pub(crate) fn reconsider_guarantees(&mut self) {
        if self.roles.at(self.root).need.is_empty() || self.order.stale {
            return;
        }
        let out = self.order.listed().filter(|no| !self.order.guaranteed.keys.contains_key(no));
        for no in out.collect::<Vec<_>>() {
            self.enter_guaranteed(no);
        }
    }

    /// The first that is served from a guarantee.
    pub(super) fn first_served(&mut self) -> Option<Choice> {
        if self.roles.at(self.root).need.is_empty() {
            return None;
        }
        while let Some(no) = self.order.guaranteed.order.first().map(|(_, no)| *no) {
            if self.waiting(no).is_some_and(|waiting| self.is_served(&waiting)) {
                return Some(Choice { want: no, guaranteed: true, rivals: Vec::new(), next_framework: None });
            }
            self.order.guaranteed.remove(no);
        }
        None
    }
}
