//! What a want sees of an agent, and the stage that hides it.

use crate::agent::{Agent, AgentState, GpuRoom};
use crate::ask::{Constraint, Member, Shape};
use crate::books::agent::AgentBook;
use crate::books::want::{Terms, Want};
use crate::books::{AgentNo, Books, FrameworkNo, RoleNo, WantNo};
use crate::device::DeviceLack;
use crate::id::{FrameworkId, RolePath, VolumeId, Word};
use crate::pool::Room;
use crate::reservation::ReservedFor;
use crate::resources::{Amounts, Kind, Listed, Resources};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

/// The stages that an agent passes before a want sees it, in order; the first that says no.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It takes no new work.
    Draining,
    /// Nothing is heard from it.
    Unreachable,
    /// It is revocable room, which the ask does not say that it takes.
    Revocable,
    /// It is of another region than the local one, and the framework is not region-aware.
    Region {
        /// The agent's region.
        region: Word,
        /// The local one.
        local: Word,
    },
    /// The role may not see it.
    RoleAgents(Constraint),
    /// The ask does not want it.
    Constraint(Constraint),
    /// The member comes back to a volume that is not shared, and a task uses that.
    VolumeInUse(VolumeId),
    /// The framework's last launch there failed.
    Avoided,
    /// The framework refused it, and it has no more to give since.
    Refused,
    /// It has too little room; what is missing of what is free.
    Room(Amounts),
    /// It has the room by its counts, but not the devices.
    Devices(DeviceLack),
    /// It has the room, but its free GPUs need it; what is missing of what is left for work without GPUs.
    GpuRoom(Amounts),
    /// It has the room, but holds it for a unit that waits; what is missing of what is not held.
    Held {
        /// Whose unit it is.
        by: FrameworkId,
        /// The role that is charged for it.
        role: RolePath,
        /// What is missing.
        missing: Amounts,
    },
    /// It has the room, but that is reserved; what is missing of what is not.
    Reserved {
        /// Who it is reserved for: the first by name of the reservation.
        by: ReservedFor,
        /// What is missing.
        missing: Amounts,
    },
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draining => f.write_str("it is draining"),
            Self::Unreachable => f.write_str("it is unreachable"),
            Self::Revocable => {
                f.write_str("its room is revocable, and the ask does not say that it takes such")
            }
            Self::Region { region, local } => {
                write!(
                    f,
                    "its region is {region}, the local one is {local}, and the framework is not region-aware"
                )
            }
            Self::RoleAgents(constraint) => write!(f, "the role may not see it: {constraint}"),
            Self::Constraint(constraint) => write!(f, "the ask does not want it: {constraint}"),
            Self::VolumeInUse(volume) => write!(f, "volume {volume} is not shared, and a task uses it"),
            Self::Avoided => f.write_str("the last launch there failed"),
            Self::Refused => f.write_str("it was refused and has no more to give since"),
            Self::Room(missing) => write!(f, "too little room: {} missing", Listed(missing)),
            Self::Devices(lack) => write!(f, "it lacks devices: {lack}"),
            Self::GpuRoom(missing) => write!(f, "its free GPUs need the room: {} missing", Listed(missing)),
            Self::Reserved { by, missing } => write!(f, "reserved for {by}: {} missing", Listed(missing)),
            Self::Held { by, role, missing } => {
                write!(f, "held for {by} in role {role}: {} missing", Listed(missing))
            }
        }
    }
}

impl Books {
    /// The role that is charged for what a framework takes in it.
    pub(crate) fn charged_role(&self, framework: FrameworkNo) -> RoleNo {
        self.frameworks.at(framework).role
    }

    pub(crate) fn want(&self, no: WantNo) -> Option<&Want> {
        self.frameworks.at(no.framework).wants.get(no.at)
    }

    pub(crate) fn want_mut(&mut self, no: WantNo) -> Option<&mut Want> {
        self.frameworks.at_mut(no.framework).wants.get_mut(no.at)
    }

