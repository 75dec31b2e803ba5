//! What the threads of the agent share: the observations, and the wish for a new look at the ring.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::contract::{Instance, Service};
use crate::member::Member;
use crate::view::{NodeView, Observed, Process, fold};

/// The agent's own loop counts as dead after this long without a turn.
const BEAT_LIMIT: Duration = Duration::from_secs(60);

/// One copy for each thread.
#[derive(Clone)]
pub struct Shared {
    pub instance: Arc<Instance>,
    pub service: Arc<Service>,
    inner: Arc<Mutex<Inner>>,
    wish: Sender<()>,
}

struct Inner {
    observed: Observed,
    beat: Instant,
}

impl Shared {
    /// Also returns the receiver of wishes for a new look at the ring.
    pub fn new(instance: Instance, service: Service, member: Option<Member>) -> (Self, Receiver<()>) {
        let (wish, wishes) = channel();
        let inner = Inner { observed: Observed::new(member), beat: Instant::now() };
        let shared = Self {
            instance: Arc::new(instance),
            service: Arc::new(service),
            inner: Arc::new(Mutex::new(inner)),
            wish,
        };
        (shared, wishes)
    }

    /// Looks at or changes the observations. The closure must not block.
    pub fn with<T>(&self, look: impl FnOnce(&mut Observed) -> T) -> T {
        look(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner).observed)
    }

    /// The answer to `GET /v1/node` now.
    pub fn node(&self) -> NodeView {
        self.with(|observed| fold(&self.instance, &self.service, observed, Instant::now()))
    }

    /// Asks for a new look at the ring; [`crate::watch`] limits how often one is taken.
    pub fn wish_ring(&self) {
        // The receiver lives as long as the process.
        let _ = self.wish.send(());
    }

    /// The agent's loop has made a turn.
    pub fn beat(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).beat = Instant::now();
    }

    /// Whether the agent's loop still turns. While stopping it does not, and need not.
    pub fn alive(&self) -> bool {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.observed.process == Process::Stopping || inner.beat.elapsed() <= BEAT_LIMIT
    }
}
