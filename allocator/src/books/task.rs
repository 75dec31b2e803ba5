//! Tasks: holdings, and launches that are not observed yet.

use super::agent::Use;
use super::{AgentNo, Books, FrameworkNo};
use crate::id::TaskId;
use crate::resources::Resources;

/// One use of resources on one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TaskBook {
    pub(crate) agent: AgentNo,
    /// None when it belongs to nobody that level one knows.
    pub(crate) framework: Option<FrameworkNo>,
    pub(crate) resources: Resources,
    pub(crate) finishing: bool,
    /// Accepted here, and not observed in the cluster yet.
    pub(crate) launch: bool,
}

impl Books {
    /// Enters a task and charges it.
    pub(crate) fn enter_task(&mut self, id: TaskId, task: TaskBook) {
        let sum = if task.framework.is_some() { Use::Charged } else { Use::Foreign };
        self.occupy(task.agent, sum, &task.resources, 1);
        if let Some(framework) = task.framework {
            self.charge_framework(framework, &task.resources, 1);
        }
        self.count_finishing(&task, true);
        self.tasks.insert(id, task);
    }

    /// Enters a task in the place of the one of the same name. The new one is charged before the
    /// old one is struck out, so that no agent, role or framework that both name is forgotten between.
    pub(crate) fn replace_task(&mut self, id: TaskId, task: TaskBook) {
        let before = self.tasks.get(&id).cloned();
        self.enter_task(id, task);
        if let Some(before) = &before {
            self.uncharge_task(before);
        }
    }

    /// Strikes a task out; says what it was.
    pub(crate) fn strike_task(&mut self, id: &TaskId) -> Option<TaskBook> {
        let task = self.tasks.remove(id)?;
        self.uncharge_task(&task);
        Some(task)
    }

    /// Counts a task in or out of what comes free by itself. What belongs to others is never counted on.
    fn count_finishing(&mut self, task: &TaskBook, counts: bool) {
        let Some(framework) = task.framework.filter(|_| task.finishing) else { return };
        let resources = &task.resources;
        self.finishing.count(resources, counts);
        self.agents.at_mut(task.agent).finishing.count(resources, counts);
        let book = self.frameworks.at_mut(framework);
        book.finishing.count(resources, counts);
        if let Some(role) = book.role {
            self.finishing_in_role(role, resources, counts);
        }
    }

    fn uncharge_task(&mut self, task: &TaskBook) {
        self.count_finishing(task, false);
        let sum = if task.framework.is_some() { Use::Charged } else { Use::Foreign };
        self.vacate(task.agent, sum, &task.resources);
        if let Some(framework) = task.framework {
            self.discharge_framework(framework, &task.resources, 1);
        }
    }
}
