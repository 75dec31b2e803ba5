//! The tree of roles with what is charged to each, and the need of guarantees below each.

use super::{Books, FrameworkNo, RoleNo};
use crate::id::RolePath;
use crate::plant::Plant;
use crate::resources::{Amounts, Kind, Resources};
use crate::revocable::Revocable;
use crate::role::Role;
use alloc::collections::{BTreeMap, BTreeSet};

/// A role on the books. It is there while it is declared or something is below it or charged to it; the root always.
#[derive(Clone, Debug)]
pub(crate) struct RoleBook {
    pub(crate) path: RolePath,
    pub(crate) parent: Option<RoleNo>,
    pub(crate) children: BTreeMap<RolePath, RoleNo>,
    pub(crate) declared: Option<Role>,
    /// The frameworks that are charged to the role itself.
    pub(crate) frameworks: BTreeSet<FrameworkNo>,
    /// Charged to the role and all below it.
    pub(crate) charged: Resources,
    /// Charged to the role itself.
    pub(crate) own: Resources,
    /// What of the charged is held for units that wait, in all and for the role itself: no share counts it. Soft state.
    pub(crate) held: Resources,
    pub(crate) own_held: Resources,
    /// What of the charged is reserved and idle, in all and for the role itself: no share counts it either.
    pub(crate) reserved: Resources,
    pub(crate) own_reserved: Resources,
    /// How many reservations are kept for the role itself.
    pub(crate) reservations: u32,
    /// What of the charged belongs to tasks that end.
    pub(crate) finishing: Resources,
    /// What is charged to the role itself and may be asked back.
    pub(crate) reclaimable: Resources,
    /// In use of revocable room, in all and by the role's own frameworks: in the share, and no part of the charged.
    pub(crate) revocable: Revocable,
    pub(crate) own_revocable: Revocable,
    /// What units that may be asked back hold above the guarantees of the role and of those below it that they are in.
    pub(crate) lent: Amounts,
    pub(crate) children_lent: Amounts,
    /// The larger of its own guarantee and the sum of its children's: G in the definition of headroom.
    pub(crate) guarantee: Amounts,
    /// What guarantees here or below still miss.
    pub(crate) need: Amounts,
    pub(crate) children_guarantee: Amounts,
    pub(crate) children_need: Amounts,
    /// Turns won by the role, and by the frameworks directly in it. Soft state.
    pub(crate) turns: u64,
    pub(crate) own_turns: u64,
    /// Whether it is on the list of what the laws are to be checked on.
    pub(crate) touched: bool,
}

impl RoleBook {
    pub(crate) fn new(path: RolePath, parent: Option<RoleNo>) -> Self {
        Self {
            path,
            parent,
            children: BTreeMap::new(),
            declared: None,
            frameworks: BTreeSet::new(),
            charged: Resources::default(),
            own: Resources::default(),
            held: Resources::default(),
            own_held: Resources::default(),
            reserved: Resources::default(),
            own_reserved: Resources::default(),
            reservations: 0,
            finishing: Resources::default(),
            reclaimable: Resources::default(),
            revocable: Revocable::default(),
            own_revocable: Revocable::default(),
            lent: Amounts::new(),
            children_lent: Amounts::new(),
            guarantee: Amounts::new(),
            need: Amounts::new(),
            children_guarantee: Amounts::new(),
            children_need: Amounts::new(),
            turns: 0,
            own_turns: 0,
            touched: false,
        }
    }

    pub(crate) fn weight(&self) -> u32 {
        self.declared.as_ref().map_or(1, |role| role.weight)
    }

    /// What the role itself is guaranteed, without amounts of zero, which guarantee nothing.
    pub(crate) fn own_guarantee(&self) -> impl Iterator<Item = (&crate::resources::Kind, u64)> {
        self.declared
            .iter()
            .flat_map(|role| &role.guarantee)
            .map(|(kind, amount)| (kind, *amount))
            .filter(|(_, a)| *a > 0)
    }

    pub(crate) fn limits(&self) -> impl Iterator<Item = (&crate::resources::Kind, u64)> {
        self.declared.iter().flat_map(|role| &role.limit).map(|(kind, amount)| (kind, *amount))
    }

