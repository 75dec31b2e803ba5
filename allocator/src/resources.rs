//! Amounts of resources: integers with units, never floats. There is no subtraction operator: [`Resources::take`]
//! fails with the shortfall, so an over-commitment cannot pass for a small number.

use crate::counts::Counts;
use crate::id::Word;
use crate::other::Other;
use crate::ports::Ports;
use crate::quantity::Quantity;
use alloc::collections::BTreeMap;
use core::fmt;

/// What an agent has, a task uses, or a role is charged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Resources {
    /// Processor time in thousandths of a core.
    pub cpu_milli: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Local disk that lives as long as its task, in bytes (`ephemeral-storage`).
    pub disk_bytes: u64,
    /// Places for pods.
    pub pods: u64,
    /// GPUs, counted by model.
    pub gpus: Counts,
    /// Other countable resources by name, and ports.
    pub other: Other,
}

/// The name of one amount in [`Resources`], as limits, guarantees and shares speak of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Thousandths of a core.
    Cpu,
    /// Bytes of memory.
    Memory,
    /// Bytes of ephemeral disk.
    Disk,
    /// Places for pods.
    Pods,
    /// GPUs of all models together.
    Gpu,
    /// GPUs of one model.
    GpuModel(Word),
    /// Another countable resource.
    Other(Word),
    /// Ports of all numbers together.
    Ports,
    /// The ports from one number to another, both included.
    PortRange(u16, u16),
}

/// Amounts by kind: a limit, a guarantee, a need or a shortfall. A kind that is absent is not spoken of, which is
/// not the same as zero: no limit on memory, or a limit of no memory.
pub type Amounts = BTreeMap<Kind, u64>;

/// What was missing when resources were to be taken from less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall(pub Amounts);

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} missing", Listed(&self.0))
    }
}

impl core::error::Error for Shortfall {}

impl Resources {
    /// Processor time in thousandths of a core and memory in bytes, and nothing else.
    #[must_use]
    pub fn new(cpu_milli: u64, memory_bytes: u64) -> Self {
        Self { cpu_milli, memory_bytes, ..Self::default() }
    }

