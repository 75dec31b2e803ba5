//! Settling answers: level one checks again what level two chose, and books all of it or nothing.

use crate::allocator::{Allocator, LiveOffer};
use crate::ask::{Ask, Member, Shape};
use crate::books::task::TaskBook;
use crate::books::want::{Terms as WantTerms, WantState, is_gang};
use crate::books::{AgentNo, Books, WantNo};
use crate::headroom::Block;
use crate::id::{AgentId, OfferId, TaskId};
use crate::offer::{Answer, Launch, Offer, Placement, Terms};
use crate::policy::Laws;
use crate::resources::{Amounts, Listed, Resources};
use crate::view::Stage;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

/// Why an answer was refused. Nothing of it was booked, and the turn is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettleError {
    /// The offer is not live: never made, answered already, rescinded, or its turn is over.
    UnknownOffer(OfferId),
    /// An accept that takes nothing; decline instead.
    Nothing,
    /// A task of this name exists, or stands twice in the answer.
    TaskInUse(TaskId),
    /// The ask has no such member.
    NoMember(usize),
    /// A gang is taken whole: exactly `least` of each member.
    NotWhole {
        /// The member, by position.
        member: usize,
        /// How many were placed.
        placed: u32,
        /// How many a unit has.
        least: u32,
    },
    /// More than the allowance, or more of a member than is wanted.
    TooMany {
        /// How many were placed.
        placed: u32,
        /// How many may be.
        most: u32,
    },
    /// A placement takes something else than its member's shape.
    Shape(TaskId),
    /// The agent was not shown for this placement; none when it is not known at all.
    NotShown {
        /// The agent.
        agent: AgentId,
        /// The stage that hides it.
        stage: Option<Stage>,
    },
    /// More than is free on an agent, or than the offer names of it.
    Room {
        /// The agent.
        agent: AgentId,
        /// What is missing.
        missing: Amounts,
    },
    /// A limit or the headroom does not hold all of it.
    Blocked(Block),
}

impl fmt::Display for SettleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOffer(id) => {
                write!(f, "offer {} is not live: it was answered, rescinded, or its turn is over", id.0)
            }
            Self::Nothing => f.write_str("the accept takes nothing; decline instead"),
            Self::TaskInUse(task) => write!(f, "task {task}: its name is in use; choose another"),
            Self::NoMember(member) => write!(f, "the ask has no member {member}"),
            Self::NotWhole { member, placed, least } => {
                write!(f, "member {member}: {placed} placed, {least} make the gang whole")
            }
            Self::TooMany { placed, most } => write!(f, "{placed} placed, at most {most} may be"),
            Self::Shape(task) => write!(f, "task {task}: its resources are not the shape of its member"),
            Self::NotShown { agent, stage: None } => {
                write!(f, "agent {agent} is not known or not in the offer")
            }
            Self::NotShown { agent, stage: Some(stage) } => write!(f, "agent {agent} is not shown: {stage}"),
            Self::Room { agent, missing } => write!(f, "agent {agent}: {} missing", Listed(missing)),
            Self::Blocked(block) => block.fmt(f),
        }
    }
}

impl core::error::Error for SettleError {}

impl Allocator {
    /// Settles the answer to a live offer. An accept is booked whole, over all its agents, or not at all; what was
    /// not taken of the offer is free again.
    ///
    /// # Errors
    /// [`SettleError`]; nothing was booked, and the want waits until something changes.
    pub fn settle(&mut self, id: OfferId, answer: Answer) -> Result<Vec<Launch>, SettleError> {
        let Some(live) = self.live.remove(&id) else {
            self.stats.answers_refused += 1;
            return Err(SettleError::UnknownOffer(id));
        };
        // What stayed out beyond its turn held others back.
        self.changed |= self.current != Some(id);
        self.current = None;
        self.release(&live);
        match answer {
            Answer::Decline { until } => {
                self.stats.declined += 1;
                self.decline(&live, until);
                Ok(Vec::new())
            }
            Answer::Accept(placements) => match self.books.check(&live, &placements) {
                Ok(taken) => {
                    self.stats.accepted += 1;
                    self.stats.launches += placements.len() as u64;
                    Ok(self.book(&live, placements, &taken))
                }
                Err(error) => {
                    self.stats.answers_refused += 1;
                    self.books.set_state(live.want, WantState::Parked);
                    Err(error)
                }
            },
        }
    }

    fn decline(&mut self, live: &LiveOffer, until: Option<crate::tick::Timestamp>) {
        match &live.offer.terms {
            Terms::Units { .. } => self.books.refuse_all(live.want, until),
            Terms::Parts { parts, .. } => {
                let known = parts.iter().filter_map(|(id, _)| self.books.agent_names.get(id).copied());
                let agents: Vec<AgentNo> = known.collect();
                self.books.refuse(live.want, agents, until);
            }
        }
    }

