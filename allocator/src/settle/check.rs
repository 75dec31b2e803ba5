//! The checks of an accept.

use super::SettleError;
use crate::allocator::LiveOffer;
use crate::ask::{Ask, Member, Shape};
use crate::books::reservation::ReservationBook;
use crate::books::want::{Terms as WantTerms, is_gang};
use crate::books::{AgentNo, Books, RoleNo, WantNo};
use crate::counts::Counts;
use crate::device::Grant;
use crate::id::{AgentId, ReservationId};
use crate::offer::{Placement, Terms};
use crate::plant::Plant;
use crate::resources::Resources;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// What an accept takes.
pub(super) struct Taken {
    /// How many of each member; empty for open demand.
    pub(super) counts: Vec<u32>,
    /// The agent of each placement.
    pub(super) agents: Vec<AgentNo>,
    /// What it takes of each agent.
    pub(super) sums: Vec<Sum>,
    /// What it takes in all.
    pub(super) whole: Resources,
    /// The devices of each placement; none of all where no agent shows any.
    pub(super) devices: Vec<Vec<Grant>>,
}

/// What an accept takes of one agent.
pub(super) struct Sum {
    pub(super) agent: AgentNo,
    pub(super) resources: Resources,
    pub(super) tasks: u32,
}

/// What comes out of one reservation.
pub(super) struct Own {
    pub(super) agent: AgentNo,
    /// Who is charged for it already.
    pub(super) role: RoleNo,
    pub(super) taken: Resources,
}

impl Books {
    /// Checks an accept whole.
    pub(super) fn check(&self, live: &LiveOffer, placements: &[Placement]) -> Result<Taken, SettleError> {
        if placements.is_empty() {
            return Err(SettleError::Nothing);
        }
        self.check_names(placements)?;
        let (agents, counts) = match &live.offer.terms {
            Terms::Units { units, .. } => {
                let agents = self.numbers(placements)?;
                let counts = self.check_units(live.want, *units, placements, &agents)?;
                self.check_volumes(live.want, placements)?;
                (agents, counts)
            }
            Terms::Parts { parts, .. } => (check_parts(parts, &live.agents, placements)?, Vec::new()),
        };
        let sums = placed(placements, &agents);
        let own = self.own_room(live.want, placements, &agents);
        self.check_room(live.want, &sums, &own)?;
        let devices = self.check_devices(live.want, placements, &agents)?;
        let mut whole = Resources::default();
        sums.iter().for_each(|sum| whole.add(&sum.resources));
        let role = self.charged_role(live.want.framework);
        let held = self.hold(live.want).map(|hold| (role, hold.sum.clone()));
        let charged: Vec<_> = own.into_iter().map(|own| (own.role, own.taken)).chain(held).collect();
        let block = self.block_beyond(role, self.lends(live.want), &charged, |kind| whole.amount(kind));
        match block.filter(|_| !self.takes_revocable(live.want)) {
            Some(block) => Err(SettleError::Blocked(block)),
            None => Ok(Taken { counts, agents, sums, whole, devices }),
        }
    }

    /// Checks of launches what does not depend on what is free: their names, members, shapes and counts. How many of each
    /// member there are; empty for open demand, and where nothing is launched.
    pub(super) fn check_launches(
        &self,
        live: &LiveOffer,
        placements: &[Placement],
    ) -> Result<Vec<u32>, SettleError> {
        self.check_names(placements)?;
        match &live.offer.terms {
            Terms::Units { units, .. } if !placements.is_empty() => {
                self.check_units(live.want, *units, placements, &self.numbers(placements)?)
            }
            Terms::Units { .. } | Terms::Parts { .. } => Ok(Vec::new()),
        }
    }

    /// The reservation whose volume a placement uses, and which it goes into where that is kept on its agent: the one that
    /// its member names.
    pub(super) fn reservation_of(&self, want: WantNo, placement: &Placement) -> Option<&ReservationBook> {
        self.comes_back(want, self.want(want)?.members().get(placement.member)?)
    }

    /// Its name.
    pub(super) fn names_of(&self, want: WantNo, placement: &Placement) -> Option<ReservationId> {
        Some(self.reservation_of(want, placement)?.reservation.id.clone())
    }

