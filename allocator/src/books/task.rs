//! Tasks: holdings, and launches that are not observed yet.

use super::agent::Use;
use super::want::Terms;
use super::{AgentNo, Books, FrameworkNo, WantNo};
use crate::device::Grant;
use crate::holding::UnitMark;
use crate::id::{ReservationId, TaskId, UnitId};
use crate::resources::Resources;
use crate::tick::Timestamp;
use alloc::boxed::Box;

/// One use of resources on one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TaskBook {
    pub(crate) agent: AgentNo,
    /// None when it belongs to nobody that level one knows.
    pub(crate) framework: Option<FrameworkNo>,
    pub(crate) resources: Resources,
    pub(crate) finishing: bool,
    /// The unit that it runs in, if its framework says; of a launch, the ask that it was for, if that is reclaimable.
    pub(crate) unit: Option<UnitMark>,
    /// Accepted here, and not observed in the cluster yet.
    pub(crate) launch: bool,
    /// The reservation that it names.
    pub(crate) reservation: Option<ReservationId>,
    /// The devices that it has, as far as they are named.
    pub(crate) devices: Box<[Grant]>,
}

impl TaskBook {
    pub(crate) fn is_reclaimable(&self) -> bool {
        self.unit.as_ref().is_some_and(|unit| unit.reclaimable)
    }
}

impl Books {
    /// Enters a task and charges it.
    pub(crate) fn enter_task(&mut self, id: TaskId, task: TaskBook) {
        let sum = if task.framework.is_some() { Use::Charged } else { Use::Foreign };
        self.occupy(task.agent, sum, &task.resources, 1);
        if let Some(framework) = task.framework {
            self.charge_use(framework, task.agent, &task.resources, 1);
        }
        self.count_in_reservation(&task, true);
        self.count_finishing(&task, true);
        self.count_reclaimable(&task, true);
        self.enter_unit(&id, &task);
        self.take_devices(&id, &task);
        self.tasks.insert(id, task);
    }

    /// Enters a launch that is charged already.
    pub(crate) fn enter_launch(&mut self, id: TaskId, task: TaskBook) {
        self.count_reclaimable(&task, true);
        self.enter_unit(&id, &task);
        self.take_devices(&id, &task);
        self.tasks.insert(id, task);
    }

    /// The mark of what is launched for an ask whose units may be asked back.
    pub(crate) fn launch_mark(&self, no: WantNo, now: Timestamp) -> Option<UnitMark> {
        let Terms::Ask(ask) = &self.want(no)?.terms else { return None };
        let id = UnitId::from(ask.id.as_str());
        ask.reclaimable.then_some(UnitMark { id, reclaimable: true, since: now })
    }

    /// Enters a task in the place of the one of the same name. The new one is charged before the
    /// old one is struck out, so that no agent, role or framework that both name is forgotten between.
    pub(crate) fn replace_task(&mut self, id: TaskId, task: TaskBook) {
        let before = self.tasks.get(&id).cloned();
        if let Some(before) = &before {
            self.leave_unit(&id, before);
            self.give_devices_back(&id, before);
        }
        self.enter_task(id, task);
        if let Some(before) = &before {
            self.uncharge_task(before);
        }
    }

    /// Strikes a task out; says what it was.
    pub(crate) fn strike_task(&mut self, id: &TaskId) -> Option<TaskBook> {
        let task = self.tasks.remove(id)?;
        self.leave_unit(id, &task);
        self.give_devices_back(id, &task);
        self.uncharge_task(&task);
        Some(task)
    }

    /// Counts a task in or out of what comes free by itself. What belongs to others is never counted on.
    fn count_finishing(&mut self, task: &TaskBook, counts: bool) {
        let Some(framework) = task.framework.filter(|_| task.finishing) else { return };
        let resources = &task.resources;
        let agent = self.agents.at_mut(task.agent);
        agent.finishing.count(resources, counts);
        if agent.revocable {
            return;
        }
        self.finishing.count(resources, counts);
        let book = self.frameworks.at_mut(framework);
        book.finishing.count(resources, counts);
        let role = book.role;
        self.finishing_in_role(role, resources, counts);
    }

    /// Counts a task in or out of what may be asked back.
    fn count_reclaimable(&mut self, task: &TaskBook, counts: bool) {
        // A guarantee gets nothing back by what goes from revocable room.
        let lends = task.is_reclaimable() && !self.agents.at(task.agent).revocable;
        let Some(framework) = task.framework.filter(|_| lends) else { return };
        let book = self.frameworks.at_mut(framework);
        book.reclaimable.count(&task.resources, counts);
        let role = book.role;
        self.reclaimable_in_role(role, &task.resources, counts);
    }

    /// Notes a task in its unit.
    pub(crate) fn enter_unit(&mut self, id: &TaskId, task: &TaskBook) {
        if let (Some(framework), Some(mark)) = (task.framework, &task.unit) {
            self.units.entry((framework, mark.id.clone())).or_default().insert(id.clone());
        }
    }

    fn leave_unit(&mut self, id: &TaskId, task: &TaskBook) {
        let (Some(framework), Some(mark)) = (task.framework, &task.unit) else { return };
        let key = (framework, mark.id.clone());
        if let Some(tasks) = self.units.get_mut(&key) {
            tasks.remove(id);
            if tasks.is_empty() {
                self.units.remove(&key);
            }
        }
    }

    /// Counts a task in or out of the reservation that it names.
    fn count_in_reservation(&mut self, task: &TaskBook, counts: bool) {
        if let (Some(reservation), Some(framework)) = (&task.reservation, task.framework) {
            self.count_user(reservation, (task.agent, framework), &task.resources, counts);
        }
    }

    fn uncharge_task(&mut self, task: &TaskBook) {
        self.count_finishing(task, false);
        self.count_reclaimable(task, false);
        self.count_in_reservation(task, false);
        let sum = if task.framework.is_some() { Use::Charged } else { Use::Foreign };
        self.vacate(task.agent, sum, &task.resources);
        if let Some(framework) = task.framework {
            self.discharge_use(framework, task.agent, &task.resources);
        }
    }
}
