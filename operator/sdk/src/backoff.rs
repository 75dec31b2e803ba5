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
