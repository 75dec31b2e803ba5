//! The agents that a want sees by what they are, as a set: asks of equal constraints see the same, so they are looked up
//! once for each set of constraints.

use crate::agent::Agent;
use crate::ask::Constraint;
use crate::books::want::Terms;
use crate::books::{Books, WantNo};
use crate::id::Word;
use crate::refusal::AgentSet;
use alloc::vec::Vec;

/// What decides which agents are seen: whether revocable room is, the region that they are of, if that is asked, and the
/// constraints that hold.
type Sight = (bool, Option<Word>, Vec<Constraint>);

/// For sets of constraints, the agents that take new work and on which they hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    sets: Vec<(Sight, AgentSet)>,
    /// The fleet for which they were looked up.
    fleet: u64,
}

impl Seen {
    /// More than these are not kept.
    const MOST: usize = 64;
}

impl Books {
    /// Whether a want refused every agent that it could see.
    pub(crate) fn refuses_all(&mut self, no: WantNo) -> bool {
        if self.want(no).is_none_or(|want| want.refused.is_empty()) {
            return false;
        }
        let mut seen = self.seen(no);
        if let Some(want) = self.want(no) {
            want.refused.strike_from(&mut seen);
        }
        seen.is_empty()
    }

    /// The agents that some member of a want sees, but for what it refused.
    pub(crate) fn seen(&mut self, no: WantNo) -> AgentSet {
        let mut seen = AgentSet::default();
        for constraints in self.constraints(no) {
            let region = self.region_for(no.framework).cloned();
            self.add_seen((self.takes_revocable(no), region, constraints), &mut seen);
        }
        for agent in self.frameworks.at(no.framework).avoid.keys() {
            seen.remove(*agent);
        }
        seen
    }

    /// For each member that is wanted, or once for open demand, the constraints of the roles above and its own.
    fn constraints(&self, no: WantNo) -> Vec<Vec<Constraint>> {
        let Some((want, role)) = self.want(no).zip(self.charged_role(no.framework)) else {
            return Vec::new();
        };
        let declared = self.path(role).filter_map(|(_, book)| book.declared.as_ref());
        let above: Vec<Constraint> = declared.flat_map(|role| &role.agents).cloned().collect();
        match &want.terms {
            Terms::Open(_) => alloc::vec![above],
            Terms::Ask(ask) => {
                let wanted = ask.members.iter().filter(|member| member.count > 0);
                let mut all: Vec<_> =
                    wanted.map(|member| [&above[..], &member.constraints].concat()).collect();
                all.dedup();
                all
            }
        }
    }

    fn add_seen(&mut self, sight: Sight, seen: &mut AgentSet) {
        if self.seen.fleet != self.fleet || self.seen.sets.len() > Seen::MOST {
            self.seen = Seen { sets: Vec::new(), fleet: self.fleet };
        }
        if let Some((_, agents)) = self.seen.sets.iter().find(|(known, _)| *known == sight) {
            return seen.insert_all(agents);
        }
        let mut agents = AgentSet::default();
        let (revocable, region, constraints) = &sight;
        let local = |agent: &Agent| match (&agent.domain, region) {
            (Some(domain), Some(region)) => domain.region == *region,
            (None, _) | (Some(_), None) => true,
        };
        let sees = |agent: &Agent| local(agent) && constraints.iter().all(|one| one.holds(agent));
        for (no, book) in
            self.known_agents().filter(|(_, book)| book.is_active() && (*revocable || !book.revocable))
        {
            if book.agent.as_ref().is_some_and(sees) {
                agents.insert(no);
            }
        }
        seen.insert_all(&agents);
        self.seen.sets.push((sight, agents));
    }
}
