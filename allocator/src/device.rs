//! Devices: GPUs that are known one by one, each with its model, its island, and the shares of it that are in use. Where
//! the cluster does not show which device is whose, GPUs are counted by model instead ([`crate::gpu`]).
//!
//! An agent shows its devices by [`crate::change::Change::Devices`]. What it has is then counted by them, so that limits,
//! guarantees, shares and holds go by counts as everywhere: a device that is given whole is a GPU of its model, one that
//! is shared is 1000 of [`shares_of`] its model, and an ask takes a share by so many of that in its shape. Which devices a
//! task has is named by its placement, or chosen when the accept is settled; the holding may say it, too.

mod devices;
mod shown;

pub use devices::Devices;
pub(crate) use shown::well_formed;
pub use shown::{AgentDevices, shares_of};

use crate::id::{TaskId, Word};
use alloc::vec::Vec;
use core::fmt;

/// A whole device, in the thousandths that shares are counted in.
pub const WHOLE_MILLI: u32 = 1000;

/// One device of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its name, unique on its agent.
    pub id: Word,
    /// Its model.
    pub model: Word,
    /// The name that it shares with the devices that it reaches quickly, as by NVLink; none where nothing is known.
    pub island: Option<Word>,
}

/// The devices that an agent shows. No two have one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceSet {
    /// Each is given to one task alone.
    pub whole: Vec<Device>,
    /// Each may be given in shares.
    pub shared: Vec<Device>,
}

/// Devices that a task asks for. All of them come from one model on one agent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceRequest {
    /// The models that will do; any when there are none.
    pub models: Vec<Word>,
    /// How much of how many.
    pub amount: DeviceAmount,
}

/// How much of how many devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceAmount {
    /// Thousandths of one device, 1 to 1000; others may use the rest of it.
    Share(u32),
    /// So many devices for the task alone, at least one.
    Whole(u32),
}

impl DeviceAmount {
    /// Thousandths of each device, and how many devices.
    #[must_use]
    pub fn parts(self) -> (u32, u32) {
        match self {
            Self::Share(milli) => (milli, 1),
            Self::Whole(count) => (WHOLE_MILLI, count),
        }
    }

    /// Thousandths of a device in all.
    #[must_use]
    pub fn total_milli(self) -> u64 {
        let (milli, count) = self.parts();
        u64::from(milli) * u64::from(count)
    }

    /// Whether it is something that a device can give.
    #[must_use]
    pub fn is_valid(self) -> bool {
        let (milli, count) = self.parts();
        (1..=WHOLE_MILLI).contains(&milli) && count > 0
    }
}

impl DeviceRequest {
    /// Whether devices of this model will do.
    #[must_use]
    pub fn admits(&self, model: &Word) -> bool {
        self.models.is_empty() || self.models.contains(model)
    }
}

/// The devices of a task, and how much of each is its.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The devices, by name.
    pub devices: Vec<Word>,
    /// Thousandths of each of them.
    pub milli: u32,
}

/// Why a grant cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceError {
    /// The agent has no device of this name.
    Unknown(Word),
    /// So much of the device is not free.
    Taken {
        /// The device.
        device: Word,
        /// Thousandths that are wanted of it.
        wanted_milli: u32,
        /// Thousandths that are free.
        free_milli: u32,
    },
    /// The grant names no device, one twice, or no share from 1 to 1000.
    Malformed,
    /// The task has devices of this agent already, and gets no second grant.
    HasDevices(TaskId),
    /// The task names other devices than its resources take.
    Amount(TaskId),
    /// The task wants its devices within one island, and names some of several.
    Islands(TaskId),
    /// No devices can be chosen.
    Lack(DeviceLack),
}

/// What an agent lacks of devices for a task, although what is counted as free there holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceLack {
    /// Fewer devices of one model are free.
    Whole {
        /// How many are wanted.
        wanted: u64,
        /// The most that are free of a model that will do.
        most: u64,
    },
    /// Fewer devices are free within one island.
    Island {
        /// How many are wanted.
        wanted: u64,
        /// The most that are free in an island.
        most: u64,
    },
    /// Less of each device is free.
    Share {
        /// What the shares are counted under.
        kind: Word,
        /// Thousandths that are wanted.
        wanted_milli: u64,
        /// The most that are free of a device.
        most_milli: u64,
    },
    /// Tasks there do not say which devices they have, so that it is unknown which are free.
    Unnamed {
        /// The model, or what the shares are counted under.
        kind: Word,
        /// How much they have.
        count: u64,
    },
    /// The agent does not show its devices, and so no island.
    NotShown,
}

/// Use of devices that the cluster shows and that cannot be right; nothing more of it is given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceExcess {
    /// More of a device is in use than there is.
    Over {
        /// The device.
        device: Word,
        /// Thousandths beyond the whole.
        milli: u32,
    },
    /// A task has a device that the agent does not show.
    Gone {
        /// The task.
        task: TaskId,
        /// The device.
        device: Word,
    },
    /// A task does not say which devices it has.
    Unnamed {
        /// The task.
        task: TaskId,
        /// The model, or what the shares are counted under.
        kind: Word,
        /// How much it has.
        count: u64,
    },
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(device) => {
                write!(f, "device {device} is not on the agent: choose again from what it has")
            }
            Self::Taken { device, wanted_milli, free_milli } => write!(
                f,
                "device {device} has {free_milli} thousandths free and not {wanted_milli}: choose again"
            ),
            Self::Malformed => {
                f.write_str("a grant names one device or more, none twice, and 1 to 1000 thousandths of each")
            }
            Self::HasDevices(task) => {
                write!(f, "task {task} has devices of this agent already: release them first")
            }
            Self::Amount(task) => write!(
                f,
                "task {task} names other devices than its resources take: name as much, or none, and they are chosen"
            ),
            Self::Islands(task) => {
                write!(f, "task {task} wants devices of one island and names some of several: choose again")
            }
            Self::Lack(lack) => lack.fmt(f),
        }
    }
}

impl fmt::Display for DeviceLack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { wanted, most } => {
                write!(f, "no model has {wanted} devices free, the best has {most}")
            }
            Self::Island { wanted, most } => {
                write!(f, "no island has {wanted} devices free, the best has {most}")
            }
            Self::Share { kind, wanted_milli, most_milli } => {
                write!(f, "no device has {wanted_milli} of {kind} free, the best has {most_milli}")
            }
            Self::Unnamed { kind, count } => {
                write!(f, "tasks there do not say which devices are their {count} of {kind}")
            }
            Self::NotShown => f.write_str("it does not show its devices, so that no island is known"),
        }
    }
}

impl fmt::Display for DeviceExcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Over { device, milli } => write!(f, "device {device} is {milli} thousandths over"),
            Self::Gone { task, device } => {
                write!(f, "task {task} has device {device}, which is not shown")
            }
            Self::Unnamed { task, kind, count } => {
                write!(f, "task {task} does not say which devices are its {count} of {kind}")
            }
        }
    }
}

impl core::error::Error for DeviceError {}