    /// How much of what may be asked back in the role and below is above its guarantee, with `more` charged to it. The
    /// root is above everybody: what is taken in it for another in it leaves it what it was.
    pub(crate) fn lent_of(&self, kind: &crate::resources::Kind, reclaimable: u64, more: u64) -> u64 {
        if self.parent.is_none() {
            return reclaimable;
        }
        reclaimable.min(self.charged.amount(kind).saturating_add(more).saturating_sub(self.own_amount(kind)))
    }

    /// What the role itself is guaranteed of one kind.
    pub(crate) fn own_amount(&self, kind: &crate::resources::Kind) -> u64 {
        self.declared.as_ref().and_then(|role| role.guarantee.get(kind)).copied().unwrap_or_default()
    }

    fn larger_guarantee(&self) -> Amounts {
        let mut guarantee = self.children_guarantee.clone();
        for (kind, amount) in self.own_guarantee() {
            let most = guarantee.entry(kind.clone()).or_default();
            *most = amount.max(*most);
        }
        guarantee
    }

    fn unmet(&self) -> Amounts {
        let mut need = self.children_need.clone();
        for (kind, amount) in &self.guarantee {
            let missing = amount.saturating_sub(self.charged.amount(kind));
            let most = need.entry(kind.clone()).or_default();
            *most = missing.max(*most);
        }
        need.retain(|_, amount| *amount > 0);
        need
    }
}

fn replace(sum: &mut Amounts, before: &Amounts, after: &Amounts) {
    for (kind, amount) in before {
        if let Some(have) = sum.get_mut(kind) {
            *have = have.saturating_sub(*amount);
        }
    }
    for (kind, amount) in after {
        let have = sum.entry(kind.clone()).or_default();
        *have = have.saturating_add(*amount);
    }
    sum.retain(|_, amount| *amount > 0);
}

impl Books {
    /// The number of the role of this path, which is entered with all above it if it is not there.
    pub(crate) fn role_no(&mut self, path: &RolePath) -> RoleNo {
        if let Some(no) = self.role_names.get(path) {
            return *no;
        }
        let parent = path.parent().map_or(self.root, |parent| self.role_no(&parent));
        let no = self.roles.insert(RoleBook::new(path.clone(), Some(parent)));
        self.role_names.insert(path.clone(), no);
        self.roles.at_mut(parent).children.insert(path.clone(), no);
        self.moved_all();
        no
    }

    /// Replaces how a role is declared; none when it is declared no more.
    pub(crate) fn declare_role(&mut self, no: RoleNo, declared: Option<Role>) {
        self.roles.at_mut(no).declared = declared;
        self.moved_all();
        self.refresh_need(no);
        self.drop_role_if_unused(no);
    }

    /// Charges a role and all above it.
    pub(crate) fn charge_role(&mut self, no: RoleNo, resources: &Resources) {
        self.roles.at_mut(no).own.add(resources);
        self.each_above(no, |book| book.charged.add(resources));
        self.refresh_need(no);
        self.moved_role(no);
    }

    /// Takes a charge back.
    pub(crate) fn discharge_role(&mut self, no: RoleNo, resources: &Resources) {
        self.roles.at_mut(no).own.take_up_to(resources);
        if self.planted.is(Plant::Hierarchy) {
            self.roles.at_mut(no).charged.take_up_to(resources);
        } else {
            self.each_above(no, |book| book.charged.take_up_to(resources));
        }
        self.refresh_need(no);
        self.moved_role(no);
    }

    /// Charges a role with what is held for it.
    pub(crate) fn hold_for_role(&mut self, no: RoleNo, resources: &Resources) {
        self.charge_role(no, resources);
        self.roles.at_mut(no).own_held.add(resources);
        self.each_above(no, |book| book.held.add(resources));
    }

    /// Takes back what was held for a role.
    pub(crate) fn let_go_for_role(&mut self, no: RoleNo, resources: &Resources) {
        self.discharge_role(no, resources);
        self.roles.at_mut(no).own_held.take_up_to(resources);
        self.each_above(no, |book| book.held.take_up_to(resources));
    }

    /// Charges a role with what is reserved for it and idle.
    pub(crate) fn reserve_for_role(&mut self, no: RoleNo, resources: &Resources) {
        self.charge_role(no, resources);
        self.roles.at_mut(no).own_reserved.add(resources);
        self.each_above(no, |book| book.reserved.add(resources));
    }

