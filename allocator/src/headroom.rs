//! Limits and headroom: how much of what is asked for may be given without passing a limit or what guarantees of
//! others still need.
//!
//! For a role n with guarantee G(n), the larger of its own and the sum of its children's, need(n) is the larger of
//! G(n) less what is charged to n, and the sum of its children's need. What is given must make the shortfall,
//! need(root) less what is free, of no resource that it takes larger. The idea is the headroom of Mesos' quota, which
//! knows top-level roles only; here it is taken over the tree.

use crate::books::{Books, RoleNo};
use crate::id::RolePath;
use crate::plant::Plant;
use crate::resources::{Amount, Amounts, Kind, Resources};
use alloc::vec::Vec;
use core::fmt;

/// Why not even one unit may be given. Amounts are in the units of [`crate::resources::Resources`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A limit on the path to the root would be passed.
    Limit {
        /// The role that has the limit.
        role: RolePath,
        /// Of which resource.
        kind: Kind,
        /// The limit.
        limit: u64,
        /// What is charged to the role.
        charged: u64,
        /// What one unit takes.
        unit: u64,
    },
    /// What is free is needed for guarantees.
    Headroom {
        /// Of which resource.
        kind: Kind,
        /// What guarantees still miss, in all.
        need: u64,
        /// What is free on agents that take new work, or lent to units that may be asked back.
        free: u64,
        /// What one unit takes.
        unit: u64,
    },
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit { role, kind, limit, charged, unit } => write!(
                f,
                "role {role}: its limit is {}, {} are charged, and one unit takes {}",
                Amount(kind, *limit),
                Amount(kind, *charged),
                Amount(kind, *unit)
            ),
            Self::Headroom { kind, need, free, unit } => write!(
                f,
                "guarantees still miss {}, {} are free, and one unit takes {}",
                Amount(kind, *need),
                Amount(kind, *free),
                Amount(kind, *unit)
            ),
        }
    }
}

impl Books {
    /// Whether there is no limit on the path and no guarantee that misses anything.
    pub(crate) fn is_unbound(&self, role: RoleNo) -> bool {
        self.roles.at(self.root).need.is_empty()
            && self.path(role).all(|(_, book)| book.limits().next().is_none())
    }

    /// The first limit on the path that does not hold `taken` more. What is over its limit already, by a change from
    /// outside, gets nothing of that resource.
    pub(crate) fn limit_block(&self, role: RoleNo, taken: impl Fn(&Kind) -> u64) -> Option<Block> {
        self.limit_block_beyond(role, &[], taken)
    }

    /// The same, where some of it is charged already, each amount to its role on the path and those above that.
    pub(crate) fn limit_block_beyond(
        &self,
        role: RoleNo,
        own: &[(RoleNo, Resources)],
        taken: impl Fn(&Kind) -> u64,
    ) -> Option<Block> {
        let mut known = Resources::default();
        let levels = if self.planted.is(Plant::Limit) { 1 } else { usize::MAX };
        for (no, book) in self.path(role).take(levels) {
            own.iter().filter(|(top, _)| *top == no).for_each(|(_, own)| known.add(own));
            for (kind, limit) in book.limits() {
                let charged = book.charged.amount(kind);
                let unit = taken(kind).saturating_sub(known.amount(kind));
                if unit > 0 && charged.saturating_add(unit) > limit {
                    return Some(Block::Limit {
                        role: book.path.clone(),
                        kind: kind.clone(),
                        limit,
                        charged,
                        unit,
                    });
                }
            }
        }
        None
    }

