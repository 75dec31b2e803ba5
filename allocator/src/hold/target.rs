//! Where a unit would come to stand: the agents where least of it is missing, counting on what ends.

use super::{Part, Slot};
use crate::ask::{Member, Shape};
use crate::books::agent::AgentBook;
use crate::books::want::{Terms, largest_first};
use crate::books::{AgentNo, Books, WantNo};
use crate::counts::Counts;
use crate::id::Word;
use crate::resources::{Kind, Resources};
use crate::view::Stage;
use crate::wide::Fraction;
use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet, BinaryHeap};
use alloc::vec::Vec;

/// The placing of one unit.
pub(super) struct Aim<'a> {
    books: &'a Books,
    want: WantNo,
    taken: &'a BTreeSet<Slot>,
    keeps: bool,
    /// Whether what others hold counts as free, as if all were aimed anew.
    anew: bool,
    /// What was placed where.
    spots: BTreeMap<AgentNo, Spot>,
    /// Whether any agent was in a pool with a free slot.
    pub(super) open: bool,
}

/// One agent with what is placed there.
struct Spot {
    /// What is left of what is free now.
    now: Resources,
    /// What is left of what is free once all that ends has ended.
    later: Resources,
    target: Resources,
    /// How much of the target is free now.
    there: Resources,
}

/// One more of a member on an agent: how much is missing, and the agent's place in the order.
type Near = (Fraction, usize, AgentNo, Option<Word>);

impl<'a> Aim<'a> {
    pub(super) fn new(books: &'a Books, want: WantNo, taken: &'a BTreeSet<Slot>, anew: bool) -> Self {
        let keeps = books.keeps_gpu_room(want);
        Self { books, want, taken, keeps, anew, spots: BTreeMap::new(), open: false }
    }

    /// Places the unit; says whether all of it found a place.
    pub(super) fn place_unit(&mut self) -> bool {
        let books = self.books;
        let Some(Terms::Ask(ask)) = books.want(self.want).map(|want| &want.terms) else { return false };
        largest_first(ask).into_iter().all(|(member, count)| self.place(member, u64::from(count)))
    }

    /// The targets, by agent, with what of them is free now as held.
    pub(super) fn into_parts(self) -> Vec<Part> {
        let part = |(agent, spot): (AgentNo, Spot)| Part { agent, target: spot.target, held: spot.there };
        self.spots.into_iter().map(part).collect()
    }

    /// Places so many of a member: first where they fit now, then where least is missing of the next one, then where
    /// whole ones are missing. One pass over the agents, and another only for the last.
    fn place(&mut self, member: &Member, count: u64) -> bool {
        let mut left = count;
        let mut near: BinaryHeap<Near> = BinaryHeap::new();
        let books = self.books;
        for (rank, agent) in books.agents_for(self.want).enumerate() {
            let Some(later) = self.later(member, agent) else { continue };
            for model in models(&member.shape, &later) {
                let lane = settled(&member.shape, model.as_ref());
                let times = lane.times_in(&self.now(agent), left);
                let times = lane.times_in(self.left(agent, &later), times);
                left -= self.assign(agent, &lane, times);
                if left == 0 {
                    return true;
                }
                if self.left(agent, &later).contains(&lane) {
                    near.push((missing(&lane, &self.now(agent)), rank, agent, model));
                    if near.len() as u64 > left {
                        near.pop();
                    }
                }
            }
        }
        for (_, _, agent, model) in near.into_sorted_vec() {
            let lane = settled(&member.shape, model.as_ref());
            if left > 0 && self.spots.get(&agent).is_none_or(|spot| spot.later.contains(&lane)) {
                left -= self.assign(agent, &lane, 1);
            }
        }
        for agent in books.agents_for(self.want) {
            if left == 0 {
                break;
            }
            let Some(later) = self.later(member, agent) else { continue };
            for model in models(&member.shape, &later) {
                let lane = settled(&member.shape, model.as_ref());
                let times = lane.times_in(self.left(agent, &later), left);
                left -= self.assign(agent, &lane, times);
            }
        }
        left == 0
    }

