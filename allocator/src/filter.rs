//! Filters: what a framework refused stays hidden from it while there is no more to give, and is shown again once
//! there is. A refusal is of the ask that was offered.

use crate::books::agent::Growth;
use crate::books::want::{Terms, Want, WantState};
use crate::books::{AgentNo, Books, FrameworkNo, RoleNo, WantNo};
use crate::class::Classes;
use crate::hold::Holds;
use crate::plant::Plant;
use crate::refusal::Level;
use crate::tick::Timestamp;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// What may be lost: who waits for what, and what changed since they were last looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Soft {
    /// Who sees the same, and sleeps together.
    pub(crate) classes: Classes,
    /// Wants without a class that have nothing to see.
    pub(crate) asleep: BTreeSet<WantNo>,
    /// Wants that are held back until something changes.
    pub(crate) parked: BTreeSet<WantNo>,
    /// Wants that refused something.
    pub(crate) refusing: BTreeSet<WantNo>,
    /// Agents that have more to give than before, or are others than before; those of no growth are passed over.
    grown: Vec<AgentNo>,
    /// Of these, those that refused a set.
    pub(crate) refusing_sets: BTreeSet<WantNo>,
    /// The number of the last refusal, and of the last one of all that was seen.
    pub(crate) refusals: u64,
    refusals_of_all: u64,
    /// Nothing ends by time before this.
    pub(crate) next_expiry: Option<Timestamp>,
    /// What is held for those that wait.
    pub(crate) holds: Holds,
    /// The fleet for which was decided who leaves the room that GPUs need.
    fleet: u64,
}

impl Books {
    /// Notes that an agent has more to give, or is another than before.
    pub(crate) fn agent_grew(&mut self, agent: AgentNo, growth: Growth) {
        let known = &mut self.agents.at_mut(agent).growth;
        if *known == Growth::None {
            self.soft.grown.push(agent);
        }
        *known = growth.max(*known);
    }

    /// Notes that a want refused every agent that it saw. What an agent has free is noted once that changes.
    pub(crate) fn refuse_all(&mut self, no: WantNo, until: Option<Timestamp>) {
        self.note_gpu_room(no);
        self.soft.refusals += 1;
        self.soft.refusals_of_all = self.soft.refusals;
        let mut seen = self.seen(no);
        let number = self.soft.refusals;
        if let Some(want) = self.want_mut(no) {
            want.refused.strike_from(&mut seen);
            want.refused.add(number, until, seen);
        }
        self.note_refused(no, until);
    }

    /// Notes that a want refused these agents as they are now.
    pub(crate) fn refuse(&mut self, no: WantNo, agents: &[AgentNo], until: Option<Timestamp>) {
        let keeps = self.note_gpu_room(no);
        self.soft.refusals += 1;
        let number = self.soft.refusals;
        for agent in agents {
            let kept = keeps && self.agents.at(*agent).has_gpus();
            let view = kept.then(|| self.view_of(*agent, true).into_owned());
            let book = self.agents.at_mut(*agent);
            match view {
                Some(view) => book.kept_levels.note(number, book.changed, &view),
                None => book.levels.note(number, book.changed, &book.free),
            }
            if let Some(want) = self.want_mut(no) {
                want.refused.lift(*agent);
                want.refused.add_one(number, until, *agent);
            }
        }
        self.note_refused(no, until);
    }

    fn note_refused(&mut self, no: WantNo, until: Option<Timestamp>) {
        if self.want(no).is_some_and(|want| !want.refused.is_empty()) {
            self.soft.refusing.insert(no);
            if self.want(no).is_some_and(Want::is_of_many) {
                self.soft.refusing_sets.insert(no);
            }
            self.relist(no);
        }
        self.expires(until);
    }

