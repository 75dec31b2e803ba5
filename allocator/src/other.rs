//! What has no field of its own among resources: countable resources by name, and ports.

use crate::counts::Counts;
use crate::id::Word;
use crate::ports::Ports;
use alloc::boxed::Box;

/// Countable resources by name, and ports. Most agents and tasks have neither, and there are many of them: then it is
/// one empty word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Other(Option<Box<Entries>>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Entries {
    counts: Counts,
    ports: Ports,
}

static NO_COUNTS: Counts = Counts::NONE;
static NO_PORTS: Ports = Ports::NONE;

impl Other {
    /// Ports alone.
    #[must_use]
    pub fn of_ports(ports: Ports) -> Self {
        let mut other = Self::default();
        other.add_ports(&ports);
        other
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The countable ones.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        self.0.as_ref().map_or(&NO_COUNTS, |some| &some.counts)
    }

    /// The ports.
    #[must_use]
    pub fn ports(&self) -> &Ports {
        self.0.as_ref().map_or(&NO_PORTS, |some| &some.ports)
    }

    /// How many there are of one name.
    #[must_use]
    pub fn count(&self, name: &Word) -> u64 {
        self.counts().count(name)
    }

    /// The names and their counts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Word, u64)> {
        self.counts().iter()
    }

    /// Adds some of one name. The sum stays at the largest number rather than wrap.
    pub fn add(&mut self, name: &Word, count: u64) {
        if count > 0 {
            self.0.get_or_insert_default().counts.add(name, count);
        }
    }

    /// Adds ports.
    pub fn add_ports(&mut self, ports: &Ports) {
        if !ports.is_empty() {
            self.0.get_or_insert_default().ports.add_all(ports);
        }
    }

    /// Leaves one name out.
    pub fn remove(&mut self, name: &Word) {
        if let Some(some) = &mut self.0 {
            some.counts.remove(name);
            self.keep_one_form();
        }
    }

    /// Takes away some of one name, up to what there is.
    pub(crate) fn take_up_to(&mut self, name: &Word, count: u64) {
        if let Some(some) = &mut self.0 {
            some.counts.take_up_to(name, count);
            self.keep_one_form();
        }
    }

    pub(crate) fn contains(&self, part: &Self) -> bool {
        let Some(part) = &part.0 else { return true };
        self.counts().contains(&part.counts) && self.ports().contains(&part.ports)
    }

    pub(crate) fn add_all(&mut self, more: &Self) {
        let Some(more) = &more.0 else { return };
        let some = self.0.get_or_insert_default();
        some.counts.add_all(&more.counts);
        some.ports.add_all(&more.ports);
    }

    pub(crate) fn take_all_up_to(&mut self, part: &Self) {
        if let (Some(some), Some(part)) = (&mut self.0, &part.0) {
            some.counts.take_all_up_to(&part.counts);
            some.ports.take_all_up_to(&part.ports);
            self.keep_one_form();
        }
    }

    pub(crate) fn scaled(&self, times: u64) -> Self {
        let Some(some) = &self.0 else { return Self::default() };
        Self::of(some.counts.scaled(times), some.ports.scaled(times))
    }

    /// How many of these are in `room`, up to `most`.
    pub(crate) fn times_in(&self, room: &Self, most: u64) -> u64 {
        let Some(some) = &self.0 else { return most };
        let counts = some.counts.iter().filter_map(|(name, one)| room.count(name).checked_div(one));
        some.ports.times_in(room.ports(), counts.fold(most, u64::min))
    }

    /// As much of these as there is in `room`, ports of any number settled.
    pub(crate) fn at_most(&self, room: &Self) -> Self {
        let Some(some) = &self.0 else { return Self::default() };
        let mut beyond = some.counts.clone();
        beyond.take_all_up_to(room.counts());
        let mut counts = some.counts.clone();
        counts.take_all_up_to(&beyond);
        Self::of(counts, some.ports.at_most(room.ports()))
    }

    /// These with the ports of any number settled as the lowest of `room`, where those are.
    pub(crate) fn settled(&self, room: &Self) -> Self {
        match &self.0 {
            Some(some) if some.ports.open() > 0 => {
                Self::of(some.counts.clone(), some.ports.at_most(room.ports()))
            }
            Some(_) | None => self.clone(),
        }
    }

    /// Whether `settled` is these with other ports in the place of those of any number.
    pub(crate) fn is_settled_as(&self, settled: &Self) -> bool {
        if self.is_empty() || settled.is_empty() {
            return self == settled;
        }
        let (asked, named) = (self.ports(), settled.ports());
        let as_many = named.open() == 0 && asked.total() == named.total();
        self.counts() == settled.counts() && as_many && named.contains(asked)
    }

    fn of(counts: Counts, ports: Ports) -> Self {
        let mut other = Self(Some(Box::new(Entries { counts, ports })));
        other.keep_one_form();
        other
    }

    /// Nothing is one empty word.
    fn keep_one_form(&mut self) {
        self.0.take_if(|some| some.counts.is_empty() && some.ports.is_empty());
    }
}

impl From<Counts> for Other {
    fn from(counts: Counts) -> Self {
        Self::of(counts, Ports::NONE)
    }
}

impl FromIterator<(Word, u64)> for Other {
    fn from_iter<I: IntoIterator<Item = (Word, u64)>>(counts: I) -> Self {
        Counts::from_iter(counts).into()
    }
}

impl<const N: usize> From<[(Word, u64); N]> for Other {
    fn from(counts: [(Word, u64); N]) -> Self {
        Self::from_iter(counts)
    }
}
