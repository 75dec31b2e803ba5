//! Wants: an ask or an open demand as level one works on it.

use crate::ask::{Ask, Member, Shape};
use crate::class::ClassNo;
use crate::hold::{Hold, Rest};
use crate::refusal::Refusals;
use crate::resources::{Kind, Resources};
use crate::share::{FairSet, Mask};
use alloc::vec::Vec;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Terms {
    Ask(Ask),
    Open(Resources),
}

/// One want with its state. All but the terms is soft.
#[derive(Clone, Debug)]
pub(crate) struct Want {
    /// What is still wanted: an accept lowers it, a change of demand replaces it.
    pub(crate) terms: Terms,
    /// What one unit takes; none when nothing is wanted any more.
    pub(crate) unit: Option<Unit>,
    /// By itself. Who has a class sleeps with that.
    pub(crate) state: WantState,
    /// Whether it takes revocable room, and no other.
    pub(crate) revocable: bool,
    /// Those that see the same, if nothing sets it apart.
    pub(crate) class: Option<ClassNo>,
    /// Which agents it refused.
    pub(crate) refused: Refusals,
    /// Whether it left the room that GPUs need when it last looked.
    pub(crate) kept: bool,
    /// Whether it leaves the room that GPUs need, for the fleet of this number.
    pub(crate) keeps: Option<(u64, bool)>,
    /// Whether it was offered anything since it was told.
    pub(crate) looked: bool,
    /// Whether it had a turn, or was kept from one, and was given nothing since.
    pub(crate) unserved: bool,
    /// What is held for a unit of it.
    pub(crate) hold: Option<Hold>,
    /// Until when it has no hold, and why.
    pub(crate) rest: Option<Rest>,
}

/// Whether a want may have a turn, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WantState {
    /// It may.
    Waiting,
    /// Every agent that it could see is filtered for it, or has no room.
    Asleep,
    /// A limit or the headroom says no, all that is free is less than a unit, or its last turn ended without an answer:
    /// until something changes.
    Parked,
}

/// What a unit takes, before the model of its GPUs is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    /// All but GPUs of an open model.
    pub(crate) settled: Resources,
    /// GPUs of an open model.
    pub(crate) open_gpus: u64,
    /// The resources of the fair set that it takes.
    pub(crate) mask: Mask,
    /// Whether it has more than one member.
    pub(crate) many: bool,
    /// How many units are wanted.
    pub(crate) wanted: u32,
}

impl Unit {
    pub(crate) fn of(resources: Resources, fair: &FairSet) -> Self {
        let mut unit =
            Self { settled: resources, open_gpus: 0, mask: Mask::default(), many: false, wanted: 1 };
        unit.mask = fair.mask(|kind| unit.amount(kind) > 0);
        unit
    }

    pub(crate) fn amount(&self, kind: &Kind) -> u64 {
        let settled = self.settled.amount(kind);
        if *kind == Kind::Gpu { settled.saturating_add(self.open_gpus) } else { settled }
    }

    /// Whether there is as much in all; where it is, and whether it fits there, is not asked.
    pub(crate) fn is_within(&self, free: &Resources) -> bool {
        let gpus = self.open_gpus.saturating_add(self.settled.gpus.total());
        free.contains(&self.settled) && gpus <= free.gpus.total()
    }

    fn of_members<'a>(members: impl Iterator<Item = (&'a Shape, u32)>, fair: &FairSet) -> Self {
        let mut unit = Self::of(Resources::default(), fair);
        let mut count = 0u64;
        for (shape, times) in members {
            let times = u64::from(times);
            count += times;
            unit.settled.add(&shape.base.scaled(times));
            if let Some(gpu) = &shape.gpu {
                let gpus = gpu.count.saturating_mul(times);
                match &gpu.model {
                    Some(model) => unit.settled.gpus.add(model, gpus),
                    None => unit.open_gpus = unit.open_gpus.saturating_add(gpus),
                }
            }
        }
        unit.many = count > 1;
        unit.mask = fair.mask(|kind| unit.amount(kind) > 0);
        unit
    }
}

