//! Seats: a framework in one of its roles, with what is charged to it there and what it wants there. A framework has one
//! for each of its roles, and for each that it left and is still charged in.

use super::want::Want;
use super::{AgentNo, Books, FrameworkNo, RoleNo};
use crate::id::{FrameworkId, RolePath};
use crate::resources::Resources;
use crate::tick::Timestamp;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// What names a seat.
pub(crate) type Seat = (FrameworkId, RolePath);

/// A seat on the books. It is there while the framework is in the role, or while a task names both.
#[derive(Clone, Debug)]
pub(crate) struct FrameworkBook {
    pub(crate) id: FrameworkId,
    /// None while only tasks name it: the framework is gone, not seen yet, or in the role no more.
    pub(crate) framework: Option<Told>,
    /// The role that is charged.
    pub(crate) role: RoleNo,
    pub(crate) charged: Resources,
    /// Reserved for its instances, idle, and charged to its role. It is no part of the charged.
    pub(crate) reserved: Resources,
    /// What of the charged belongs to tasks that end.
    pub(crate) finishing: Resources,
    /// What of the charged may be asked back.
    pub(crate) reclaimable: Resources,
    /// How many tasks, live offers and reservations name it.
    pub(crate) uses: u32,
    pub(crate) wants: Vec<Want>,
    /// Whether it has no turns for now, as its framework has none. Soft state.
    pub(crate) paused: bool,
    /// Agents not to show it, and until when: the same in all roles of a framework. Soft state.
    pub(crate) avoid: BTreeMap<AgentNo, Timestamp>,
}

/// What is told of a framework besides its name and its roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) priority: i32,
    pub(crate) since: Timestamp,
}

impl FrameworkBook {
    fn new(id: FrameworkId, role: RoleNo) -> Self {
        Self {
            id,
            framework: None,
            role,
            charged: Resources::default(),
            reserved: Resources::default(),
            finishing: Resources::default(),
            reclaimable: Resources::default(),
            uses: 0,
            wants: Vec::new(),
            paused: false,
            avoid: BTreeMap::new(),
        }
    }
}

impl Books {
    /// The number of a framework in a role, which is entered, unknown, if it is not there.
    pub(crate) fn framework_no(&mut self, id: &FrameworkId, role: &RolePath) -> FrameworkNo {
        if let Some(no) = self.seat(id, role) {
            return no;
        }
        let in_role = self.role_no(role);
        let no = self.frameworks.insert(FrameworkBook::new(id.clone(), in_role));
        self.roles.at_mut(in_role).frameworks.insert(no);
        self.framework_names.insert((id.clone(), role.clone()), no);
        no
    }

    /// The number of a framework in a role; none when neither is the framework in it nor is anything charged to it there.
    pub(crate) fn seat(&self, id: &FrameworkId, role: &RolePath) -> Option<FrameworkNo> {
        self.framework_names.get(&(id.clone(), role.clone())).copied()
    }

    /// The path of the role of a seat.
    pub(crate) fn role_path(&self, no: FrameworkNo) -> &RolePath {
        &self.roles.at(self.frameworks.at(no).role).path
    }

    /// The name of a seat.
    pub(crate) fn seat_name(&self, no: FrameworkNo) -> Seat {
        (self.frameworks.at(no).id.clone(), self.role_path(no).clone())
    }

    /// All seats of a framework, by path of the role; those that it left too.
    pub(crate) fn seats_of(&self, id: &FrameworkId) -> impl Iterator<Item = FrameworkNo> {
        // The root is the first of all paths.
        let from = self.framework_names.range((id.clone(), RolePath::root())..);
        from.take_while(move |((known, _), _)| known == id).map(|(_, no)| *no)
    }

    /// The seats of a framework in the roles that it is in; none when it is not known.
    pub(crate) fn seats_taken(&self, id: &FrameworkId) -> impl Iterator<Item = FrameworkNo> {
        self.seats_of(id).filter(|no| self.frameworks.at(*no).framework.is_some())
    }

    /// Replaces what is told of a framework in a role; none when it is in it no more.
    pub(crate) fn set_framework(&mut self, no: FrameworkNo, told: Option<Told>) {
        let wants = self.take_wants(no);
        self.frameworks.at_mut(no).framework = told;
        if told.is_some() {
            self.put_wants(no, wants);
        } else {
            self.drop_framework_if_unused(no);
        }
    }

    /// Charges a framework and its role.
    pub(crate) fn charge_framework(&mut self, no: FrameworkNo, resources: &Resources, uses: u32) {
        let book = self.frameworks.at_mut(no);
        book.charged.add(resources);
        book.uses = book.uses.saturating_add(uses);
        let role = book.role;
        self.moved_framework(no);
        self.charge_role(role, resources);
    }

    /// Takes a charge back.
    pub(crate) fn discharge_framework(&mut self, no: FrameworkNo, resources: &Resources, uses: u32) {
        let book = self.frameworks.at_mut(no);
        book.charged.take_up_to(resources);
        book.uses = book.uses.saturating_sub(uses);
        let role = book.role;
        self.moved_framework(no);
        self.discharge_role(role, resources);
        self.drop_framework_if_unused(no);
    }

    fn drop_framework_if_unused(&mut self, no: FrameworkNo) {
        let book = self.frameworks.at(no);
        if book.framework.is_some() || book.uses > 0 {
            return;
        }
        let (role, name) = (book.role, self.seat_name(no));
        self.framework_names.remove(&name);
        self.frameworks.remove(no);
        self.roles.at_mut(role).frameworks.remove(&no);
        self.drop_role_if_unused(role);
    }
}