    /// Whether work without GPUs leaves the room that free GPUs need to this want: not where the unit has members with
    /// GPUs, nor where no agent without GPUs could take some member of it even when empty.
    pub(crate) fn keeps_gpu_room(&self, no: WantNo) -> bool {
        let known = self.want(no).and_then(|want| want.keeps);
        match known.filter(|(fleet, _)| *fleet == self.fleet) {
            Some((_, keeps)) => keeps,
            None => self.decide_gpu_room(no),
        }
    }

    /// The same, kept for as long as the fleet stays what it is. A want that sees other amounts than before is shown
    /// everything that it refused, and wakes.
    pub(crate) fn note_gpu_room(&mut self, no: WantNo) -> bool {
        let (fleet, keeps) = (self.fleet, self.keeps_gpu_room(no));
        let Some(want) = self.want_mut(no) else { return keeps };
        want.keeps = Some((fleet, keeps));
        if core::mem::replace(&mut want.kept, keeps) != keeps {
            self.show_all(no);
        }
        keeps
    }

    fn decide_gpu_room(&self, no: WantNo) -> bool {
        let Some(want) = self.want(no) else { return false };
        if !self.is_without_gpus(no) {
            return false;
        }
        want.wanted().all(|member| {
            self.known_agents().any(|(_, book)| {
                !book.has_gpus()
                    && book.agent.as_ref().is_some_and(|agent| agent.capacity.contains(&member.shape.base))
                    && self.hidden(no, Some(member), book).is_none()
            })
        })
    }

    /// Whether a want is an ask whose units may be asked back.
    pub(crate) fn lends(&self, no: WantNo) -> bool {
        self.want(no).is_some_and(|want| matches!(&want.terms, Terms::Ask(ask) if ask.reclaimable))
    }

    /// Whether a want is an ask of which no member takes a GPU.
    pub(crate) fn is_without_gpus(&self, no: WantNo) -> bool {
        let Some(Terms::Ask(ask)) = self.want(no).map(|want| &want.terms) else { return false };
        ask.members.iter().all(|member| member.shape.gpu.is_none())
    }

    /// The agents by name, those with GPUs last for an ask without.
    pub(crate) fn agents_for(&self, no: WantNo) -> impl Iterator<Item = AgentNo> {
        let last = self.is_without_gpus(no);
        let pass = move |gpus: bool| {
            let known = self.known_agents().filter(move |(_, book)| !last || book.has_gpus() == gpus);
            known.map(|(no, _)| no)
        };
        pass(false).chain(last.then(|| pass(true)).into_iter().flatten())
    }

    /// The stage that hides an agent from a member by what the agent is, not by its load.
    pub(crate) fn hidden(&self, no: WantNo, member: Option<&Member>, book: &AgentBook) -> Option<Stage> {
        let agent = book.agent.as_ref()?;
        match agent.state {
            AgentState::Active => {}
            AgentState::Draining => return Some(Stage::Draining),
            AgentState::Unreachable => return Some(Stage::Unreachable),
        }
        self.unwanted(no, member, agent)
    }

    /// Whether an agent takes no new work, or none of this framework or its role, whatever runs there.
    pub(crate) fn hides(&self, framework: FrameworkNo, agent: &Agent) -> bool {
        agent.state != AgentState::Active
            || self.is_remote(framework, agent).is_some()
            || self.unseen_by_role(framework, agent).is_some()
    }

    /// That it is revocable, its region, or the constraint of the role or of the ask, that does not hold on an agent; the reach of the volume that a member
    /// comes back to is one of the ask.
    fn unwanted(&self, no: WantNo, member: Option<&Member>, agent: &Agent) -> Option<Stage> {
        if !self.revocable.is_empty() && agent.id.is_revocable() && !self.takes_revocable(no) {
            return Some(Stage::Revocable);
        }
        let remote = self.is_remote(no.framework, agent);
        let unseen = remote.or_else(|| self.unseen_by_role(no.framework, agent));
        unseen.or_else(|| {
            let member = member?;
            let unwanted = member.constraints.iter().find(|c| !c.holds(agent)).cloned();
            let reach = || self.volume_reach(no, member).filter(|reach| !reach.holds(agent));
            unwanted.or_else(reach).map(Stage::Constraint)
        })
    }

