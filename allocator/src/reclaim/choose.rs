//! Where a claim comes to stand, and which units must go for it.

use super::units::Running;
use crate::ask::{Member, Shape};
use crate::books::want::{Terms, largest_first};
use crate::books::{AgentNo, Books, RoleNo, WantNo};
use crate::hold::Slot;
use crate::resources::Resources;
use crate::tick::Timestamp;
use crate::view::Stage;
use crate::wide::Fraction;
use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::cmp::Reverse;

/// What units are taken in the order of on one agent: smaller before gangs, then the role furthest above its guarantee,
/// then the youngest, then by name.
type Rank = (usize, Reverse<Fraction>, Reverse<Timestamp>, usize);

/// The placing of one claim.
pub(super) struct Plan<'a> {
    books: &'a Books,
    want: WantNo,
    role: RoleNo,
    keeps: bool,
    taken: &'a BTreeSet<Slot>,
    /// The units that may be asked for, and which of them run on each agent.
    units: &'a [Running],
    on: BTreeMap<AgentNo, Vec<usize>>,
    /// What comes free of units that were asked for already.
    coming: &'a BTreeMap<AgentNo, Resources>,
    placed: BTreeMap<AgentNo, Resources>,
    /// The units that must go, in the order in which they were chosen.
    pub(super) chosen: Vec<usize>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        books: &'a Books,
        (want, role): (WantNo, RoleNo),
        taken: &'a BTreeSet<Slot>,
        units: &'a [Running],
        coming: &'a BTreeMap<AgentNo, Resources>,
    ) -> Self {
        let mut on: BTreeMap<AgentNo, Vec<usize>> = BTreeMap::new();
        for (at, unit) in units.iter().enumerate() {
            unit.parts.keys().for_each(|agent| on.entry(*agent).or_default().push(at));
        }
        let keeps = books.keeps_gpu_room(want);
        let (placed, chosen) = (BTreeMap::new(), Vec::new());
        Self { books, want, role, keeps, taken, units, on, coming, placed, chosen }
    }

    /// Places the unit; says whether all of it found a place. Then, in reverse, what turns out not to be needed is
    /// dropped from what was chosen.
    pub(super) fn place_unit(&mut self) -> bool {
        let books = self.books;
        let Some(Terms::Ask(ask)) = books.want(self.want).map(|want| &want.terms) else { return false };
        let mut members = largest_first(ask).into_iter();
        let placed = members.all(|(member, count)| (0..count).all(|_| self.place_one(member)));
        if placed {
            for at in (0..self.chosen.len()).rev() {
                let unit = self.chosen.remove(at);
                if !self.still_fits(unit) {
                    self.chosen.insert(at, unit);
                }
            }
        }
        placed
    }

    /// What is placed where, by agent.
    pub(super) fn into_parts(self) -> Vec<(AgentNo, Resources)> {
        self.placed.into_iter().collect()
    }

    /// The agents where what is placed needs what was asked for already.
    pub(super) fn leans_on(&self) -> BTreeSet<AgentNo> {
        let none = BTreeMap::new();
        let leans = self.placed.iter().filter(|(agent, placed)| {
            self.coming.contains_key(*agent) && !self.room(**agent, &none, &[]).contains(placed)
        });
        leans.map(|(agent, _)| *agent).collect()
    }

    /// Places one of a member on the agent where the fewest units must go; of equals the first by name, agents with
    /// GPUs last for an ask without.
    fn place_one(&mut self, member: &Member) -> bool {
        let mut best: Option<(AgentNo, Vec<usize>)> = None;
        let books = self.books;
        for agent in books.agents_for(self.want) {
            if !self.may_take(member, agent) {
                continue;
            }
            let Some(victims) = self.victims(&member.shape, agent) else { continue };
            if best.as_ref().is_none_or(|(_, fewest)| victims.len() < fewest.len()) {
                let none = victims.is_empty();
                best = Some((agent, victims));
                if none {
                    break;
                }
            }
        }
        let Some((agent, victims)) = best else { return false };
        self.chosen.extend(victims);
        let Ok(taken) = member.shape.on(&self.left(agent, &[])) else { return false };
        self.placed.entry(agent).or_default().add(&taken);
        true
    }

    fn may_take(&self, member: &Member, agent: AgentNo) -> bool {
        let book = self.books.agents.at(agent);
        let Some(known) = book.agent.as_ref().filter(|_| book.is_active()) else { return false };
        let passes = |stage: &Stage| matches!(stage, Stage::Refused);
        known.capacity.contains(&member.shape.base)
            && Slot::of(known).all(|slot| !self.taken.contains(&slot))
            && self.books.barred_but(self.want, member, agent, passes).is_none()
    }

    /// The units that must go so that one of a shape fits on an agent; none when no units make the room.
    fn victims(&self, shape: &Shape, agent: AgentNo) -> Option<Vec<usize>> {
        let mut victims: Vec<usize> = Vec::new();
        while let Err(missing) = shape.on(&self.left(agent, &victims)) {
            let here = self.on.get(&agent).into_iter().flatten().copied();
            let helps = |unit: &Running| {
                let part = unit.parts.get(&agent);
                part.is_some_and(|part| missing.keys().any(|kind| part.amount(kind) > 0))
            };
            let may = here.filter(|at| {
                let known = self.chosen.contains(at) || victims.contains(at);
                !known && self.units.get(*at).is_some_and(|unit| helps(unit) && self.may_go(unit, &victims))
            });
            victims.push(may.min_by_key(|at| self.rank(*at, &victims))?);
        }
        for at in (0..victims.len()).rev() {
            let unit = victims.remove(at);
            if !shape.fits(&self.left(agent, &victims)) {
                victims.insert(at, unit);
            }
        }
        Some(victims)
    }

    fn rank(&self, at: usize, victims: &[usize]) -> Rank {
        let Some(unit) = self.units.get(at) else {
            return (usize::MAX, Reverse(Fraction::ZERO), Reverse(Timestamp(0)), at);
        };
        let role = self.books.roles.at(unit.role);
        let gone = self.gone_from(unit.role, victims);
        let above = self.books.fair.share(
            self.books.fair.all(),
            |kind| {
                let charged = role.charged.amount(kind).saturating_sub(gone.amount(kind));
                charged.saturating_sub(role.own_amount(kind))
            },
            &self.books.total,
            1,
        );
        (unit.tasks.len(), Reverse(above), Reverse(unit.since), at)
    }

    /// Whether a unit leaves its role, and each above it that the claimant is not in, at or above its guarantee in all
    /// that it frees. What the claimant is in as well must stay so too, unless a role below that is owed something: a
    /// role is not served by what is taken from itself.
    fn may_go(&self, unit: &Running, victims: &[usize]) -> bool {
        let own: Vec<RoleNo> = self.books.path(self.role).map(|(no, _)| no).collect();
        self.books.path(unit.role).all(|(no, book)| {
            let shared = own.iter().position(|above| *above == no);
            if shared.is_some_and(|at| self.is_owed_below(own.get(..at).unwrap_or_default())) {
                return true;
            }
            let gone = self.gone_from(no, victims);
            let stays = |kind: &crate::resources::Kind| {
                // What is held for it is not in use, and a claim may take its slot.
                let leaving = book.finishing.amount(kind).saturating_add(gone.amount(kind));
                let leaving = leaving.saturating_add(book.held.amount(kind));
                book.charged.amount(kind).saturating_sub(leaving)
            };
            book.own_guarantee().all(|(kind, guarantee)| {
                let freed = unit.sum.amount(kind);
                freed == 0 || stays(kind) >= guarantee.saturating_add(freed)
            })
        })
    }

    /// Whether one of these roles misses something of its guarantee that the claim takes.
    fn is_owed_below(&self, roles: &[RoleNo]) -> bool {
        let unit = self.books.want(self.want).and_then(|want| want.unit.as_ref());
        let Some(unit) = unit else { return false };
        roles.iter().any(|no| {
            let book = self.books.roles.at(*no);
            let mut own = book.own_guarantee();
            own.any(|(kind, guarantee)| unit.amount(kind) > 0 && book.charged.amount(kind) < guarantee)
        })
    }

    /// What leaves a role, and those below it, with the units that are chosen.
    fn gone_from(&self, role: RoleNo, victims: &[usize]) -> Resources {
        let mut gone = Resources::default();
        let units = self.chosen.iter().chain(victims).filter_map(|at| self.units.get(*at));
        let below = units.filter(|unit| self.books.path(unit.role).any(|(no, _)| no == role));
        below.for_each(|unit| gone.add(&unit.sum));
        gone
    }

    /// Whether what is placed has its room without a unit that is chosen no more.
    fn still_fits(&self, without: usize) -> bool {
        let Some(unit) = self.units.get(without) else { return true };
        let mut agents = self.placed.iter().filter(|(agent, _)| unit.parts.contains_key(*agent));
        agents.all(|(agent, placed)| self.room(*agent, self.coming, &[]).contains(placed))
    }

    /// What is left on an agent once these go too.
    fn left(&self, agent: AgentNo, victims: &[usize]) -> Resources {
        let mut left = self.room(agent, self.coming, victims);
        left.take_up_to(self.placed.get(&agent).unwrap_or(&Resources::default()));
        left
    }

    /// What the claim may have of an agent once all has ended that ends, was asked for, or is chosen.
    fn room(&self, agent: AgentNo, coming: &BTreeMap<AgentNo, Resources>, victims: &[usize]) -> Resources {
        let (books, book) = (self.books, self.books.agents.at(agent));
        let mut going = coming.get(&agent).cloned().unwrap_or_default();
        for unit in self.chosen.iter().chain(victims).filter_map(|at| self.units.get(*at)) {
            unit.parts.get(&agent).into_iter().for_each(|part| going.add(part));
        }
        // What is held for others gives way, as the pools of other claims are taken.
        let later = book.later(&going, &Resources::default());
        let seen = books.seen_of(self.want, agent, Cow::Owned(later), self.keeps, |role, model| {
            let own = books.hold(self.want).map_or(0, |hold| hold.sum.amount(model));
            books.limit_slack(role, model).map(|slack| slack.saturating_add(own))
        });
        seen.into_owned()
    }
}
