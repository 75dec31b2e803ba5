//! A set of devices of one agent, who uses them, and the choice among them.

use super::{Device, DeviceAmount, DeviceError, DeviceRequest, Grant, WHOLE_MILLI};
use crate::id::{TaskId, Word};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// The devices of one agent and who uses them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Devices(Vec<Slot>);

/// A device with its uses, in thousandths by task.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Slot {
    device: Device,
    uses: BTreeMap<TaskId, u32>,
}

impl Slot {
    fn used(&self) -> u32 {
        self.uses.values().fold(0, |sum, milli| sum.saturating_add(*milli))
    }

    fn free(&self) -> u32 {
        WHOLE_MILLI.saturating_sub(self.used())
    }
}

impl Devices {
    /// Devices that nobody uses. Of two with one name the first stays.
    #[must_use]
    pub fn new(devices: impl IntoIterator<Item = Device>) -> Self {
        let mut slots: Vec<Slot> =
            devices.into_iter().map(|device| Slot { device, uses: BTreeMap::new() }).collect();
        slots.sort_by(|one, other| one.device.id.cmp(&other.device.id));
        slots.dedup_by(|later, first| later.device.id == first.device.id);
        Self(slots)
    }

    /// The devices, each with the thousandths of it that are free, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Device, u32)> {
        self.0.iter().map(|slot| (&slot.device, slot.free()))
    }

    /// Who uses a device, and how many thousandths of it.
    pub fn uses(&self, device: &Word) -> impl Iterator<Item = (&TaskId, u32)> {
        self.slot(device).into_iter().flat_map(|slot| slot.uses.iter().map(|(task, milli)| (task, *milli)))
    }

    /// The devices of which more is in use than there is, with the thousandths beyond the whole. [`Self::take`] never
    /// makes one; what the cluster shows may, and nothing more of such a device is given while it lasts.
    pub fn excess(&self) -> impl Iterator<Item = (&Device, u32)> {
        let over = self.0.iter().map(|slot| (&slot.device, slot.used().saturating_sub(WHOLE_MILLI)));
        over.filter(|(_, excess)| *excess > 0)
    }

    /// Gives the task what the grant says, or nothing. The shares of a device never come to more than the device, so one
    /// that is given whole has one owner.
    ///
    /// # Errors
    /// [`DeviceError`] when the grant is not free or makes no sense; nothing is changed then.
    pub fn take(&mut self, task: &TaskId, grant: &Grant) -> Result<(), DeviceError> {
        if self.0.iter().any(|slot| slot.uses.contains_key(task)) {
            return Err(DeviceError::HasDevices(task.clone()));
        }
        let positions = self.positions(grant)?;
        for slot in positions.iter().filter_map(|at| self.0.get(*at)) {
            if slot.free() < grant.milli {
                let (device, free_milli) = (slot.device.id.clone(), slot.free());
                return Err(DeviceError::Taken { device, wanted_milli: grant.milli, free_milli });
            }
        }
        self.write(task, grant.milli, &positions);
        Ok(())
    }

    /// Writes down what the cluster shows of a task, in place of what was known of it, whether it is free or not.
    ///
    /// # Errors
    /// [`DeviceError`] when the grant names an unknown device or makes no sense; nothing is changed then.
    pub fn record(&mut self, task: &TaskId, grant: &Grant) -> Result<(), DeviceError> {
        let positions = self.positions(grant)?;
        self.release(task);
        self.write(task, grant.milli, &positions);
        Ok(())
    }

    /// Gives back what the task uses; of a task that uses nothing, nothing.
    pub fn release(&mut self, task: &TaskId) {
        for slot in &mut self.0 {
            slot.uses.remove(task);
        }
    }

    /// Chooses devices for a request: none when it does not fit, or asks for nothing that a device can give. A share comes
    /// from the device with the least free that has enough. Whole devices come from one island where one has enough, the
    /// smallest such; else from as few islands as it takes, the largest first. Ties: the model, the island, the device,
    /// by name.
    #[must_use]
    pub fn choose(&self, request: &DeviceRequest) -> Option<Grant> {
        if !request.amount.is_valid() {
            return None;
        }
        match request.amount {
            DeviceAmount::Share(milli) => {
                let fits =
                    self.iter().filter(|(device, free)| *free >= milli && request.admits(&device.model));
                let (device, _) = fits.min_by_key(|(device, free)| (*free, &device.model, &device.id))?;
                Some(Grant { devices: [device.id.clone()].into(), milli })
            }
            DeviceAmount::Whole(count) => self.choose_whole(request, usize::try_from(count).ok()?),
        }
    }

    /// A share of the first device that has exactly so much free, as a score may prefer to the tightest.
    #[must_use]
    pub fn choose_share_at(&self, request: &DeviceRequest, free_milli: u32) -> Option<Grant> {
        let (milli, _) = request.amount.parts();
        let fits = |(device, free): &(&Device, u32)| *free == free_milli && request.admits(&device.model);
        let (device, _) = self.iter().find(fits).filter(|_| milli <= free_milli)?;
        Some(Grant { devices: [device.id.clone()].into(), milli })
    }

    /// The model of a device.
    pub(super) fn model(&self, device: &Word) -> Option<&Word> {
        self.slot(device).map(|slot| &slot.device.model)
    }

    /// The island of a device.
    pub(super) fn island(&self, device: &Word) -> Option<&Word> {
        self.slot(device).and_then(|slot| slot.device.island.as_ref())
    }

    /// Thousandths of a device that are free.
    pub(super) fn free_of(&self, device: &Word) -> u32 {
        self.slot(device).map_or(0, Slot::free)
    }

    pub(super) fn has_model(&self, model: &Word) -> bool {
        self.0.iter().any(|slot| slot.device.model == *model)
    }

    /// Writes down that a task has so much of a device, besides all else that it has.
    pub(super) fn enter(&mut self, task: &TaskId, device: &Word, milli: u32) {
        if let Some(slot) = self.position(device).and_then(|at| self.0.get_mut(at)) {
            slot.uses.insert(task.clone(), milli);
        }
    }

    /// How many devices of a model nobody uses, island by island; one of which no island is known stands alone.
    pub(super) fn free_by_island(&self, model: &Word) -> Vec<u64> {
        let mut islands: BTreeMap<&Word, u64> = BTreeMap::new();
        let mut alone = Vec::new();
        for (device, _) in self.iter().filter(|(device, free)| device.model == *model && *free == WHOLE_MILLI)
        {
            match &device.island {
                Some(island) => *islands.entry(island).or_default() += 1,
                None => alone.push(1),
            }
        }
        islands.into_values().chain(alone).collect()
    }

    /// So many devices of a model from one island that is known, the smallest that has enough.
    pub(super) fn choose_in_island(&self, model: &Word, count: u64) -> Option<Grant> {
        let mut islands: BTreeMap<&Word, Vec<&Word>> = BTreeMap::new();
        for (device, _) in self.iter().filter(|(device, free)| device.model == *model && *free == WHOLE_MILLI)
        {
            if let Some(island) = &device.island {
                islands.entry(island).or_default().push(&device.id);
            }
        }
        let count = usize::try_from(count).ok()?;
        let enough = islands.into_values().filter(|island| island.len() >= count);
        let devices = enough.min_by_key(Vec::len)?.into_iter().take(count).cloned().collect();
        Some(Grant { devices, milli: WHOLE_MILLI })
    }

    fn slot(&self, device: &Word) -> Option<&Slot> {
        self.position(device).and_then(|at| self.0.get(at))
    }

    fn choose_whole(&self, request: &DeviceRequest, count: usize) -> Option<Grant> {
        let mut models: BTreeMap<&Word, BTreeMap<Option<&Word>, Vec<&Word>>> = BTreeMap::new();
        for (device, _) in self.iter().filter(|(_, free)| *free == WHOLE_MILLI) {
            if request.admits(&device.model) {
                let islands = models.entry(&device.model).or_default();
                islands.entry(device.island.as_ref()).or_default().push(&device.id);
            }
        }
        let has_enough =
            |islands: &BTreeMap<_, Vec<_>>| islands.values().map(Vec::len).sum::<usize>() >= count;
        let mut islands: Vec<Vec<&Word>> = models.into_values().find(has_enough)?.into_values().collect();
        let tightest =
            islands.iter().filter(|island| island.len() >= count).min_by_key(|island| island.len());
        if let Some(tightest) = tightest.cloned() {
            islands = Vec::from([tightest]);
        }
        islands.sort_by_key(|island| Reverse(island.len()));
        let mut devices: Vec<Word> = islands.into_iter().flatten().take(count).cloned().collect();
        devices.sort();
        Some(Grant { devices, milli: WHOLE_MILLI })
    }

    fn position(&self, device: &Word) -> Option<usize> {
        self.0.binary_search_by(|slot| slot.device.id.cmp(device)).ok()
    }

    fn positions(&self, grant: &Grant) -> Result<Vec<usize>, DeviceError> {
        let mut positions = Vec::new();
        for device in &grant.devices {
            let at = self.position(device).ok_or_else(|| DeviceError::Unknown(device.clone()))?;
            if positions.contains(&at) {
                return Err(DeviceError::Malformed);
            }
            positions.push(at);
        }
        let is_share = (1..=WHOLE_MILLI).contains(&grant.milli);
        if positions.is_empty() || !is_share { Err(DeviceError::Malformed) } else { Ok(positions) }
    }

    fn write(&mut self, task: &TaskId, milli: u32, positions: &[usize]) {
        for at in positions {
            if let Some(slot) = self.0.get_mut(*at) {
                slot.uses.insert(task.clone(), milli);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec;

    /// `model/island/name` of each device.
    fn devices(names: &str) -> Devices {
        let device = |name: &str| {
            let mut parts = name.split('/').map(Word::from);
            let (model, island) = (parts.next().unwrap(), parts.next().unwrap());
            let island = (island.as_str() != "-").then_some(island);
            Device { id: parts.next().unwrap(), model, island }
        };
        Devices::new(names.split(' ').map(device))
    }

    fn request(models: &[&str], amount: DeviceAmount) -> DeviceRequest {
        DeviceRequest { models: models.iter().map(|model| Word::from(*model)).collect(), amount }
    }

    fn chosen(devices: &Devices, models: &[&str], amount: DeviceAmount) -> Option<Vec<Word>> {
        devices.choose(&request(models, amount)).map(|grant| grant.devices)
    }

    fn take(devices: &mut Devices, task: &str, device: &str, milli: u32) -> Result<(), DeviceError> {
        devices.take(&task.into(), &Grant { devices: vec![device.into()], milli })
    }

    #[test]
    fn a_share_comes_from_the_device_with_the_least_room_for_it() {
        let mut all = devices("t4/-/g0 t4/-/g1 t4/-/g2");
        take(&mut all, "one", "g1", 400).unwrap();
        take(&mut all, "two", "g2", 700).unwrap();
        assert_eq!(chosen(&all, &[], DeviceAmount::Share(300)), Some(vec!["g2".into()]));
        assert_eq!(chosen(&all, &[], DeviceAmount::Share(301)), Some(vec!["g1".into()]));
        assert_eq!(chosen(&all, &[], DeviceAmount::Share(601)), Some(vec!["g0".into()]));
        assert_eq!(chosen(&all, &["a100"], DeviceAmount::Share(1)), None);
        assert_eq!(chosen(&all, &[], DeviceAmount::Share(0)), None);
    }

    #[test]
    fn whole_devices_come_from_the_smallest_island_that_has_enough() {
        let all = devices("a/x/g0 a/x/g1 a/x/g2 a/x/g3 a/y/g4 a/y/g5 b/z/g6");
        assert_eq!(chosen(&all, &[], DeviceAmount::Whole(2)), Some(vec!["g4".into(), "g5".into()]));
        assert_eq!(chosen(&all, &[], DeviceAmount::Whole(3)).map(|found| found.len()), Some(3));
        let five = chosen(&all, &[], DeviceAmount::Whole(5)).unwrap();
        assert_eq!(five, ["g0", "g1", "g2", "g3", "g4"].map(Word::from));
        assert_eq!(chosen(&all, &["b"], DeviceAmount::Whole(1)), Some(vec!["g6".into()]));
        assert_eq!(chosen(&all, &[], DeviceAmount::Whole(7)), None, "models are not mixed");
    }

    #[test]
    fn a_device_has_one_owner_or_shares_that_come_to_no_more_than_it() {
        let mut all = devices("a/-/g0 a/-/g1");
        take(&mut all, "one", "g0", 600).unwrap();
        let both = Grant { devices: vec!["g0".into(), "g1".into()], milli: WHOLE_MILLI };
        let before = all.clone();
        let refused = all.take(&"two".into(), &both).unwrap_err();
        assert_eq!(refused.to_string(), "device g0 has 400 thousandths free and not 1000: choose again");
        assert_eq!(all, before, "all or nothing");
        assert_eq!(take(&mut all, "one", "g1", 1), Err(DeviceError::HasDevices("one".into())));
        all.release(&"one".into());
        all.take(&"two".into(), &both).unwrap();
        assert!(take(&mut all, "three", "g1", 1).is_err());
    }

    #[test]
    fn what_the_cluster_shows_is_written_down_even_beyond_the_whole() {
        let mut all = devices("a/-/g0");
        take(&mut all, "one", "g0", 600).unwrap();
        all.record(&"two".into(), &Grant { devices: vec!["g0".into()], milli: 700 }).unwrap();
        assert_eq!(all.excess().map(|(_, excess)| excess).collect::<Vec<_>>(), [300]);
        assert_eq!(chosen(&all, &[], DeviceAmount::Share(1)), None);
        all.record(&"two".into(), &Grant { devices: vec!["g0".into()], milli: 400 }).unwrap();
        assert_eq!(all.excess().count(), 0);
    }
}
