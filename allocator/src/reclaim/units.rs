//! Units that run, as they may be asked back.

use crate::books::{AgentNo, Books, FrameworkNo, RoleNo, UnitKey};
use crate::id::TaskId;
use crate::resources::Resources;
use crate::tick::Timestamp;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// A unit with those of its tasks that do not end anyhow.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) key: UnitKey,
    pub(crate) role: RoleNo,
    pub(crate) tasks: Vec<TaskId>,
    /// What it takes where.
    pub(crate) parts: BTreeMap<AgentNo, Resources>,
    pub(crate) sum: Resources,
    /// Since when its first task runs.
    pub(crate) since: Timestamp,
}

impl Books {
    /// The units that may be asked back, by framework, role and name. One of which a launch is not observed yet is not
    /// known whole, and none of its framework's in that role are told.
    pub(super) fn reclaimable_units(&self) -> Vec<Running> {
        let mut starting: BTreeSet<FrameworkNo> = BTreeSet::new();
        let mut units = Vec::new();
        for (key, tasks) in &self.units {
            let mut books = tasks.iter().filter_map(|task| self.tasks.get(task));
            if books.any(|task| task.launch) {
                starting.insert(key.0);
                continue;
            }
            let mut books = tasks.iter().filter_map(|task| self.tasks.get(task));
            if books.all(|task| task.is_reclaimable()) {
                units.extend(self.running(key.clone(), tasks.iter()));
            }
        }
        units.retain(|unit| !starting.contains(&unit.key.0));
        units.sort_by(|a, b| {
            let name = |unit: &Running| self.seat_name(unit.key.0);
            name(a).cmp(&name(b)).then_with(|| a.key.1.cmp(&b.key.1))
        });
        units
    }

    /// A unit of these tasks; none when all of them end.
    pub(crate) fn running<'a>(
        &self,
        key: UnitKey,
        tasks: impl Iterator<Item = &'a TaskId>,
    ) -> Option<Running> {
        let role = self.charged_role(key.0);
        let mut unit = Running {
            key,
            role,
            tasks: Vec::new(),
            parts: BTreeMap::new(),
            sum: Resources::default(),
            since: Timestamp(u64::MAX),
        };
        for id in tasks {
            let Some(task) = self.tasks.get(id).filter(|task| !task.finishing) else { continue };
            unit.tasks.push(id.clone());
            unit.parts.entry(task.agent).or_default().add(&task.resources);
            unit.sum.add(&task.resources);
            unit.since = unit.since.min(task.unit.as_ref().map_or(Timestamp(0), |mark| mark.since));
        }
        (!unit.tasks.is_empty()).then_some(unit)
    }
}