    fn book(&mut self, live: &LiveOffer, placements: Vec<Placement>, taken: &[u32]) -> Vec<Launch> {
        let LiveOffer { offer: Offer { id: offer, framework, .. }, want } = live;
        let named = placements.iter().filter_map(|p| self.books.agent_names.get(&p.agent).copied());
        let checked = self.books.policy.laws != Laws::Off;
        let role = self.books.charged_role(want.framework).filter(|_| checked);
        let witness = role.map(|role| self.books.witness(role, named));
        let mut launches = Vec::with_capacity(placements.len());
        for placement in placements {
            let Some(agent) = self.books.agent_names.get(&placement.agent).copied() else { continue };
            let task = TaskBook {
                agent,
                framework: Some(want.framework),
                resources: placement.resources.clone(),
                finishing: false,
                launch: true,
            };
            self.books.enter_task(placement.task.clone(), task);
            launches.push(Launch { framework: framework.clone(), offer: *offer, placement });
        }
        self.broken.extend(witness.iter().flat_map(|witness| self.books.worsened(witness)));
        let fair = self.books.fair.clone();
        if let Some(kept) = self.books.want_mut(*want) {
            kept.lower(taken, &fair);
        }
        self.books.relist(*want);
        launches
    }
}

impl Books {
    /// Checks an accept whole; says how many of each member it takes.
    fn check(&self, live: &LiveOffer, placements: &[Placement]) -> Result<Vec<u32>, SettleError> {
        if placements.is_empty() {
            return Err(SettleError::Nothing);
        }
        let mut names = BTreeSet::new();
        if let Some(twice) =
            placements.iter().find(|p| !names.insert(&p.task) || self.tasks.contains_key(&p.task))
        {
            return Err(SettleError::TaskInUse(twice.task.clone()));
        }
        let taken = match &live.offer.terms {
            Terms::Units { units, .. } => self.check_units(live.want, *units, placements)?,
            Terms::Parts { parts, .. } => {
                check_parts(parts, placements)?;
                Vec::new()
            }
        };
        self.check_room(live, placements)?;
        let mut sum = Resources::default();
        placements.iter().for_each(|placement| sum.add(&placement.resources));
        let Some(role) = self.charged_role(live.want.framework) else {
            return Err(SettleError::UnknownOffer(live.offer.id));
        };
        match self.block(role, |kind| sum.amount(kind)) {
            Some(block) => Err(SettleError::Blocked(block)),
            None => Ok(taken),
        }
    }

    fn check_units(
        &self,
        want: WantNo,
        units: u32,
        placements: &[Placement],
    ) -> Result<Vec<u32>, SettleError> {
        let Some(WantTerms::Ask(ask)) = self.want(want).map(|want| &want.terms) else {
            return Err(SettleError::Nothing);
        };
        let mut taken = alloc::vec![0u32; ask.members.len()];
        for placement in placements {
            let no_member = SettleError::NoMember(placement.member);
            let member = ask.members.get(placement.member).ok_or(no_member.clone())?;
            *taken.get_mut(placement.member).ok_or(no_member)? += 1;
            if !is_of(&member.shape, &placement.resources) {
                return Err(SettleError::Shape(placement.task.clone()));
            }
            self.check_shown(want, member, placement)?;
        }
        check_counts(ask, units, &taken)?;
        Ok(taken)
    }

    fn check_shown(&self, want: WantNo, member: &Member, placement: &Placement) -> Result<(), SettleError> {
        let stage = match self.agent_names.get(&placement.agent) {
            None => None,
            Some(no) => match self.barred(want, Some(member), *no) {
                None => return Ok(()),
                Some(stage) => Some(stage),
            },
        };
        Err(SettleError::NotShown { agent: placement.agent.clone(), stage })
    }

    fn check_room(&self, live: &LiveOffer, placements: &[Placement]) -> Result<(), SettleError> {
        let keeps = self.keeps_gpu_room(live.want);
        let mut sums: BTreeMap<&AgentId, Resources> = BTreeMap::new();
        for placement in placements {
            sums.entry(&placement.agent).or_default().add(&placement.resources);
        }
        for (id, sum) in sums {
            let Some(no) = self.agent_names.get(id) else {
                return Err(SettleError::NotShown { agent: id.clone(), stage: None });
            };
            let missing = self.free_for(live.want, *no, keeps).shortfall(&sum);
            if !missing.is_empty() {
                return Err(SettleError::Room { agent: id.clone(), missing });
            }
        }
        Ok(())
    }
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
    let Resources { gpus, .. } = resources;
    let base = Resources { gpus: crate::gpu::Gpus::default(), ..resources.clone() };
    let fits = match &shape.gpu {
        None => gpus.is_empty(),
        Some(request) => {
            let mut models = gpus.iter();
            let one = models.next().is_some_and(|(model, count)| {
                count == request.count && request.model.as_ref().is_none_or(|wanted| wanted == model)
            });
            one && models.next().is_none()
        }
    };
    fits && base == shape.base
}

fn check_parts(parts: &[(AgentId, Resources)], placements: &[Placement]) -> Result<(), SettleError> {
    let mut left: BTreeMap<&AgentId, Resources> = parts.iter().map(|(id, part)| (id, part.clone())).collect();
    for placement in placements {
        let agent = || placement.agent.clone();
        let part =
            left.get_mut(&placement.agent).ok_or(SettleError::NotShown { agent: agent(), stage: None })?;
        part.take(&placement.resources)
            .map_err(|short| SettleError::Room { agent: agent(), missing: short.0 })?;
    }
    Ok(())
}
