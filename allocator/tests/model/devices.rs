//! Devices by definition: who has which follows from what the tasks say, each time anew.

use super::commands::{self, Draw};
use super::facts::Facts;
use super::sums::Sums;
use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::agent::Agent;
use twofold_allocator::allocator::Allocator;
use twofold_allocator::ask::Shape;
use twofold_allocator::device::{Device, DeviceSet, shares_of};
use twofold_allocator::holding::Holding;
use twofold_allocator::id::{AgentId, TaskId, Word};
use twofold_allocator::offer::{Launch, Placement};
use twofold_allocator::resources::Resources;

/// What is free of one agent's devices.
pub(crate) struct Free {
    /// Each with the kind that it counts as and the thousandths of it that are free.
    devices: Vec<(Device, Word, u64)>,
    /// The kinds of which some task does not say which it has.
    unnamed: BTreeSet<Word>,
}

/// All devices of a set with the kinds that they count as.
fn kinds(set: &DeviceSet) -> impl Iterator<Item = (&Device, Word)> {
    let whole = set.whole.iter().map(|device| (device, device.model.clone()));
    whole.chain(set.shared.iter().map(|device| (device, shares_of(&device.model))))
}

/// What tasks have of a device.
fn uses<'a>(
    tasks: impl Iterator<Item = &'a Holding>,
    device: &Word,
) -> impl Iterator<Item = (&'a TaskId, u32)> {
    let has = move |task: &'a Holding| {
        let grant = task.devices.iter().find(|grant| grant.devices.contains(device))?;
        Some((&task.task, grant.milli))
    };
    tasks.filter_map(has)
}

impl Facts {
    /// An agent as its devices count it.
    pub(crate) fn counted(&self, mut agent: Agent) -> Agent {
        if let Some(set) = self.devices.get(&agent.id) {
            agent.capacity.gpus = set.whole.iter().map(|device| (device.model.clone(), 1)).collect();
            let shares: Vec<Word> = set.shared.iter().map(|device| shares_of(&device.model)).collect();
            shares.iter().for_each(|kind| agent.capacity.other.remove(kind));
            shares.iter().for_each(|kind| agent.capacity.other.add(kind, 1000));
        }
        agent
    }

    pub(crate) fn devices_shown(&mut self, id: &AgentId, set: Option<&DeviceSet>) {
        let before = match set {
            Some(set) => self.devices.insert(id.clone(), set.clone()),
            None => self.devices.remove(id),
        };
        if before.as_ref() == set {
            return;
        }
        self.changed = true;
        self.rescind(|live| live.names(id));
        if let (Some(agent), Some(told)) = (self.agents.get(id), self.capacities.get(id)) {
            let agent = self.counted(Agent { capacity: told.clone(), ..agent.clone() });
            self.agents.insert(id.clone(), agent);
            self.others.insert(id.clone());
        }
    }

    /// A task's devices are free again: what was refused of its agent may have been others.
    pub(crate) fn devices_given_back(&mut self, id: &AgentId) {
        if self.devices.contains_key(id) && self.agents.contains_key(id) {
            self.others.insert(id.clone());
        }
    }

    fn tasks_on<'a>(&'a self, id: &'a AgentId) -> impl Iterator<Item = &'a Holding> {
        self.tasks.values().map(|(task, _)| task).filter(move |task| task.agent == *id)
    }

    /// What is free of an agent's devices; none where they are not shown.
    pub(crate) fn devices_free(&self, id: &AgentId) -> Option<Free> {
        let set = self.devices.get(id)?;
        let free = |device: &Device| {
            let used = uses(self.tasks_on(id), &device.id).map(|(_, milli)| u64::from(milli)).sum();
            1000u64.saturating_sub(used)
        };
        let devices: Vec<_> = kinds(set).map(|(device, kind)| (device.clone(), kind, free(device))).collect();
        let mut unnamed = BTreeSet::new();
        for task in self.tasks_on(id) {
            let taken = task.resources.gpus.iter().chain(task.resources.other.iter());
            for (kind, amount) in taken.filter(|(kind, _)| devices.iter().any(|(_, known, _)| known == *kind))
            {
                let whole = set.whole.iter().any(|device| device.model == *kind);
                let named =
                    task.devices.iter().flat_map(|grant| grant.devices.iter().map(move |id| (grant, id)));
                let named =
                    named.filter(|(grant, id)| match devices.iter().find(|(known, ..)| known.id == **id) {
                        Some((_, of, _)) => of == kind,
                        None => (grant.milli == 1000) == whole,
                    });
                let sum: u64 = named.map(|(grant, _)| if whole { 1 } else { u64::from(grant.milli) }).sum();
                if sum < amount {
                    unnamed.insert(kind.clone());
                }
            }
        }
        Some(Free { devices, unnamed })
    }

