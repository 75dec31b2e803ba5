//! Leader election: at most one copy of the operator acts, by client-go's rule.
//!
//! The Lease is taken and renewed by replacing it with its resource version. Whether another holder's lease has run
//! out is judged by when its record was last *seen to change*, on this machine's own clock; no two clocks are ever
//! compared. Safety does not rest on any of this: each write names exactly what it was decided on.

mod record;

use crate::clock::Clock;
use futures::StreamExt as _;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use record::{Standing, View};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How long a lease holds after it was last renewed.
pub const LEASE_MILLIS: u64 = 15_000;
/// How long a holder keeps trying to renew before it gives up.
pub const RENEW_DEADLINE_MILLIS: u64 = 10_000;
/// Time between two attempts.
pub const RETRY: Duration = Duration::from_secs(2);
/// What a write may take to reach the API server. One that takes longer may arrive after another copy has begun to lead;
/// its preconditions see to it that it harms nothing.
const WRITE_MARGIN_MILLIS: u64 = 5_000;
/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(4);

/// Shared knowledge of whether this copy leads.
#[derive(Clone, Debug)]
pub struct Leadership(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    /// When the last successful renewal was begun, plus one; zero when not leading.
    renewed: AtomicU64,
}

impl Leadership {
    /// Of a copy that does not lead.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner { clock, renewed: AtomicU64::new(0) }))
    }

    /// Whether a write that is sent now reaches the API server while the lease still holds, if it is not held up.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        let renewed = self.0.renewed.load(Ordering::Acquire);
        renewed != 0 && self.0.clock.now_millis() + WRITE_MARGIN_MILLIS < renewed - 1 + LEASE_MILLIS
    }

    /// The lease was renewed by an attempt that was begun at this time of the same clock.
    pub fn renewed(&self, begun_millis: u64) {
        self.0.renewed.store(begun_millis + 1, Ordering::Release);
    }

    /// The lease is lost or given back.
    pub fn ended(&self) {
        self.0.renewed.store(0, Ordering::Release);
    }

    fn millis_since_renewal(&self) -> u64 {
        let renewed = self.0.renewed.load(Ordering::Acquire).saturating_sub(1);
        self.0.clock.now_millis().saturating_sub(renewed)
    }
}

/// How leadership ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The lease was given back, as asked.
    Released,
    /// It was lost, for this reason.
    Lost(String),
}

/// Takes, renews and gives back the Lease.
#[derive(Debug)]
pub struct Elector {
    leases: Api<Lease>,
    name: String,
    view: View,
    clock: Clock,
    leadership: Leadership,
}

impl Elector {
    /// An elector with a client of its own, so that no other traffic delays a renewal.
    #[must_use]
    pub fn new(
        client: Client,
        namespace: &str,
        name: &str,
        identity: &str,
        clock: Clock,
        leadership: Leadership,
    ) -> Self {
        let leases = Api::namespaced(client, namespace);
        Self { leases, name: name.to_owned(), view: View::new(identity), clock, leadership }
    }

    /// Returns when this copy holds the lease. A lease that its holder gave back is noticed at once by watching it;
    /// without permission to watch, within two seconds.
    pub async fn acquire(&mut self) {
        let given_back = watcher::watch_object(self.leases.clone(), &self.name).default_backoff().filter_map(
            async |seen| seen.ok().filter(|lease| lease.as_ref().is_none_or(record::is_given_back)),
        );
        let mut given_back = pin!(given_back);
        let mut told = None;
        loop {
            match self.attempt(ATTEMPT).await {
                Ok(None) => {
                    info!(lease = self.name, "took the lease");
                    return;
                }
                Ok(holder) if holder != told => {
                    info!(lease = self.name, holder, "another copy leads; waiting");
                    told = holder;
                }
                Ok(_) => {}
                Err(error) => warn!(lease = self.name, error, "failed to take the lease; trying again"),
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                Some(_) = given_back.next() => {}
            }
        }
    }

    /// Renews the lease until it is lost, or until told to stop; then it is given back.
    pub async fn keep(mut self, stop: CancellationToken) -> End {
        let end = loop {
            tokio::select! {
                () = stop.cancelled() => break self.release().await,
                () = tokio::time::sleep(RETRY) => {}
            }
            let left = RENEW_DEADLINE_MILLIS.saturating_sub(self.leadership.millis_since_renewal());
            match self.attempt(ATTEMPT.min(Duration::from_millis(left))).await {
                Ok(None) => {}
                Ok(Some(holder)) => break End::Lost(format!("the lease is held by {holder:?} now")),
                Err(error) => {
                    warn!(lease = self.name, error, "failed to renew the lease");
                    if self.leadership.millis_since_renewal() >= RENEW_DEADLINE_MILLIS {
                        break End::Lost(format!("not renewed within {RENEW_DEADLINE_MILLIS} ms: {error}"));
                    }
                }
            }
        };
        self.leadership.ended();
        end
    }

    /// Takes or renews the lease, or says who holds it.
    async fn attempt(&mut self, limit: Duration) -> Result<Option<String>, String> {
        let begun = self.clock.now_millis();
        let attempt = tokio::time::timeout(limit, self.attempt_unbounded()).await;
        let holder = attempt.map_err(|_| format!("no answer within {} ms", limit.as_millis()))??;
        if holder.is_none() {
            self.leadership.renewed(begun);
        }
        Ok(holder)
    }

    async fn attempt_unbounded(&mut self) -> Result<Option<String>, String> {
        let said = |error: kube::Error| error.to_string();
        let found = self.leases.get_opt(&self.name).await.map_err(said)?;
        if let Some(lease) = &found
            && let Standing::Held { by } = self.view.look(lease, self.clock.now_millis())
        {
            return Ok(Some(by));
        }
        let claim = self.view.claim(found.as_ref(), &self.name, Timestamp::now());
        let params = PostParams::default();
        let written = match found {
            None => self.leases.create(&params, &claim).await,
            Some(_) => self.leases.replace(&self.name, &params, &claim).await,
        };
        match written {
            Ok(_) => Ok(None),
            Err(error) => Err(format!("failed to write the Lease: {error}")),
        }
    }

    /// Gives the lease back, so that a standby need not wait until it runs out.
    async fn release(&mut self) -> End {
        self.leadership.ended();
        let released = tokio::time::timeout(ATTEMPT, async {
            let lease = self.leases.get(&self.name).await?;
            if !self.view.is_ours(&lease) {
                return Ok(());
            }
            let given_back = record::give_back(lease, Timestamp::now());
            self.leases.replace(&self.name, &PostParams::default(), &given_back).await.map(|_| ())
        });
        match released.await {
            Ok(Ok(())) => info!(lease = self.name, "gave the lease back"),
            Ok(Err(error)) => warn!(lease = self.name, %error, "failed to give the lease back; it runs out"),
            Err(_) => warn!(lease = self.name, "failed to give the lease back in time; it runs out"),
        }
        End::Released
    }
}
