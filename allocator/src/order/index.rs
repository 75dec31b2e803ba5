//! The order as an index.

use super::guaranteed::Guaranteed;
use super::{Choice, WantKey};
use crate::books::{Books, FrameworkNo, RoleNo, WantNo};
use crate::id::RolePath;
use crate::share::{Mask, Place};
use crate::wide::Fraction;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// Every want that may have a turn, in its place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    /// By the number of the role.
    levels: Vec<Level>,
    listed: BTreeMap<WantNo, Listed>,
    pub(super) guaranteed: Guaranteed,
    pub(super) moved_roles: Vec<RoleNo>,
    pub(super) moved_frameworks: Vec<FrameworkNo>,
    pub(super) stale: bool,
}

/// What is kept of one role.
#[derive(Clone, Debug, Default)]
struct Level {
    /// Its places with wants below that take these resources, in order.
    places: BTreeMap<Mask, BTreeSet<PlaceKey>>,
    /// The keys of the role itself among its siblings, and of its implicit leaf among its children.
    keys: BTreeMap<(bool, Mask), PlaceKey>,
    /// The wants directly in it, in order.
    own: BTreeMap<Mask, BTreeSet<WantKey>>,
    /// How many wants are in it and below it.
    below: BTreeMap<Mask, u32>,
}

/// Where a want stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    role: RoleNo,
    mask: Mask,
    key: WantKey,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PlaceKey {
    share: Fraction,
    rank: (u64, bool, RolePath),
    place: Place,
}

fn distinct<T: Ord>(list: &mut Vec<T>) -> Vec<T> {
    let mut list = core::mem::take(list);
    list.sort_unstable();
    list.dedup();
    list
}

impl Order {
    /// The wants that are in order.
    pub(super) fn listed(&self) -> impl Iterator<Item = WantNo> {
        self.listed.keys().copied()
    }

    /// The wants directly in a role that are in order.
    pub(super) fn own(&self, role: RoleNo) -> impl Iterator<Item = WantNo> {
        let level = self.levels.get(role.index());
        level.into_iter().flat_map(|level| level.own.values().flatten()).map(|key| key.no)
    }

    fn level(&mut self, role: RoleNo) -> Option<&mut Level> {
        if self.levels.len() <= role.index() {
            self.levels.resize_with(role.index() + 1, Level::default);
        }
        self.levels.get_mut(role.index())
    }

    fn masks(&self, role: RoleNo, own: bool) -> Vec<Mask> {
        let level = self.levels.get(role.index());
        level
            .map(|level| {
                if own { level.own.keys().copied().collect() } else { level.below.keys().copied().collect() }
            })
            .unwrap_or_default()
    }

    fn key(&self, place: Place, mask: Mask) -> Option<&PlaceKey> {
        let (own, role) = match place {
            Place::Own(role) => (true, role),
            Place::Role(role) => (false, role),
        };
        self.levels.get(role.index())?.keys.get(&(own, mask))
    }

    fn is_waiting(&self, place: Place, mask: Mask) -> bool {
        match place {
            Place::Own(role) => {
                self.levels.get(role.index()).is_some_and(|level| level.own.contains_key(&mask))
            }
            Place::Role(role) => {
                self.levels.get(role.index()).is_some_and(|level| level.below.contains_key(&mask))
            }
        }
    }
}

impl Books {
    /// The next turn among all wants that may have one.
    pub(crate) fn next_turn(&mut self) -> Option<Choice> {
        self.settle_order();
        self.first_served().or_else(|| self.descend())
    }

    /// Puts a want where it belongs now, or takes it out.
    pub(crate) fn relist(&mut self, no: WantNo) {
        if self.order.stale {
            return;
        }
        let listed = self.waiting(no).map(|waiting| Listed {
            role: waiting.role,
            mask: waiting.unit.mask,
            key: self.want_key(&waiting),
        });
        if self.order.listed.get(&no) == listed.as_ref() {
            return;
        }
        self.unlist(no);
        let Some(listed) = listed else { return };
        let Listed { role, mask, key } = listed.clone();
        self.order.listed.insert(no, listed);
        self.enter_guaranteed(no);
        if let Some(level) = self.order.level(role) {
            level.own.entry(mask).or_default().insert(key);
        }
        self.count(role, mask, true);
    }

    /// Takes a want out of the order.
    pub(crate) fn unlist(&mut self, no: WantNo) {
        let Some(Listed { role, mask, key }) = self.order.listed.remove(&no) else { return };
        self.order.guaranteed.remove(no);
        if let Some(level) = self.order.level(role) {
            let keys = level.own.entry(mask).or_default();
            keys.remove(&key);
            if keys.is_empty() {
                level.own.remove(&mask);
            }
        }
        self.count(role, mask, false);
    }

