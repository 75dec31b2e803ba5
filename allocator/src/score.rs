//! Scores: which of the agents that a task fits on should take it. A score is an ordered struct of integers; the least is
//! the best, and the agent's name ends ties: compare `(score, name)`.
//!
//! Two policies are there to choose from. [`best_fit`] takes the agent with the least left over. [`fragmentation`] takes
//! the agent that loses the least of what the typical workload could still use of it, and leaves ties to best fit. Both
//! are pure functions of what is free on an agent and of the task; nothing here decides who is served.
//!
//! # Example
//! An agent has two devices, one of them half used. The typical workload is three tasks that want a fifth of a device to
//! one that wants half. A task that wants four tenths would leave a tenth of the half, which nobody could use; best fit
//! puts it there all the same, the fragmentation gradient on the other device.
//!
//! ```
//! use twofold_allocator::device::{Device, DeviceAmount, DeviceRequest, Devices, Grant};
//! use twofold_allocator::resources::Resources;
//! use twofold_allocator::score::{Piece, Room, Scoring, Typical, Workload};
//!
//! let share = |milli| Piece {
//!     base: Resources::new(4000, 0),
//!     devices: Some(DeviceRequest { models: vec![], amount: DeviceAmount::Share(milli) }),
//! };
//! let device = |id: &str| Device { id: id.into(), model: "t4".into(), island: None };
//! let mut devices = Devices::new([device("g0"), device("g1")]);
//! devices.take(&"first".into(), &Grant { devices: vec!["g0".into()], milli: 500 })?;
//! let room = Room::new(Resources::new(32_000, 0), &devices);
//!
//! let typical = [Typical { piece: share(200), weight: 3 }, Typical { piece: share(500), weight: 1 }];
//! let (tight, gradient) = (Scoring::BestFit, Scoring::Fragmentation(Workload::new(&typical)));
//!
//! // Three tenths: the half that is left holds them, and a fifth beside them.
//! let score = tight.score(&room, &share(300)).unwrap();
//! assert_eq!((score.idle_milli, score.device_free_milli), (1200, 500));
//! let score = gradient.score(&room, &share(300)).unwrap();
//! assert_eq!((score.lost, score.device_free_milli), (2, 500));
//!
//! // Four tenths leave a tenth there, which nobody could use; on the whole device they leave three fifths.
//! let score = tight.score(&room, &share(400)).unwrap();
//! assert_eq!(score.device_free_milli, 500);
//! let score = gradient.score(&room, &share(400)).unwrap();
//! assert_eq!((score.lost, score.device_free_milli), (3, 1000));
//!
//! // The share is taken where the score says.
//! let wanted = share(400).devices.unwrap();
//! let grant = devices.choose_share_at(&wanted, score.device_free_milli).unwrap();
//! assert_eq!(grant.devices, ["g1".into()]);
//! devices.take(&"second".into(), &grant)?;
//! # Ok::<(), twofold_allocator::device::DeviceError>(())
//! ```

pub mod best_fit;
pub mod fragmentation;
mod workload;

pub use workload::{Typical, Workload};

use crate::counts::Counts;
use crate::device::{DeviceAmount, DeviceRequest, Devices, WHOLE_MILLI};
use crate::id::Word;
use crate::resources::Resources;
use alloc::vec::Vec;

/// What one task takes, its GPUs as identified devices.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Piece {
    /// All but GPUs.
    pub base: Resources,
    /// Devices, if any.
    pub devices: Option<DeviceRequest>,
}

/// What is free on an agent, as scores read it: devices alike are counted together, so that agents that are alike have
/// equal rooms and need be scored once.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Room {
    free: Resources,
    models: Vec<Stock>,
    idle_milli: u64,
}

/// The devices of one model: how many have so much free. By model, and within one the fullest first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Stock {
    model: Word,
    levels: Vec<Level>,
}

/// So many devices with so many thousandths free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Level {
    free_milli: u32,
    count: u32,
}

/// A place that the devices of a task may come from: one level of one model.
#[derive(Clone, Copy, Debug)]
struct Source<'a> {
    stock: &'a Stock,
    free_milli: u32,
}

/// How good it is to place a task on an agent: the least is the best. The agent's name ends ties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score {
    /// Tenths of a GPU that the typical workload was expected to use of the agent and can use no more, rounded down; zero
    /// where the workload is not looked at.
    pub lost: i64,
    /// Thousandths of GPUs that are left free on the agent.
    pub idle_milli: u64,
    /// Thousandths of a core that are left free on the agent.
    pub cpu_milli: u64,
    /// Bytes of memory that are left free on the agent.
    pub memory_bytes: u64,
    /// Thousandths that are free, before the task, on the device that it should have a share of; 1000 for whole devices,
    /// zero for a task without devices. [`Devices::choose_share_at`] finds the device.
    pub device_free_milli: u32,
}

