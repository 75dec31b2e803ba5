//! Classes: asks for singles that see the same of every agent, as they want the same and nothing sets one of them apart.
//! They sleep and wake together: where one finds no room none does, and room for one is room for each. A class of many
//! has lists of its own in the order, so that thousands who wait fall asleep and wake at the price of one. The idea is
//! the equivalence class of the Quincy and Firmament schedulers (Isard et al., SOSP 2009; Gog et al., OSDI 2016).

use crate::ask::{Constraint, Member, Shape};
use crate::books::want::{Terms, Want, WantState};
use crate::books::{AgentNo, Books, WantNo};
use crate::digest::Digest;
use crate::id::Word;
use crate::slab::{No, Slab};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

pub(crate) type ClassNo = No<Class>;

/// Asks that see the same.
#[derive(Clone, Debug)]
pub(crate) struct Class {
    sight: Sight,
    digest: u64,
    members: BTreeSet<WantNo>,
    /// Members that came, or were given something, since it last slept.
    fresh: BTreeSet<WantNo>,
    asleep: bool,
    /// Whether it has lists of its own.
    crowded: bool,
    /// Whether its members leave the room that GPUs need, for the fleet of this number.
    keeps: Option<(u64, bool)>,
}

/// What decides which agents an ask sees, and how much of them is room for it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sight {
    region: Option<Word>,
    /// Whether no member of the ask takes a GPU, wanted or not: such asks may leave GPUs their room.
    without_gpus: bool,
    above: Vec<Constraint>,
    members: Vec<(Shape, Vec<Constraint>)>,
}

impl Sight {
    fn is_of<'a>(
        &self,
        (region, without_gpus): (Option<&Word>, bool),
        above: impl Iterator<Item = &'a Constraint>,
        members: impl Iterator<Item = &'a Member>,
    ) -> bool {
        let own = self.members.iter().map(|(shape, constraints)| (shape, constraints));
        self.region.as_ref() == region
            && self.without_gpus == without_gpus
            && self.above.iter().eq(above)
            && own.eq(members.map(|member| (&member.shape, &member.constraints)))
    }
}

/// All classes. Soft state: they follow from what is wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Classes {
    entries: Slab<Class>,
    by_digest: BTreeMap<u64, Vec<ClassNo>>,
    asleep: BTreeSet<ClassNo>,
}

impl Classes {
    /// From how many members on a class has lists of its own; it loses them at half as many. What is decided does not
    /// depend on it: in debug builds it is low, so that the tests, whose worlds are small, come by it, and the recorded
    /// log gives both builds one sum.
    const CROWD: usize = if cfg!(debug_assertions) { 3 } else { 64 };

    pub(crate) fn is_asleep(&self, class: ClassNo) -> bool {
        self.entries.at(class).asleep
    }

    /// The class whose list in the order a member of this one is in, if it has its own.
    pub(crate) fn listed(&self, class: Option<ClassNo>) -> Option<ClassNo> {
        class.filter(|class| self.entries.at(*class).crowded)
    }

    pub(crate) fn none_sleeps(&self) -> bool {
        self.asleep.is_empty()
    }

    fn members(&self, class: ClassNo) -> Vec<WantNo> {
        self.entries.at(class).members.iter().copied().collect()
    }

    /// All asks that sleep with their class.
    pub(crate) fn sleepers(&self) -> impl Iterator<Item = WantNo> {
        self.asleep.iter().flat_map(|class| &self.entries.at(*class).members).copied()
    }
}

impl Books {
    /// Whether a want sleeps, or is held back, or may have a turn.
    pub(crate) fn state(&self, want: &Want) -> WantState {
        let with_class = want.class.is_some_and(|class| self.soft.classes.is_asleep(class));
        if with_class && want.state == WantState::Waiting { WantState::Asleep } else { want.state }
    }

