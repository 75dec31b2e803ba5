//! What a Lease says, and what to write into it.

use super::LEASE_MILLIS;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;

/// How this copy stands to a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody holds it, it has run out, or this copy holds it.
    Open,
    /// Another copy holds it.
    Held {
        /// Its identity.
        by: String,
    },
}

/// What one copy has seen of the lease.
#[derive(Debug)]
pub(super) struct View {
    identity: String,
    seen: Option<(LeaseSpec, u64)>,
}

impl View {
    pub(super) fn new(identity: &str) -> Self {
        Self { identity: identity.to_owned(), seen: None }
    }

    /// Takes in a lease as it is now. A record counts from when it was first seen, by this clock in milliseconds.
    pub(super) fn look(&mut self, lease: &Lease, now_millis: u64) -> Standing {
        let spec = lease.spec.clone().unwrap_or_default();
        let since = match &self.seen {
            Some((seen, since)) if *seen == spec => *since,
            Some(_) | None => now_millis,
        };
        let holder = spec.holder_identity.clone().unwrap_or_default();
        let lasts = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let until = since.saturating_add(lasts.map_or(LEASE_MILLIS, |seconds| seconds.saturating_mul(1_000)));
        self.seen = Some((spec, since));
        if holder.is_empty() || holder == self.identity || until <= now_millis {
            Standing::Open
        } else {
            Standing::Held { by: holder }
        }
    }

    pub(super) fn is_ours(&self, lease: &Lease) -> bool {
        lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()) == Some(self.identity.as_str())
    }

    /// The lease with this copy as its holder. The times in it are for people.
    pub(super) fn claim(&self, found: Option<&Lease>, name: &str, now: Timestamp) -> Lease {
        let mut lease = found.cloned().unwrap_or_default();
        let renews = found.is_some_and(|lease| self.is_ours(lease));
        lease.metadata.name = Some(name.to_owned());
        let was = lease.spec.unwrap_or_default();
        let transitions = was.lease_transitions.unwrap_or_default();
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LEASE_MILLIS / 1_000).ok(),
            acquire_time: if renews { was.acquire_time } else { Some(MicroTime(now)) },
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(if renews || found.is_none() {
                transitions
            } else {
                transitions.saturating_add(1)
            }),
            ..LeaseSpec::default()
        });
        lease
    }
}

/// Whether nobody holds the lease.
pub(super) fn is_given_back(lease: &Lease) -> bool {
    lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).is_none_or(str::is_empty)
}

/// The lease without a holder.
pub(super) fn give_back(mut lease: Lease, now: Timestamp) -> Lease {
    let was = lease.spec.unwrap_or_default();
    lease.spec = Some(LeaseSpec {
        holder_identity: None,
        lease_duration_seconds: Some(1),
        renew_time: Some(MicroTime(now)),
        ..was
    });
    lease
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: &str, renewed_second: i64) -> Lease {
        let spec = LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(15),
            renew_time: Some(MicroTime(Timestamp::from_second(renewed_second).unwrap())),
            lease_transitions: Some(4),
            ..LeaseSpec::default()
        };
        Lease { spec: Some(spec), ..Lease::default() }
    }

    fn held_by(name: &str) -> Standing {
        Standing::Held { by: name.to_owned() }
    }

    #[test]
    fn a_record_runs_out_fifteen_seconds_after_it_was_last_seen_to_change() {
        let mut view = View::new("me");
        assert_eq!(view.look(&lease("other", 0), 1_000), held_by("other"));
        assert_eq!(view.look(&lease("other", 0), 15_999), held_by("other"));
        assert_eq!(view.look(&lease("other", 2), 15_999), held_by("other"), "it was renewed");
        assert_eq!(view.look(&lease("other", 2), 30_998), held_by("other"));
        assert_eq!(view.look(&lease("other", 2), 30_999), Standing::Open);
    }

    #[test]
    fn the_times_in_the_record_are_not_compared_with_our_clock() {
        let mut view = View::new("me");
        assert_eq!(view.look(&lease("other", -1_000_000), 1_000), held_by("other"));
        assert_eq!(view.look(&lease("other", -1_000_000), 16_000), Standing::Open);
    }

    #[test]
    fn a_lease_that_was_given_back_or_is_ours_is_open_at_once() {
        let mut view = View::new("me");
        let given_back = give_back(lease("other", 0), Timestamp::UNIX_EPOCH);
        assert!(is_given_back(&given_back));
        assert_eq!(view.look(&given_back, 0), Standing::Open);
        assert_eq!(view.look(&lease("me", 0), 0), Standing::Open);
    }

    #[test]
    fn a_takeover_counts_a_transition_and_a_renewal_does_not() {
        let view = View::new("me");
        let now = Timestamp::from_second(100).unwrap();
        let taken = view.claim(Some(&lease("other", 0)), "twofold", now).spec.unwrap();
        assert_eq!((taken.lease_transitions, taken.acquire_time), (Some(5), Some(MicroTime(now))));
        let renewed = view.claim(Some(&lease("me", 0)), "twofold", now).spec.unwrap();
        assert_eq!((renewed.lease_transitions, renewed.acquire_time), (Some(4), None));
        assert_eq!(renewed.renew_time, Some(MicroTime(now)));
    }
}
