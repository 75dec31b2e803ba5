//! The order as an index.

use super::lists::{Kin, List, Listed, PlaceKey, role_of};
use super::{Choice, Order};
use crate::books::{Books, FrameworkNo, RoleNo, WantNo};
use crate::share::{Mask, Place};
use crate::wide::Fraction;
use alloc::vec::Vec;

fn distinct<T: Ord>(list: &mut Vec<T>) -> Vec<T> {
    let mut list = core::mem::take(list);
    list.sort_unstable();
    list.dedup();
    list
}

impl Books {
    /// The next turn among all wants that may have one.
    pub(crate) fn next_turn(&mut self) -> Option<Choice> {
        self.settle_order();
        self.first_served().or_else(|| self.descend())
    }

    /// Puts a want where it belongs now, or takes it out.
    pub(crate) fn relist(&mut self, no: WantNo) {
        self.classify(no);
        if self.order.stale {
            return;
        }
        let listed = self.listable(no).map(|waiting| {
            let kin = Kin { mask: waiting.unit.mask, class: self.soft.classes.listed(waiting.want.class) };
            Listed { role: waiting.role, kin, key: self.want_key(&waiting) }
        });
        if self.order.listed.get(&no) == listed.as_ref() {
            return;
        }
        self.unlist(no);
        let Some(listed) = listed else { return };
        let Listed { role, kin, key } = listed.clone();
        self.order.listed.insert(no, listed);
        self.enter_guaranteed(no);
        if let Some(list) = self.order.list_mut(role, kin) {
            list.own.insert(key);
        }
        self.count(role, kin, true);
    }

    /// Takes a want out of the order.
    pub(crate) fn unlist(&mut self, no: WantNo) {
        let Some(Listed { role, kin, key }) = self.order.listed.remove(&no) else { return };
        self.order.guaranteed.remove(no);
        if let Some(list) = self.order.list_mut(role, kin) {
            list.own.remove(&key);
        }
        self.count(role, kin, false);
    }

    /// Counts a want in or out of its role and all above, and puts the places that come or go in order.
    fn count(&mut self, role: RoleNo, kin: Kin, one_more: bool) {
        let mut next = Some(role);
        while let Some(at) = next {
            next = self.roles.at(at).parent;
            let Some(List { below, .. }) = self.order.list_mut(at, kin) else { return };
            *below = if one_more { *below + 1 } else { below.saturating_sub(1) };
        }
        if self.is_inner(role) {
            self.reorder(role, Place::Own(role), kin);
        }
        let mut at = role;
        while let Some(parent) = self.roles.at(at).parent {
            self.reorder(parent, Place::Role(at), kin);
            at = parent;
        }
    }

    /// Puts the places that wants of a role are below in order, after its charge or its turns changed.
    fn place(&mut self, role: RoleNo) {
        if self.is_inner(role) {
            self.reorder_lists(role, Place::Own(role));
        }
        let mut at = role;
        while let Some(parent) = self.roles.at(at).parent {
            self.reorder_lists(parent, Place::Role(at));
            at = parent;
        }
    }

    /// Puts a place in order in all lists of its node.
    fn reorder_lists(&mut self, node: RoleNo, place: Place) {
        let (role, _) = role_of(place);
        let mut at = 0;
        while let Some(kin) = self.order.lists(role).get(at).map(|list| list.kin) {
            self.reorder(node, place, kin);
            at += 1;
        }
    }

    fn reorder(&mut self, node: RoleNo, place: Place, kin: Kin) {
        let (role, own) = role_of(place);
        let key = self.order.is_waiting(place, kin).then(|| self.place_key(place, kin.mask));
        let Some(list) = self.order.list_mut(role, kin) else { return };
        let known = if own { &mut list.own_key } else { &mut list.key };
        let before = core::mem::replace(known, key);
        if before == key {
            return;
        }
        let Some(list) = self.order.list_mut(node, kin) else { return };
        if let Some(before) = before {
            list.places.remove(&before);
        }
        if let Some(key) = key {
            list.places.insert(key);
        }
    }