    /// Why `taken` may not be charged to the role even once all that ends has ended, with what others are still owed.
    pub(crate) fn later_block(&self, role: RoleNo, taken: impl Fn(&Kind) -> u64) -> Option<Block> {
        for (_, book) in self.path(role) {
            for (kind, limit) in book.limits() {
                let charged = book.charged.amount(kind).saturating_sub(book.finishing.amount(kind));
                let (role, kind, unit) = (book.path.clone(), kind.clone(), taken(kind));
                if unit > 0 && charged.saturating_add(unit) > limit {
                    return Some(Block::Limit { role, kind, limit, charged, unit });
                }
            }
        }
        self.needs().find_map(|(kind, need)| {
            let unit = taken(kind);
            let free = self.free.amount(kind).saturating_add(self.finishing.amount(kind));
            let after = self.need_after(role, kind, unit).saturating_add(unit).saturating_sub(free);
            let widens = unit > 0 && after > need.saturating_sub(free);
            widens.then(|| Block::Headroom { kind: kind.clone(), need, free, unit })
        })
    }

    /// What may still be charged to the role of one kind without passing a limit; none where there is no limit.
    pub(crate) fn limit_slack(&self, role: RoleNo, kind: &Kind) -> Option<u64> {
        self.path(role)
            .flat_map(|(_, book)| {
                let limits = book.limits().filter(|(limited, _)| *limited == kind);
                limits.map(|(_, limit)| limit.saturating_sub(book.charged.amount(kind)))
            })
            .min()
    }

    /// need(root) of one kind if `taken` more were charged to the role.
    pub(crate) fn need_after(&self, role: RoleNo, kind: &Kind, taken: u64) -> u64 {
        // What the need of the node below changed from and to, on the way up.
        let mut below: Option<(u64, u64)> = None;
        for (_, book) in self.path(role) {
            let need = book.need.get(kind).copied().unwrap_or_default();
            let mut children = book.children_need.get(kind).copied().unwrap_or_default();
            if let Some((before, after)) = below {
                children = children.saturating_sub(before).saturating_add(after);
            }
            let guarantee = book.guarantee.get(kind).copied().unwrap_or_default();
            let charged = book.charged.amount(kind).saturating_add(taken);
            below = Some((need, guarantee.saturating_sub(charged).max(children)));
        }
        below.map_or(0, |(_, after)| after)
    }

    /// The kinds that guarantees still need, with need(root).
    pub(crate) fn needs(&self) -> impl Iterator<Item = (&Kind, u64)> {
        self.roles.at(self.root).need.iter().map(|(kind, need)| (kind, *need))
    }

    /// What units that may be asked back hold of one kind above their roles' guarantees.
    pub(crate) fn lent(&self, kind: &Kind) -> u64 {
        self.roles.at(self.root).lent.get(kind).copied().unwrap_or_default()
    }

    /// The same if `taken` more were charged to the role, to units that may not be asked back.
    fn lent_after(&self, role: RoleNo, kind: &Kind, taken: u64) -> u64 {
        let amount = |amounts: &Amounts| amounts.get(kind).copied().unwrap_or_default();
        let mut below: Option<(u64, u64)> = None;
        for (_, book) in self.path(role) {
            let mut children = amount(&book.children_lent);
            if let Some((before, after)) = below {
                children = children.saturating_sub(before).saturating_add(after);
            }
            let all = book.reclaimable.amount(kind).saturating_add(children);
            below = Some((amount(&book.lent), book.lent_of(kind, all, taken)));
        }
        below.map_or(0, |(_, after)| after)
    }

    /// Whether taking so much of one kind makes its shortfall larger.
    fn widens(&self, role: RoleNo, kind: &Kind, need: u64, taken: u64) -> bool {
        let free = self.free.amount(kind);
        // need - free and need' - (free - taken), both at least zero, without going below zero on the way. What is lent
        // counts as free.
        let (now, then) = (self.lent(kind), self.lent_after(role, kind, taken));
        let after = self.need_after(role, kind, taken).saturating_add(taken);
        after.saturating_sub(free.saturating_add(then)) > need.saturating_sub(free.saturating_add(now))
    }

    /// The first resource of which the headroom does not hold `taken` more.
    pub(crate) fn headroom_block(&self, role: RoleNo, taken: impl Fn(&Kind) -> u64) -> Option<Block> {
        let needs = self.needs().filter(|_| !self.planted.is(Plant::Guarantee));
        needs.into_iter().find_map(|(kind, need)| {
            let unit = taken(kind);
            (unit > 0 && self.widens(role, kind, need, unit)).then(|| Block::Headroom {
                kind: kind.clone(),
                need,
                free: self.free.amount(kind).saturating_add(self.lent(kind)),
                unit,
            })
        })
    }

