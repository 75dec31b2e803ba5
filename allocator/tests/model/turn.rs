//! Whose turn it is and how far it goes, by definition: everybody is looked at, every share computed.

use super::facts::{Facts, Live, Seat, Terms};
use super::sight::Unit;
use super::sums::{Sums, bound_kinds, guaranteed_kinds, own};
use std::cmp::{Ordering, Reverse};
use twofold_allocator::id::{AgentId, FrameworkId, OfferId, RolePath};
use twofold_allocator::offer::{Offer, Terms as OfferTerms};
use twofold_allocator::resources::{Kind, Resources};
use twofold_allocator::role::FrameworkOrder;
use twofold_allocator::tick::Timestamp;

/// A fraction, compared by cross products. The numbers of these worlds are small.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share(pub(crate) u128, pub(crate) u128);

impl Ord for Share {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0 * other.1).cmp(&(other.0 * self.1))
    }
}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Share {}

/// A place among its siblings: a role with all below it, or the frameworks directly in an inner role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Own(RolePath),
    Role(RolePath),
}

/// A want that may be next.
#[derive(Clone, Debug)]
struct Candidate {
    seat: Seat,
    at: usize,
    role: RolePath,
    unit: Unit,
    open: bool,
}

/// Who is next by definition, and between what the offer must be: at least as if everybody waited who wants anything,
/// at most as if only those did who may have a turn. The order looks at those that are out only when they would be next,
/// and until then they count as waiting.
#[derive(Clone, Debug)]
pub(crate) struct Next {
    pub(crate) seat: Seat,
    pub(crate) at: usize,
    pub(crate) guaranteed: bool,
    pub(crate) least: Extent,
    pub(crate) most: Extent,
}

/// How far an offer goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Units(u32),
    Parts(Vec<(AgentId, Resources)>),
}

/// Share, priority of the ask, of the framework, age, name, position.
type Key = (Share, Reverse<i32>, Reverse<i32>, Timestamp, FrameworkId, usize);

type Rivals = (Vec<(Place, Share)>, Option<Share>);

impl Facts {
    /// Takes in what changed since the last turn: filters that no longer hold are dropped.
    pub(crate) fn look_around(&mut self) {
        let sums = Sums::of(self);
        let changed = std::mem::take(&mut self.changed);
        for agent in std::mem::take(&mut self.others) {
            self.wants_mut().for_each(|want| drop(want.refused.remove(&agent)));
        }
        let wants: Vec<(Seat, usize)> = self.every_want().collect();
        for (seat, at) in wants {
            let keeps = self.keeps_gpu_room(&seat, at);
            let narrows = self.narrows(&seat, at);
            let views: Vec<(AgentId, Resources)> = self
                .want(&seat, at)
                .refused
                .keys()
                .map(|agent| (agent.clone(), self.view(&sums, agent, keeps)))
                .collect();
            let Some(want) = self.want_mut(&seat, at) else { continue };
            want.lost &= !changed;
            for (agent, view) in views {
                if want.refused.get(&agent).is_some_and(|refusal| !refusal.seen.contains(&view)) {
                    want.refused.remove(&agent);
                }
            }
            if want.kept != keeps || (changed && narrows) {
                want.refused.clear();
            }
            if want.is_of_many() && !want.refused.is_empty() {
                // A set is shown again whole once one of its agents, or another, has room for a member.
                if self.agents.keys().any(|agent| self.has_room(&sums, &seat, at, agent)) {
                    self.want_mut(&seat, at).into_iter().for_each(|want| want.refused.clear());
                }
            }
        }
    }

    fn every_want(&self) -> impl Iterator<Item = (Seat, usize)> {
        let seats = self.frameworks.iter().flat_map(|(id, known)| {
            known.wants.iter().map(|(role, wants)| ((id.clone(), role.clone()), wants.len()))
        });
        seats.flat_map(|(seat, wants)| (0..wants).map(move |at| (seat.clone(), at)))
    }

    fn candidate(&self, seat: Seat, at: usize) -> Option<Candidate> {
        let want = self.want(&seat, at);
        let (unit, open) = (Unit::of(want)?, matches!(want.terms, Terms::Open(_)));
        self.frameworks.get(&seat.0).filter(|known| !known.paused)?;
        let role = seat.1.clone();
        Some(Candidate { seat, at, role, unit, open })
    }

