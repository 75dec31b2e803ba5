//! The clock by which leases are judged, and the time of day by which the brain decides.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use twofold_allocator::tick::Timestamp;

/// Milliseconds since some fixed moment, growing also while the machine sleeps. Wall clocks jump, and Rust's own
/// monotonic clock stands still during suspend: a process that was asleep would believe that it still leads.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Clock {
    /// The kernel's `CLOCK_BOOTTIME`.
    #[must_use]
    pub fn boottime() -> Self {
        Self::new(|| {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
            let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
            let millis = u64::try_from(now.tv_nsec / 1_000_000).unwrap_or_default();
            seconds.saturating_mul(1_000).saturating_add(millis)
        })
    }

    /// A clock that reads milliseconds from a function; it must never go backwards.
    pub fn new(read: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// The time now, in milliseconds.
    #[must_use]
    pub fn now_millis(&self) -> u64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({} ms)", self.now_millis())
    }
}

/// The time of day, which is what the API server's timestamps are compared with.
#[must_use]
pub fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or_default())
}