    /// Whether nothing sets an ask apart from others that want the same.
    fn is_plain(&self, no: WantNo) -> bool {
        let Some(want) = self.want(no) else { return false };
        matches!(want.terms, Terms::Ask(_))
            && want.looked
            && want.unit.as_ref().is_some_and(|unit| !unit.many)
            && want.refused.is_empty()
            && want.hold.is_none()
            && self.frameworks.at(no.framework).avoid.is_empty()
            && !want.names_reservation()
            && !self.narrows_models(no)
    }

    /// Brings an ask into the class that it belongs to, or out of the one that it belongs to no more.
    pub(crate) fn classify(&mut self, no: WantNo) {
        match (self.want(no).and_then(|want| want.class), self.is_plain(no)) {
            (None, true) => self.join_class(no),
            (Some(_), false) => self.leave_class(no),
            (Some(_), true) | (None, false) => {}
        }
    }

    fn join_class(&mut self, no: WantNo) {
        let class = self.class_of(no);
        let entry = self.soft.classes.entries.at_mut(class);
        entry.members.insert(no);
        let (asleep, promoted) = (entry.asleep, !entry.crowded && entry.members.len() >= Classes::CROWD);
        self.soft.asleep.remove(&no);
        let Some(want) = self.want_mut(no) else { return };
        want.class = Some(class);
        if want.state == WantState::Asleep {
            want.state = WantState::Waiting;
        }
        if !want.unserved {
            self.soft.classes.entries.at_mut(class).fresh.insert(no);
        }
        if asleep {
            self.note_kept_from_turn(class);
        }
        if promoted {
            self.crowd(class, true);
        }
    }

    /// Takes an ask out of its class: it sleeps on its own if the class does.
    pub(crate) fn leave_class(&mut self, no: WantNo) {
        let Some(want) = self.want_mut(no) else { return };
        let Some(class) = want.class.take() else { return };
        let waits = want.state == WantState::Waiting;
        if waits && self.soft.classes.is_asleep(class) {
            let keeps = self.soft.classes.entries.at(class).keeps;
            self.soft.asleep.insert(no);
            if let Some(want) = self.want_mut(no) {
                want.state = WantState::Asleep;
                // As the class decided when it last looked, so that another decision wakes it.
                want.kept = keeps.map_or(want.kept, |(_, keeps)| keeps);
            }
        }
        self.unlist(no);
        let entry = self.soft.classes.entries.at_mut(class);
        entry.members.remove(&no);
        entry.fresh.remove(&no);
        if entry.members.is_empty() {
            self.drop_class(class);
        } else if entry.crowded && entry.members.len() <= Classes::CROWD / 2 {
            self.crowd(class, false);
        }
    }

    /// Gives a class lists of its own, or takes them away.
    fn crowd(&mut self, class: ClassNo, crowded: bool) {
        self.soft.classes.entries.at_mut(class).crowded = crowded;
        self.soft.classes.members(class).into_iter().for_each(|no| self.relist(no));
    }

    fn drop_class(&mut self, class: ClassNo) {
        let Classes { entries, by_digest, asleep } = &mut self.soft.classes;
        let entry = entries.at_mut(class);
        entry.asleep = false;
        asleep.remove(&class);
        if let Some(same) = by_digest.get_mut(&entry.digest) {
            same.retain(|other| *other != class);
            if same.is_empty() {
                by_digest.remove(&entry.digest);
            }
        }
        entries.remove(class);
    }

    /// The class of an ask, which is entered, awake, if it is not there.
    fn class_of(&mut self, no: WantNo) -> ClassNo {
        let (wanted, above) = (|| self.wanted_members(no), || self.constraints_above(no));
        let (region, without_gpus) = (self.region_for(no.framework), self.is_without_gpus(no));
        let mut digest = Digest::default();
        (region, without_gpus).hash(&mut digest);
        above().for_each(|constraint| constraint.hash(&mut digest));
        wanted().for_each(|member| (&member.shape, &member.constraints).hash(&mut digest));
        let digest = digest.finish();
        let same = self.soft.classes.by_digest.get(&digest).into_iter().flatten();
        let known = same.copied().find(|no| {
            self.soft.classes.entries.at(*no).sight.is_of((region, without_gpus), above(), wanted())
        });
        if let Some(class) = known {
            return class;
        }
        let member = |member: &Member| (member.shape.clone(), member.constraints.clone());
        let class = Class {
            sight: Sight {
                region: region.cloned(),
                without_gpus,
                above: above().cloned().collect(),
                members: wanted().map(member).collect(),
            },
            digest,
            members: BTreeSet::new(),
            fresh: BTreeSet::new(),
            asleep: false,
            crowded: false,
            keeps: None,
        };
        let class = self.soft.classes.entries.insert(class);
        self.soft.classes.by_digest.entry(digest).or_default().push(class);
        class
    }

