//! Whether the process is alive and ready, as probes ask.

use crate::clock::Clock;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use twofold_core::object::Kind;

/// Without a sign of life from the loop for this long, the process is taken for hung. It is far above what the
/// slowest write may take, so that an API server that does not answer never gets the operator restarted.
const SILENCE_LIMIT_MILLIS: u64 = 120_000;

/// How far the process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Another copy leads; this one waits for the lease.
    Standby,
    /// It leads, and lists the cluster: these kinds are missing.
    Listing(BTreeSet<Kind>),
    /// It leads, and all kinds were listed.
    Leading,
    /// It was told to stop.
    Stopping,
}

/// Shared by the loop, which reports, and the probes, which ask.
#[derive(Clone, Debug)]
pub struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    beat_millis: AtomicU64,
    phase: Mutex<Phase>,
}

impl Health {
    /// A process that has just started.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let beat_millis = AtomicU64::new(clock.now_millis());
        Self(Arc::new(Inner { clock, beat_millis, phase: Mutex::new(Phase::Standby) }))
    }

    /// A sign of life from the loop.
    pub fn beat(&self) {
        self.0.beat_millis.store(self.0.clock.now_millis(), Ordering::Relaxed);
    }

    /// The process went on to another phase.
    pub fn enter(&self, phase: Phase) {
        self.beat();
        *self.0.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// How far the process is.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.0.phase.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Alive, or why it is taken for hung. Whether the API server answers plays no part.
    ///
    /// # Errors
    /// A sentence, when the loop has been silent for too long.
    pub fn alive(&self) -> Result<(), String> {
        if self.phase() == Phase::Standby {
            return Ok(());
        }
        let silent = self.0.clock.now_millis().saturating_sub(self.0.beat_millis.load(Ordering::Relaxed));
        if silent < SILENCE_LIMIT_MILLIS {
            Ok(())
        } else {
            Err(format!("the loop has been silent for {} s", silent / 1_000))
        }
    }

    /// Ready, or what is missing. A standby is ready: it can take over at any moment, and a rollout that waited for
    /// it to lead would wait for ever.
    ///
    /// # Errors
    /// A sentence, when the cluster is not wholly listed yet or the process stops.
    pub fn ready(&self) -> Result<&'static str, String> {
        match self.phase() {
            Phase::Standby => Ok("standby: waits for the lease"),
            Phase::Leading => Ok("leads"),
            Phase::Stopping => Err("stopping".to_owned()),
            Phase::Listing(missing) => {
                let names: Vec<_> = missing.iter().map(|kind| kind.name()).collect();
                Err(format!("not listed yet: {}", names.join(", ")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: u64) -> (Health, Arc<AtomicU64>) {
        let time = Arc::new(AtomicU64::new(start));
        let read = Arc::clone(&time);
        (Health::new(Clock::new(move || read.load(Ordering::Relaxed))), time)
    }

    #[test]
    fn a_loop_that_is_silent_for_two_minutes_is_not_alive() {
        let (health, time) = at(0);
        health.enter(Phase::Leading);
        time.store(119_999, Ordering::Relaxed);
        assert_eq!(health.alive(), Ok(()));
        time.store(120_000, Ordering::Relaxed);
        assert_eq!(health.alive(), Err("the loop has been silent for 120 s".to_owned()));
        health.beat();
        assert_eq!(health.alive(), Ok(()));
    }

    #[test]
    fn a_standby_is_alive_and_ready_however_long_it_waits() {
        let (health, time) = at(0);
        time.store(10_000_000, Ordering::Relaxed);
        assert_eq!(health.alive(), Ok(()));
        assert_eq!(health.ready(), Ok("standby: waits for the lease"));
    }

    #[test]
    fn a_leader_is_ready_when_no_kind_is_missing() {
        let (health, _) = at(0);
        health.enter(Phase::Listing(BTreeSet::from([Kind::Pod, Kind::Node])));
        assert_eq!(health.ready(), Err("not listed yet: Node, Pod".to_owned()));
        health.enter(Phase::Leading);
        assert_eq!(health.ready(), Ok("leads"));
    }
}
