//! Settling answers: level one checks again what level two chose, and books all of it or nothing.

mod check;
mod devices;
mod operate;

use crate::allocator::{Allocator, LiveOffer};
use crate::books::agent::Use;
use crate::books::task::TaskBook;
use crate::books::want::WantState;
use crate::books::{Books, WantNo};
use crate::device::DeviceError;
use crate::headroom::Block;
use crate::hold::Dropped;
use crate::id::{AgentId, OfferId, TaskId, VolumeId};
use crate::invariants::{Violation, Witness};
use crate::offer::{Answer, Launch, Offer, Placement, Terms};
use crate::operation::OperationError;
use crate::plant::Plant;
use crate::policy::Laws;
use crate::resources::{Amounts, Listed};
use crate::view::Stage;
use alloc::vec::Vec;
use check::Taken;
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
    /// A placement does not name the ports that it takes.
    OpenPorts(TaskId),
    /// Two tasks were to use a volume that is not shared.
    VolumeInUse(VolumeId),
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
    /// The agent has not the devices for a task.
    Devices {
        /// The task.
        task: TaskId,
        /// The agent.
        agent: AgentId,
        /// Why not.
        why: DeviceError,
    },
    /// A limit or the headroom does not hold all of it.
    Blocked(Block),
    /// An operation was refused.
    Operation {
        /// Which, by position.
        at: usize,
        /// Why.
        why: OperationError,
    },
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
            Self::OpenPorts(task) => {
                write!(f, "task {task}: it takes ports of any number; name those it takes")
            }
            Self::VolumeInUse(volume) => {
                write!(f, "volume {volume} is not shared; place one task that uses it")
            }
            Self::Shape(task) => write!(f, "task {task}: its resources are not the shape of its member"),
            Self::NotShown { agent, stage: None } => {
                write!(f, "agent {agent} is not known or not in the offer")
            }
            Self::NotShown { agent, stage: Some(stage) } => write!(f, "agent {agent} is not shown: {stage}"),
            Self::Room { agent, missing } => write!(f, "agent {agent}: {} missing", Listed(missing)),
            Self::Devices { task, agent, why } => write!(f, "task {task} on agent {agent}: {why}"),
            Self::Blocked(block) => block.fmt(f),
            Self::Operation { at, why } => write!(f, "operation {at}: {why}"),
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
        // What stayed out beyond its turn held others back.
        let stayed_out = self.out.contains_key(&id);
        let Some(live) = self.take_live(id) else {
            self.stats.answers_refused += 1;
            return Err(SettleError::UnknownOffer(id));
        };
        self.changed |= stayed_out;
        self.inverse.stale = true;
        self.release(&live);
        if self.books.planted.is(Plant::AnswerOnce) {
            self.out.insert(id, live.clone());
        }
        match answer {
            Answer::Decline { until } => {
                self.stats.declined += 1;
                self.spoil_hold(live.want, Dropped::Declined);
                self.decline(&live, until);
                Ok(Vec::new())
            }
            Answer::Accept(placements) => match self.books.check(&live, &placements) {
                Ok(taken) => {
                    self.stats.accepted += 1;
                    self.stats.launches += placements.len() as u64;
                    Ok(self.book(&live, placements, &taken))
                }
                Err(error) => Err(self.refuse(&live, error)),
            },
            Answer::Operate(operations) => match self.operate(&live, &operations) {
                Ok(launches) => {
                    self.stats.accepted += 1;
                    self.stats.launches += launches.len() as u64;
                    Ok(launches)
                }
                Err(error) => Err(self.refuse(&live, error)),
            },
        }
    }

    fn refuse(&mut self, live: &LiveOffer, error: SettleError) -> SettleError {
        self.stats.answers_refused += 1;
        self.spoil_hold(live.want, Dropped::TurnLost);
        self.books.set_state(live.want, WantState::Parked);
        error
    }

    fn decline(&mut self, live: &LiveOffer, until: Option<crate::tick::Timestamp>) {
        match &live.offer.terms {
            // What has no room hides itself; only what was seen with room is refused.
            Terms::Units { .. } if self.books.sees_no_room(live.want) => {
                self.books.set_state(live.want, WantState::Asleep);
            }
            Terms::Units { .. } => self.books.refuse_all(live.want, until),
            Terms::Parts { .. } => self.books.refuse(live.want, &live.agents, until),
        }
    }

    fn book(&mut self, live: &LiveOffer, placements: Vec<Placement>, taken: &Taken) -> Vec<Launch> {
        let LiveOffer { offer: Offer { id: offer, framework, role, .. }, want, .. } = live;
        let Taken { counts, agents, sums, whole, devices } = taken;
        let checked = self.books.policy.laws != Laws::Off;
        let charged = self.books.charged_role(want.framework);
        let witness = checked.then(|| self.books.witness(charged, sums.iter().map(|sum| sum.agent)));
        // What was held for the unit is taken now; what is left of it is free.
        let held = self.books.let_go(*want);
        self.stats.holds_started += u64::from(held);
        self.changed |= held;
        let booked = if self.books.planted.is(Plant::Atomic) { 1 } else { sums.len() };
        for sum in sums.iter().take(booked) {
            self.books.occupy(sum.agent, Use::Charged, &sum.resources, sum.tasks);
        }
        let tasks = u32::try_from(placements.len()).unwrap_or(u32::MAX);
        if let Some(agent) = agents.first() {
            self.books.charge_use(want.framework, *agent, whole, tasks);
        }
        let mut launches = Vec::with_capacity(placements.len());
        for (at, (mut placement, agent)) in placements.into_iter().zip(agents).enumerate() {
            placement.devices = devices.get(at).cloned().unwrap_or_default();
            let unit = self.books.launch_mark(*want, self.tick.now);
            let reservation = self.books.names_of(*want, &placement);
            let user = (*agent, want.framework);
            if let Some(id) = &reservation {
                self.books.count_user(id, user, &placement.resources, true);
                self.changed = true;
            }
            let task = TaskBook {
                agent: *agent,
                framework: Some(want.framework),
                resources: placement.resources.clone(),
                finishing: false,
                unit,
                launch: true,
                reservation,
                devices: placement.devices.clone().into_boxed_slice(),
            };
            self.books.enter_launch(placement.task.clone(), task);
            launches.push(Launch {
                framework: framework.clone(),
                role: role.clone(),
                offer: *offer,
                placement,
            });
        }
        self.note_worsened(*want, witness.as_ref());
        self.lower(*want, counts);
        launches
    }

    /// Notes what a gift to a want made larger that it must not. Idle guarantees are lent to what may be asked back: that
    /// shortfall is no breach.
    fn note_worsened(&mut self, want: WantNo, witness: Option<&Witness>) {
        let lends = self.books.lends(want);
        let worse = witness.into_iter().flat_map(|witness| self.books.worsened(witness));
        self.broken.extend(worse.filter(|broken| !(lends && matches!(broken, Violation::Headroom { .. }))));
    }

    /// Lowers what is wanted by what was placed of each member; open demand stays what it is.
    fn lower(&mut self, want: WantNo, counts: &[u32]) {
        let Books { fair, frameworks, .. } = &mut self.books;
        let lowered = frameworks.at_mut(want.framework).wants.get_mut(want.at).filter(|_| !counts.is_empty());
        if let Some(kept) = lowered {
            let before = kept.wanted().count();
            kept.lower(counts, fair);
            kept.unserved = false;
            let others = kept.wanted().count() != before;
            self.books.soft.holds.forget(want);
            self.books.note_served(want, others);
        }
    }
}