    fn place_key(&self, place: Place, mask: Mask) -> PlaceKey {
        let (role, own) = role_of(place);
        let book = self.roles.at(role);
        let path = self.order.paths.get(role.index()).copied().unwrap_or_default();
        PlaceKey {
            share: self.share_at(place, self.compared(place, mask), |_| 0),
            turns: if own { book.own_turns } else { book.turns } ^ self.planted.tie(),
            path: (!own).then_some(path),
            place,
        }
    }

    /// Brings the order up to what changed since it was last asked.
    fn settle_order(&mut self) {
        if self.order.stale {
            self.order = Order::default();
            self.number_paths();
            let wants: Vec<WantNo> = self.wants().collect();
            wants.into_iter().for_each(|no| self.relist(no));
            return;
        }
        let mut frameworks = distinct(&mut self.order.moved_frameworks);
        for framework in frameworks.drain(..) {
            if self.goes_by_share(self.charged_role(framework)) {
                self.relist_framework(framework);
            }
        }
        let mut roles = distinct(&mut self.order.moved_roles);
        for role in roles.drain(..) {
            self.place(role);
            self.move_guaranteed(role);
        }
        // The lists are kept for what moves next.
        (self.order.moved_frameworks, self.order.moved_roles) = (frameworks, roles);
    }

    /// Numbers the paths in their order. A role that comes or goes makes the order stale, so that the numbers hold.
    fn number_paths(&mut self) {
        for (path, role) in (0..).zip(self.role_names.values()) {
            if self.order.paths.len() <= role.index() {
                self.order.paths.resize(role.index() + 1, 0);
            }
            if let Some(known) = self.order.paths.get_mut(role.index()) {
                *known = path;
            }
        }
    }

    /// Puts all wants of a framework where they belong now.
    pub(crate) fn relist_framework(&mut self, framework: FrameworkNo) {
        for at in 0..self.frameworks.at(framework).wants.len() {
            self.relist(WantNo { framework, at });
        }
    }

    /// Takes all wants of a framework out of the order.
    pub(crate) fn unlist_framework(&mut self, framework: FrameworkNo) {
        for at in 0..self.frameworks.at(framework).wants.len() {
            self.unlist(WantNo { framework, at });
        }
    }

    fn descend(&self) -> Option<Choice> {
        let mut node = self.root;
        let mut allowed: Vec<Kin> = self.awake_lists(node).map(|list| list.kin).collect();
        let mut rivals = Vec::new();
        loop {
            let of = |kin| self.order.list(node, kin);
            let least = allowed.iter().filter_map(|kin| of(*kin)?.places.first()).min()?;
            let place = least.place;
            let other =
                |list: &'_ List| list.places.iter().find(|key| key.place != place).map(|key| key.share);
            if let Some(next) = self.awake_lists(node).filter_map(other).min() {
                rivals.push((place, next));
            }
            let (role, own) = role_of(place);
            allowed.retain(|kin| {
                let key = self.order.list(role, *kin).and_then(|list| list.key(own));
                key.is_some_and(|key| key.share == least.share)
            });
            if own || !self.is_inner(role) {
                return self.first_own(role, &allowed, rivals);
            }
            node = role;
        }
    }

    /// The lists of a role but those of classes that sleep.
    fn awake_lists(&self, role: RoleNo) -> impl Iterator<Item = &List> {
        let awake = |kin: Kin| kin.class.is_none_or(|class| !self.soft.classes.is_asleep(class));
        self.order.lists(role).iter().filter(move |list| awake(list.kin))
    }

    fn first_own(&self, role: RoleNo, allowed: &[Kin], rivals: Vec<(Place, Fraction)>) -> Option<Choice> {
        let firsts = allowed.iter().filter_map(|kin| {
            let first = self.order.list(role, *kin)?.own.first()?;
            Some((first, kin.mask))
        });
        let (first, mask) = firsts.min()?;
        let others = self.awake_lists(role).filter(|_| self.goes_by_share(role));
        let others =
            others.filter_map(|list| list.own.iter().find(|key| key.no.framework != first.no.framework));
        let next_framework = others.map(|key| key.share).min();
        let rivals = self.rivals(mask, rivals);
        Some(Choice { want: first.no, guaranteed: false, rivals, next_framework })
    }
}
