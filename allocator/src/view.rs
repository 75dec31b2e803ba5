//! What a want sees of an agent, and the stage that hides it.

use crate::agent::{AgentState, GpuRoom};
use crate::ask::{Constraint, Member};
use crate::books::agent::AgentBook;
use crate::books::want::{Terms, Want};
use crate::books::{AgentNo, Books, FrameworkNo, RoleNo, WantNo};
use crate::resources::{Amounts, Kind, Resources};
use alloc::borrow::Cow;

/// The stages that an agent passes before a want sees it, in order; the first that says no.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// It takes no new work.
    Draining,
    /// Nothing is heard from it.
    Unreachable,
    /// The role may not see it.
    RoleAgents(Constraint),
    /// The ask does not want it.
    Constraint(Constraint),
    /// The framework's last launch there failed.
    Avoided,
    /// The framework refused it, and it has no more to give since.
    Refused,
    /// It has too little room; what is missing of what is free.
    Room(Amounts),
    /// It has the room, but its free GPUs need it; what is missing of what is left for work without GPUs.
    GpuRoom(Amounts),
}

impl Books {
    /// The role and framework that a want is charged to.
    pub(crate) fn charged_role(&self, framework: FrameworkNo) -> Option<RoleNo> {
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
        let Some(want) = self.want(no) else { return false };
        let Terms::Ask(ask) = &want.terms else { return false };
        if ask.members.iter().any(|member| member.shape.gpu.is_some()) {
            return false;
        }
        let wanted = || ask.members.iter().filter(|member| member.count > 0);
        wanted().all(|member| {
            self.known_agents().any(|(_, book)| {
                !book.has_gpus()
                    && book.agent.as_ref().is_some_and(|agent| agent.capacity.contains(&member.shape.base))
                    && self.hidden(no.framework, Some(member), book).is_none()
            })
        })
    }

    /// The stage that hides an agent from a member by what the agent is, not by its load.
    fn hidden(&self, framework: FrameworkNo, member: Option<&Member>, book: &AgentBook) -> Option<Stage> {
        let agent = book.agent.as_ref()?;
        match agent.state {
            AgentState::Active => {}
            AgentState::Draining => return Some(Stage::Draining),
            AgentState::Unreachable => return Some(Stage::Unreachable),
        }
        if let Some(role) = self.charged_role(framework) {
            for (_, above) in self.path(role) {
                let selection = above.declared.iter().flat_map(|role| &role.agents);
                if let Some(no) = selection.into_iter().find(|constraint| !constraint.holds(agent)) {
                    return Some(Stage::RoleAgents(no.clone()));
                }
            }
        }
        let constraints = member.iter().flat_map(|member| &member.constraints);
        constraints.into_iter().find(|c| !c.holds(agent)).map(|no| Stage::Constraint(no.clone()))
    }

    /// The stage before room that hides an agent from a member of a want; for open demand there are no members.
    pub(crate) fn barred(&self, no: WantNo, member: Option<&Member>, agent: AgentNo) -> Option<Stage> {
        let book = self.agents.at(agent);
        if book.agent.is_none() {
            return Some(Stage::Unreachable);
        }
        if let Some(stage) = self.hidden(no.framework, member, book) {
            return Some(stage);
        }
        if self.frameworks.at(no.framework).avoid.contains_key(&agent) {
            return Some(Stage::Avoided);
        }
        let refused = self.want(no).is_some_and(|want| want.refused.contains_key(&agent));
        refused.then_some(Stage::Refused)
    }

    /// What of an agent is free for a want: all, or without GPUs only what its free GPUs would not need. Models of GPU
    /// of which a limit leaves too few for a member are left out.
    pub(crate) fn free_for(&self, no: WantNo, agent: AgentNo, keeps: bool) -> Cow<'_, Resources> {
        let book = self.agents.at(agent);
        let mut free = Cow::Borrowed(&book.free);
        let kept = book.agent.as_ref().filter(|agent| agent.gpu_room == GpuRoom::Kept);
        if let Some(agent) = kept.filter(|_| keeps && !book.free.gpus.is_empty()) {
            let (idle, gpus) = (book.free.gpus.total(), agent.capacity.gpus.total());
            let part = |capacity: u64| {
                let needed = (u128::from(capacity) * u128::from(idle)).div_ceil(u128::from(gpus.max(1)));
                u64::try_from(needed).unwrap_or(u64::MAX)
            };
            let left = free.to_mut();
            left.cpu_milli = left.cpu_milli.saturating_sub(part(agent.capacity.cpu_milli));
            left.memory_bytes = left.memory_bytes.saturating_sub(part(agent.capacity.memory_bytes));
        }
        let Some(role) = self.charged_role(no.framework) else { return free };
        let open =
            self.want(no).is_some_and(|want| want.unit.as_ref().is_some_and(|unit| unit.open_gpus > 0));
        if open
            && self
                .path(role)
                .any(|(_, book)| book.limits().any(|(kind, _)| matches!(kind, Kind::GpuModel(_))))
        {
            let least = self.want(no).and_then(|want| {
                want.members().iter().filter_map(|m| m.shape.gpu.as_ref()).map(|g| g.count).min()
            });
            let models: alloc::vec::Vec<_> = free.gpus.iter().map(|(model, _)| model.clone()).collect();
            for model in models {
                let slack = self.limit_slack(role, &Kind::GpuModel(model.clone()));
                if slack.is_some_and(|slack| slack < least.unwrap_or_default()) {
                    free.to_mut().gpus.remove(&model);
                }
            }
        }
        free
    }

    /// Whether some member of a want has room on an agent that it sees; for open demand, whether its least has.
    pub(crate) fn has_room(&self, no: WantNo, agent: AgentNo, keeps: bool) -> bool {
        let Some(want) = self.want(no) else { return false };
        match &want.terms {
            Terms::Open(least) => {
                let free = &self.agents.at(agent).free;
                free.contains(least) && !free.is_zero() && self.barred(no, None, agent).is_none()
            }
            Terms::Ask(ask) => {
                let mut wanted = ask.members.iter().filter(|member| member.count > 0);
                wanted.any(|member| {
                    self.barred(no, Some(member), agent).is_none()
                        && member.shape.on(&self.free_for(no, agent, keeps)).is_ok()
                })
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
