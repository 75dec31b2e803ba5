//! The devices that one agent shows: what they count as, who uses which, and what of them a task may have.

use super::devices::Devices;
use super::{
    DeviceAmount, DeviceError, DeviceExcess, DeviceLack, DeviceRequest, DeviceSet, Grant, WHOLE_MILLI,
};
use crate::ask::Shape;
use crate::counts::Counts;
use crate::gpu::GpuRequest;
use crate::id::{TaskId, Word};
use crate::resources::Resources;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;

/// The devices of an agent and who uses them. Whole ones count as GPUs of their model, shared ones as thousandths of
/// [`shares_of`] their model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentDevices {
    whole: Devices,
    shared: Devices,
    /// What tasks take of each kind and do not say which devices it is.
    unnamed: BTreeMap<TaskId, Counts>,
    /// The devices that tasks name and the agent does not show.
    gone: BTreeMap<TaskId, Vec<Word>>,
}

/// The name that shares of devices of a model are counted under, as NVIDIA's device plugin names what it shares.
#[must_use]
pub fn shares_of(model: &Word) -> Word {
    format!("{model}.shared").into()
}

impl AgentDevices {
    /// Devices that nobody uses.
    #[must_use]
    pub fn new(set: &DeviceSet) -> Self {
        let of = |devices: &[super::Device]| Devices::new(devices.iter().cloned());
        Self { whole: of(&set.whole), shared: of(&set.shared), ..Self::default() }
    }

    /// The devices that are given whole.
    #[must_use]
    pub fn whole(&self) -> &Devices {
        &self.whole
    }

    /// The devices that are given in shares.
    #[must_use]
    pub fn shared(&self) -> &Devices {
        &self.shared
    }

    /// Where more is in use than may be, or it is not known of what, as the cluster shows it.
    pub fn excess(&self) -> impl Iterator<Item = DeviceExcess> {
        let over = self.whole.excess().chain(self.shared.excess());
        let over = over.map(|(device, milli)| DeviceExcess::Over { device: device.id.clone(), milli });
        let gone = self.gone.iter().flat_map(|(task, devices)| {
            devices.iter().map(|device| DeviceExcess::Gone { task: task.clone(), device: device.clone() })
        });
        let unnamed = self.unnamed.iter().flat_map(|(task, counts)| {
            counts.iter().map(|(kind, count)| DeviceExcess::Unnamed {
                task: task.clone(),
                kind: kind.clone(),
                count,
            })
        });
        over.chain(gone).chain(unnamed)
    }

    /// Thousandths of devices that are in use beyond the whole.
    pub(crate) fn over_milli(&self) -> u64 {
        self.whole.excess().chain(self.shared.excess()).map(|(_, milli)| u64::from(milli)).sum()
    }

    /// What the agent has by its devices, where it was told to have `told`.
    pub(crate) fn counted(&self, told: &Resources) -> Resources {
        let mut counted = Resources { gpus: Counts::default(), ..told.clone() };
        self.whole.iter().for_each(|(device, _)| counted.gpus.add(&device.model, 1));
        let kinds: BTreeSet<Word> = self.shared.iter().map(|(device, _)| shares_of(&device.model)).collect();
        kinds.iter().for_each(|kind| counted.other.remove(kind));
        self.shared
            .iter()
            .for_each(|(device, _)| counted.other.add(&shares_of(&device.model), WHOLE_MILLI.into()));
        counted
    }

    /// Writes down what a task has, whether it is free or not.
    pub(crate) fn record(&mut self, task: &TaskId, grants: &[Grant], resources: &Resources) {
        let mut left = self.of_devices(resources);
        let mut gone = Vec::new();
        for (grant, device) in grants.iter().flat_map(|grant| grant.devices.iter().map(move |id| (grant, id)))
        {
            if let Some(model) = self.whole.model(device).cloned() {
                self.whole.enter(task, device, grant.milli);
                left.take_up_to(&model, 1);
            } else if let Some(model) = self.shared.model(device).cloned() {
                self.shared.enter(task, device, grant.milli);
                left.take_up_to(&shares_of(&model), grant.milli.into());
            } else {
                gone.push((device.clone(), grant.milli));
            }
        }
        // What is named and not shown is known to be none of the others.
        for (_, milli) in &gone {
            let is_whole = *milli == WHOLE_MILLI;
            let kind = left.iter().map(|(kind, _)| kind).find(|kind| self.whole.has_model(kind) == is_whole);
            if let Some(kind) = kind.cloned() {
                left.take_up_to(&kind, if is_whole { 1 } else { u64::from(*milli) });
            }
        }
        if !left.is_empty() {
            self.unnamed.insert(task.clone(), left);
        }
        if !gone.is_empty() {
            self.gone.insert(task.clone(), gone.into_iter().map(|(device, _)| device).collect());
        }
    }