/// Whether an ask is given all its least members at once.
pub(crate) fn is_gang(ask: &Ask) -> bool {
    ask.members.iter().any(|member| member.least > 0)
}

/// The members of one unit, with how many of each: all its least of a gang, else one of the first that is wanted.
fn of_unit(ask: &Ask) -> impl Iterator<Item = (&Member, u32)> {
    let (gang, first) = (is_gang(ask), ask.members.iter().position(|member| member.count > 0));
    let count = move |at: usize, least: u32| if gang { least } else { u32::from(Some(at) == first) };
    let members = ask.members.iter().enumerate().map(move |(at, member)| (member, count(at, member.least)));
    members.filter(|(_, count)| *count > 0)
}

/// The same, large members first: they are the ones that are left over otherwise.
pub(crate) fn largest_first(ask: &Ask) -> Vec<(&Member, u32)> {
    let mut members: Vec<_> = of_unit(ask).collect();
    members.sort_by_key(|(member, _)| {
        let gpus = member.shape.gpu.as_ref().map_or(0, |gpu| gpu.count);
        let Resources { cpu_milli, memory_bytes, .. } = &member.shape.base;
        core::cmp::Reverse((gpus, *memory_bytes, *cpu_milli))
    });
    members
}

impl Want {
    pub(crate) fn new(terms: Terms, fair: &FairSet) -> Self {
        let mut want = Self {
            revocable: matches!(&terms, Terms::Ask(ask) if ask.is_revocable()),
            terms,
            unit: None,
            state: WantState::Waiting,
            class: None,
            refused: Refusals::default(),
            kept: false,
            keeps: None,
            looked: false,
            unserved: false,
            hold: None,
            rest: None,
        };
        want.refresh_unit(fair);
        want
    }

    pub(crate) fn refresh_unit(&mut self, fair: &FairSet) {
        self.unit = match &self.terms {
            Terms::Open(least) => Some(Unit::of(least.clone(), fair)),
            Terms::Ask(ask) => ask.members.iter().any(|member| member.count > 0).then(|| {
                let members = of_unit(ask).map(|(member, count)| (&member.shape, count));
                let mut unit = Unit::of_members(members, fair);
                if !is_gang(ask) {
                    unit.wanted = ask.members.iter().fold(0, |sum, member| sum.saturating_add(member.count));
                }
                unit
            }),
        };
    }

    /// The members of which more are wanted.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = &Member> + Clone {
        self.members().iter().filter(|member| member.count > 0)
    }

    /// The members that may still be placed.
    pub(crate) fn members(&self) -> &[Member] {
        match &self.terms {
            Terms::Ask(ask) => &ask.members,
            Terms::Open(_) => &[],
        }
    }

    /// Lowers what is wanted by what was accepted: a gang is wanted no more, of singles so many of each member.
    pub(crate) fn lower(&mut self, taken: &[u32], fair: &FairSet) {
        if let Terms::Ask(ask) = &mut self.terms {
            let gang = is_gang(ask);
            for (member, taken) in ask.members.iter_mut().zip(taken) {
                member.count = if gang { 0 } else { member.count.saturating_sub(*taken) };
                member.least = 0;
            }
        }
        self.keeps = None;
        self.refresh_unit(fair);
    }
}

/// The wants that a demand stands for.
pub(crate) fn wants_of(demand: &crate::ask::Demand, fair: &FairSet) -> Vec<Want> {
    use crate::ask::Demand;
    match demand {
        Demand::None => Vec::new(),
        Demand::Asks(asks) => asks.iter().map(|ask| Want::new(Terms::Ask(ask.clone()), fair)).collect(),
        Demand::Open { least } => alloc::vec![Want::new(Terms::Open(least.clone()), fair)],
    }
}
