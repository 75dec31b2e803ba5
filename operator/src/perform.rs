//! The write gateway: the only file that changes anything on the API server, but for the leader's own Lease.
//!
//! Writes of one owner go in stages, what cannot be undone first; writes of different owners go side by side, no
//! more than a fixed number at once. Each has preconditions, a deadline and no second attempt: what to do about a
//! failure is decided anew, from what is known then. A write whose answer was lost is looked up before its outcome
//! is reported, so that an outcome is never a guess.

mod call;
mod cause;
mod event;
mod gate;
mod lost;
mod order;
mod request;

use crate::health::Health;
use crate::leader::Leadership;
use crate::metrics::Metrics;
use backon::{ExponentialBuilder, Retryable};
pub use call::DEADLINE;
use call::{Pause, Reply};
use event::Notes;
use futures::future::join_all;
use http::Request;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
pub use order::Batch;
use serde_json::Value;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::{debug, warn};
use twofold_core::action::{Action, Write};
use twofold_core::input::{Cause, Failure, Outcome};
use twofold_core::object::{Key, Kind, Object};

/// The longest time between two attempts to look up a write whose answer was lost.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Carries out what was decided.
pub struct Gateway {
    client: Client,
    leadership: Leadership,
    permits: Semaphore,
    pause: Pause,
    notes: Mutex<Notes>,
    reporter: Reporter,
    metrics: Metrics,
    health: Health,
}

/// In whose name events are published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reporter {
    /// This copy of the operator.
    pub identity: String,
    /// Namespace of the Lease, which events about the operator itself are about.
    pub namespace: String,
    /// Name of the Lease.
    pub lease: String,
}

type Done = Result<Option<Object>, Failure>;

impl Gateway {
    /// A gateway that writes while `leadership` is certain, at most `concurrency` calls at once. The client must not
    /// repeat calls by itself.
    #[must_use]
    pub fn new(
        client: Client,
        leadership: Leadership,
        concurrency: usize,
        reporter: Reporter,
        metrics: Metrics,
        health: Health,
    ) -> Self {
        let permits = Semaphore::new(concurrency.max(1));
        Self {
            client,
            leadership,
            permits,
            pause: Pause::default(),
            notes: Mutex::default(),
            reporter,
            metrics,
            health,
        }
    }

    /// Whether a write would be sent now.
    #[must_use]
    pub fn may_write(&self) -> bool {
        self.leadership.is_certain()
    }