    /// The next turn; none when nobody may have one. Whom the headroom held back before its first look, and who would
    /// now find no room, may be left out until something changes; if the offer `said` is to it, it is not.
    pub(crate) fn next(&self, said: Option<&Offer>) -> Option<Next> {
        let sums = Sums::of(self);
        let all: Vec<Candidate> =
            self.every_want().filter_map(|(seat, at)| self.candidate(seat, at)).collect();
        let mut eligible: Vec<&Candidate> =
            all.iter().filter(|c| self.is_eligible(&sums, &c.seat, c.at)).collect();
        let is_said = |c: &Candidate| said.is_some_and(|offer| self.is_to(offer, &c.seat, c.at));
        eligible.retain(|c| !self.only_looks(&sums, c) || is_said(c));
        self.next_of(&sums, &all, &eligible)
    }

    /// Whether an offer is to this want.
    pub(crate) fn is_to(&self, offer: &Offer, seat: &Seat, at: usize) -> bool {
        let same = match (&offer.terms, &self.want(seat, at).terms) {
            (OfferTerms::Units { ask: named, .. }, Terms::Ask(ask)) => *named == ask.id,
            (OfferTerms::Parts { .. }, Terms::Open(_)) => true,
            (OfferTerms::Units { .. }, Terms::Open(_)) | (OfferTerms::Parts { .. }, Terms::Ask(_)) => false,
        };
        same && (&offer.framework, &offer.role) == (&seat.0, &seat.1)
    }

    /// Whether a want only has a first look coming, at less than it takes of something that is guaranteed.
    fn only_looks(&self, sums: &Sums, c: &Candidate) -> bool {
        let short = |kind: &Kind| c.unit.amount(kind) > sums.free.amount(kind);
        !c.open && !self.want(&c.seat, c.at).looked && guaranteed_kinds(self).iter().any(short)
    }

    fn next_of(&self, sums: &Sums, all: &[Candidate], eligible: &[&Candidate]) -> Option<Next> {
        let served = eligible.iter().filter(|c| self.is_served(sums, c));
        let by_guarantee = served.min_by_key(|c| self.guarantee_key(sums, c));
        let guaranteed = by_guarantee.is_some();
        let first = by_guarantee.copied().or_else(|| self.first_by_share(sums, eligible))?;
        let bound = |among: &[&Candidate]| {
            let rivals = self.rivals(sums, first, among);
            let extent = if first.open { Self::deal } else { Self::units };
            extent(self, sums, first, guaranteed, &rivals)
        };
        let (least, most) = (bound(&all.iter().collect::<Vec<_>>()), bound(eligible));
        Some(Next { seat: first.seat.clone(), at: first.at, guaranteed, least, most })
    }

    /// Whether charging so much lowers what the guarantees miss in all by its full amount, in every resource that it
    /// takes and the path is guaranteed.
    fn serves(&self, sums: &Sums, role: &RolePath, amount: impl Fn(&Kind) -> u64) -> bool {
        let declared = |kind: &Kind| role.path().any(|path| own(self, &path, kind) > 0);
        let mut kinds = bound_kinds(self, role);
        kinds.retain(|kind| declared(kind) && amount(kind) > 0);
        let need = |kind: &Kind, more| sums.need(self, &RolePath::root(), kind, role, more);
        !kinds.is_empty() && kinds.iter().all(|kind| need(kind, amount(kind)) + amount(kind) == need(kind, 0))
    }

    fn is_served(&self, sums: &Sums, candidate: &Candidate) -> bool {
        let Candidate { role, unit, .. } = candidate;
        if !candidate.open {
            return self.serves(sums, role, |kind| unit.amount(kind));
        }
        let one = |kind: &Kind| {
            self.serves(sums, role, |other| if other == kind { unit.amount(kind).max(1) } else { 0 })
        };
        bound_kinds(self, role).iter().any(one)
    }