    /// Before what an agent has free changes: notes it for those who refused all that they saw since it last changed.
    pub(crate) fn note_levels(&mut self, agent: AgentNo) {
        let book = self.agents.at(agent);
        let (number, since) = (self.soft.refusals_of_all, book.changed);
        if number <= since || book.agent.is_none() || self.soft.refusing.is_empty() {
            return;
        }
        let view = book.has_gpus().then(|| self.view_of(agent, true).into_owned());
        let book = self.agents.at_mut(agent);
        book.levels.note(number, since, &book.free);
        if let Some(view) = view {
            book.kept_levels.note(number, since, &view);
        }
    }

    /// Notes that something ends by time.
    pub(crate) fn expires(&mut self, until: Option<Timestamp>) {
        if let Some(until) = until {
            self.soft.next_expiry = Some(self.soft.next_expiry.map_or(until, |next| next.min(until)));
        }
    }

    /// Lifts what changed agents lift, and wakes who may now have room.
    pub(crate) fn see_changes(&mut self) {
        if self.soft.fleet != self.fleet {
            self.soft.fleet = self.fleet;
            self.lift_other_views();
        }
        // Levels that nobody refused at any more are passed over until somebody refuses again.
        let sleeps = !self.soft.asleep.is_empty() || !self.soft.classes.none_sleeps();
        let looked_at = sleeps || !self.soft.refusing.is_empty();
        let mut grown = core::mem::take(&mut self.soft.grown);
        grown.sort_unstable();
        for agent in grown.drain(..) {
            let growth = core::mem::take(&mut self.agents.at_mut(agent).growth);
            if growth == Growth::None || !looked_at {
                continue;
            }
            let another = growth == Growth::Another;
            let (full, kept) = self.outgrown(agent, another);
            // Where nothing is outgrown, there is news only for those who wait for room on any agent of a set.
            let none = !another && full.is_empty() && kept.is_empty();
            let refusing = if none { &self.soft.refusing_sets } else { &self.soft.refusing };
            for no in refusing.iter().copied().collect::<Vec<WantNo>>() {
                self.lift_grown(no, agent, another, &full, &kept);
            }
            let sleepers = self.soft.asleep.iter().filter(|_| !self.planted.is(Plant::Starvation));
            let asleep: Vec<WantNo> = sleepers.copied().collect();
            for no in asleep {
                if self.has_room(no, agent, self.keeps_gpu_room(no)) || self.first_sees(no, agent) {
                    self.set_state(no, WantState::Waiting);
                }
            }
            if !self.planted.is(Plant::Starvation) {
                self.wake_classes(agent);
            }
        }
        // The list is kept for what grows next.
        self.soft.grown = grown;
    }

    /// Whether an agent gives a want its first look, room or not: what it says then is why it waits.
    fn first_sees(&self, no: WantNo, agent: AgentNo) -> bool {
        self.want(no).is_some_and(|want| !want.looked) && self.sees(no, agent)
    }

    /// The levels of refusal that an agent outgrew, for those that see all of it and for those that leave room to GPUs.
    fn outgrown(&mut self, agent: AgentNo, another: bool) -> (Vec<Level>, Vec<Level>) {
        let kept_free = self.view_of(agent, true).into_owned();
        let book = self.agents.at_mut(agent);
        if another {
            book.levels.clear();
            book.kept_levels.clear();
            return (Vec::new(), Vec::new());
        }
        (book.levels.outgrown(&book.free), book.kept_levels.outgrown(&kept_free))
    }

    fn lift_grown(&mut self, no: WantNo, agent: AgentNo, another: bool, full: &[Level], kept: &[Level]) {
        let gpus = self.agents.at(agent).has_gpus();
        let Some(want) = self.want_mut(no) else { return };
        let levels = if want.kept && gpus { kept } else { full };
        let lifted = if another {
            want.refused.lift(agent)
        } else {
            !levels.is_empty() && want.refused.lift_within(agent, levels)
        };
        let many = want.is_of_many();
        let hidden = want.refused.contains(agent);
        // A set is shown again whole once one of its agents has room again, or another comes into view.
        if many && !hidden && self.has_room(no, agent, self.keeps_gpu_room(no)) {
            self.show_all(no);
        } else if lifted {
            self.note_refusing(no);
        }
    }