    /// Carries out a batch, stage after stage, and reports exactly one outcome for each of its actions. After a
    /// failure the later stages are not sent.
    pub async fn perform(&self, batch: Batch) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = Vec::new();
        for stage in batch.into_stages() {
            let failed = outcomes.iter().find(|outcome| outcome.result.is_err());
            if let Some(earlier) = failed.map(|outcome| outcome.action.write.key()) {
                let why = format!("not sent: an earlier write, of {earlier}, failed");
                outcomes.extend(stage.into_iter().map(|action| not_sent(action, &why)));
            } else {
                outcomes.extend(join_all(stage.into_iter().map(|action| self.perform_one(action))).await);
            }
        }
        outcomes
    }

    async fn perform_one(&self, action: Action) -> Outcome {
        let result = self.write(&action.write).await;
        self.health.beat();
        let (key, label) = (action.write.key(), action.write.label());
        self.metrics.written(
            key.kind,
            label,
            result.as_ref().map_or_else(|f| cause::label(f.cause), |_| "ok"),
        );
        match &result {
            Ok(_) => debug!(write = label, object = %key, owner = %action.owner, "written"),
            Err(Failure { cause, message }) => {
                warn!(write = label, object = %key, owner = %action.owner, ?cause, message, "failed to write");
            }
        }
        Outcome { action, result }
    }

    async fn write(&self, write: &Write) -> Done {
        match write {
            Write::Create(_)
            | Write::Apply(_)
            | Write::Replace(_)
            | Write::Patch { .. }
            | Write::Delete { .. }
            | Write::Status { .. } => {
                let reply = self.send(request::of(write)?).await?;
                self.conclude(write, reply).await
            }
            Write::DryRun(_) => without_lookup(self.send(request::of(write)?).await?),
            Write::LiftGate { pod, ledger, slot } => {
                let found = self.read(&pod.key).await?;
                if let Some(slot) = slot {
                    gate::check_slot(ledger, slot, self.read(ledger).await?.as_ref())?;
                }
                match gate::lift(pod, found.as_ref())? {
                    None => parse(Kind::Pod, found),
                    Some(patch) => {
                        let reply = self.send(patch).await?;
                        self.conclude(write, reply).await
                    }
                }
            }
            Write::Event(note) => {
                self.publish(event::of(note, &self.reporter.identity, Timestamp::now())).await
            }
        }
    }

    /// Makes an outcome of a reply; a lost one is looked up first.
    async fn conclude(&self, write: &Write, reply: Reply) -> Done {
        let key = write.key();
        match reply {
            Reply::Done(object) => match write {
                Write::Delete { .. } if !lost::is_ending(&object) => Ok(None),
                _ => parse(key.kind, Some(object)),
            },
            Reply::Refused(status) => match (write, cause::of(write, &status)) {
                (Write::Delete { .. }, Cause::NotFound) => Ok(None),
                (_, cause) => Err(Failure { cause, message: cause::words(&status) }),
            },
            Reply::Lost(why) => {
                warn!(object = %key, why, "the answer to a write was lost; looking it up");
                let found = self.look_up(&key).await.map_err(|read| Failure {
                    cause: Cause::Unavailable,
                    message: format!("{why}; and whether it was done is unknown: {}", read.message),
                })?;
                lost::judge(write, found.as_ref(), &why)?;
                match write {
                    Write::Delete { target, .. } => {
                        parse(key.kind, found.filter(|found| lost::is(found, target)))
                    }
                    _ => parse(key.kind, found),
                }
            }
        }
    }

    /// Tells people that a law is broken, by an event about the Lease.
    pub async fn announce(&self, violation: &str) {
        let event = event::of_violation(violation, &self.reporter, Timestamp::now());
        if let Err(Failure { message, .. }) = self.publish(event).await {
            warn!(message, "failed to publish an event");
        }
    }

    /// Publishes an event, unless the same was said a short time ago. A lost answer is not looked up: the name of an
    /// event says what it says, so that a second attempt does no harm.
    async fn publish(&self, event: Event) -> Done {
        if !self.notes.lock().unwrap_or_else(PoisonError::into_inner).is_new(&event, Timestamp::now()) {
            return Ok(None);
        }
        match self.send(request::event(&event)?).await? {
            Reply::Refused(status) if status.is_already_exists() => Ok(None),
            reply => without_lookup(reply),
        }
    }

    /// Sends one write, if leadership is certain and the API server takes writes.
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Reply, Failure> {
        let _permit = self.permit().await?;
        if !self.may_write() {
            let message = "not sent: the lease was not renewed in time".to_owned();
            return Err(Failure { cause: Cause::NotSent, message });
        }
        if let Some(left) = self.pause.left() {
            let message = format!("not sent: the API server asked to wait, {} s more", left.as_secs() + 1);
            return Err(Failure { cause: Cause::Unavailable, message });
        }
        Ok(self.call(request).await)
    }

    /// Reads until the API server answers: nothing is decided for an owner whose last write may or may not be done.
    /// Should this copy lose its lease meanwhile, the process ends, and the next one lists everything.
    async fn look_up(&self, key: &Key) -> Result<Option<Value>, Failure> {
        let waits = ExponentialBuilder::new().with_max_delay(LONGEST_WAIT).with_jitter().without_max_times();
        (|| self.read(key))
            .retry(waits)
            .when(|failure| failure.cause == Cause::Unavailable)
            .notify(|failure, wait| warn!(object = %key, failure.message, ?wait, "looking it up again"))
            .await
    }

    /// The object as the API server has it now (a quorum read), or none.
    async fn read(&self, key: &Key) -> Result<Option<Value>, Failure> {
        let _permit = self.permit().await?;
        match self.call(request::read(key)?).await {
            Reply::Done(object) => Ok(Some(object)),
            Reply::Refused(status) if status.is_not_found() => Ok(None),
            Reply::Refused(status) => Err(Failure {
                cause: cause::of_status(&status),
                message: format!("failed to read {key}: {}", cause::words(&status)),
            }),
            Reply::Lost(why) => {
                Err(Failure { cause: Cause::Unavailable, message: format!("failed to read {key}: {why}") })
            }
        }
    }

    /// Waits for its turn. It is held for one call, not while a write waits to be looked up again.
    async fn permit(&self) -> Result<SemaphorePermit<'_>, Failure> {
        let permit = self.permits.acquire().await;
        permit.map_err(|closed| Failure { cause: Cause::NotSent, message: closed.to_string() })
    }

    async fn call(&self, request: Request<Vec<u8>>) -> Reply {
        let answer = call::call(&self.client, request).await;
        if let Some(wait) = answer.wait {
            self.pause.extend(wait);
        }
        answer.reply
    }
}

fn not_sent(action: Action, why: &str) -> Outcome {
    Outcome { action, result: Err(Failure { cause: Cause::NotSent, message: why.to_owned() }) }
}

/// Makes an outcome of the reply to a write that does no harm when it is sent again.
fn without_lookup(reply: Reply) -> Done {
    match reply {
        Reply::Done(_) => Ok(None),
        Reply::Refused(status) => {
            Err(Failure { cause: cause::of_status(&status), message: cause::words(&status) })
        }
        Reply::Lost(message) => Err(Failure { cause: Cause::Unavailable, message }),
    }
}

/// The object that the API server returned.
fn parse(kind: Kind, object: Option<Value>) -> Done {
    let object = object.map(|object| Object::from_value(kind, object)).transpose();
    object.map_err(|error| Failure {
        cause: Cause::Unavailable,
        message: format!("failed to read the {kind} that the API server returned: {error}"),
    })
}
