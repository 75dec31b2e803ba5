//! The devices of an accept: those that placements name are checked, for the others some are chosen.

use super::SettleError;
use crate::books::{AgentNo, Books, WantNo};
use crate::device::{AgentDevices, DeviceError, DeviceLack, Grant};
use crate::offer::Placement;
use crate::plant::Plant;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

impl Books {
    /// The devices of each placement, or why one has none. Where no agent shows its devices it is none of all.
    pub(super) fn check_devices(
        &self,
        want: WantNo,
        placements: &[Placement],
        agents: &[AgentNo],
    ) -> Result<Vec<Vec<Grant>>, SettleError> {
        let mut left: BTreeMap<AgentNo, AgentDevices> = BTreeMap::new();
        for agent in agents {
            if let Some(book) = &self.agents.at(*agent).devices {
                let unowned = self.planted.is(Plant::Devices);
                let devices = if unowned { AgentDevices::new(&book.set) } else { book.devices.clone() };
                left.insert(*agent, devices);
            }
        }
        let asked = |placement: &Placement| self.wants_one_island(want, placement);
        let speaks = |placement: &Placement| !placement.devices.is_empty() || asked(placement);
        if left.is_empty() && !placements.iter().any(speaks) {
            return Ok(Vec::new());
        }
        let mut all: Vec<Vec<Grant>> = placements.iter().map(|_| Vec::new()).collect();
        // Those that name their devices come first, so that no other is given what they name.
        for named in [true, false] {
            let here = placements.iter().zip(agents).zip(&mut all);
            for ((placement, agent), grants) in
                here.filter(|((placement, _), _)| placement.devices.is_empty() != named)
            {
                *grants = grant(placement, left.get_mut(agent), asked(placement)).map_err(|why| {
                    let (task, agent) = (placement.task.clone(), placement.agent.clone());
                    SettleError::Devices { task, agent, why }
                })?;
            }
        }
        Ok(all)
    }

    fn wants_one_island(&self, want: WantNo, placement: &Placement) -> bool {
        let member = self.want(want).and_then(|want| want.members().get(placement.member));
        member.and_then(|member| member.shape.gpu.as_ref()).is_some_and(|gpu| gpu.one_island)
    }
}

/// The devices of one placement, taken from what is left on its agent.
fn grant(
    placement: &Placement,
    left: Option<&mut AgentDevices>,
    one_island: bool,
) -> Result<Vec<Grant>, DeviceError> {
    let Placement { task, resources, devices: named, .. } = placement;
    let Some(left) = left else {
        return match named.iter().flat_map(|grant| &grant.devices).next() {
            Some(device) => Err(DeviceError::Unknown(device.clone())),
            None if one_island && resources.gpus.total() > 1 => Err(DeviceError::Lack(DeviceLack::NotShown)),
            None => Ok(Vec::new()),
        };
    };
    let grants = if named.is_empty() {
        left.choose(resources, one_island)?
    } else {
        left.check(task, named, resources, one_island)?;
        named.clone()
    };
    left.record(task, &grants, resources);
    Ok(grants)
}