    /// Strikes out what a task has.
    pub(crate) fn release(&mut self, task: &TaskId) {
        self.whole.release(task);
        self.shared.release(task);
        self.unnamed.remove(task);
        self.gone.remove(task);
    }

    /// What of resources is counted by the devices that are shown.
    fn of_devices(&self, resources: &Resources) -> Counts {
        let gpus = resources.gpus.iter().filter(|(model, _)| self.whole.has_model(model));
        let shares = resources.other.iter().filter(|(kind, _)| self.model_of(kind).is_some());
        gpus.chain(shares).map(|(kind, count)| (kind.clone(), count)).collect()
    }

    /// The model of the devices that are shared and counted under a name.
    fn model_of(&self, kind: &Word) -> Option<&Word> {
        self.shared.iter().map(|(device, _)| &device.model).find(|model| shares_of(model) == *kind)
    }

    /// How much tasks take of a kind that do not say which devices they have. While any does, which are free is unknown.
    fn unnamed_of(&self, kind: &Word) -> u64 {
        self.unnamed.values().map(|counts| counts.count(kind)).fold(0, u64::saturating_add)
    }

    /// Leaves of what is free no more than equal tasks of a shape can have, each its devices, one beside the other.
    pub(crate) fn narrow(&self, free: &mut Resources, shape: &Shape) {
        if let Some(request) = &shape.gpu {
            let models: Vec<(Word, u64)> =
                free.gpus.iter().map(|(model, count)| (model.clone(), count)).collect();
            for (model, count) in models {
                let most = self.times(request, &model).saturating_mul(request.count);
                free.gpus.take_up_to(&model, count.saturating_sub(most));
            }
        }
        for (kind, milli) in shape.base.other.iter() {
            let Some(model) = self.model_of(kind) else { continue };
            let known = self.unnamed_of(kind) == 0;
            let of_model = self
                .shared
                .iter()
                .filter(|(device, _)| known && device.model == *model)
                .map(|(_, free)| free);
            let times = of_model.fold(0, |sum, free| sum + u64::from(free) / milli);
            free.other.take_up_to(kind, free.other.count(kind).saturating_sub(times.saturating_mul(milli)));
        }
    }

    /// Leaves of what is free no more than is known to be free of devices.
    pub(crate) fn leave_known(&self, free: &mut Resources) {
        for (kind, count) in self.of_devices(free).iter() {
            let shares = self.model_of(kind);
            let devices = if shares.is_some() { self.shared.iter() } else { self.whole.iter() };
            let of_kind = devices.filter(|(device, _)| device.model == *shares.unwrap_or(kind));
            let most: u64 = match shares {
                _ if self.unnamed_of(kind) > 0 => 0,
                Some(_) => of_kind.map(|(_, free)| u64::from(free)).sum(),
                None => of_kind.filter(|(_, free)| *free == WHOLE_MILLI).map(|_| 1).sum(),
            };
            let beyond = count.saturating_sub(most);
            if shares.is_some() {
                free.other.take_up_to(kind, beyond);
            } else {
                free.gpus.take_up_to(kind, beyond);
            }
        }
    }

    /// How many tasks of one request find devices of a model.
    fn times(&self, request: &GpuRequest, model: &Word) -> u64 {
        let each = request.count.max(1);
        if self.unnamed_of(model) > 0 {
            return 0;
        }
        let islands = self.whole.free_by_island(model);
        if request.one_island {
            islands.iter().map(|free| free / each).sum()
        } else {
            islands.iter().sum::<u64>() / each
        }
    }

    /// What of its devices the agent lacks for a shape that what is counted as free holds.
    pub(crate) fn lack(&self, shape: &Shape) -> Option<DeviceLack> {
        let of_gpus = shape.gpu.as_ref().and_then(|request| self.lacks_whole(request));
        of_gpus.or_else(|| shape.base.other.iter().find_map(|(kind, milli)| self.lacks_share(kind, milli)))
    }

    fn lacks_whole(&self, request: &GpuRequest) -> Option<DeviceLack> {
        let admits = |model: &&Word| request.model.as_ref().is_none_or(|wanted| wanted == *model);
        let models: BTreeSet<&Word> =
            self.whole.iter().map(|(device, _)| &device.model).filter(admits).collect();
        if models.iter().any(|model| self.times(request, model) > 0) {
            return None;
        }
        let unnamed =
            models.iter().map(|model| (*model, self.unnamed_of(model))).find(|(_, count)| *count > 0);
        if let Some((kind, count)) = unnamed {
            return Some(DeviceLack::Unnamed { kind: kind.clone(), count });
        }
        let islands = models.into_iter().map(|model| self.whole.free_by_island(model));
        let (wanted, one_island) = (request.count, request.one_island);
        let of = |islands: Vec<u64>| {
            let most = if one_island { islands.into_iter().max() } else { Some(islands.into_iter().sum()) };
            most.unwrap_or_default()
        };
        let most = islands.map(of).max().unwrap_or_default();
        Some(if one_island {
            DeviceLack::Island { wanted, most }
        } else {
            DeviceLack::Whole { wanted, most }
        })
    }