    fn guarantee_key(&self, sums: &Sums, candidate: &Candidate) -> (Share, u64, RolePath, Key) {
        let ratio = |path: RolePath| {
            let declared = self
                .roles
                .get(&path)?
                .guarantee
                .iter()
                .filter(|(kind, sum)| **sum > 0 && (candidate.open || candidate.unit.amount(kind) > 0));
            declared.map(|(kind, sum)| Share(sums.charged(&path).amount(kind).into(), (*sum).into())).max()
        };
        let least = candidate.role.path().filter_map(ratio).min().unwrap_or(Share(0, 1));
        (least, self.won(&candidate.role).0, candidate.role.clone(), self.key(sums, candidate))
    }

    fn won(&self, role: &RolePath) -> (u64, u64) {
        self.won.get(role).copied().unwrap_or_default()
    }

    /// What the wants of one role are ordered by.
    fn key(&self, sums: &Sums, c: &Candidate) -> Key {
        let told = &self.frameworks[&c.seat.0].told;
        let ask = match &self.want(&c.seat, c.at).terms {
            Terms::Ask(ask) => ask.priority,
            Terms::Open(_) => 0,
        };
        let share =
            if self.goes_by_share(&c.role) { self.share_of(sums, &c.seat, |_| 0) } else { Share(0, 1) };
        (share, Reverse(ask), Reverse(told.priority), told.since, c.seat.0.clone(), c.at)
    }

    fn goes_by_share(&self, role: &RolePath) -> bool {
        self.roles.get(role).is_some_and(|role| role.order == FrameworkOrder::Drf)
    }

    fn share_of(&self, sums: &Sums, seat: &Seat, more: impl Fn(&Kind) -> u64) -> Share {
        let charged = sums.seats.get(seat).cloned().unwrap_or_default();
        self.largest(sums, &charged, 1, more, |_| true)
    }

    fn largest(
        &self,
        sums: &Sums,
        charged: &Resources,
        weight: u32,
        more: impl Fn(&Kind) -> u64,
        counts: impl Fn(&Kind) -> bool,
    ) -> Share {
        let part = |kind: &Kind| {
            let whole = u128::from(sums.total.amount(kind)) * u128::from(weight);
            (whole > 0).then(|| Share(u128::from(charged.amount(kind) + more(kind)), whole))
        };
        self.policy.fair_set.iter().filter(|kind| counts(kind)).filter_map(part).max().unwrap_or(Share(0, 1))
    }

    fn weight(&self, place: &Place) -> u32 {
        match place {
            Place::Own(_) => 1,
            Place::Role(role) => self.roles.get(role).map_or(1, |role| role.weight),
        }
    }

    /// The share of a place for a want that takes `unit`: an inner role is compared by what the want takes.
    fn share_at(&self, sums: &Sums, place: &Place, unit: &Unit, more: impl Fn(&Kind) -> u64) -> Share {
        let (charged, inner) = match place {
            Place::Own(role) => (&sums.roles[role].0, false),
            Place::Role(role) => (sums.charged(role), sums.is_inner(role)),
        };
        self.largest(sums, charged, self.weight(place), more, |kind| !inner || unit.amount(kind) > 0)
    }

    /// A role's declared share, as reports tell it.
    pub(crate) fn role_share(&self, sums: &Sums, role: &RolePath) -> Share {
        let weight = self.weight(&Place::Role(role.clone()));
        self.largest(sums, sums.charged(role), weight, |_| 0, |_| true)
    }

    fn rank(&self, place: &Place) -> (u64, bool, RolePath) {
        match place {
            Place::Own(role) => (self.won(role).0, false, role.clone()),
            Place::Role(role) => (self.won(role).1, true, role.clone()),
        }
    }

    /// The place that a role is below, or is, among the children of `node`.
    fn place(node: &RolePath, role: &RolePath) -> Place {
        let child = role.path().find(|path| path.parent().as_ref() == Some(node));
        child.map_or_else(|| Place::Own(role.clone()), Place::Role)
    }

