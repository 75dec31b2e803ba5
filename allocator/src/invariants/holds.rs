//! The laws of holds: what is held is on the books once, is no more than the unit takes, and no pool has two.

use super::Violation;
use crate::books::{AgentNo, Books, WantNo};
use crate::hold::{Hold, Slot};
use crate::resources::{Kind, Resources};
use alloc::collections::{BTreeMap, BTreeSet};

impl Books {
    /// What is held on agents and charged to roles is what the holds say, and every hold is sound.
    pub(super) fn holds_are_sound(&self) -> impl Iterator<Item = Violation> {
        let mut by_agent: BTreeMap<AgentNo, Resources> = BTreeMap::new();
        let mut slots = BTreeSet::new();
        let mut broken: BTreeSet<WantNo> = BTreeSet::new();
        let mut whole = Resources::default();
        for no in self.wants() {
            let listed = self.soft.holds.holding.contains(&no);
            let Some(hold) = self.hold(no) else {
                broken.extend(listed.then_some(no));
                continue;
            };
            whole.add(&hold.sum);
            for part in &hold.parts {
                by_agent.entry(part.agent).or_default().add(&part.held);
            }
            // A changed agent may be in another pool until the holds are aimed anew.
            let aimed = !self.soft.holds.stale;
            if !listed || !self.is_sound(no, hold) || (aimed && !self.takes_own_slots(hold, &mut slots)) {
                broken.insert(no);
            }
        }
        let agents = self.agent_names.iter().filter(move |(_, no)| {
            self.agents.at(**no).held != by_agent.get(no).cloned().unwrap_or_default()
        });
        let agents = agents.map(|(id, _)| Violation::AgentBalance(id.clone()));
        let wrong = self.roles.at(self.root).held != whole;
        let holds = broken.into_iter().map(|no| Violation::Hold(self.frameworks.at(no.framework).id.clone()));
        holds.chain(agents).chain(wrong.then_some(Violation::Totals))
    }

    /// Whether a hold adds up, stands on agents that take new work, and is no more than its unit takes.
    fn is_sound(&self, no: WantNo, hold: &Hold) -> bool {
        let mut sum = Resources::default();
        hold.parts.iter().for_each(|part| sum.add(&part.held));
        let within = hold
            .parts
            .iter()
            .all(|part| part.target.contains(&part.held) && self.agents.at(part.agent).is_active());
        let unit = self.want(no).and_then(|want| want.unit.as_ref());
        let amounts = sum.amounts();
        // Which model, and which ports, is open in the unit.
        let open = |kind: &Kind| matches!(kind, Kind::GpuModel(_) | Kind::PortRange(..));
        let kinds = || amounts.iter().filter(|(kind, _)| !open(kind));
        let no_more = unit.is_some_and(|unit| kinds().all(|(kind, amount)| *amount <= unit.amount(kind)));
        within && no_more && sum == hold.sum
    }

    /// Whether no other hold has agents of the same pools.
    fn takes_own_slots(&self, hold: &Hold, slots: &mut BTreeSet<Slot>) -> bool {
        let agents = hold.parts.iter().filter_map(|part| self.agents.at(part.agent).agent.as_ref());
        let own: BTreeSet<Slot> = agents.flat_map(Slot::of).collect();
        own.into_iter().all(|slot| slots.insert(slot))
    }
}
