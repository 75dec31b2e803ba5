//! Who is aimed first: across roles the oldest, and inside a role by priority before age.

use crate::books::want::Terms;
use crate::books::{Books, RoleNo, WantNo};
use crate::id::{FrameworkId, RolePath};
use crate::tick::Timestamp;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// How long an ask waits: since when, then its framework since when, then by name, role and position.
type Age<'a> = (Timestamp, Timestamp, &'a FrameworkId, &'a RolePath, usize);
/// Higher goes first inside a role: of the ask, then of the framework.
type Priority = (Reverse<i32>, Reverse<i32>);

impl Books {
    /// Puts the asks that wait in order. Of each role only the first stands beside the first of the others, so that a
    /// role's low priorities wait for its high ones, and high ones get no further than their age.
    pub(super) fn sort_queue(&mut self) {
        if core::mem::replace(&mut self.soft.holds.sorted, true) {
            return;
        }
        let mut waiting: Vec<(RoleNo, Priority, Age<'_>, WantNo)> =
            self.soft.holds.unserved.iter().filter_map(|no| self.standing_of(*no)).collect();
        waiting.sort_unstable();
        let mut queue: Vec<(Age<'_>, usize, WantNo)> = Vec::with_capacity(waiting.len());
        let mut above: Option<(RoleNo, Age<'_>)> = None;
        for (at, (role, _, age, no)) in waiting.into_iter().enumerate() {
            let first =
                above.filter(|(other, _)| *other == role).map_or(age, |(_, youngest)| youngest.max(age));
            above = Some((role, first));
            queue.push((first, at, no));
        }
        queue.sort_unstable();
        self.soft.holds.queue = queue.into_iter().map(|(.., no)| no).collect();
    }

    fn standing_of(&self, no: WantNo) -> Option<(RoleNo, Priority, Age<'_>, WantNo)> {
        let Terms::Ask(ask) = &self.want(no)?.terms else { return None };
        let book = self.frameworks.at(no.framework);
        let framework = book.framework.as_ref()?;
        let priority = (Reverse(ask.priority), Reverse(framework.priority));
        let age = (ask.since, framework.since, &book.id, self.role_path(no.framework), no.at);
        Some((book.role, priority, age, no))
    }
}