    fn lacks_share(&self, kind: &Word, wanted_milli: u64) -> Option<DeviceLack> {
        let model = self.model_of(kind)?;
        let count = self.unnamed_of(kind);
        if count > 0 {
            return Some(DeviceLack::Unnamed { kind: kind.clone(), count });
        }
        let free = self.shared.iter().filter(|(device, _)| device.model == *model).map(|(_, free)| free);
        let most_milli = free.max().map_or(0, u64::from);
        let kind = kind.clone();
        (most_milli < wanted_milli).then_some(DeviceLack::Share { kind, wanted_milli, most_milli })
    }

    /// Devices for a task that does not name any: whole ones from one island where one has enough, always so where the
    /// task wants one island; a share from the device with the least free that has enough.
    pub(crate) fn choose(&self, resources: &Resources, one_island: bool) -> Result<Vec<Grant>, DeviceError> {
        let mut grants = Vec::new();
        for (kind, count) in self.of_devices(resources).iter() {
            let model = self.model_of(kind);
            let parts = u32::try_from(count).unwrap_or(u32::MAX);
            let request = |model: &Word, amount| DeviceRequest { models: [model.clone()].into(), amount };
            let grant = match model {
                Some(model) => self.shared.choose(&request(model, DeviceAmount::Share(parts))),
                None if one_island && count > 1 => self.whole.choose_in_island(kind, count),
                None => self.whole.choose(&request(kind, DeviceAmount::Whole(parts))),
            };
            let grant = grant.filter(|_| self.unnamed_of(kind) == 0);
            grants.push(grant.ok_or_else(|| DeviceError::Lack(self.why(kind, count, one_island)))?);
        }
        Ok(grants)
    }

    /// Why so much of a kind cannot be given.
    fn why(&self, kind: &Word, wanted: u64, one_island: bool) -> DeviceLack {
        let request = GpuRequest { model: Some(kind.clone()), count: wanted, one_island };
        let lack = self.lacks_share(kind, wanted).or_else(|| self.lacks_whole(&request));
        lack.unwrap_or(DeviceLack::Whole { wanted, most: 0 })
    }

    /// Whether the devices that a task names are free, are what it takes, and are of one island where it wants that.
    pub(crate) fn check(
        &self,
        task: &TaskId,
        grants: &[Grant],
        resources: &Resources,
        one_island: bool,
    ) -> Result<(), DeviceError> {
        well_formed(grants)?;
        let mut named = Counts::default();
        for grant in grants {
            for device in &grant.devices {
                let (set, kind, amount) = match (self.whole.model(device), self.shared.model(device)) {
                    (Some(model), _) => (&self.whole, model.clone(), u64::from(grant.milli == WHOLE_MILLI)),
                    (None, Some(model)) => (&self.shared, shares_of(model), u64::from(grant.milli)),
                    (None, None) => return Err(DeviceError::Unknown(device.clone())),
                };
                let free_milli = set.free_of(device);
                if free_milli < grant.milli {
                    let device = device.clone();
                    return Err(DeviceError::Taken { device, wanted_milli: grant.milli, free_milli });
                }
                let again = named.count(&kind) > 0 && self.shared.model(device).is_some();
                if amount == 0 || again {
                    return Err(DeviceError::Amount(task.clone()));
                }
                let count = self.unnamed_of(&kind);
                if count > 0 {
                    return Err(DeviceError::Lack(DeviceLack::Unnamed { kind, count }));
                }
                named.add(&kind, amount);
            }
        }
        let whole: Vec<Word> = grants.iter().flat_map(|grant| &grant.devices).cloned().collect();
        let whole: Vec<Word> =
            whole.into_iter().filter(|device| self.whole.model(device).is_some()).collect();
        if one_island && !self.is_one_island(&whole) {
            return Err(DeviceError::Islands(task.clone()));
        }
        if named == self.of_devices(resources) { Ok(()) } else { Err(DeviceError::Amount(task.clone())) }
    }

    /// Whether whole devices are one, or of one island that is known.
    fn is_one_island(&self, devices: &[Word]) -> bool {
        let mut islands = devices.iter().map(|device| self.whole.island(device));
        let first = islands.next().flatten();
        devices.len() <= 1 || (first.is_some() && islands.all(|island| island == first))
    }
}

/// Whether grants name devices, none twice, and shares from 1 to 1000.
pub(crate) fn well_formed(grants: &[Grant]) -> Result<(), DeviceError> {
    let mut seen = BTreeSet::new();
    let each = |grant: &Grant| !grant.devices.is_empty() && (1..=WHOLE_MILLI).contains(&grant.milli);
    let once = grants.iter().flat_map(|grant| &grant.devices).all(|device| seen.insert(device));
    if once && grants.iter().all(each) { Ok(()) } else { Err(DeviceError::Malformed) }
}