    /// A volume that is not shared is used by one task at a time.
    fn check_volumes(&self, want: WantNo, placements: &[Placement]) -> Result<(), SettleError> {
        let mut used = BTreeSet::new();
        for placement in placements.iter().filter(|_| !self.reservations.is_empty()) {
            let book = self.reservation_of(want, placement);
            let volume = book.and_then(|book| book.reservation.volume.as_ref());
            if let Some(volume) = volume.filter(|volume| !volume.shared && !used.insert(&volume.id)) {
                return Err(SettleError::VolumeInUse(volume.id.clone()));
            }
        }
        Ok(())
    }

    /// What of placements comes out of reservations: charged already, and not free.
    pub(super) fn own_room(&self, want: WantNo, placements: &[Placement], agents: &[AgentNo]) -> Vec<Own> {
        let mut own: BTreeMap<ReservationId, Resources> = BTreeMap::new();
        for (placement, agent) in placements.iter().zip(agents).filter(|_| !self.reservations.is_empty()) {
            let book = self.reservation_of(want, placement).filter(|book| book.agent == *agent);
            if let Some(book) = book {
                own.entry(book.reservation.id.clone()).or_default().add(&placement.resources);
            }
        }
        let of = |(id, taken): (ReservationId, Resources)| {
            let book = self.reservations.get(&id)?;
            let taken = taken.at_most(&self.usable(book));
            Some(Own { agent: book.agent, role: self.charged_with(book), taken })
        };
        own.into_iter().filter_map(of).collect()
    }

    fn check_names(&self, placements: &[Placement]) -> Result<(), SettleError> {
        let mut names = BTreeSet::new();
        let alone = placements.len() == 1;
        let mut tasks = placements.iter().map(|placement| &placement.task);
        let twice = tasks.find(|task| (!alone && !names.insert(*task)) || self.tasks.get(task).is_some());
        if let Some(task) = twice {
            return Err(SettleError::TaskInUse(task.clone()));
        }
        let mut open = placements.iter().filter(|placement| placement.resources.other.ports().open() > 0);
        open.next().map_or(Ok(()), |placement| Err(SettleError::OpenPorts(placement.task.clone())))
    }

    pub(super) fn numbers(&self, placements: &[Placement]) -> Result<Vec<AgentNo>, SettleError> {
        let number = |placement: &Placement| {
            let agent = || placement.agent.clone();
            let known = self.agent_names.get(&placement.agent).copied();
            known.ok_or_else(|| SettleError::NotShown { agent: agent(), stage: None })
        };
        placements.iter().map(number).collect()
    }

    fn check_units(
        &self,
        want: WantNo,
        units: u32,
        placements: &[Placement],
        agents: &[AgentNo],
    ) -> Result<Vec<u32>, SettleError> {
        let Some(WantTerms::Ask(ask)) = self.want(want).map(|want| &want.terms) else {
            return Err(SettleError::Nothing);
        };
        let mut counts = alloc::vec![0u32; ask.members.len()];
        // Members of one kind on one agent stand together and are looked up once.
        let mut last = None;
        for (placement, agent) in placements.iter().zip(agents) {
            let (at, task) = (placement.member, || placement.task.clone());
            let (Some(member), Some(count)) = (ask.members.get(at), counts.get_mut(at)) else {
                return Err(SettleError::NoMember(at));
            };
            *count += 1;
            if !is_of(&member.shape, &placement.resources) {
                return Err(SettleError::Shape(task()));
            }
            if last.replace((at, *agent)) != Some((at, *agent)) {
                self.check_shown(want, member, *agent)?;
            }
        }
        check_counts(ask, units, &counts)?;
        Ok(counts)
    }

    pub(super) fn check_shown(
        &self,
        want: WantNo,
        member: &Member,
        agent: AgentNo,
    ) -> Result<(), SettleError> {
        match self.barred(want, Some(member), agent) {
            None => Ok(()),
            Some(_) if self.planted.is(Plant::Domains) => Ok(()),
            stage => Err(SettleError::NotShown { agent: self.agents.at(agent).id.clone(), stage }),
        }
    }

