//! Filters: what a framework refused stays hidden from it while there is no more to give, and is shown again once
//! there is.

use crate::books::want::{Refusal, Terms, WantState};
use crate::books::{AgentNo, Books, FrameworkNo, RoleNo, WantNo};
use crate::tick::Timestamp;
use alloc::vec::Vec;

impl Books {
    /// Notes that a want refused every agent that it saw.
    pub(crate) fn refuse_all(&mut self, no: WantNo, until: Option<Timestamp>) {
        let seen: Vec<AgentNo> =
            self.known_agents().map(|(agent, _)| agent).filter(|agent| self.sees(no, *agent)).collect();
        self.refuse(no, &seen, until);
    }

    /// Notes that a want refused these agents as they are now.
    pub(crate) fn refuse(&mut self, no: WantNo, agents: &[AgentNo], until: Option<Timestamp>) {
        let keeps = self.keeps_gpu_room(no);
        for agent in agents {
            let amounts = self.free_for(no, *agent, keeps).into_owned();
            if let Some(want) = self.want_mut(no) {
                want.refused.insert(*agent, Refusal { amounts, until });
            }
        }
    }

    /// Lifts what a changed agent lifts, and wakes who may now have room. An agent that is another than before, not
    /// only one with another load, is shown to everybody again.
    pub(crate) fn agent_changed(&mut self, agent: AgentNo, another: bool) {
        let wants: Vec<WantNo> = self.wants().collect();
        for no in wants {
            self.lift(no, agent, another);
            let asleep = self.want(no).is_some_and(|want| want.state == WantState::Asleep);
            if asleep && self.has_room(no, agent, self.keeps_gpu_room(no)) {
                self.set_state(no, WantState::Waiting);
            }
        }
    }

    fn lift(&mut self, no: WantNo, agent: AgentNo, another: bool) {
        let Some(want) = self.want(no).filter(|want| !want.refused.is_empty()) else { return };
        let many = matches!(want.terms, Terms::Ask(_)) && want.unit.as_ref().is_some_and(|unit| unit.many);
        let keeps = self.keeps_gpu_room(no);
        let lifted = match want.refused.get(&agent) {
            Some(refusal) => another || !refusal.amounts.contains(&self.free_for(no, agent, keeps)),
            None => many && self.has_room(no, agent, keeps),
        };
        if !lifted {
            return;
        }
        if let Some(want) = self.want_mut(no) {
            if many {
                want.refused.clear();
                want.state = if want.state == WantState::Asleep { WantState::Waiting } else { want.state };
            } else {
                want.refused.remove(&agent);
            }
        }
    }

    pub(crate) fn set_state(&mut self, no: WantNo, state: WantState) {
        if let Some(want) = self.want_mut(no) {
            want.state = state;
        }
    }

    /// Shows a framework everything again.
    pub(crate) fn forget_refusals(&mut self, framework: FrameworkNo) {
        for want in &mut self.frameworks.at_mut(framework).wants {
            want.refused.clear();
            want.looked = false;
            want.state = WantState::Waiting;
        }
    }

    /// Lets the wants of a framework look again that had nothing to see.
    pub(crate) fn wake(&mut self, framework: FrameworkNo) {
        for want in &mut self.frameworks.at_mut(framework).wants {
            want.state = WantState::Waiting;
        }
    }

    /// Shows a framework one agent again.
    pub(crate) fn show_again(&mut self, framework: FrameworkNo, agent: AgentNo) {
        if !self.framework_names.values().any(|no| *no == framework) {
            return;
        }
        for want in &mut self.frameworks.at_mut(framework).wants {
            if want.refused.contains_key(&agent) {
                let many = want.unit.as_ref().is_some_and(|unit| unit.many);
                if many {
                    want.refused.clear()
                } else {
                    drop(want.refused.remove(&agent))
                }
                want.state = WantState::Waiting;
            }
        }
    }

    /// Strikes an agent out of what was refused and avoided, as it is gone.
    pub(crate) fn forget_agent(&mut self, agent: AgentNo) {
        for no in self.framework_names.values() {
            let book = self.frameworks.at_mut(*no);
            book.avoid.remove(&agent);
            for want in &mut book.wants {
                want.refused.remove(&agent);
            }
        }
    }

    /// After a change of the fleet: lifts what a want now sees more of, and lets those look again that slept.
    pub(crate) fn lift_changed_views(&mut self) {
        let wants: Vec<WantNo> = self.wants().collect();
        for no in wants {
            let refused: Vec<AgentNo> =
                self.want(no).map(|w| w.refused.keys().copied().collect()).unwrap_or_default();
            for agent in refused {
                self.lift(no, agent, false);
            }
            if self.want(no).is_some_and(|want| want.state == WantState::Asleep) {
                self.set_state(no, WantState::Waiting);
            }
        }
    }

    /// The frameworks that are charged to a role or to one below it.
    pub(crate) fn frameworks_below(&self, role: RoleNo) -> Vec<FrameworkNo> {
        let below = |no: &FrameworkNo| {
            let own = self.frameworks.at(*no).role;
            own.is_some_and(|own| self.path(own).any(|(above, _)| above == role))
        };
        self.framework_names.values().copied().filter(below).collect()
    }

    /// Gives those another chance that a limit, the headroom or an unanswered turn held back.
    pub(crate) fn unpark(&mut self) {
        let wants: Vec<WantNo> = self.wants().collect();
        for no in wants {
            if self.want(no).is_some_and(|want| want.state == WantState::Parked) {
                self.set_state(no, WantState::Waiting);
            }
        }
    }

    /// Lifts what ends by time; says whether anything did.
    pub(crate) fn expire(&mut self, now: Timestamp) -> bool {
        let mut any = false;
        let frameworks: Vec<FrameworkNo> = self.framework_names.values().copied().collect();
        for no in frameworks {
            let book = self.frameworks.at_mut(no);
            let avoided = book.avoid.len();
            book.avoid.retain(|_, until| *until > now);
            let avoided = book.avoid.len() < avoided;
            for want in &mut book.wants {
                let refused = want.refused.len();
                want.refused.retain(|_, refusal| refusal.until.is_none_or(|until| until > now));
                let lifted = avoided || want.refused.len() < refused;
                any |= lifted;
                if lifted && want.state == WantState::Asleep {
                    want.state = WantState::Waiting;
                }
            }
        }
        any
    }
}
