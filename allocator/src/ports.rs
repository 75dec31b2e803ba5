//! Ports: numbers that one task at a time has on an agent, as ranges; after the ranges of Apache Mesos.

use alloc::vec::Vec;

/// Ports by number, and some of any number. An agent has each port once, a task names those that it takes; a sum over
/// agents has a port as often as there are agents in it, so that sums are exact. There is one form of the same ports:
/// ranges in order, as long as they can be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ports {
    runs: Vec<Run>,
    /// So many besides, whichever they are: asked for, and not settled yet.
    any: u64,
}

/// Ports that follow each other, each there as often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Run {
    first: u16,
    last: u16,
    times: u64,
}

impl Run {
    fn len(self) -> u64 {
        u64::from(self.last - self.first) + 1
    }

    /// All of its ports, as often as they are there.
    fn sum(self) -> u64 {
        self.len().saturating_mul(self.times)
    }
}

impl Ports {
    /// None: what most agents and tasks have.
    pub(crate) const NONE: Self = Self { runs: Vec::new(), any: 0 };

    /// From one number to another, both included; none if the last comes before the first.
    #[must_use]
    pub fn range(first: u16, last: u16) -> Self {
        Self::from_iter([(first, last)])
    }

    /// So many of any number.
    #[must_use]
    pub fn any(count: u64) -> Self {
        Self { any: count, ..Self::NONE }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.any == 0
    }

    /// The named ones as ranges, both ends included, in order.
    pub fn ranges(&self) -> impl Iterator<Item = (u16, u16)> {
        self.runs.iter().map(|run| (run.first, run.last))
    }