    /// What is free on an agent, without what is not known to be free of its devices.
    pub(crate) fn known_free(&self, sums: &Sums, id: &AgentId) -> Resources {
        let mut free = sums.free_on(id).clone();
        let Some(devices) = self.devices_free(id) else { return free };
        let kinds: BTreeSet<Word> = devices.devices.iter().map(|(_, kind, _)| kind.clone()).collect();
        for kind in kinds {
            let of = devices.devices.iter().filter(|(_, known, _)| *known == kind);
            let sum = |whole| of.map(|(_, _, free)| if whole { free / 1000 } else { *free }).sum::<u64>();
            let is_whole = self.devices[id].whole.iter().any(|device| device.model == kind);
            let most = if devices.unnamed.contains(&kind) { 0 } else { sum(is_whole) };
            if is_whole {
                let left = free.gpus.count(&kind).min(most);
                free.gpus.remove(&kind);
                free.gpus.add(&kind, left);
            } else {
                let left = free.other.count(&kind).min(most);
                free.other.remove(&kind);
                free.other.add(&kind, left);
            }
        }
        free
    }

    /// How many tasks of a shape find devices on an agent, of one model each.
    pub(crate) fn finds(&self, id: &AgentId, shape: &Shape, counted: &Resources) -> u64 {
        let Some(free) = self.devices_free(id) else {
            let island = shape.gpu.as_ref().is_some_and(|gpu| gpu.one_island && gpu.count > 1);
            return if island { 0 } else { u64::MAX };
        };
        let mut times = u64::MAX;
        if let Some(gpu) = &shape.gpu {
            let models = counted.gpus.iter().filter(|(_, count)| *count >= gpu.count).map(|(model, _)| model);
            let models = models.filter(|model| gpu.model.as_ref().is_none_or(|wanted| wanted == *model));
            let of = |model| free.times(model, gpu.count, gpu.one_island);
            times = models.map(of).max().unwrap_or_default();
        }
        for (kind, milli) in shape.base.other.iter() {
            if free.devices.iter().any(|(_, known, _)| known == kind) {
                let known = free.devices.iter().filter(|(_, known, _)| known == kind);
                let of: u64 = known.map(|(_, _, free)| free / milli).sum();
                times = times.min(if free.unnamed.contains(kind) { 0 } else { of });
            }
        }
        times
    }

    /// Whether it is in order that there were no devices for an accept: not where on each agent all are alike and find
    /// devices.
    pub(crate) fn may_lack_devices(&self, shapes: &[&Shape], placements: &[Placement]) -> bool {
        let mut by_agent: BTreeMap<&AgentId, Vec<&Placement>> = BTreeMap::new();
        placements.iter().for_each(|one| by_agent.entry(&one.agent).or_default().push(one));
        by_agent.iter().any(|(id, here)| {
            let first = here[0];
            let alike =
                here.iter().all(|one| (one.member, &one.resources) == (first.member, &first.resources));
            // Open demand takes what it likes, such as two devices in one share.
            let Some(shape) = shapes.get(first.member) else { return true };
            let mut settled = Clone::clone(*shape);
            let model = first.resources.gpus.iter().next().map(|(model, _)| model.clone());
            settled.gpu.iter_mut().for_each(|gpu| gpu.model.clone_from(&model));
            !alike || self.finds(id, &settled, &first.resources) < here.len() as u64
        })
    }

    /// Thousandths of devices that are in use beyond the whole, on each agent.
    pub(crate) fn devices_over(&self) -> BTreeMap<AgentId, u64> {
        let over = |(id, set): (&AgentId, &DeviceSet)| {
            let each = kinds(set).map(|(device, _)| {
                let used = uses(self.tasks_on(id), &device.id).map(|(_, milli)| u64::from(milli));
                used.sum::<u64>().saturating_sub(1000)
            });
            (id.clone(), each.sum())
        };
        self.devices.iter().map(over).collect()
    }

