//! Who is next. Stage one serves guarantees, stage two descends the tree by fair shares.
//!
//! The index keeps every want that may have a turn in its place, so that a turn costs the logarithm of their number;
//! what a charge or a turn moves is moved before the next is chosen, and what moves everything, such as another total,
//! costs one sort.

mod definition;
mod guaranteed;
mod index;
mod lists;

use crate::books::want::Terms;
use crate::books::{Books, FrameworkNo, RoleNo, WantNo};
use crate::id::{FrameworkId, RolePath};
use crate::role::FrameworkOrder;
use crate::share::{Mask, Place};
use crate::tick::Timestamp;
use crate::wide::Fraction;
use alloc::vec::Vec;
use core::cmp::Reverse;
use definition::Waiting;
pub(crate) use lists::Order;

/// The want whose turn it is, and how far it may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) want: WantNo,
    /// Whether it is served from a guarantee.
    pub(crate) guaranteed: bool,
    /// On each level of the descent, who is next after the chosen.
    pub(crate) rivals: Vec<Rival>,
    /// Where the role goes by shares, the share of the next framework.
    pub(crate) next_framework: Option<Fraction>,
}

/// One level of the descent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rival {
    pub(crate) place: Place,
    /// The resources that the place is compared by for the chosen want.
    pub(crate) mask: Mask,
    /// The share of the next waiting sibling.
    pub(crate) next: Fraction,
}

/// What wants of one role are ordered by: where the role says so by the framework's share; then priority, age, name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WantKey {
    share: Fraction,
    ask_priority: Reverse<i32>,
    priority: Reverse<i32>,
    since: Timestamp,
    framework: FrameworkId,
    no: WantNo,
}

impl Books {
    fn want_key(&self, waiting: &Waiting<'_>) -> WantKey {
        let book = self.frameworks.at(waiting.no.framework);
        let by_share = self.goes_by_share(waiting.role);
        let share = if by_share { self.framework_share(waiting.no.framework, |_| 0) } else { Fraction::ZERO };
        let (priority, since) = book.framework.as_ref().map(|f| (f.priority, f.since)).unwrap_or_default();
        let ask = match &waiting.want.terms {
            Terms::Ask(ask) => ask.priority,
            Terms::Open(_) => 0,
        };
        WantKey {
            share,
            ask_priority: Reverse(ask),
            priority: Reverse(priority),
            since,
            framework: book.id.clone(),
            no: waiting.no,
        }
    }

    /// What places of equal share are ordered by: fewer turns won, then the path, a role's own frameworks first.
    fn place_rank(&self, place: Place) -> (u64, bool, RolePath) {
        match place {
            Place::Own(role) => {
                (self.roles.at(role).own_turns ^ self.planted.tie(), false, self.roles.at(role).path.clone())
            }
            Place::Role(role) => {
                (self.roles.at(role).turns ^ self.planted.tie(), true, self.roles.at(role).path.clone())
            }
        }
    }

    fn rivals(&self, mask: Mask, levels: Vec<(Place, Fraction)>) -> Vec<Rival> {
        let rival = |(place, next)| Rival { place, mask: self.compared(place, mask), next };
        levels.into_iter().map(rival).collect()
    }

    fn goes_by_share(&self, role: RoleNo) -> bool {
        self.roles.at(role).declared.as_ref().is_some_and(|role| role.order == FrameworkOrder::Drf)
    }

    /// Notes that a role's charge or turns changed, and with them its place and those above it.
    pub(crate) fn moved_role(&mut self, role: RoleNo) {
        self.order.moved_roles.push(role);
    }

    /// Notes that a framework's share changed.
    pub(crate) fn moved_framework(&mut self, framework: FrameworkNo) {
        self.order.moved_frameworks.push(framework);
    }

    /// Notes that everything may have another place.
    pub(crate) fn moved_all(&mut self) {
        self.order.stale = true;
    }
}
