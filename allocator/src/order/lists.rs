//! The lists that the index of the order is made of.

use super::WantKey;
use super::guaranteed::Guaranteed;
use crate::books::{FrameworkNo, RoleNo, WantNo};
use crate::class::ClassNo;
use crate::share::{Mask, Place};
use crate::wide::Fraction;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// Every want that may have a turn, in its place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    /// By the number of the role, a list for each kin of wants in it and below it.
    lists: Vec<Vec<List>>,
    /// By the number of the role, where its path stands among all paths: equal places are compared by it.
    pub(super) paths: Vec<u32>,
    pub(super) listed: BTreeMap<WantNo, Listed>,
    pub(super) guaranteed: Guaranteed,
    pub(super) moved_roles: Vec<RoleNo>,
    pub(super) moved_frameworks: Vec<FrameworkNo>,
    pub(super) stale: bool,
}

/// What the wants of a list have in common: the resources of the fair set that they take, and where they are a crowd,
/// the class. While that sleeps its lists are passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kin {
    pub(super) mask: Mask,
    pub(super) class: Option<ClassNo>,
}

/// The wants of one role, and of those below it, that are of one kin.
#[derive(Clone, Debug, Default)]
pub(super) struct List {
    pub(super) kin: Kin,
    /// How many there are. A list of none stays, empty.
    pub(super) below: u32,
    /// Those directly in the role, in order.
    pub(super) own: BTreeSet<WantKey>,
    /// The places below the role that have some, in order.
    pub(super) places: BTreeSet<PlaceKey>,
    /// The role's own place among its siblings.
    pub(super) key: Option<PlaceKey>,
    /// The place of its implicit leaf among its children.
    pub(super) own_key: Option<PlaceKey>,
}

/// Where a want stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) role: RoleNo,
    pub(super) kin: Kin,
    pub(super) key: WantKey,
}

/// What places are ordered by: the share, turns won, and the path, the implicit leaf first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PlaceKey {
    pub(super) share: Fraction,
    pub(super) turns: u64,
    pub(super) path: Option<u32>,
    pub(super) place: Place,
}

/// The role of a place, and whether the place is its implicit leaf.
pub(super) fn role_of(place: Place) -> (RoleNo, bool) {
    match place {
        Place::Own(role) => (role, true),
        Place::Role(role) => (role, false),
    }
}

impl List {
    pub(super) fn key(&self, own: bool) -> Option<&PlaceKey> {
        if own { self.own_key.as_ref() } else { self.key.as_ref() }
    }
}

impl Order {
    /// The wants that are in order.
    pub(super) fn listed(&self) -> impl Iterator<Item = WantNo> {
        self.listed.keys().copied()
    }

    /// The wants directly in a role that are in order.
    pub(super) fn own(&self, role: RoleNo) -> impl Iterator<Item = WantNo> {
        self.lists(role).iter().flat_map(|list| &list.own).map(|key| key.no)
    }

    pub(super) fn lists(&self, role: RoleNo) -> &[List] {
        self.lists.get(role.index()).map_or(&[], Vec::as_slice)
    }

    pub(super) fn list(&self, role: RoleNo, kin: Kin) -> Option<&List> {
        self.lists(role).iter().find(|list| list.kin == kin)
    }

    /// The list of this role and kin, which is entered, empty, if it is not there.
    pub(super) fn list_mut(&mut self, role: RoleNo, kin: Kin) -> Option<&mut List> {
        if self.lists.len() <= role.index() {
            self.lists.resize_with(role.index() + 1, Vec::new);
        }
        let lists = self.lists.get_mut(role.index())?;
        let at = lists.partition_point(|list| list.kin < kin);
        if lists.get(at).is_none_or(|list| list.kin != kin) {
            lists.insert(at, List { kin, ..List::default() });
        }
        lists.get_mut(at)
    }

    pub(super) fn is_waiting(&self, place: Place, kin: Kin) -> bool {
        let (role, own) = role_of(place);
        self.list(role, kin).is_some_and(|list| if own { !list.own.is_empty() } else { list.below > 0 })
    }
}
