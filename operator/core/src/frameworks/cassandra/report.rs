//! What the agent in a pod says of its server, read from its answer to `GET /v1/node`.

use super::names;
use crate::frameworks::Situation;
use crate::record::PodRecord;
use serde::Deserialize;
use serde_json::Value;
use twofold_crds::CassandraService;

/// The annotation by which a ring is taken at its pods' word: `pod` says that a pod that has been ready for a second
/// is a member, without asking the agent in it. For clusters whose machines run no containers, such as those of KWOK;
/// on a cluster that does, it lets members start before the ring has taken the one before in.
pub const READINESS: &str = "twofold.dev/readiness";
/// How long a pod must have been ready before it counts as a member under [`READINESS`], in milliseconds.
pub const MIN_READY_MILLIS: u64 = 1_000;
/// The oldest answer that says something about how the ring is now, in milliseconds: a settled ring is asked once a
/// minute.
pub const FRESH_MILLIS: u64 = 90_000;

/// An agent's answer; only what is decided on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeReport {
    /// The instance that answered.
    pub instance: String,
    /// Which pod of that name.
    pub pod_uid: String,
    /// What the server does, such as `Joining` or `Normal`.
    pub mode: String,
    /// Why, in a sentence; may be empty.
    #[serde(default)]
    pub detail: String,
    /// Whether the volume holds a member that has joined its ring.
    pub bootstrapped: bool,
    /// The host id; none while it is not known.
    pub host_id: Option<String>,
    /// The ring as it sees it.
    pub ring: Ring,
}

/// The ring as one member sees it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Ring {
    /// These members.
    Known {
        /// One line for each.
        known: Vec<Peer>,
    },
    /// It cannot be told.
    Unknown {
        /// Why.
        unknown: String,
    },
}

/// One member in the eyes of another.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    /// Its host id; none while it is not known.
    pub host_id: Option<String>,
    /// `U` up or `D` down, then `N` normal, `J` joining, `L` leaving or `M` moving.
    pub status: String,
}

/// Whether the ring is taken at its pods' word.
#[must_use]
pub fn trusts_pods(resource: &CassandraService) -> bool {
    let annotations = resource.metadata.annotations.as_ref();
    annotations.and_then(|all| all.get(READINESS)).is_some_and(|value| value == "pod")
}

/// What the agent in a pod last said.
///
/// # Errors
/// Why it is not known, as a sentence.
pub fn of_pod(pod: &PodRecord, situation: &Situation<'_>) -> Result<NodeReport, String> {
    let report = situation.reports.get(&pod.identity.uid);
    let report = report.ok_or_else(|| "its agent has not been asked yet".to_owned())?;
    let answer = report.answer.as_ref().map_err(|why| format!("its agent did not answer: {why}"))?;
    let said = read(answer)?;
    if said.pod_uid != pod.identity.uid || said.instance != pod.key.name {
        return Err(format!("the agent of {} answered at its address", said.instance));
    }
    Ok(said)
}

/// As [`of_pod`], but only if it is fresh enough to say how things are now.
///
/// # Errors
/// Why it is not known, as a sentence.
pub fn of_pod_now(pod: &PodRecord, situation: &Situation<'_>) -> Result<NodeReport, String> {
    let said = of_pod(pod, situation)?;
    let at = situation.reports.get(&pod.identity.uid).map(|report| report.at).unwrap_or_default();
    if situation.now.millis_since(at) > FRESH_MILLIS {
        return Err(format!("its agent has not answered for {} s", FRESH_MILLIS / 1_000));
    }
    Ok(said)
}

fn read(answer: &Value) -> Result<NodeReport, String> {
    serde_json::from_value(answer.clone())
        .map_err(|error| format!("its agent's answer cannot be read: {error}"))
}

/// Whether the pod's instance has joined the ring, by the agent's word or, where that is asked for, the pod's.
#[must_use]
pub fn has_joined(resource: &CassandraService, pod: &PodRecord, situation: &Situation<'_>) -> bool {
    if trusts_pods(resource) {
        let ready = pod.ready.filter(|_| pod.deleting.is_none());
        return ready.is_some_and(|since| situation.now.millis_since(since) >= MIN_READY_MILLIS);
    }
    of_pod(pod, situation).is_ok_and(|said| said.bootstrapped)
}

/// The pod of an instance.
#[must_use]
pub fn pod_of<'a>(situation: &Situation<'a>, instance: &str) -> Option<&'a PodRecord> {
    let wanted = names::instance(instance)?;
    situation.pods.iter().copied().find(|pod| {
        pod.instance.as_ref().is_some_and(|(t, i)| *t == *wanted.pod_type.as_str() && *i == wanted.index)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_is_read_with_what_is_not_known() {
        let answer = json!({
            "instance": "demo-node-0", "podUid": "u", "address": "10.0.1.5", "rack": "a", "datacenter": "dc1",
            "clusterName": "demo", "mode": "Starting", "detail": "CQL: refused", "ready": false, "cqlAnswers": false,
            "bootstrapped": false, "hostId": null, "releaseVersion": null, "schemaVersion": null,
            "ring": {"unknown": "nodetool status: no answer"},
        });
        let said = read(&answer).unwrap();
        assert_eq!((said.mode.as_str(), said.host_id), ("Starting", None));
        assert_eq!(said.ring, Ring::Unknown { unknown: "nodetool status: no answer".to_owned() });
        let ring = json!({"known": [{"address": "10.0.1.5", "hostId": "h", "status": "UN", "rack": "a"}], "ageMs": 5});
        let peer = Peer { host_id: Some("h".to_owned()), status: "UN".to_owned() };
        assert_eq!(serde_json::from_value::<Ring>(ring).unwrap(), Ring::Known { known: vec![peer] });
    }

    #[test]
    fn an_answer_that_is_none_is_an_error_with_the_field() {
        let error = read(&json!({"instance": "demo-node-0"})).unwrap_err();
        assert!(error.contains("podUid"), "{error}");
    }
}
