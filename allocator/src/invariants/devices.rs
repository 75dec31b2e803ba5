//! The laws of devices: a device has one owner or shares that come to no more than it, unless the cluster shows it so, and
//! what an agent has is what its devices count as.

use super::Violation;
use crate::books::{AgentNo, Books};
use alloc::format;
use alloc::vec::Vec;

impl Books {
    /// What an agent that shows its devices has is counted by them.
    pub(super) fn is_counted_by_devices(&self, no: AgentNo) -> Option<Violation> {
        let book = self.agents.at(no);
        let (shown, agent) = (book.devices.as_ref()?, book.agent.as_ref()?);
        let counted = shown.told.as_ref().map(|told| shown.devices.counted(told));
        (counted.as_ref() != Some(&agent.capacity)).then(|| Violation::AgentBalance(book.id.clone()))
    }

    /// Who has which devices is what the tasks say, as in books that are built anew.
    pub(super) fn devices_equal(&self, fresh: &Self) -> Vec<Violation> {
        let devices = |books: &Self, no: AgentNo| books.agents.at(no).devices().cloned();
        let differ = self.agent_names.iter().filter(|(id, no)| {
            let anew = fresh.agent_names.get(*id).and_then(|no| devices(fresh, *no));
            devices(self, **no) != anew
        });
        differ.map(|(id, _)| Violation::Rebuild(format!("devices of agent {id}"))).collect()
    }

    /// Thousandths of an agent's devices that are in use beyond the whole.
    pub(super) fn devices_over(&self, no: AgentNo) -> u64 {
        self.agents.at(no).devices().map_or(0, |devices| devices.over_milli())
    }
}