    /// Shows a want everything that it refused.
    pub(crate) fn show_all(&mut self, no: WantNo) {
        if let Some(want) = self.want_mut(no) {
            want.refused.clear();
        }
        self.note_refusing(no);
        if self.want(no).is_some_and(|want| want.state == WantState::Asleep) {
            self.set_state(no, WantState::Waiting);
        }
    }

    /// Shows a want agents again on which more is held for it; says whether it sleeps no more.
    pub(crate) fn show_grown(&mut self, no: WantNo, agents: &[AgentNo]) -> bool {
        let Some(want) = self.want_mut(no) else { return false };
        let lifted = agents.iter().fold(false, |lifted, agent| want.refused.lift(*agent) | lifted);
        let (many, asleep) = (want.is_of_many(), want.state == WantState::Asleep);
        if lifted && many {
            self.show_all(no);
        }
        self.note_refusing(no);
        if asleep {
            self.set_state(no, WantState::Waiting);
        }
        asleep
    }

    pub(crate) fn note_refusing(&mut self, no: WantNo) {
        if self.want(no).is_none_or(|want| want.refused.is_empty()) {
            self.soft.refusing.remove(&no);
            self.soft.refusing_sets.remove(&no);
            self.relist(no);
        }
    }

    /// After a change of the fleet, shows those everything again that now leave the room that GPUs need, or no more.
    fn lift_other_views(&mut self) {
        let looking: Vec<WantNo> = self.soft.asleep.union(&self.soft.refusing).copied().collect();
        for no in looking {
            self.note_gpu_room(no);
        }
        self.wake_other_views();
    }

    /// Shows a framework everything again, as if for the first time.
    pub(crate) fn forget_refusals(&mut self, framework: FrameworkNo) {
        for at in 0..self.frameworks.at(framework).wants.len() {
            let no = WantNo { framework, at };
            self.show_all(no);
            if let Some(want) = self.want_mut(no) {
                (want.looked, want.keeps) = (false, None);
            }
            self.leave_class(no);
        }
        self.wake(framework);
        self.relist_framework(framework);
    }

    /// Shows a framework one agent again.
    pub(crate) fn show_again(&mut self, framework: FrameworkNo, agent: AgentNo) {
        for at in 0..self.frameworks.at(framework).wants.len() {
            let no = WantNo { framework, at };
            let lifted = self.want_mut(no).is_some_and(|want| want.refused.lift(agent));
            if lifted && self.want(no).is_some_and(Want::is_of_many) {
                self.show_all(no);
            }
            if lifted {
                self.note_refusing(no);
                self.set_state(no, WantState::Waiting);
            }
        }
    }

    /// Strikes an agent out of what was refused and avoided, as it is gone.
    pub(crate) fn forget_agent(&mut self, agent: AgentNo) {
        self.agents.at_mut(agent).growth = Growth::None;
        if self.planted.is(Plant::Bounded) {
            return;
        }
        let refusing: Vec<WantNo> = self.soft.refusing.iter().copied().collect();
        for no in refusing {
            if self.want_mut(no).is_some_and(|want| want.refused.lift(agent)) {
                self.note_refusing(no);
            }
        }
        for no in self.framework_names.values() {
            self.frameworks.at_mut(*no).avoid.remove(&agent);
        }
    }

    /// The frameworks that are charged to a role or to one below it.
    pub(crate) fn frameworks_below(&self, role: RoleNo) -> Vec<FrameworkNo> {
        let (mut roles, mut frameworks) = (alloc::vec![role], Vec::new());
        while let Some(book) = roles.pop().map(|no| self.roles.at(no)) {
            roles.extend(book.children.values());
            frameworks.extend(&book.frameworks);
        }
        frameworks
    }
}

impl Want {
    /// Whether what it refuses is refused as a set: a unit of more than one member.
    pub(crate) fn is_of_many(&self) -> bool {
        matches!(self.terms, Terms::Ask(_)) && self.unit.as_ref().is_some_and(|unit| unit.many)
    }
}