    /// Counts a want in or out of its role and all above, and puts the places that come or go in order.
    fn count(&mut self, role: RoleNo, mask: Mask, one_more: bool) {
        let mut next = Some(role);
        while let Some(at) = next {
            next = self.roles.at(at).parent;
            let Some(level) = self.order.level(at) else { return };
            let count = level.below.entry(mask).or_default();
            *count = if one_more { *count + 1 } else { count.saturating_sub(1) };
            if *count == 0 {
                level.below.remove(&mask);
            }
        }
        self.place(role, Some(mask));
    }

    /// Puts the places that a want of a role is below in order, for wants of one mask or of all.
    fn place(&mut self, role: RoleNo, mask: Option<Mask>) {
        if self.is_inner(role) {
            for mask in mask.map_or_else(|| self.order.masks(role, true), |mask| alloc::vec![mask]) {
                self.reorder(role, Place::Own(role), mask);
            }
        }
        let mut at = role;
        while let Some(parent) = self.roles.at(at).parent {
            for mask in mask.map_or_else(|| self.order.masks(at, false), |mask| alloc::vec![mask]) {
                self.reorder(parent, Place::Role(at), mask);
            }
            at = parent;
        }
    }

    fn reorder(&mut self, node: RoleNo, place: Place, mask: Mask) {
        let key = self.order.is_waiting(place, mask).then(|| PlaceKey {
            share: self.share_at(place, self.compared(place, mask), |_| 0),
            rank: self.place_rank(place),
            place,
        });
        let (own, role) = match place {
            Place::Own(role) => (true, role),
            Place::Role(role) => (false, role),
        };
        let Some(level) = self.order.level(role) else { return };
        let before = match &key {
            Some(key) => level.keys.insert((own, mask), key.clone()),
            None => level.keys.remove(&(own, mask)),
        };
        if before == key {
            return;
        }
        let Some(level) = self.order.level(node) else { return };
        let places = level.places.entry(mask).or_default();
        if let Some(before) = before {
            places.remove(&before);
        }
        if let Some(key) = key {
            places.insert(key);
        }
        if places.is_empty() {
            level.places.remove(&mask);
        }
    }

    /// Brings the order up to what changed since it was last asked.
    fn settle_order(&mut self) {
        if self.order.stale {
            self.order = Order::default();
            let wants: Vec<WantNo> = self.wants().collect();
            wants.into_iter().for_each(|no| self.relist(no));
            return;
        }
        let mut frameworks = distinct(&mut self.order.moved_frameworks);
        for framework in frameworks.drain(..) {
            if self.frameworks.at(framework).role.is_some_and(|role| self.goes_by_share(role)) {
                self.relist_framework(framework);
            }
        }
        let mut roles = distinct(&mut self.order.moved_roles);
        for role in roles.drain(..) {
            self.place(role, None);
            self.move_guaranteed(role);
        }
        // The lists are kept for what moves next.
        (self.order.moved_frameworks, self.order.moved_roles) = (frameworks, roles);
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
        let mut allowed = self.order.masks(node, false);
        let mut rivals = Vec::new();
        loop {
            let level = self.order.levels.get(node.index())?;
            let firsts = allowed.iter().filter_map(|mask| level.places.get(mask)?.first());
            let least = firsts.min()?;
            let place = least.place;
            let others = level.places.values();
            let others =
                others.filter_map(|keys| keys.iter().find(|key| key.place != place).map(|key| key.share));
            if let Some(next) = others.min() {
                rivals.push((place, next));
            }
            let one = allowed.len() == 1;
            allowed.retain(|mask| {
                one || self.order.key(place, *mask).is_some_and(|key| key.share == least.share)
            });
            match place {
                Place::Role(role) if self.is_inner(role) => node = role,
                Place::Role(role) | Place::Own(role) => return self.first_own(role, &allowed, rivals),
            }
        }
    }

    fn first_own(&self, role: RoleNo, allowed: &[Mask], rivals: Vec<(Place, Fraction)>) -> Option<Choice> {
        let level = self.order.levels.get(role.index())?;
        let first = allowed.iter().filter_map(|mask| level.own.get(mask)?.first()).min()?;
        let others = level.own.values().filter(|_| self.goes_by_share(role));
        let others = others.filter_map(|keys| keys.iter().find(|key| key.no.framework != first.no.framework));
        let next_framework = others.map(|key| key.share).min();
        let mask = self.order.listed.get(&first.no)?.mask;
        let rivals = self.rivals(mask, rivals);
        Some(Choice { want: first.no, guaranteed: false, rivals, next_framework })
    }
}