/// A policy of placement, for a framework to choose.
#[derive(Clone, Debug)]
pub enum Scoring {
    /// The least left over.
    BestFit,
    /// The least lost to the typical workload, then the least left over.
    Fragmentation(Workload),
}

impl Scoring {
    /// The score of a task on an agent; none when it does not fit there.
    #[must_use]
    pub fn score(&self, room: &Room, piece: &Piece) -> Option<Score> {
        match self {
            Self::BestFit => best_fit::score(room, piece),
            Self::Fragmentation(workload) => fragmentation::score(room, piece, workload),
        }
    }
}

impl Room {
    /// What is free on an agent: resources, and its devices with the shares of them that are in use. GPUs that are only
    /// counted play no part: see [`Self::counted`].
    #[must_use]
    pub fn new(free: Resources, devices: &Devices) -> Self {
        let mut all: Vec<(&Word, u32)> =
            devices.iter().map(|(device, free_milli)| (&device.model, free_milli)).collect();
        all.sort_unstable();
        let idle_milli = all.iter().map(|(_, free_milli)| u64::from(*free_milli)).sum();
        let alike = |one: &[(&Word, u32)]| {
            let free_milli = one.first().map_or(0, |(_, free_milli)| *free_milli);
            Level { free_milli, count: u32::try_from(one.len()).unwrap_or(u32::MAX) }
        };
        let stock = |of_model: &[(&Word, u32)]| {
            let levels = of_model.chunk_by(|one, other| one == other).map(alike);
            let levels = levels.filter(|level| level.free_milli > 0).collect();
            of_model.first().map(|(model, _)| Stock { model: Clone::clone(*model), levels })
        };
        let models = all.chunk_by(|one, other| one.0 == other.0).filter_map(stock).collect();
        Self { free, models, idle_milli }
    }

    /// What is free on an agent whose GPUs are counted: each that is free counts as a device that nobody uses.
    #[must_use]
    pub fn counted(free: &Resources) -> Self {
        let count = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let stock = |(model, free): (&Word, u64)| {
            let level = Level { free_milli: WHOLE_MILLI, count: count(free) };
            Stock { model: model.clone(), levels: Vec::from([level]) }
        };
        let models: Vec<Stock> = free.gpus.iter().map(stock).collect();
        let idle_milli = free.gpus.total().saturating_mul(u64::from(WHOLE_MILLI));
        Self { free: Resources { gpus: Counts::default(), ..free.clone() }, models, idle_milli }
    }

    /// What is free beside devices.
    #[must_use]
    pub fn free(&self) -> &Resources {
        &self.free
    }

    /// Whether the task fits.
    #[must_use]
    pub fn fits(&self, piece: &Piece) -> bool {
        self.free.contains(&piece.base)
            && piece.devices.as_ref().is_none_or(|request| self.sources(request).next().is_some())
    }

    /// Where the devices may come from, the fullest device of each model first.
    fn sources<'a>(&'a self, request: &'a DeviceRequest) -> impl Iterator<Item = Source<'a>> {
        let valid = request.amount.is_valid();
        let stocks = self.models.iter().filter(move |stock| valid && request.admits(&stock.model));
        stocks.flat_map(|stock| {
            let enough = |level: &&Level| match request.amount {
                DeviceAmount::Share(milli) => level.free_milli >= milli,
                DeviceAmount::Whole(count) => level.free_milli == WHOLE_MILLI && level.count >= count,
            };
            let levels = stock.levels.iter().filter(enough);
            levels.map(move |level| Source { stock, free_milli: level.free_milli })
        })
    }
}

impl Stock {
    /// Devices of which nothing is in use.
    fn whole(&self) -> u32 {
        self.levels.last().filter(|level| level.free_milli == WHOLE_MILLI).map_or(0, |level| level.count)
    }
}

impl Score {
    /// What is left on an agent that the task fits on, its devices taken from a level with so much free.
    fn of_rest(room: &Room, piece: &Piece, device_free_milli: u32) -> Self {
        let taken = piece.devices.as_ref().map_or(0, |request| request.amount.total_milli());
        Self {
            lost: 0,
            idle_milli: room.idle_milli.saturating_sub(taken),
            cpu_milli: room.free.cpu_milli.saturating_sub(piece.base.cpu_milli),
            memory_bytes: room.free.memory_bytes.saturating_sub(piece.base.memory_bytes),
            device_free_milli,
        }
    }
}