    /// How many are of any number.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.any
    }

    /// How many there are in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.runs.iter().fold(self.any, |sum, run| sum.saturating_add(run.sum()))
    }

    /// How many of a range there are.
    #[must_use]
    pub fn count(&self, first: u16, last: u16) -> u64 {
        let inside = self.runs.iter().filter(|run| run.first <= last && first <= run.last);
        let parts = inside.map(|run| Run { first: run.first.max(first), last: run.last.min(last), ..*run });
        parts.fold(0, |sum, run| sum.saturating_add(run.sum()))
    }

    /// Whether some port is there more than once.
    pub(crate) fn has_twice(&self) -> bool {
        self.runs.iter().any(|run| run.times > 1)
    }

    /// Whether `part` can be taken of these: what it names, and as many besides as it wants of any number.
    pub(crate) fn contains(&self, part: &Self) -> bool {
        let named = part.runs.iter().fold(0u64, |sum, run| sum.saturating_add(self.lacks(*run)));
        named <= self.any && part.total() <= self.total()
    }

    /// Adds all of another.
    pub(crate) fn add_all(&mut self, more: &Self) {
        more.runs.iter().for_each(|run| self.apply(*run, u64::saturating_add));
        self.any = self.any.saturating_add(more.any);
    }

    /// Takes as much of another away as there is: the ports that it names, and for those of any number the lowest.
    pub(crate) fn take_all_up_to(&mut self, part: &Self) {
        for run in &part.runs {
            let lacks = self.lacks(*run);
            self.apply(*run, u64::saturating_sub);
            self.any = self.any.saturating_sub(lacks);
        }
        let open = part.any.min(self.any);
        self.any -= open;
        self.take_lowest(part.any - open);
    }

    /// As many of these as there are in `room`, those of any number settled: the lowest that are there and not named.
    pub(crate) fn at_most(&self, room: &Self) -> Self {
        let mut left = Self { runs: room.runs.clone(), any: 0 };
        let named = Self { runs: self.runs.clone(), any: 0 };
        left.take_all_up_to(&named);
        left.take_lowest(self.any);
        let mut within = Self { runs: room.runs.clone(), any: 0 };
        within.take_all_up_to(&left);
        within
    }

    /// What `part` names and these do not have, and how many it lacks besides.
    pub(crate) fn missing(&self, part: &Self) -> (Self, u64) {
        let mut named = Self { runs: part.runs.clone(), any: 0 };
        named.take_all_up_to(&Self { runs: self.runs.clone(), any: 0 });
        let lacks = named.total();
        if self.any == 0 {
            let besides = part.total().saturating_sub(self.total()).saturating_sub(lacks);
            return (named, if part.any > 0 { besides } else { 0 });
        }
        (Self::NONE, lacks.saturating_sub(self.any).max(part.total().saturating_sub(self.total())))
    }

    /// These, so many times.
    pub(crate) fn scaled(&self, times: u64) -> Self {
        if times == 0 {
            return Self::NONE;
        }
        let more = |run: &Run| Run { times: run.times.saturating_mul(times), ..*run };
        Self { runs: self.runs.iter().map(more).collect(), any: self.any.saturating_mul(times) }
    }

    /// How many times these are in `room`, up to `most`.
    pub(crate) fn times_in(&self, room: &Self, most: u64) -> u64 {
        let all = room.total().checked_div(self.total()).unwrap_or(most);
        let mut times = most.min(all);
        for run in &self.runs {
            times = times.min(room.least(*run) / run.times);
        }
        times
    }

    /// The least often that any port of a range is there.
    fn least(&self, run: Run) -> u64 {
        let mut least = u64::MAX;
        let mut covered = 0;
        for known in self.runs.iter().filter(|known| known.first <= run.last && run.first <= known.last) {
            least = least.min(known.times);
            covered += u64::from(known.last.min(run.last) - known.first.max(run.first)) + 1;
        }
        if covered == run.len() { least } else { 0 }
    }

    /// How many of a run these do not have.
    fn lacks(&self, run: Run) -> u64 {
        let inside = self.runs.iter().skip(self.before(run.first));
        let inside = inside.take_while(|known| known.first <= run.last);
        let there = inside.fold(0u64, |sum, known| {
            let both = u64::from(known.last.min(run.last) - known.first.max(run.first)) + 1;
            sum.saturating_add(both.saturating_mul(known.times.min(run.times)))
        });
        run.sum().saturating_sub(there)
    }

    /// How many runs end before a port.
    fn before(&self, port: u16) -> usize {
        self.runs.partition_point(|run| run.last < port)
    }

    /// Changes how often the ports of a run are there. Only what it touches is made anew.
    fn apply(&mut self, run: Run, how: impl Fn(u64, u64) -> u64) {
        // One more port on either side, as those may join it.
        let from = self.before(run.first.saturating_sub(1));
        let to = self.runs.partition_point(|known| known.first <= run.last.saturating_add(1));
        let mut anew: Vec<Run> = Vec::new();
        let mut push = |first: u32, last: u32, times: u64| {
            let (Ok(first), Ok(last)) = (u16::try_from(first), u16::try_from(last)) else { return };
            if times == 0 || last < first {
                return;
            }
            match anew.last_mut() {
                Some(known) if known.times == times && known.last.checked_add(1) == Some(first) => {
                    known.last = last;
                }
                Some(_) | None => anew.push(Run { first, last, times }),
            }
        };
        let (first, last) = (u32::from(run.first), u32::from(run.last));
        // The next port of the run that is not dealt with yet.
        let mut next = first;
        for known in self.runs.get(from..to).unwrap_or_default() {
            let (start, end) = (u32::from(known.first), u32::from(known.last));
            if start < first {
                push(start, end.min(first - 1), known.times);
            }
            if end >= first && start <= last {
                let start = start.max(first);
                if next < start {
                    push(next, start - 1, how(0, run.times));
                }
                push(start, end.min(last), how(known.times, run.times));
                next = end.min(last) + 1;
            }
            if end > last {
                if next <= last {
                    push(next, last, how(0, run.times));
                    next = last + 1;
                }
                push(start.max(last + 1), end, known.times);
            }
        }
        if next <= last {
            push(next, last, how(0, run.times));
        }
        self.runs.splice(from..to, anew);
    }

    /// Takes so many away, the lowest first, each as often as it is there.
    fn take_lowest(&mut self, count: u64) {
        let (mut left, mut whole) = (count, 0);
        for run in &mut self.runs {
            if left >= run.sum() {
                left -= run.sum();
                whole += 1;
                continue;
            }
            let ports = left / run.times;
            run.first += u16::try_from(ports).unwrap_or(u16::MAX);
            left -= ports * run.times;
            break;
        }
        self.runs.drain(..whole);
        let first = self.runs.first().map(|run| run.first).filter(|_| left > 0);
        if let Some(first) = first {
            self.apply(Run { first, last: first, times: left }, u64::saturating_sub);
        }
    }
}

