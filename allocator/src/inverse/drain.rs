//! Maintenance: what runs on a draining agent is asked back, reclaimable or not; its framework knows what it can move.

use super::{UnitName, Why};
use crate::agent::AgentState;
use crate::allocator::Allocator;
use crate::books::{AgentNo, Books, FrameworkNo};
use crate::id::{AgentId, TaskId, UnitId};
use crate::reclaim::units::Running;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// What of a unit is on one agent.
type Place = (AgentId, UnitName);

impl Allocator {
    /// Asks for the units on draining agents that were not asked for yet.
    pub(super) fn drain(&mut self) {
        let books = &self.books;
        let drains = |id: &AgentId| {
            let known = books.agent_names.get(id).and_then(|no| books.agents.at(*no).agent.as_ref());
            known.is_some_and(|agent| agent.state == AgentState::Draining)
        };
        let over: Vec<AgentId> = self
            .inverse
            .live
            .values()
            .filter_map(|offer| match &offer.why {
                Why::Drain(agent) => Some(agent.clone()),
                Why::Claim { .. } => None,
            })
            .filter(|agent| !drains(agent))
            .collect();
        if !over.is_empty() {
            self.take_back(|offer| matches!(&offer.why, Why::Drain(agent) if over.contains(agent)));
        }
        if self.books.draining.is_empty() || !self.books.policy.inverse_offers_of_draining {
            return;
        }
        for (agent, unit) in self.books.units_to_move() {
            if !self.inverse.units.contains_key(&self.books.unit_name(&unit.key)) {
                let agent = self.books.agents.at(agent).id.clone();
                self.ask_for(&unit, Why::Drain(agent));
            }
        }
    }
}

impl Books {
    /// The units with tasks that do not end on draining agents, by agent; of each only what is there.
    fn units_to_move(&self) -> Vec<(AgentNo, Running)> {
        let mut found: BTreeMap<Place, (AgentNo, FrameworkNo, Vec<&TaskId>)> = BTreeMap::new();
        for (id, task) in self.tasks.iter() {
            let moves = !task.finishing && !task.launch && self.draining.contains(&task.agent);
            let Some(framework) = task.framework.filter(|_| moves) else { continue };
            let unit = match &task.unit {
                Some(mark) => mark.id.clone(),
                // A task in no unit is one of its own, unless a unit has its name.
                None => UnitId::from(id.as_str()),
            };
            if task.unit.is_none() && self.units.contains_key(&(framework, unit.clone())) {
                continue;
            }
            let agent = self.agents.at(task.agent).id.clone();
            let key = (agent, self.unit_name(&(framework, unit)));
            found.entry(key).or_insert((task.agent, framework, Vec::new())).2.push(id);
        }
        let units = found.into_iter().filter_map(|((_, (_, unit)), (agent, framework, mut tasks))| {
            tasks.sort_unstable();
            Some((agent, self.running((framework, unit), tasks.into_iter())?))
        });
        units.collect()
    }
}