    /// Whether there is nothing of any kind.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        let Self { cpu_milli, memory_bytes, disk_bytes, pods, gpus, other } = self;
        (*cpu_milli, *memory_bytes, *disk_bytes, *pods) == (0, 0, 0, 0) && gpus.is_empty() && other.is_empty()
    }

    /// Whether `part` fits in these, in every kind.
    #[must_use]
    pub fn contains(&self, part: &Self) -> bool {
        let Self { cpu_milli, memory_bytes, disk_bytes, pods, gpus, other } = part;
        *cpu_milli <= self.cpu_milli
            && *memory_bytes <= self.memory_bytes
            && *disk_bytes <= self.disk_bytes
            && *pods <= self.pods
            && self.gpus.contains(gpus)
            && self.other.contains(other)
    }

    /// What `part` has more of than these, by kind; empty exactly when these contain it. GPUs are named by model.
    #[must_use]
    pub fn shortfall(&self, part: &Self) -> Amounts {
        let mut missing = Amounts::new();
        for (kind, amount) in part.amounts() {
            let short = amount.saturating_sub(self.amount(&kind));
            let apart = matches!(kind, Kind::Gpu | Kind::Ports | Kind::PortRange(..));
            if !apart && short > 0 {
                missing.insert(kind, short);
            }
        }
        let (named, besides) = self.other.ports().missing(part.other.ports());
        missing.extend(port_amounts(&named));
        if besides > 0 {
            missing.insert(Kind::Ports, besides);
        }
        missing
    }

    /// Adds. Sums stay at the largest number rather than wrap; the books refuse what would come near it.
    pub fn add(&mut self, more: &Self) {
        let Self { cpu_milli, memory_bytes, disk_bytes, pods, gpus, other } = more;
        self.cpu_milli = self.cpu_milli.saturating_add(*cpu_milli);
        self.memory_bytes = self.memory_bytes.saturating_add(*memory_bytes);
        self.disk_bytes = self.disk_bytes.saturating_add(*disk_bytes);
        self.pods = self.pods.saturating_add(*pods);
        self.gpus.add_all(gpus);
        self.other.add_all(other);
    }

    /// Takes `part` away, or fails with the shortfall and takes nothing.
    ///
    /// # Errors
    /// [`Shortfall`] when these do not contain `part`.
    pub fn take(&mut self, part: &Self) -> Result<(), Shortfall> {
        if !self.contains(part) {
            return Err(Shortfall(self.shortfall(part)));
        }
        self.take_up_to(part);
        Ok(())
    }

    /// Takes away as much of `part` as there is, kind by kind.
    pub(crate) fn take_up_to(&mut self, part: &Self) {
        let Self { cpu_milli, memory_bytes, disk_bytes, pods, gpus, other } = part;
        self.cpu_milli = self.cpu_milli.saturating_sub(*cpu_milli);
        self.memory_bytes = self.memory_bytes.saturating_sub(*memory_bytes);
        self.disk_bytes = self.disk_bytes.saturating_sub(*disk_bytes);
        self.pods = self.pods.saturating_sub(*pods);
        self.gpus.take_all_up_to(gpus);
        self.other.take_all_up_to(other);
    }

    /// Adds, or takes away as much as there is.
    pub(crate) fn count(&mut self, some: &Self, more: bool) {
        if more {
            self.add(some);
        } else {
            self.take_up_to(some);
        }
    }

    /// As much of these as there is in `room`, kind by kind.
    pub(crate) fn at_most(&self, room: &Self) -> Self {
        let (mut within, mut beyond) = (self.clone(), self.clone());
        beyond.take_up_to(room);
        within.take_up_to(&beyond);
        // Ports are named once it is known which there are.
        within.other = self.other.at_most(&room.other);
        within
    }

    /// How many of these fit in `room`, up to `most`.
    pub(crate) fn times_in(&self, room: &Self, most: u64) -> u64 {
        let Self { cpu_milli, memory_bytes, disk_bytes, pods, gpus, other } = self;
        let plain = [
            (room.cpu_milli, *cpu_milli),
            (room.memory_bytes, *memory_bytes),
            (room.disk_bytes, *disk_bytes),
            (room.pods, *pods),
        ];
        let models = gpus.iter().map(|(model, count)| (room.gpus.count(model), count));
        let times = plain.into_iter().chain(models);
        let times = times.filter_map(|(have, one)| have.checked_div(one)).fold(most, u64::min);
        other.times_in(&room.other, times)
    }

    /// These, so many times.
    #[must_use]
    pub fn scaled(&self, times: u64) -> Self {
        let Self { cpu_milli, memory_bytes, disk_bytes, pods, gpus, other } = self;
        Self {
            cpu_milli: cpu_milli.saturating_mul(times),
            memory_bytes: memory_bytes.saturating_mul(times),
            disk_bytes: disk_bytes.saturating_mul(times),
            pods: pods.saturating_mul(times),
            gpus: gpus.scaled(times),
            other: other.scaled(times),
        }
    }

    /// The amount of one kind, zero when there is none.
    #[must_use]
    pub fn amount(&self, kind: &Kind) -> u64 {
        match kind {
            Kind::Cpu => self.cpu_milli,
            Kind::Memory => self.memory_bytes,
            Kind::Disk => self.disk_bytes,
            Kind::Pods => self.pods,
            Kind::Gpu => self.gpus.total(),
            Kind::GpuModel(model) => self.gpus.count(model),
            Kind::Other(name) => self.other.count(name),
            Kind::Ports => self.other.ports().total(),
            Kind::PortRange(first, last) => self.other.ports().count(*first, *last),
        }
    }

    /// All amounts that are not zero. GPUs stand twice: all together, and by model; so do ports, by range.
    #[must_use]
    pub fn amounts(&self) -> Amounts {
        let Self { cpu_milli, memory_bytes, disk_bytes, pods, gpus, other } = self;
        let plain = [
            (Kind::Cpu, *cpu_milli),
            (Kind::Memory, *memory_bytes),
            (Kind::Disk, *disk_bytes),
            (Kind::Pods, *pods),
            (Kind::Gpu, gpus.total()),
            (Kind::Ports, other.ports().total()),
        ];
        let models = gpus.iter().map(|(model, count)| (Kind::GpuModel(model.clone()), count));
        let named = other.iter().map(|(name, amount)| (Kind::Other(name.clone()), amount));
        let ports = port_amounts(other.ports());
        plain.into_iter().chain(models).chain(named).chain(ports).filter(|(_, amount)| *amount > 0).collect()
    }
}

