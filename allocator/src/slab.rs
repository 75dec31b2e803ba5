//! Entries under small numbers that stay the same while the entry lives: the books refer to each other by number, and
//! only what comes in or goes out is looked up by name.

use alloc::vec::Vec;
use core::marker::PhantomData;

/// The number of an entry in the slab of `T`.
pub(crate) struct No<T>(u32, PhantomData<fn() -> T>);

impl<T> No<T> {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    /// The number of this index, which an entry had.
    pub(crate) fn at(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX), PhantomData)
    }
}

impl<T> Clone for No<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for No<T> {}
impl<T> PartialEq for No<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for No<T> {}
impl<T> PartialOrd for No<T> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for No<T> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> core::fmt::Debug for No<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Entries by number. The number of a removed entry is given out again.
#[derive(Clone, Debug)]
pub(crate) struct Slab<T> {
    entries: Vec<T>,
    vacant: Vec<No<T>>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), vacant: Vec::new() }
    }
}

#[allow(clippy::indexing_slicing, reason = "a slab makes its own numbers and never shrinks")]
impl<T> Slab<T> {
    pub(crate) fn insert(&mut self, entry: T) -> No<T> {
        if let Some(no) = self.vacant.pop() {
            self.entries[no.index()] = entry;
            return no;
        }
        let no = No(u32::try_from(self.entries.len()).unwrap_or(u32::MAX), PhantomData);
        self.entries.push(entry);
        no
    }

    /// Gives the number out again. What was under it stays until then, and nothing refers to it any more.
    pub(crate) fn remove(&mut self, no: No<T>) {
        self.vacant.push(no);
    }

    pub(crate) fn at(&self, no: No<T>) -> &T {
        &self.entries[no.index()]
    }

    pub(crate) fn at_mut(&mut self, no: No<T>) -> &mut T {
        &mut self.entries[no.index()]
    }
}