impl FromIterator<(u16, u16)> for Ports {
    fn from_iter<I: IntoIterator<Item = (u16, u16)>>(ranges: I) -> Self {
        let mut ports = Self::NONE;
        for (first, last) in ranges.into_iter().filter(|(first, last)| first <= last) {
            ports.apply(Run { first, last, times: 1 }, u64::saturating_add);
        }
        ports
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// How often each port is there: the slow and plain form.
    fn plain(ports: &Ports) -> Vec<u64> {
        (0..40).map(|port| ports.count(port, port)).collect()
    }

    fn draw(state: &mut u64, below: u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 33) % below
    }

    fn drawn(state: &mut u64) -> Ports {
        let count = draw(state, 5);
        let ranges: Vec<(u16, u16)> = (0..count)
            .map(|_| {
                let first = draw(state, 36) as u16;
                (first, first + draw(state, 4) as u16)
            })
            .collect();
        ranges.into_iter().collect()
    }

    #[test]
    fn they_count_as_if_each_port_was_counted_by_itself() {
        let state = &mut 1;
        for _ in 0..4000 {
            let (one, other) = (drawn(state), drawn(state));
            let (a, b) = (plain(&one), plain(&other));
            let both = |how: fn(u64, u64) -> u64| -> Vec<u64> {
                a.iter().zip(&b).map(|(a, b)| how(*a, *b)).collect()
            };
            let mut sum = one.clone();
            sum.add_all(&other);
            assert_eq!(plain(&sum), both(|a, b| a + b));
            let mut left = one.clone();
            left.take_all_up_to(&other);
            assert_eq!(plain(&left), both(u64::saturating_sub));
            assert_eq!(plain(&one.at_most(&other)), both(u64::min));
            assert_eq!(one.contains(&other), a.iter().zip(&b).all(|(a, b)| a >= b));
            assert_eq!(plain(&one.missing(&other).0), both(|a, b| b.saturating_sub(a)));
            sum.take_all_up_to(&other);
            assert_eq!(sum, one, "there is one form of the same ports");
        }
    }

    #[test]
    fn those_of_any_number_are_the_lowest_that_are_not_named() {
        let free: Ports = [(80, 80), (31000, 31009)].into_iter().collect();
        let mut asked = Ports::any(2);
        asked.add_all(&Ports::range(80, 80));
        assert!(free.contains(&asked));
        let taken = asked.at_most(&free);
        assert_eq!(taken.ranges().collect::<Vec<_>>(), vec![(80, 80), (31000, 31001)]);
        let mut left = free.clone();
        left.take_all_up_to(&asked);
        assert_eq!(left.ranges().collect::<Vec<_>>(), vec![(31002, 31009)]);
        assert!(!left.contains(&asked));
        assert_eq!(left.missing(&asked), (Ports::range(80, 80), 0));
        assert_eq!(left.missing(&Ports::any(9)), (Ports::NONE, 1));
        assert_eq!((asked.times_in(&free, 9), Ports::any(3).times_in(&free, 9)), (1, 3));
        asked.take_all_up_to(&taken);
        assert!(asked.is_empty());
    }

    #[test]
    fn the_ends_of_the_numbers_are_ports_like_others() {
        let mut all = Ports::range(0, u16::MAX);
        all.add_all(&Ports::range(u16::MAX, u16::MAX));
        assert_eq!((all.total(), all.has_twice()), (65537, true));
        all.take_all_up_to(&Ports::range(0, 0));
        all.take_all_up_to(&Ports::range(u16::MAX, u16::MAX));
        assert_eq!(all, Ports::range(1, u16::MAX));
        assert!(Ports::range(2, 1).is_empty());
        assert_eq!(Ports::range(1, 3).scaled(2).total(), 6);
    }
}
