//! How long a failed instance waits: exponential, from facts alone, so that an operator that has just started knows
//! the same time as the one before it.

use twofold_allocator::tick::Timestamp;

/// A growing wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure, in milliseconds.
    pub initial_millis: u64,
    /// What each further failure multiplies it by, in percent; 200 doubles it.
    pub factor_percent: u32,
    /// The longest wait, in milliseconds.
    pub cap_millis: u64,
}

impl Default for Backoff {
    /// 10 s, doubling, at most 5 min: what the kubelet does for a container.
    fn default() -> Self {
        Self { initial_millis: 10_000, factor_percent: 200, cap_millis: 300_000 }
    }
}

impl Backoff {
    /// The wait after the given number of failures in a row, in milliseconds; none after none.
    #[must_use]
    pub fn wait_millis(&self, failures: u32) -> u64 {
        if failures == 0 {
            return 0;
        }
        let mut wait = self.initial_millis.min(self.cap_millis);
        for _ in 1..failures {
            let longer = wait.saturating_mul(u64::from(self.factor_percent)) / 100;
            if longer >= self.cap_millis {
                return self.cap_millis;
            }
            if longer <= wait {
                return wait;
            }
            wait = longer;
        }
        wait
    }

    /// When the wait is over, given the failures in a row and when the last of them was.
    #[must_use]
    pub fn until(&self, failures: u32, last: Timestamp) -> Timestamp {
        last.plus_millis(self.wait_millis(failures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_the_cap_and_stays_there() {
        let backoff = Backoff::default();
        let waits: [u64; 8] = core::array::from_fn(|failures| {
            backoff.wait_millis(u32::try_from(failures).expect("eight is a small number")) / 1000
        });
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(backoff.wait_millis(u32::MAX), 300_000);
        assert_eq!(backoff.until(1, Timestamp(5)), Timestamp(10_005));
    }

    #[test]
    fn a_factor_that_does_not_grow_ends_the_growth_not_the_program() {
        let steady = Backoff { initial_millis: 1000, factor_percent: 100, cap_millis: 5000 };
        assert_eq!(steady.wait_millis(u32::MAX), 1000);
        let huge = Backoff { initial_millis: u64::MAX, factor_percent: u32::MAX, cap_millis: u64::MAX };
        assert_eq!(huge.wait_millis(3), u64::MAX);
    }
}