    /// The most of one kind, up to `most`, that may be taken.
    pub(crate) fn slack(&self, role: RoleNo, kind: &Kind, most: u64) -> u64 {
        let most = self.limit_slack(role, kind).map_or(most, |slack| most.min(slack));
        let need = self.roles.at(self.root).need.get(kind).copied().unwrap_or_default();
        if need == 0 || !self.widens(role, kind, need, most) {
            return most;
        }
        // The shortfall never falls as more is taken, so what may be taken is all below some amount.
        let (mut fits, mut widens) = (0, most);
        while widens - fits > 1 {
            let middle = fits + (widens - fits) / 2;
            if self.widens(role, kind, need, middle) { widens = middle } else { fits = middle }
        }
        fits
    }

    /// Why `taken` may not be charged to the role.
    pub(crate) fn block(&self, role: RoleNo, taken: impl Fn(&Kind) -> u64) -> Option<Block> {
        self.limit_block(role, &taken).or_else(|| self.headroom_block(role, &taken))
    }

    /// The same for an ask, where some of it is charged already, each amount to its role on the path and those above
    /// that. One whose units may be asked back is not held back by headroom.
    pub(crate) fn block_beyond(
        &self,
        role: RoleNo,
        lends: bool,
        own: &[(RoleNo, Resources)],
        taken: impl Fn(&Kind) -> u64,
    ) -> Option<Block> {
        let limit = self.limit_block_beyond(role, own, &taken);
        let known = |kind: &Kind| own.iter().map(|(_, own)| own.amount(kind)).fold(0, u64::saturating_add);
        let beyond = |kind: &Kind| taken(kind).saturating_sub(known(kind));
        limit.or_else(|| if lends { None } else { self.headroom_block(role, beyond) })
    }

    /// How many units, up to `most`, may be charged to the role, with what is charged for them already: their own hold.
    pub(crate) fn units_within(
        &self,
        role: RoleNo,
        unit: impl Fn(&Kind) -> u64,
        own: impl Fn(&Kind) -> u64,
        most: u32,
        lends: bool,
    ) -> u32 {
        if self.is_unbound(role) {
            return most;
        }
        let mut units = u64::from(most);
        let limited = self.path(role).flat_map(|(_, book)| book.limits()).map(|(kind, _)| kind);
        let needed = self.needs().map(|(kind, _)| kind).filter(|_| !lends);
        let kinds: Vec<&Kind> = limited.chain(needed).collect();
        for kind in kinds {
            let (one, own) = (unit(kind), own(kind));
            let wanted = one.saturating_mul(u64::from(most)).saturating_sub(own);
            let slack = match self.limit_slack(role, kind) {
                slack if lends => slack.unwrap_or(wanted).min(wanted),
                Some(_) | None => self.slack(role, kind, wanted),
            };
            let slack = slack.saturating_add(own);
            units = units.min(slack.checked_div(one).unwrap_or(units));
        }
        u32::try_from(units).unwrap_or(u32::MAX)
    }

    /// Whether charging `unit` to the role lowers need(root) by its full amount in every resource that it takes and
    /// that the role or one above it declares a guarantee for, and there is such a resource.
    pub(crate) fn serves_guarantee(&self, role: RoleNo, unit: impl Fn(&Kind) -> u64) -> bool {
        let mut any = false;
        for (_, book) in self.path(role) {
            for (kind, _) in book.own_guarantee() {
                let taken = unit(kind);
                if taken == 0 {
                    continue;
                }
                any = true;
                let need = self.roles.at(self.root).need.get(kind).copied().unwrap_or_default();
                if need.saturating_sub(taken) != self.need_after(role, kind, taken) || need < taken {
                    return false;
                }
            }
        }
        any
    }
}