    pub(super) fn check_room(&self, want: WantNo, sums: &[Sum], own: &[Own]) -> Result<(), SettleError> {
        let keeps = self.keeps_gpu_room(want);
        let short = sums.iter().filter_map(|sum| {
            let mut free = self.free_for(want, sum.agent, keeps);
            let own = own.iter().filter(|own| own.agent == sum.agent);
            own.for_each(|own| free.to_mut().add(&own.taken));
            let id = &self.agents.at(sum.agent).id;
            (!free.contains(&sum.resources)).then(|| (id, free.shortfall(&sum.resources)))
        });
        let first = short.min_by_key(|(id, _)| *id);
        let first = first.filter(|_| !self.planted.is(Plant::OverCommit));
        first.map_or(Ok(()), |(id, missing)| Err(SettleError::Room { agent: id.clone(), missing }))
    }
}

pub(super) fn placed(placements: &[Placement], agents: &[AgentNo]) -> Vec<Sum> {
    if let ([placement], [agent]) = (placements, agents) {
        return alloc::vec![Sum { agent: *agent, resources: placement.resources.clone(), tasks: 1 }];
    }
    let mut by_agent: Vec<(AgentNo, &Placement)> = agents.iter().copied().zip(placements).collect();
    by_agent.sort_by_key(|(agent, _)| *agent);
    let mut sums: Vec<Sum> = Vec::new();
    for (agent, placement) in by_agent {
        match sums.last_mut().filter(|sum| sum.agent == agent) {
            Some(sum) => {
                sum.resources.add(&placement.resources);
                sum.tasks += 1;
            }
            None => sums.push(Sum { agent, resources: placement.resources.clone(), tasks: 1 }),
        }
    }
    sums
}

fn check_counts(ask: &Ask, units: u32, taken: &[u32]) -> Result<(), SettleError> {
    let gang = is_gang(ask);
    for (at, (member, placed)) in ask.members.iter().zip(taken).enumerate() {
        if gang && *placed != member.least {
            return Err(SettleError::NotWhole { member: at, placed: *placed, least: member.least });
        }
        if *placed > member.count {
            return Err(SettleError::TooMany { placed: *placed, most: member.count });
        }
    }
    let placed = taken.iter().fold(0u32, |sum, placed| sum.saturating_add(*placed));
    if !gang && placed > units {
        return Err(SettleError::TooMany { placed, most: units });
    }
    Ok(())
}

/// Whether resources are a shape with the model of its GPUs settled.
fn is_of(shape: &Shape, resources: &Resources) -> bool {
    let Resources { cpu_milli, memory_bytes, disk_bytes, pods, gpus, other } = resources;
    let base = &shape.base;
    let plain = (*cpu_milli, *memory_bytes, *disk_bytes, *pods);
    plain == (base.cpu_milli, base.memory_bytes, base.disk_bytes, base.pods)
        && base.other.is_settled_as(other)
        && match &shape.gpu {
            None => gpus.is_empty(),
            Some(request) => {
                request.choose(gpus).is_some_and(|model| *gpus == Counts::of(model.clone(), request.count))
            }
        }
}

/// What placements take of each part of an offer to open demand is no more than the part; the agent of each.
pub(super) fn check_parts(
    parts: &[(AgentId, Resources)],
    numbers: &[AgentNo],
    placements: &[Placement],
) -> Result<Vec<AgentNo>, SettleError> {
    let mut left: Vec<Resources> = parts.iter().map(|(_, part)| part.clone()).collect();
    let mut agents = Vec::with_capacity(placements.len());
    for placement in placements {
        let agent = || placement.agent.clone();
        // Parts are in the order of names.
        let at = parts.binary_search_by(|(id, _)| id.cmp(&placement.agent)).unwrap_or(usize::MAX);
        let (Some(part), Some(number)) = (left.get_mut(at), numbers.get(at)) else {
            return Err(SettleError::NotShown { agent: agent(), stage: None });
        };
        part.take(&placement.resources)
            .map_err(|short| SettleError::Room { agent: agent(), missing: short.0 })?;
        agents.push(*number);
    }
    Ok(agents)
}
