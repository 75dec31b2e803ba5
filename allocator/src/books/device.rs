//! The devices of an agent on the books: shown, taken and given back with the tasks that have them.

use super::agent::AgentBook;
use super::task::TaskBook;
use super::{AgentNo, Books};
use crate::agent::Agent;
use crate::ask::{Member, Shape};
use crate::books::agent::Growth;
use crate::device::{AgentDevices, DeviceLack, DeviceSet};
use crate::id::TaskId;
use crate::resources::Resources;
use alloc::borrow::Cow;
use alloc::boxed::Box;

/// What is known of an agent that shows its devices.
#[derive(Clone, Debug)]
pub(crate) struct DeviceBook {
    pub(crate) set: DeviceSet,
    pub(crate) devices: AgentDevices,
    /// What the agent was told to have, before it was counted by its devices; none while it is not known.
    pub(crate) told: Option<Resources>,
}

impl AgentBook {
    pub(crate) fn devices(&self) -> Option<&AgentDevices> {
        self.devices.as_ref().map(|book| &book.devices)
    }
}

impl Books {
    /// An agent as its devices count it.
    pub(crate) fn counted_by_devices(&mut self, no: AgentNo, agent: Agent) -> Agent {
        match &mut self.agents.at_mut(no).devices {
            None => agent,
            Some(book) => {
                let capacity = book.devices.counted(&agent.capacity);
                book.told = Some(agent.capacity);
                Agent { capacity, ..agent }
            }
        }
    }

    /// What an agent had is known no more.
    pub(crate) fn forget_told(&mut self, no: AgentNo) {
        if let Some(book) = &mut self.agents.at_mut(no).devices {
            book.told = None;
        }
    }

    /// Replaces the devices that an agent shows; none when its GPUs are counted. Tasks keep what they have.
    pub(crate) fn show_devices(&mut self, no: AgentNo, set: Option<DeviceSet>) {
        let book = self.agents.at_mut(no);
        let before = book.devices.take();
        let known = book.agent.clone();
        let told = match &before {
            Some(before) => before.told.clone(),
            None => known.as_ref().map(|agent| agent.capacity.clone()),
        };
        book.uses =
            book.uses.saturating_sub(u32::from(before.is_some())).saturating_add(u32::from(set.is_some()));
        let told_agent = known.zip(told.clone()).map(|(agent, capacity)| Agent { capacity, ..agent });
        if let Some(set) = set {
            let mut devices = AgentDevices::new(&set);
            let here = self.tasks.iter().filter(|(_, task)| task.agent == no);
            here.for_each(|(id, task)| devices.record(id, &task.devices, &task.resources));
            self.agents.at_mut(no).devices = Some(Box::new(DeviceBook { set, devices, told }));
        }
        let agent = told_agent.map(|agent| self.counted_by_devices(no, agent));
        self.set_agent(no, agent);
    }

    /// Writes down which devices a task has.
    pub(super) fn take_devices(&mut self, id: &TaskId, task: &TaskBook) {
        if let Some(book) = &mut self.agents.at_mut(task.agent).devices {
            book.devices.record(id, &task.devices, &task.resources);
        }
    }

    /// Gives back the devices of a task. Others of them may be free then than what was refused, and no more.
    pub(super) fn give_devices_back(&mut self, id: &TaskId, task: &TaskBook) {
        if let Some(book) = &mut self.agents.at_mut(task.agent).devices {
            book.devices.release(id);
            self.agent_grew(task.agent, Growth::Another);
        }
    }

    /// Of what is counted as free on an agent, what a member finds devices for.
    pub(crate) fn with_devices<'a>(
        &self,
        member: Option<&Member>,
        agent: AgentNo,
        mut free: Cow<'a, Resources>,
    ) -> Cow<'a, Resources> {
        let Some(shape) = member.map(|member| &member.shape) else { return free };
        match self.agents.at(agent).devices() {
            Some(devices) => devices.narrow(free.to_mut(), shape),
            None if wants_island(shape) => free.to_mut().gpus = crate::counts::Counts::default(),
            None => {}
        }
        free
    }

    /// Of what is counted as free on an agent, what is known to be free of its devices: what open demand is dealt.
    pub(crate) fn of_known_devices<'a>(
        &self,
        agent: AgentNo,
        mut free: Cow<'a, Resources>,
    ) -> Cow<'a, Resources> {
        if let Some(devices) = self.agents.at(agent).devices() {
            devices.leave_known(free.to_mut());
        }
        free
    }

    /// What of its devices an agent lacks for a shape that what is counted there holds.
    pub(crate) fn lacks_devices(&self, agent: AgentNo, shape: &Shape) -> Option<DeviceLack> {
        match self.agents.at(agent).devices() {
            Some(devices) => devices.lack(shape),
            None => wants_island(shape).then_some(DeviceLack::NotShown),
        }
    }
}

/// Whether a shape wants several devices of one island.
fn wants_island(shape: &Shape) -> bool {
    shape.gpu.as_ref().is_some_and(|gpu| gpu.one_island && gpu.count > 1)
}