    /// The constraint of the role that does not hold on an agent.
    fn unseen_by_role(&self, framework: FrameworkNo, agent: &Agent) -> Option<Stage> {
        for (_, above) in self.path(self.charged_role(framework)) {
            let selection = above.declared.iter().flat_map(|role| &role.agents);
            if let Some(no) = selection.into_iter().find(|constraint| !constraint.holds(agent)) {
                return Some(Stage::RoleAgents(no.clone()));
            }
        }
        None
    }

    /// The stage before room that hides an agent from a member of a want; for open demand there are no members.
    pub(crate) fn barred(&self, no: WantNo, member: Option<&Member>, agent: AgentNo) -> Option<Stage> {
        let book = self.agents.at(agent);
        if book.agent.is_none() {
            return Some(Stage::Unreachable);
        }
        let hidden = self.hidden(no, member, book).or_else(|| self.volume_in_use(no, member));
        hidden.or_else(|| self.avoids(no, agent)).or_else(|| self.refuses(no, agent))
    }

    fn avoids(&self, no: WantNo, agent: AgentNo) -> Option<Stage> {
        self.frameworks.at(no.framework).avoid.contains_key(&agent).then_some(Stage::Avoided)
    }

    fn refuses(&self, no: WantNo, agent: AgentNo) -> Option<Stage> {
        self.want(no).is_some_and(|want| want.refused.contains(agent)).then_some(Stage::Refused)
    }

    /// The first stage before room that hides an agent from a member, leaving out those that `pass`.
    pub(crate) fn barred_but(
        &self,
        no: WantNo,
        member: &Member,
        agent: AgentNo,
        pass: impl Fn(&Stage) -> bool,
    ) -> Option<Stage> {
        let agent_now = self.agents.at(agent).agent.as_ref()?;
        let state = match agent_now.state {
            AgentState::Active => None,
            AgentState::Draining => Some(Stage::Draining),
            AgentState::Unreachable => Some(Stage::Unreachable),
        };
        let stages = [
            state,
            self.unwanted(no, Some(member), agent_now),
            self.volume_in_use(no, Some(member)),
            self.avoids(no, agent),
            self.refuses(no, agent),
        ];
        stages.into_iter().flatten().find(|stage| !pass(stage))
    }