fn port_amounts(ports: &Ports) -> impl Iterator<Item = (Kind, u64)> {
    ports.ranges().map(|(first, last)| (Kind::PortRange(first, last), ports.count(first, last)))
}

impl Kind {
    /// Whether it is the GPUs of one model.
    pub(crate) fn is_model(&self) -> bool {
        match self {
            Self::GpuModel(_) => true,
            Self::Cpu | Self::Memory | Self::Disk | Self::Pods | Self::Gpu => false,
            Self::Other(_) | Self::Ports | Self::PortRange(..) => false,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Memory => f.write_str("memory"),
            Self::Disk => f.write_str("disk"),
            Self::Pods => f.write_str("pods"),
            Self::Gpu => f.write_str("gpu"),
            Self::GpuModel(model) => write!(f, "gpu:{model}"),
            Self::Other(name) => write!(f, "{name}"),
            Self::Ports => f.write_str("ports"),
            Self::PortRange(first, last) if first == last => write!(f, "port {first}"),
            Self::PortRange(first, last) => write!(f, "ports {first}-{last}"),
        }
    }
}

/// One amount with its kind, as people write it: `cpu 500m`, `memory 2Gi`, `gpu 4`.
#[derive(Clone, Copy, Debug)]
pub struct Amount<'a>(pub &'a Kind, pub u64);

impl fmt::Display for Amount<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(kind, amount) = *self;
        match kind {
            Kind::Cpu => write!(f, "{kind} {}", Quantity::milli(amount)),
            Kind::Memory | Kind::Disk => write!(f, "{kind} {}", Quantity::whole(amount).binary()),
            // All of a range once needs no number.
            Kind::PortRange(first, last) if amount == u64::from(last.abs_diff(*first)) + 1 => {
                write!(f, "{kind}")
            }
            Kind::PortRange(..) => write!(f, "{kind} ({amount})"),
            Kind::Pods | Kind::Gpu | Kind::GpuModel(_) | Kind::Other(_) | Kind::Ports => {
                write!(f, "{kind} {amount}")
            }
        }
    }
}

/// Amounts as people write them: `cpu 500m, memory 2Gi`; `nothing` when there are none.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a>(pub &'a Amounts);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (at, (kind, amount)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{}", Amount(kind, *amount))?;
        }
        Ok(())
    }
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut amounts = self.amounts();
        amounts.remove(&Kind::Gpu);
        amounts.remove(&Kind::Ports);
        let open = self.other.ports().open();
        amounts.extend((open > 0).then_some((Kind::Ports, open)));
        fmt::Display::fmt(&Listed(&amounts), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn box_with_gpus() -> Resources {
        Resources {
            disk_bytes: 10,
            pods: 5,
            gpus: Counts::of("a100".into(), 4),
            other: [("fpga".into(), 1)].into(),
            ..Resources::new(4000, 8 << 30)
        }
    }

    #[test]
    fn what_is_taken_and_added_again_is_what_was() {
        let whole = box_with_gpus();
        let mut left = whole.clone();
        assert_eq!(left.take(&whole), Ok(()));
        assert!(left.is_zero());
        assert_eq!(left, Resources::default());
        left.add(&whole);
        assert_eq!(left, whole);
    }

    #[test]
    fn taking_too_much_takes_nothing_and_names_what_is_missing() {
        let mut left = box_with_gpus();
        let more = Resources { gpus: Counts::of("a100".into(), 6), ..Resources::new(4500, 1 << 30) };
        let missing = left.take(&more).unwrap_err();
        assert_eq!(missing.to_string(), "cpu 500m, gpu:a100 2 missing");
        assert_eq!(left, box_with_gpus());
    }

    #[test]
    fn amounts_are_written_as_people_write_them() {
        assert_eq!(box_with_gpus().to_string(), "cpu 4, memory 8Gi, disk 10, pods 5, gpu:a100 4, fpga 1");
        assert_eq!(Listed(&Amounts::new()).to_string(), "nothing");
        assert_eq!(box_with_gpus().amount(&Kind::Gpu), 4);
        assert_eq!(box_with_gpus().scaled(2).amount(&Kind::GpuModel("a100".into())), 8);
        assert!(box_with_gpus().scaled(0).is_zero());
    }
}
