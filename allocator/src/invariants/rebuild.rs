//! A fresh build of the books from the same facts, told in another order, and how it differs.

use super::Violation;
use crate::agent::Agent;
use crate::allocator::Allocator;
use crate::books::agent::Use;
use crate::books::reservation::ReservationBook;
use crate::books::{AgentNo, Books, FrameworkNo};
use crate::offer::Terms;
use crate::resources::{Amounts, Resources};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What two books of the same facts must agree in, object by object.
type Picture = BTreeMap<String, (Vec<Resources>, Vec<Amounts>, u32)>;

impl Allocator {
    /// The books are what a fresh build from the same facts is, whatever the order.
    pub(super) fn equals_rebuild(&self) -> Vec<Violation> {
        let rebuilt = self.rebuilt();
        let (kept, fresh) = (picture(&self.books), picture(&rebuilt));
        let objects = kept.keys().chain(fresh.keys().filter(|object| !kept.contains_key(*object)));
        let differ = objects.filter(|object| kept.get(*object) != fresh.get(*object));
        let differ = differ.map(|object| Violation::Rebuild(object.clone()));
        differ.chain(self.books.devices_equal(&rebuilt)).collect()
    }

    /// Books made from the facts alone: tasks first and last names first, where the cluster tells agents first.
    fn rebuilt(&self) -> Books {
        let known = &self.books;
        let mut books = Books::new(known.policy.clone());
        for (id, task) in known.tasks.iter().rev() {
            let mut task = task.clone();
            task.agent = books.agent_no(&known.agents.at(task.agent).id);
            task.framework = task.framework.map(|no| copied(known, no, &mut books));
            books.enter_task(id.clone(), task);
        }
        for book in known.reservations.all().rev() {
            books.enter_reservation(book.reservation.clone());
        }
        for no in known.framework_names.values().rev() {
            if let Some(told) = known.frameworks.at(*no).framework {
                let copy = copied(known, *no, &mut books);
                books.set_framework(copy, Some(told));
            }
        }
        for role in known.role_names.values().rev().filter_map(|no| known.roles.at(*no).declared.as_ref()) {
            let no = books.role_no(&role.path);
            books.declare_role(no, Some(role.clone()));
        }
        for book in known.agent_names.values().map(|no| known.agents.at(*no)) {
            let shown = book.devices.as_ref();
            if let Some(set) = shown.map(|shown| shown.set.clone()) {
                let no = books.agent_no(&book.id);
                books.show_devices(no, Some(set));
            }
            if let Some(agent) = &book.agent {
                let told = shown.and_then(|shown| shown.told.as_ref()).unwrap_or(&agent.capacity);
                let no = books.agent_no(&agent.id);
                let told = Agent { capacity: told.clone(), ..agent.clone() };
                let agent = books.counted_by_devices(no, told);
                books.set_agent(no, Some(agent));
            }
        }
        for live in self.live() {
            let Terms::Parts { parts, .. } = &live.offer.terms else { continue };
            let framework = books.framework_no(&live.offer.framework, &live.offer.role);
            for (agent, part) in parts {
                let agent: AgentNo = books.agent_no(agent);
                books.occupy(agent, Use::Offered, part, 1);
                books.charge_framework(framework, part, 1);
            }
        }
        copy_holds(known, &mut books);
        books
    }
}

/// Holds are no facts: as live offers, they are told as they are.
fn copy_holds(known: &Books, books: &mut Books) {
    for no in &known.soft.holds.holding {
        let Some(hold) = known.hold(*no) else { continue };
        for part in &hold.parts {
            let agent = books.agent_no(&known.agents.at(part.agent).id);
            books.set_held(agent, part.held.clone());
        }
        let role = books.role_no(known.role_path(no.framework));
        books.hold_for_role(role, &hold.sum);
    }
}

/// The seat of the same name in other books.
fn copied(known: &Books, no: FrameworkNo, books: &mut Books) -> FrameworkNo {
    let (id, role) = known.seat_name(no);
    books.framework_no(&id, &role)
}

fn picture(books: &Books) -> Picture {
    let mut picture = Picture::new();
    picture.insert(
        "the cluster".into(),
        (
            [&books.total, &books.free, &books.revocable_free, &books.used, &books.finishing]
                .map(Clone::clone)
                .into(),
            Vec::new(),
            0,
        ),
    );
    for (id, no) in &books.agent_names {
        let book = books.agents.at(*no);
        let sums = [
            &book.charged,
            &book.foreign,
            &book.offered,
            &book.held,
            &book.reserved,
            &book.finishing,
            &book.free,
        ]
        .map(Clone::clone);
        picture.insert(format!("agent {id}"), (sums.into(), Vec::new(), book.uses));
    }
    for (path, no) in &books.role_names {
        let book = books.roles.at(*no);
        let needs = [&book.guarantee, &book.need, &book.children_guarantee, &book.children_need];
        let amounts: Vec<Amounts> =
            needs.into_iter().chain([&book.lent, &book.children_lent]).cloned().collect();
        let sums = [
            &book.charged,
            &book.own,
            &book.held,
            &book.own_held,
            &book.reserved,
            &book.own_reserved,
            &book.finishing,
            &book.reclaimable,
            &book.revocable.sum(),
            &book.own_revocable.sum(),
        ]
        .map(Clone::clone);
        let frameworks = u32::try_from(book.frameworks.len()).unwrap_or(u32::MAX);
        let uses = frameworks.saturating_add(book.reservations);
        picture.insert(format!("role {path}"), (sums.into(), amounts, uses));
    }
    picture.extend(frameworks(books));
    picture.extend(reservations(books));
    picture
}

fn frameworks(books: &Books) -> Picture {
    let one = |no: &FrameworkNo| {
        let (book, (id, role)) = (books.frameworks.at(*no), books.seat_name(*no));
        let revocable = book.revocable.sum();
        let sums = [&book.charged, &book.reserved, &book.finishing, &book.reclaimable, &revocable];
        (format!("framework {id} in role {role}"), (sums.map(Clone::clone).into(), Vec::new(), book.uses))
    };
    books.framework_names.values().map(one).collect()
}

fn reservations(books: &Books) -> Picture {
    let one = |book: &ReservationBook| {
        let name = format!("reservation {}", book.reservation.id);
        (name, (alloc::vec![book.idle.clone()], Vec::new(), 0))
    };
    books.reservations.all().map(one).collect()
}
