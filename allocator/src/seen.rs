//! The agents that a want sees by what they are, as a set: asks of equal constraints see the same, so they are looked up
//! once for each set of constraints.

use crate::agent::Agent;
use crate::ask::{Constraint, Member};
use crate::books::want::{Terms, Want};
use crate::books::{Books, WantNo};
use crate::id::Word;
use crate::refusal::AgentSet;
use crate::region::other_region;
use alloc::vec::Vec;

/// What decides which agents are seen: whether revocable room is, the region that they are of, if that is asked, and the
/// constraints that hold.
type Sight = (bool, Option<Word>, Vec<Constraint>);

/// For sets of constraints, the agents that take new work and on which they hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    sets: Vec<Same>,
    /// The fleet for which they were looked up.
    fleet: u64,
}

/// The agents that are left, and how many they are.
#[derive(Clone, Debug)]
struct Same {
    sight: Sight,
    agents: AgentSet,
    count: usize,
}

impl Seen {
    /// More than these are not kept.
    const MOST: usize = 64;
}

impl Books {
    /// Whether a want refused every agent that it could see.
    pub(crate) fn refuses_all(&mut self, no: WantNo) -> bool {
        let most = self.want(no).map_or(0, |want| want.refused.at_most());
        if most == 0 || self.seen_by_first(no).is_some_and(|seen| seen > most) {
            return false;
        }
        let mut seen = self.seen(no);
        if let Some(want) = self.want(no) {
            want.refused.strike_from(&mut seen);
        }
        seen.is_empty()
    }

    /// How many agents are left to the first member at least, but for what was refused, where that is known.
    fn seen_by_first(&self, no: WantNo) -> Option<usize> {
        let own = self.wanted_members(no).next().into_iter().flat_map(|member| &member.constraints);
        let mut sets = self.seen.sets.iter().filter(|_| self.seen.fleet == self.fleet);
        let (revocable, region) = (self.takes_revocable(no), self.region_for(no.framework));
        let same = sets.find(|Same { sight: (with, of, constraints), .. }| {
            let same = *with == revocable && of.as_ref() == region;
            same && constraints.iter().eq(self.constraints_above(no).chain(own.clone()))
        })?;
        Some(same.count.saturating_sub(self.frameworks.at(no.framework).avoid.len()))
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
        let Some(want) = self.want(no) else { return Vec::new() };
        let above: Vec<Constraint> = self.constraints_above(no).cloned().collect();
        match &want.terms {
            Terms::Open(_) => alloc::vec![above],
            Terms::Ask(_) => {
                let mut all: Vec<_> =
                    want.wanted().map(|member| [&above[..], &member.constraints].concat()).collect();
                all.dedup();
                all
            }
        }
    }

    /// The constraints of the roles that a want is below.
    pub(crate) fn constraints_above(&self, no: WantNo) -> impl Iterator<Item = &Constraint> {
        let path = self.path(self.charged_role(no.framework));
        path.filter_map(|(_, book)| book.declared.as_ref()).flat_map(|role| &role.agents)
    }

    /// The members of a want of which more are wanted.
    pub(crate) fn wanted_members(&self, no: WantNo) -> impl Iterator<Item = &Member> {
        self.want(no).into_iter().flat_map(Want::wanted)
    }

    fn add_seen(&mut self, sight: Sight, seen: &mut AgentSet) {
        if self.seen.fleet != self.fleet || self.seen.sets.len() > Seen::MOST {
            self.seen = Seen { sets: Vec::new(), fleet: self.fleet };
        }
        if let Some(same) = self.seen.sets.iter().find(|same| same.sight == sight) {
            return seen.insert_all(&same.agents);
        }
        let mut agents = AgentSet::default();
        let (revocable, region, constraints) = &sight;
        let local = |agent: &Agent| region.as_ref().is_none_or(|local| other_region(agent, local).is_none());
        let sees = |agent: &Agent| local(agent) && constraints.iter().all(|one| one.holds(agent));
        for (no, book) in
            self.known_agents().filter(|(_, book)| book.is_active() && (*revocable || !book.revocable))
        {
            if book.agent.as_ref().is_some_and(sees) {
                agents.insert(no);
            }
        }
        seen.insert_all(&agents);
        let count = agents.len();
        self.seen.sets.push(Same { sight, agents, count });
    }
}