    /// What is left on an agent once all that ends has ended, if it may be a target and one of the member fits then.
    fn later(&mut self, member: &Member, agent: AgentNo) -> Option<Cow<'a, Resources>> {
        let book = self.books.agents.at(agent);
        let known = book.agent.as_ref().filter(|_| book.is_active())?;
        if self.taken.iter().any(|slot| slot.has(known)) {
            return None;
        }
        self.open = true;
        if !book.may_have(&member.shape) {
            return None;
        }
        let later = match self.spots.get(&agent) {
            Some(spot) => Cow::Owned(spot.later.clone()),
            None => self.later_of(agent),
        };
        let passes = |stage: &Stage| matches!(stage, Stage::Refused);
        let fits =
            member.shape.fits(&later) && self.books.barred_but(self.want, member, agent, passes).is_none();
        fits.then_some(later)
    }

    /// What of an agent is free for the want once all that ends has ended.
    fn later_of(&self, agent: AgentNo) -> Cow<'a, Resources> {
        let (books, book) = (self.books, self.books.agents.at(agent));
        let mut held = if self.anew { Resources::default() } else { book.held.clone() };
        held.take_up_to(books.own_held(self.want, agent).unwrap_or(&Resources::default()));
        if book.finishing.is_zero() && !book.over && held == book.held {
            return books.free_for(self.want, agent, self.keeps);
        }
        let later = Cow::Owned(book.later(&Resources::default(), &held));
        books.seen_of(self.want, agent, later, self.keeps, |role, model: &Kind| {
            let slack = books.path(role).flat_map(|(_, above)| {
                let limits = above.limits().filter(|(kind, _)| *kind == model);
                let staying = above.charged.amount(model).saturating_sub(above.finishing.amount(model));
                limits.map(move |(_, limit)| limit.saturating_sub(staying))
            });
            slack.min()
        })
    }

    /// What is left of what is free on an agent now.
    fn now(&self, agent: AgentNo) -> Cow<'_, Resources> {
        match self.spots.get(&agent) {
            Some(spot) => Cow::Borrowed(&spot.now),
            None => self.books.free_for(self.want, agent, self.keeps),
        }
    }

    fn left<'b>(&'b self, agent: AgentNo, later: &'b Resources) -> &'b Resources {
        self.spots.get(&agent).map_or(later, |spot| &spot.later)
    }

    /// Places some of a member on an agent; says how many.
    fn assign(&mut self, agent: AgentNo, lane: &Resources, times: u64) -> u64 {
        if times == 0 {
            return 0;
        }
        let whole = lane.scaled(times);
        let fresh = Spot {
            now: self.now(agent).into_owned(),
            later: self.later_of(agent).into_owned(),
            target: Resources::default(),
            there: Resources::default(),
        };
        let spot = self.spots.entry(agent).or_insert(fresh);
        spot.there.add(&whole.at_most(&spot.now));
        spot.now.take_up_to(&whole);
        spot.later.take_up_to(&whole);
        spot.target.add(&whole);
        times
    }
}

/// The models of GPU that have enough for a shape; for one without GPUs, none once.
fn models(shape: &Shape, room: &Resources) -> Vec<Option<Word>> {
    let Some(request) = &shape.gpu else { return alloc::vec![None] };
    let enough = room.gpus.iter().filter(|(model, count)| {
        *count >= request.count && request.model.as_ref().is_none_or(|wanted| wanted == *model)
    });
    enough.map(|(model, _)| Some(model.clone())).collect()
}

/// What one of a shape takes with the model of its GPUs settled.
fn settled(shape: &Shape, model: Option<&Word>) -> Resources {
    let count = shape.gpu.as_ref().map_or(0, |request| request.count);
    let gpus = model.map(|model| Counts::of(model.clone(), count)).unwrap_or_default();
    Resources { gpus, ..shape.base.clone() }
}

/// The largest part of what one takes that is not free.
fn missing(lane: &Resources, now: &Resources) -> Fraction {
    let short = now.shortfall(lane);
    let parts = short.iter().map(|(kind, short)| Fraction::new((*short).into(), lane.amount(kind).into()));
    parts.max().unwrap_or(Fraction::ZERO)
}

impl AgentBook {
    /// Whether there may be room for one of a shape once all that ends has ended, by a few sums: most agents are done
    /// with here.
    fn may_have(&self, shape: &Shape) -> bool {
        let most = |of: fn(&Resources) -> u64| {
            [&self.free, &self.finishing, &self.held].into_iter().map(of).fold(0, u64::saturating_add)
        };
        let gpus = shape.gpu.as_ref().map_or(0, |request| request.count);
        most(|some| some.cpu_milli) >= shape.base.cpu_milli
            && most(|some| some.memory_bytes) >= shape.base.memory_bytes
            && most(|some| some.gpus.total()) >= gpus
    }

    /// What is free once all that ends has ended, and this besides, and what others hold is left to them.
    pub(crate) fn later(&self, going: &Resources, held: &Resources) -> Resources {
        let mut later = self.agent.as_ref().map(|agent| agent.capacity.clone()).unwrap_or_default();
        let mut staying = self.charged.clone();
        staying.take_up_to(&self.finishing);
        staying.take_up_to(going);
        for sum in [&staying, &self.foreign, &self.offered, &self.reserved, held] {
            later.take_up_to(sum);
        }
        later
    }
}