    /// From the root: on each level to the place of least share, towards the wants that make it least.
    fn first_by_share<'a>(&self, sums: &Sums, eligible: &[&'a Candidate]) -> Option<&'a Candidate> {
        let mut node = RolePath::root();
        let mut left = eligible.to_vec();
        loop {
            let stand = |c: &Candidate| {
                let place = Self::place(&node, &c.role);
                (self.share_at(sums, &place, &c.unit, |_| 0), self.rank(&place), place)
            };
            let least = left.iter().map(|c| stand(c)).min()?;
            left.retain(|c| stand(c) == least);
            match least.2 {
                Place::Role(role) if sums.is_inner(&role) => node = role,
                Place::Role(_) | Place::Own(_) => return left.into_iter().min_by_key(|c| self.key(sums, c)),
            }
        }
    }

    /// On each level above a want, its place and the least share of another that waits there; where its role goes by
    /// shares, the least of another framework.
    fn rivals(&self, sums: &Sums, first: &Candidate, among: &[&Candidate]) -> Rivals {
        let mut rivals = Vec::new();
        let mut nodes: Vec<RolePath> = first.role.path().collect();
        nodes.reverse();
        for node in nodes.iter().filter(|node| sums.is_inner(node)) {
            let place = Self::place(node, &first.role);
            let beside = |c: &&&Candidate| {
                c.role.path().any(|path| path == *node) && Self::place(node, &c.role) != place
            };
            let shares = among
                .iter()
                .filter(beside)
                .map(|c| self.share_at(sums, &Self::place(node, &c.role), &c.unit, |_| 0));
            rivals.extend(shares.min().map(|share| (place.clone(), share)));
        }
        let others = among.iter().filter(|c| c.role == first.role && c.seat != first.seat);
        let others = others.filter(|_| self.goes_by_share(&first.role));
        (rivals, others.map(|c| self.share_of(sums, &c.seat, |_| 0)).min())
    }

    /// Whether the share is past a rival's plus the grain, with `more` charged.
    fn is_past(&self, sums: &Sums, first: &Candidate, rivals: &Rivals, more: impl Fn(&Kind) -> u64) -> bool {
        let grain = self.policy.grain;
        let past = |share: Share, next: Share, weight: u32| {
            let (num, den) =
                (u128::from(grain.numerator), u128::from(grain.denominator) * u128::from(weight));
            share > Share(next.0 * den + num * next.1, next.1 * den)
        };
        let place = |(place, next): &(Place, Share)| {
            past(self.share_at(sums, place, &first.unit, &more), *next, self.weight(place))
        };
        let framework = |next: Share| past(self.share_of(sums, &first.seat, &more), next, 1);
        rivals.0.iter().any(place) || rivals.1.is_some_and(framework)
    }

    /// As many units as bring the share past the next, and as limits and headroom leave; at least one.
    fn units(&self, sums: &Sums, first: &Candidate, guaranteed: bool, rivals: &Rivals) -> Extent {
        let amount = |units: u32| move |kind: &Kind| first.unit.amount(kind) * u64::from(units);
        let mut units = 1;
        while !guaranteed && units < first.unit.wanted && !self.is_past(sums, first, rivals, amount(units)) {
            units += 1;
        }
        let kinds = bound_kinds(self, &first.role);
        let held_back =
            |units: u32| kinds.iter().any(|k| sums.holds_back(self, &first.role, k, amount(units)(k)));
        while units > 1 && held_back(units) {
            units -= 1;
        }
        Extent::Units(units)
    }

    /// Agent by agent, until the share is past the next.
    fn deal(&self, sums: &Sums, first: &Candidate, guaranteed: bool, rivals: &Rivals) -> Extent {
        let mut facts = self.clone();
        let mut sums = sums.clone();
        let mut parts = Vec::new();
        for agent in self.agents.keys() {
            let Some(part) = facts.part(&sums, &first.seat, first.at, agent) else { continue };
            parts.push((agent.clone(), part));
            let terms = OfferTerms::Parts { parts: parts.clone(), expires: None };
            let (id, seat) = (OfferId(u64::MAX), first.seat.clone());
            let offer = Offer { id, framework: seat.0.clone(), role: seat.1.clone(), terms };
            facts.live.insert(id, Live { offer, seat, at: first.at });
            sums = Sums::of(&facts);
            if guaranteed || self.is_past(&sums, first, rivals, |_| 0) {
                break;
            }
        }
        Extent::Parts(parts)
    }
}