    /// Where the allocator says somebody else has a device than the tasks say.
    pub(crate) fn devices_differ(&self, allocator: &Allocator) -> Vec<String> {
        let mut differ = Vec::new();
        for id in
            self.agents.keys().filter(|id| allocator.devices(id).is_some() != self.devices.contains_key(*id))
        {
            differ.push(format!("agent {id} shows devices, or none"));
        }
        for (id, set) in &self.devices {
            let Some(known) = allocator.devices(id) else { continue };
            for (device, _) in kinds(set) {
                let is: BTreeSet<_> =
                    known.whole().uses(&device.id).chain(known.shared().uses(&device.id)).collect();
                let must: BTreeSet<_> = uses(self.tasks_on(id), &device.id).collect();
                if is != must {
                    differ.push(format!("device {} of {id} is of {is:?}, must be of {must:?}", device.id));
                }
            }
        }
        differ
    }

    /// What was launched with other devices than it takes, or of several islands against its wish.
    pub(crate) fn misgranted(&self, shapes: &[&Shape], launches: &[Launch]) -> Vec<String> {
        let wrong = launches.iter().map(Launch::placement).filter(|placement| {
            let Some(set) = self.devices.get(&placement.agent) else { return !placement.devices.is_empty() };
            let named: BTreeSet<&Word> = placement.devices.iter().flat_map(|grant| &grant.devices).collect();
            let whole: Vec<&Device> = set.whole.iter().filter(|device| named.contains(&device.id)).collect();
            let islands: BTreeSet<_> = whole.iter().map(|device| &device.island).collect();
            let gpu = shapes.get(placement.member).and_then(|shape| shape.gpu.as_ref());
            let apart = whole.len() > 1 && (islands.len() > 1 || islands.contains(&None));
            whole.len() as u64 != placement.resources.gpus.total()
                || (apart && gpu.is_some_and(|gpu| gpu.one_island))
        });
        wrong.map(|placement| format!("{placement:?}")).collect()
    }
}

impl Free {
    fn times(&self, model: &Word, count: u64, one_island: bool) -> u64 {
        if self.unnamed.contains(model) {
            return 0;
        }
        let free = self.devices.iter().filter(|(_, kind, free)| kind == model && *free == 1000);
        let free: Vec<&Option<Word>> = free.map(|(device, ..)| &device.island).collect();
        if !one_island {
            return free.len() as u64 / count;
        }
        let islands: BTreeSet<&Word> = free.iter().filter_map(|island| island.as_ref()).collect();
        let alone = free.iter().filter(|island| island.is_none() && count == 1).count() as u64;
        let of = |island: &Word| free.iter().filter(|known| known.as_ref() == Some(island)).count() as u64;
        islands.into_iter().map(|island| of(island) / count).sum::<u64>() + alone
    }
}

/// A command that tells which devices an agent shows.
pub(crate) fn shown(agent: &str, draw: &mut Draw<'_>) -> String {
    let whole = draw.one(&["g0:m:x", "g0:m:x,g1:m:x", "g0:m:x,g1:m:y,g2:m:y", "g0:m:-,g1:n:-", ""]);
    let shared = draw.one(&["", "", "h0:m:-", "h0:m:-,h1:m:-"]);
    format!("devices {agent} whole={whole} shared={shared}")
}

/// A command that tells of devices, of a task that has some, or of work that wants some.
pub(crate) fn change(bytes: &[u8]) -> String {
    let draw = &mut Draw::from(bytes);
    let (agent, framework) = (draw.one(&commands::AGENTS[..3]), draw.one(&commands::FRAMEWORKS[..3]));
    match draw.below(8) {
        0..=2 => shown(agent, draw),
        3 => format!("devices-gone {agent}"),
        4 => {
            let has =
                draw.one(&["gpu=m:1", "gpu=m:1 has=g0", "gpu=m:2 has=g0+g1", "x.m.shared=500 has=h0:500"]);
            format!("holding t{} {agent} {} {has}", draw.below(4), draw.one(&["f0", "foreign"]))
        }
        _ => {
            let count = 1 + draw.below(3);
            let least = if draw.below(2) == 0 { 0 } else { count };
            let wants =
                ["gpu=m:2 one-island", "gpu=2 one-island", "gpu=1", "x.m.shared=400", "x.m.shared=700"];
            format!("asks {framework} x{{count={count} least={least} cpu=1 {}}}", draw.one(&wants))
        }
    }
}