    /// Notes that an ask was given something, after which it may want other members than before.
    pub(crate) fn note_served(&mut self, no: WantNo, others: bool) {
        if others {
            self.leave_class(no);
        }
        if let Some(class) = self.want(no).and_then(|want| want.class) {
            self.soft.classes.entries.at_mut(class).fresh.insert(no);
            if self.soft.classes.is_asleep(class) {
                self.note_kept_from_turn(class);
            }
        }
        self.relist(no);
    }

    /// Has a class sleep, as one of it found no room.
    pub(crate) fn sleep_class(&mut self, class: ClassNo) {
        self.class_keeps(class);
        self.soft.classes.entries.at_mut(class).asleep = true;
        self.soft.classes.asleep.insert(class);
        self.note_kept_from_turn(class);
        self.relist_class(class);
    }

    fn wake_class(&mut self, class: ClassNo) {
        self.soft.classes.entries.at_mut(class).asleep = false;
        self.soft.classes.asleep.remove(&class);
        self.relist_class(class);
    }

    /// Puts the members of a class where they belong now. Those of a crowd stay in their lists, which are passed over
    /// while it sleeps.
    fn relist_class(&mut self, class: ClassNo) {
        let Class { crowded, asleep, .. } = *self.soft.classes.entries.at(class);
        if !crowded {
            self.soft.classes.members(class).into_iter().for_each(|no| self.relist(no));
        } else if !asleep && !self.roles.at(self.root).need.is_empty() {
            self.soft.classes.members(class).into_iter().for_each(|no| self.enter_guaranteed(no));
        }
    }

    /// Notes of the members that were given something that they wait again.
    fn note_kept_from_turn(&mut self, class: ClassNo) {
        for no in core::mem::take(&mut self.soft.classes.entries.at_mut(class).fresh) {
            let waits = self.want_mut(no).filter(|want| want.class == Some(class) && !want.unserved);
            if let Some(want) = waits {
                want.unserved = true;
                self.soft.holds.note_unserved(no);
            }
        }
    }

    /// Wakes the classes that have room on an agent.
    pub(crate) fn wake_classes(&mut self, agent: AgentNo) {
        for class in self.soft.classes.asleep.iter().copied().collect::<Vec<ClassNo>>() {
            let keeps = self.class_keeps(class);
            let one = self.soft.classes.entries.at(class).members.first().copied();
            if one.is_some_and(|no| self.has_room(no, agent, keeps)) {
                self.wake_class(class);
            }
        }
    }

    /// After a change of the fleet, wakes the classes that now leave the room that GPUs need, or no more.
    pub(crate) fn wake_other_views(&mut self) {
        for class in self.soft.classes.asleep.iter().copied().collect::<Vec<ClassNo>>() {
            let before = self.soft.classes.entries.at(class).keeps.map(|(_, keeps)| keeps);
            if before != Some(self.class_keeps(class)) {
                self.wake_class(class);
            }
        }
    }

    /// Whether the members of a class leave the room that GPUs need.
    fn class_keeps(&mut self, class: ClassNo) -> bool {
        let entry = self.soft.classes.entries.at(class);
        if let Some((_, keeps)) = entry.keeps.filter(|(fleet, _)| *fleet == self.fleet) {
            return keeps;
        }
        let keeps = entry.members.first().is_some_and(|no| self.keeps_gpu_room(*no));
        self.soft.classes.entries.at_mut(class).keeps = Some((self.fleet, keeps));
        keeps
    }
}
