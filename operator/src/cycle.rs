//! The one loop: take in what happened, decide, have it carried out.
//!
//! It runs only while this copy leads, and begins with an empty memory: the cluster is read after the lease was taken,
//! so that nothing that a former leader wrote is missed. Writes and questions run beside the loop; what became of
//! them comes back as inputs, like everything else. The brain leaves alone what still has a write under way.

use crate::clock;
use crate::health::{Health, Phase};
use crate::inquiry::Inquiry;
use crate::metrics::Metrics;
use crate::perform::{Batch, Gateway};
use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use twofold_allocator::tick::{Tick, Timestamp};
use twofold_core::decide::{State, decide};
use twofold_core::decision::Decision;
use twofold_core::input::Input;
use twofold_core::object::Kind;

/// How long more inputs are gathered after the first, so that a burst is one cycle.
const GATHER: Duration = Duration::from_millis(20);
/// The most inputs of one cycle.
const MOST_INPUTS: usize = 4_096;
/// The longest time without a cycle.
const RESYNC: Duration = Duration::from_secs(300);
/// The longest time without a sign of life.
const BEAT: Duration = Duration::from_secs(15);
/// How often is looked whether leadership is certain again.
const UNCERTAIN: Duration = Duration::from_millis(200);
/// How long writes under way may take to end when the process is told to stop.
const LAST_WRITES: Duration = Duration::from_secs(10);

/// The loop and all that it works with.
pub struct Cycle {
    state: State,
    inputs: mpsc::Receiver<Input>,
    outcomes: mpsc::Sender<Input>,
    gateway: Arc<Gateway>,
    inquiry: Inquiry,
    metrics: Metrics,
    health: Health,
    writes: JoinSet<()>,
    /// Kinds that have not been listed yet.
    missing: BTreeSet<Kind>,
    last: Tick,
    next: Instant,
}

/// Why the loop cannot go on.
#[derive(Debug, Error)]
pub enum CycleError {
    /// A bug: its state cannot be trusted any more, and is built again from the cluster by the next process.
    #[error("{what} panicked: {message}; the state is built again after a restart")]
    Panicked {
        /// Which part.
        what: &'static str,
        /// The panic's own words.
        message: String,
    },
}

impl Cycle {
    /// A loop that has seen nothing yet.
    #[must_use]
    pub fn new(
        state: State,
        (outcomes, inputs): (mpsc::Sender<Input>, mpsc::Receiver<Input>),
        gateway: Gateway,
        metrics: Metrics,
        health: Health,
    ) -> Self {
        let inquiry = Inquiry::new(outcomes.clone(), metrics.clone());
        let missing = BTreeSet::from(Kind::ALL);
        health.enter(Phase::Listing(missing.clone()));
        Self {
            state,
            inputs,
            outcomes,
            gateway: Arc::new(gateway),
            inquiry,
            metrics,
            health,
            writes: JoinSet::new(),
            missing,
            last: Tick::default(),
            next: Instant::now(),
        }
    }

    /// Runs until told to stop; then lets the writes under way end.
    ///
    /// # Errors
    /// When a part panicked.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), CycleError> {
        loop {
            let inputs = tokio::select! {
                () = stop.cancelled() => break,
                inputs = self.gather_while_leading() => inputs,
            };
            self.note_lists(&inputs);
            let decision;
            (self, decision) = self.decide(inputs).await?;
            self.carry_out(decision);
            while let Some(ended) = self.writes.try_join_next() {
                ended.map_err(|error| panicked("a write", error))?;
            }
        }
        self.health.enter(Phase::Stopping);
        info!(under_way = self.writes.len(), "stopping: nothing more is decided");
        // Outcomes are not waited for any more.
        self.inputs.close();
        let _ = timeout(LAST_WRITES, async { while self.writes.join_next().await.is_some() {} }).await;
        Ok(())
    }

    /// Gathers inputs, but not while it is uncertain whether this copy leads: nothing could be written then.
    async fn gather_while_leading(&mut self) -> Vec<Input> {
        while !self.gateway.may_write() {
            self.health.beat();
            sleep(UNCERTAIN).await;
        }
        self.gather().await
    }

    /// What happened, when something did, or nothing when it is time to decide again. May be dropped at any time
    /// while it waits for the first input.
    async fn gather(&mut self) -> Vec<Input> {
        let mut inputs = Vec::new();
        loop {
            self.health.beat();
            let wake = self.next.min(Instant::now() + BEAT);
            tokio::select! {
                biased;
                count = self.inputs.recv_many(&mut inputs, MOST_INPUTS) => if count > 0 { break },
                () = sleep_until(wake) => if Instant::now() >= self.next { return inputs },
            }
        }
        let until = Instant::now() + GATHER;
        while inputs.len() < MOST_INPUTS {
            let room = MOST_INPUTS - inputs.len();
            tokio::select! {
                _ = self.inputs.recv_many(&mut inputs, room) => {}
                () = sleep_until(until) => break,
            }
        }
        inputs
    }

    /// Keeps account of what has been listed, for the probes.
    fn note_lists(&mut self, inputs: &[Input]) {
        let before = self.missing.len();
        for input in inputs {
            if let Input::ListEnded(kind) = input {
                self.missing.remove(kind);
            }
        }
        if self.missing.len() == before {
            return;
        }
        if self.missing.is_empty() {
            info!("every kind has been listed");
            self.metrics.is_synced(true);
            self.health.enter(Phase::Leading);
        } else {
            self.health.enter(Phase::Listing(self.missing.clone()));
        }
    }

    /// Decides on a thread that may compute as long as it has to.
    async fn decide(mut self, inputs: Vec<Input>) -> Result<(Self, Decision), CycleError> {
        let tick = Tick { cycle: self.last.cycle + 1, now: clock::wall().max(self.last.now) };
        self.last = tick;
        let mut state = self.state;
        let began = Instant::now();
        let decided = tokio::task::spawn_blocking(move || {
            let decision = decide(&mut state, inputs, tick);
            (state, decision)
        });
        let (state, decision) = decided.await.map_err(|error| panicked("the decision", error))?;
        self.state = state;
        self.metrics.decided(&decision, began.elapsed());
        self.health.beat();
        for warning in &decision.warnings {
            warn!(warning, "level one refused a change; the others go on");
        }
        for violation in &decision.violations {
            error!(cycle = tick.cycle, violation, "a law is broken: nothing is written in this cycle");
            let (gateway, violation) = (Arc::clone(&self.gateway), violation.clone());
            self.writes.spawn(async move { gateway.announce(&violation).await });
        }
        let resync = Instant::now() + RESYNC;
        let wake =
            |at: Timestamp| Instant::now() + Duration::from_millis(at.millis_since(tick.now)).max(GATHER);
        self.next = decision.wake_at.map_or(resync, |at| wake(at).min(resync));
        Ok((self, decision))
    }

    /// Has the decision carried out beside the loop.
    fn carry_out(&mut self, decision: Decision) {
        self.inquiry.ask(decision.queries);
        for batch in Batch::by_owner(decision.actions) {
            let (gateway, outcomes) = (Arc::clone(&self.gateway), self.outcomes.clone());
            self.writes.spawn(async move {
                for outcome in gateway.perform(batch).await {
                    // Nobody takes the outcome when the process is about to end.
                    let _ = outcomes.send(Input::Outcome(outcome)).await;
                }
            });
        }
    }
}

fn panicked(what: &'static str, error: JoinError) -> CycleError {
    let message = match error.try_into_panic() {
        Ok(panic) => words(&*panic),
        Err(error) => error.to_string(),
    };
    CycleError::Panicked { what, message }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".to_owned())
}