    /// What of an agent is free: all, or for work that leaves its free GPUs the room that they need only the rest.
    pub(crate) fn view_of(&self, agent: AgentNo, keeps: bool) -> Cow<'_, Resources> {
        self.kept_of(agent, Cow::Borrowed(&self.agents.at(agent).free), keeps)
    }

    /// The same of what is or comes free on an agent.
    fn kept_of<'a>(&self, agent: AgentNo, mut free: Cow<'a, Resources>, keeps: bool) -> Cow<'a, Resources> {
        let known = self.agents.at(agent).agent.as_ref();
        let kept = known.filter(|agent| keeps && agent.gpu_room == GpuRoom::Kept);
        if let Some(agent) = kept.filter(|_| !free.gpus.is_empty()) {
            let (idle, gpus) = (free.gpus.total(), agent.capacity.gpus.total());
            let part = |capacity: u64| {
                let needed = (u128::from(capacity) * u128::from(idle)).div_ceil(u128::from(gpus.max(1)));
                u64::try_from(needed).unwrap_or(u64::MAX)
            };
            let left = free.to_mut();
            left.cpu_milli = left.cpu_milli.saturating_sub(part(agent.capacity.cpu_milli));
            left.memory_bytes = left.memory_bytes.saturating_sub(part(agent.capacity.memory_bytes));
        }
        free
    }

    /// Whether a want may see fewer models of GPU than an agent has, as limits may leave too few of one for a member.
    pub(crate) fn narrows_models(&self, no: WantNo) -> bool {
        let open =
            self.want(no).is_some_and(|want| want.unit.as_ref().is_some_and(|unit| unit.open_gpus > 0));
        let limits =
            |role: RoleNo| self.path(role).any(|(_, book)| book.limits().any(|(kind, _)| kind.is_model()));
        open && limits(self.charged_role(no.framework))
    }

    /// What of an agent is free or held for a want.
    pub(crate) fn room_for(&self, no: WantNo, agent: AgentNo) -> Cow<'_, Resources> {
        let mut room = Cow::Borrowed(&self.agents.at(agent).free);
        if let Some(own) = self.own_held(no, agent) {
            room.to_mut().add(own);
        }
        room
    }

    /// What of an agent is free for a want. Models of GPU of which a limit leaves too few for a member are left out.
    pub(crate) fn free_for(&self, no: WantNo, agent: AgentNo, keeps: bool) -> Cow<'_, Resources> {
        self.seen_of(no, agent, self.room_for(no, agent), keeps, |role, model| {
            let own = self.hold(no).map_or(0, |hold| hold.sum.amount(model));
            self.limit_slack(role, model).map(|slack| slack.saturating_add(own))
        })
    }

    /// What a want sees of what is or comes free on an agent, by what limits leave of each model of GPU.
    pub(crate) fn seen_of<'a>(
        &'a self,
        no: WantNo,
        agent: AgentNo,
        free: Cow<'a, Resources>,
        keeps: bool,
        slack: impl Fn(RoleNo, &Kind) -> Option<u64>,
    ) -> Cow<'a, Resources> {
        let mut free = self.kept_of(agent, free, keeps);
        let Some(want) = self.want(no).filter(|_| self.narrows_models(no)) else { return free };
        let role = self.charged_role(no.framework);
        let counts =
            want.members().iter().filter_map(|member| member.shape.gpu.as_ref()).map(|gpu| gpu.count);
        let least = counts.min().unwrap_or_default();
        let models: Vec<Word> = free.gpus.iter().map(|(model, _)| model.clone()).collect();
        for model in models {
            let slack = slack(role, &Kind::GpuModel(model.clone()));
            if slack.is_some_and(|slack| slack < least) {
                free.to_mut().gpus.remove(&model);
            }
        }
        free
    }

    /// Whether some member of a want has room on an agent that it sees; for open demand, whether its least has.
    pub(crate) fn has_room(&self, no: WantNo, agent: AgentNo, keeps: bool) -> bool {
        let Some(want) = self.want(no) else { return false };
        let free = self.room_for(no, agent);
        match &want.terms {
            Terms::Open(least) => {
                let free = self.of_known_devices(agent, free);
                !free.is_zero() && free.contains(least) && self.barred(no, None, agent).is_none()
            }
            Terms::Ask(ask) => {
                let wanted = ask.members.iter().filter(|member| member.count > 0);
                // What all of it does not hold, no view of it does; most agents are done with here.
                let mut wanted = wanted.filter(|member| {
                    let comes_back = member.reservation.is_some();
                    member.shape.fits(&free)
                        || (comes_back && member.shape.fits(&self.room_of(no, Some(member), agent)))
                });
                wanted.any(|member| {
                    self.barred(no, Some(member), agent).is_none()
                        && member.shape.fits(&self.free_of(no, Some(member), agent, keeps))
                })
            }
        }
    }

    /// The least that any member of a want takes.
    pub(crate) fn least_room(&self, no: WantNo) -> Room {
        let Some(want) = self.want(no) else { return Room::ANY };
        match &want.terms {
            Terms::Open(least) => Room::of(least).and_something(),
            Terms::Ask(_) => {
                let wanted = want.wanted().map(|member| &member.shape);
                wanted.map(Shape::room).reduce(Room::least).unwrap_or(Room::ANY)
            }
        }
    }

    /// Whether some member of a want sees an agent at all.
    pub(crate) fn sees(&self, no: WantNo, agent: AgentNo) -> bool {
        let Some(want) = self.want(no) else { return false };
        match &want.terms {
            Terms::Open(_) => self.barred(no, None, agent).is_none(),
            Terms::Ask(ask) => {
                let mut wanted = ask.members.iter().filter(|member| member.count > 0);
                wanted.any(|member| self.barred(no, Some(member), agent).is_none())
            }
        }
    }
}
