//! Counts by name: GPUs by model, and countable resources that have no field of their own.

use crate::id::Word;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// How many there are of each name: ordered by name, no name twice, no count of zero.
///
/// Most agents and tasks have none, and there are many of them: then it is one empty word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts(Option<Box<Entries>>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Entries(Vec<(Word, u64)>);

impl Counts {
    /// None at all.
    pub(crate) const NONE: Self = Self(None);

    /// So many of one name.
    #[must_use]
    pub fn of(name: Word, count: u64) -> Self {
        Self::from_iter([(name, count)])
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn entries(&self) -> &[(Word, u64)] {
        self.0.as_ref().map_or(&[], |entries| &entries.0)
    }

    /// All names together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.entries().iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// How many there are of one name.
    #[must_use]
    pub fn count(&self, name: &Word) -> u64 {
        self.entries().iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count)
    }

    /// The names and their counts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&Word, u64)> {
        self.entries().iter().map(|(name, count)| (name, *count))
    }

    /// Whether there are at least as many of each name.
    pub(crate) fn contains(&self, part: &Self) -> bool {
        part.iter().all(|(name, count)| count <= self.count(name))
    }

    /// Adds some of one name. The sum stays at the largest number rather than wrap.
    pub fn add(&mut self, name: &Word, count: u64) {
        if count == 0 {
            return;
        }
        let Entries(entries) = &mut **self.0.get_or_insert_default();
        match entries.binary_search_by(|(known, _)| known.cmp(name)) {
            Ok(at) => {
                if let Some((_, sum)) = entries.get_mut(at) {
                    *sum = sum.saturating_add(count);
                }
            }
            Err(at) => entries.insert(at, (name.clone(), count)),
        }
    }

    /// Adds all of another.
    pub(crate) fn add_all(&mut self, more: &Self) {
        more.iter().for_each(|(name, count)| self.add(name, count));
    }

    /// Leaves one name out.
    pub fn remove(&mut self, name: &Word) {
        self.take_up_to(name, u64::MAX);
    }

    /// Takes up to `count` of one name away and says how many were missing.
    pub(crate) fn take_up_to(&mut self, name: &Word, count: u64) -> u64 {
        let Some(Entries(entries)) = self.0.as_deref_mut() else { return count };
        let Some(at) = entries.iter().position(|(known, _)| known == name) else { return count };
        let Some((_, have)) = entries.get_mut(at) else { return count };
        let missing = count.saturating_sub(*have);
        *have = have.saturating_sub(count);
        if *have == 0 {
            entries.remove(at);
            if entries.is_empty() {
                self.0 = None;
            }
        }
        missing
    }

    /// Takes as much of all of another away as there is.
    pub(crate) fn take_all_up_to(&mut self, part: &Self) {
        part.iter().for_each(|(name, count)| {
            self.take_up_to(name, count);
        });
    }

    /// These, so many times.
    pub(crate) fn scaled(&self, times: u64) -> Self {
        self.iter().map(|(name, count)| (name.clone(), count.saturating_mul(times))).collect()
    }
}

impl FromIterator<(Word, u64)> for Counts {
    fn from_iter<I: IntoIterator<Item = (Word, u64)>>(counts: I) -> Self {
        let mut all = Self::default();
        counts.into_iter().for_each(|(name, count)| all.add(&name, count));
        all
    }
}

impl<const N: usize> From<[(Word, u64); N]> for Counts {
    fn from(counts: [(Word, u64); N]) -> Self {
        Self::from_iter(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_form_of_the_same_counts() {
        let (fpga, nic) = (Word::from("fpga"), Word::from("nic"));
        let mut counts =
            Counts::from([(nic.clone(), 2), (fpga.clone(), 1), (nic.clone(), 1), ("none".into(), 0)]);
        assert!(counts.iter().eq([(&fpga, 1), (&nic, 3)]));
        assert_eq!(counts.take_up_to(&nic, 5), 2);
        assert_eq!(counts, Counts::of(fpga.clone(), 1));
        counts.remove(&fpga);
        assert_eq!(counts, Counts::default());
        assert_eq!(Counts::of(fpga, 2).scaled(0), Counts::default());
    }
}