    /// Takes back what was reserved for a role and idle.
    pub(crate) fn unreserve_for_role(&mut self, no: RoleNo, resources: &Resources) {
        self.discharge_role(no, resources);
        self.roles.at_mut(no).own_reserved.take_up_to(resources);
        self.each_above(no, |book| book.reserved.take_up_to(resources));
    }

    /// Counts what belongs to tasks that end in or out.
    pub(crate) fn finishing_in_role(&mut self, no: RoleNo, resources: &Resources, counts: bool) {
        self.each_above(no, |book| book.finishing.count(resources, counts));
    }

    /// Counts what may be asked back in or out.
    pub(crate) fn reclaimable_in_role(&mut self, no: RoleNo, resources: &Resources, counts: bool) {
        if !resources.is_zero() {
            self.roles.at_mut(no).reclaimable.count(resources, counts);
            self.refresh_need(no);
        }
    }

    /// Counts what is in use of revocable room in or out.
    pub(crate) fn revocable_in_role(&mut self, no: RoleNo, resources: &Resources, counts: bool) {
        if !resources.is_zero() {
            self.roles.at_mut(no).own_revocable.count(resources, counts);
            self.each_above(no, |book| book.revocable.count(resources, counts));
            self.moved_role(no);
        }
    }

    /// Does something to a role and all above it.
    fn each_above(&mut self, no: RoleNo, mut change: impl FnMut(&mut RoleBook)) {
        let mut next = Some(no);
        while let Some(at) = next {
            let book = self.roles.at_mut(at);
            change(book);
            next = book.parent;
        }
    }

    /// Computes guarantee and need anew from a role up to the root.
    fn refresh_need(&mut self, no: RoleNo) {
        let mut next = Some(no);
        while let Some(at) = next {
            let book = self.roles.at_mut(at);
            if !core::mem::replace(&mut book.touched, true) {
                self.touched_roles.push(at);
            }
            next = book.parent;
            self.refresh_lent(at);
            let book = self.roles.at_mut(at);
            if book.declared.is_none() && book.children_guarantee.is_empty() && book.guarantee.is_empty() {
                continue;
            }
            let guarantee = book.larger_guarantee();
            let guarantee_before = core::mem::replace(&mut book.guarantee, guarantee.clone());
            let need = book.unmet();
            let need_before = core::mem::replace(&mut book.need, need.clone());
            if let Some(parent) = next {
                let above = self.roles.at_mut(parent);
                if guarantee != guarantee_before {
                    replace(&mut above.children_guarantee, &guarantee_before, &guarantee);
                }
                if need != need_before {
                    replace(&mut above.children_need, &need_before, &need);
                }
            }
        }
    }

    /// Computes anew what is lent to the units in a role; nothing is done where there are none.
    fn refresh_lent(&mut self, no: RoleNo) {
        let book = self.roles.at_mut(no);
        if book.reclaimable.is_zero() && book.children_lent.is_empty() && book.lent.is_empty() {
            return;
        }
        let mut lent = book.reclaimable.amounts();
        // No role is guaranteed ports by their numbers.
        lent.retain(|kind, _| !matches!(kind, Kind::PortRange(..)));
        replace(&mut lent, &Amounts::new(), &book.children_lent);
        for (kind, amount) in &mut lent {
            *amount = book.lent_of(kind, *amount, 0);
        }
        lent.retain(|_, amount| *amount > 0);
        let parent = book.parent;
        let before = core::mem::replace(&mut book.lent, lent.clone());
        if let Some(parent) = parent.filter(|_| before != lent) {
            replace(&mut self.roles.at_mut(parent).children_lent, &before, &lent);
        }
    }

    /// Strikes a role out that is neither declared nor used, and then those above it.
    pub(crate) fn drop_role_if_unused(&mut self, no: RoleNo) {
        let mut next = Some(no);
        while let Some(at) = next {
            let book = self.roles.at(at);
            let (path, parent) = (book.path.clone(), book.parent);
            let used = book.declared.is_some()
                || !book.frameworks.is_empty()
                || book.reservations > 0
                || !book.children.is_empty();
            let Some(above) = parent else { return };
            if used {
                return;
            }
            self.roles.at_mut(above).children.remove(&path);
            self.role_names.remove(&path);
            self.moved_all();
            self.roles.remove(at);
            next = parent;
        }
    }
}
