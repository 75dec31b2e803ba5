//! Frameworks with what is charged to each and what each wants.

use super::want::Want;
use super::{AgentNo, Books, FrameworkNo, RoleNo};
use crate::framework::Framework;
use crate::id::FrameworkId;
use crate::plant::Plant;
use crate::resources::Resources;
use crate::revocable::Revocable;
use crate::tick::Timestamp;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// A framework on the books. It is there while it is known, or while a task names it.
#[derive(Clone, Debug)]
pub(crate) struct FrameworkBook {
    pub(crate) id: FrameworkId,
    /// None while only tasks name it: gone, or not seen yet.
    pub(crate) framework: Option<Framework>,
    /// The role that is charged. It stays when the framework goes and its tasks do not.
    pub(crate) role: Option<RoleNo>,
    pub(crate) charged: Resources,
    /// Reserved for its instances, idle, and charged to its role. It is no part of the charged.
    pub(crate) reserved: Resources,
    /// What of the charged belongs to tasks that end.
    pub(crate) finishing: Resources,
    /// What of the charged may be asked back.
    pub(crate) reclaimable: Resources,
    /// In use of revocable room, and charged to its role for the share alone. It is no part of the charged.
    pub(crate) revocable: Revocable,
    /// How many tasks, live offers and reservations name it.
    pub(crate) uses: u32,
    pub(crate) wants: Vec<Want>,
    /// Whether it has no turns for now. Soft state.
    pub(crate) paused: bool,
    /// Agents not to show it, and until when. Soft state.
    pub(crate) avoid: BTreeMap<AgentNo, Timestamp>,
}

impl FrameworkBook {
    fn new(id: FrameworkId) -> Self {
        Self {
            id,
            framework: None,
            role: None,
            charged: Resources::default(),
            reserved: Resources::default(),
            finishing: Resources::default(),
            reclaimable: Resources::default(),
            revocable: Revocable::default(),
            uses: 0,
            wants: Vec::new(),
            paused: false,
            avoid: BTreeMap::new(),
        }
    }
}

impl Books {
    /// The number of the framework of this name, which is entered, unknown, if it is not there.
    pub(crate) fn framework_no(&mut self, id: &FrameworkId) -> FrameworkNo {
        if let Some(no) = self.framework_names.get(id) {
            return *no;
        }
        let no = self.frameworks.insert(FrameworkBook::new(id.clone()));
        self.framework_names.insert(id.clone(), no);
        no
    }

    /// Replaces what is known of a framework; none when it is gone. What it holds moves with it to another role.
    pub(crate) fn set_framework(&mut self, no: FrameworkNo, framework: Option<Framework>) {
        let Some(framework) = framework else {
            self.take_wants(no);
            self.frameworks.at_mut(no).framework = None;
            self.drop_framework_if_unused(no);
            return;
        };
        let wants = self.take_wants(no);
        let role = self.role_no(&framework.role);
        let before = self.frameworks.at(no).role;
        if before != Some(role) {
            let book = self.frameworks.at(no);
            let (charged, finishing) = (book.charged.clone(), book.finishing.clone());
            let (reclaimable, reserved) = (book.reclaimable.clone(), book.reserved.clone());
            let revocable = book.revocable.sum();
            self.roles.at_mut(role).frameworks.insert(no);
            if !self.planted.is(Plant::Recovery) {
                self.charge_role(role, &charged);
            }
            self.reserve_for_role(role, &reserved);
            self.finishing_in_role(role, &finishing, true);
            self.reclaimable_in_role(role, &reclaimable, true);
            self.revocable_in_role(role, &revocable, true);
            if let Some(before) = before {
                self.unreserve_for_role(before, &reserved);
                self.finishing_in_role(before, &finishing, false);
                self.reclaimable_in_role(before, &reclaimable, false);
                self.revocable_in_role(before, &revocable, false);
                self.leave_role(no, before, &charged);
            }
        }
        let book = self.frameworks.at_mut(no);
        book.role = Some(role);
        book.framework = Some(framework);
        let moved = before != Some(role) && book.uses > 0;
        self.put_wants(no, wants);
        if moved {
            self.refresh_reservations();
        }
    }

    fn leave_role(&mut self, no: FrameworkNo, role: RoleNo, charged: &Resources) {
        self.discharge_role(role, charged);
        self.roles.at_mut(role).frameworks.remove(&no);
        self.drop_role_if_unused(role);
    }

    /// Charges a framework, and its role once that is known.
    pub(crate) fn charge_framework(&mut self, no: FrameworkNo, resources: &Resources, uses: u32) {
        let book = self.frameworks.at_mut(no);
        book.charged.add(resources);
        book.uses = book.uses.saturating_add(uses);
        let role = book.role;
        self.moved_framework(no);
        if let Some(role) = role {
            self.charge_role(role, resources);
        }
    }

    /// Takes a charge back.
    pub(crate) fn discharge_framework(&mut self, no: FrameworkNo, resources: &Resources, uses: u32) {
        let book = self.frameworks.at_mut(no);
        book.charged.take_up_to(resources);
        book.uses = book.uses.saturating_sub(uses);
        let role = book.role;
        self.moved_framework(no);
        if let Some(role) = role {
            self.discharge_role(role, resources);
        }
        self.drop_framework_if_unused(no);
    }

    fn drop_framework_if_unused(&mut self, no: FrameworkNo) {
        let book = self.frameworks.at(no);
        if book.framework.is_some() || book.uses > 0 {
            return;
        }
        let role = book.role;
        self.framework_names.remove(&book.id);
        self.frameworks.remove(no);
        if let Some(role) = role {
            self.leave_role(no, role, &Resources::default());
        }
    }
}
