//! Which service agents are asked how their server is.

use super::State;
use super::entry::Entry;
use crate::decision::Query;
use crate::object::Kind;
use crate::record::{Phase, PodRecord};
use std::collections::BTreeMap;
use twofold_allocator::tick::Timestamp;

/// The port that service agents answer on.
const PORT: u16 = 8090;
/// How often an agent is asked until its server has settled, and after.
const UNSETTLED_MILLIS: u64 = 5_000;
const SETTLED_MILLIS: u64 = 60_000;

/// When each agent was last asked, by pod UID.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked(BTreeMap<String, Timestamp>);

/// The questions that are due. While any instance of a service is on its way, all its agents are asked often: a
/// newcomer starts only when every member's own view of the ring is good and fresh.
pub(super) fn due(state: &mut State, now: Timestamp) -> Vec<Query> {
    let mut asked = BTreeMap::new();
    let mut queries = Vec::new();
    let mut next: Option<Timestamp> = None;
    for entry in state.services.values().filter(|entry| entry.key.kind == Kind::CassandraService) {
        let pods = state.world.pods_by_owner.get(&entry.uid).into_iter().flatten();
        let pods: Vec<_> = pods.filter_map(|key| state.world.pods.get(key)).collect();
        let wait = if is_settled(state, entry, &pods) { SETTLED_MILLIS } else { UNSETTLED_MILLIS };
        for pod in pods {
            let Some(ip) = pod.ip.as_ref().filter(|_| pod.phase == Phase::Running) else { continue };
            let uid = pod.identity.uid.clone();
            let last = state.asked.0.get(&uid).copied();
            let mut at = last.map_or(now, |last| last.plus_millis(wait));
            asked.extend(last.map(|last| (uid.clone(), last)));
            if at <= now {
                let address =
                    if ip.contains(':') { format!("[{ip}]:{PORT}") } else { format!("{ip}:{PORT}") };
                queries.push(Query { pod: pod.key.clone(), uid: uid.clone(), address });
                asked.insert(uid, now);
                at = now.plus_millis(wait);
            }
            next = [next, Some(at)].into_iter().flatten().min();
        }
    }
    state.asked = Asked(asked);
    state.wake(next);
    queries
}

/// Whether every wanted instance is a member, and its agent's last answer was that its server is well.
fn is_settled(state: &State, entry: &Entry, pods: &[&PodRecord]) -> bool {
    let wanted = entry.translated.as_ref().map_or(0, |spec| spec.instances().count());
    let joined = entry.view.instances.values().filter(|view| view.joined).count();
    joined >= wanted && pods.iter().all(|pod| is_well(state, pod))
}

fn is_well(state: &State, pod: &PodRecord) -> bool {
    let answer = state.world.reports.get(&pod.identity.uid).map(|report| &report.answer);
    let holds = |name: &str| match answer {
        Some(Ok(answer)) => answer.get(name).and_then(serde_json::Value::as_bool) == Some(true),
        _ => false,
    };
    holds("bootstrapped") && holds("ready")
}
