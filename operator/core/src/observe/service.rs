//! What level two sees of a service: one view for each instance, folded from its pod, its claims and its record.

use crate::frameworks::{Framework, InstanceRecord};
use crate::memory::Memory;
use crate::object::{Key, Kind};
use crate::observe::world::World;
use crate::record::{ClaimRecord, Phase, PodRecord};
use std::collections::BTreeSet;
use twofold_allocator::agent::AgentState;
use twofold_allocator::id::{AgentId, Word};
use twofold_allocator::tick::Timestamp;
use twofold_crds::ServiceLedger;
use twofold_sdk::instance::InstanceId;
use twofold_sdk::observed::{InstanceView, Place, Reach, ServiceView, TaskState, View};

/// The parts of the world that belong to one service.
#[derive(Debug)]
pub struct Belongings<'a> {
    /// Its pods.
    pub pods: Vec<&'a PodRecord>,
    /// Claims that hold its data.
    pub claims: Vec<&'a ClaimRecord>,
    /// Its ledger.
    pub ledger: Option<&'a ServiceLedger>,
}

/// Finds what belongs to the custom resource with this UID. A ledger is found by name and adopted, with the claims of
/// the cluster that it records: data that was kept is data of the service of that name.
#[must_use]
pub fn belongings<'a>(world: &'a World, key: &Key, uid: &str) -> Belongings<'a> {
    let pods = world.pods_by_owner.get(uid).into_iter().flatten();
    let ledger = world.ledgers.get(&Key { kind: Kind::ServiceLedger, ..key.clone() });
    let cluster = ledger.map_or(uid, |ledger| ledger.spec.cluster_id.as_str());
    Belongings {
        pods: pods
            .filter(|pod| pod.namespace == key.namespace)
            .filter_map(|pod| world.pods.get(pod))
            .collect(),
        claims: world.claims_of(cluster, &key.namespace).collect(),
        ledger,
    }
}

/// What is seen of a service's instances.
#[must_use]
pub fn view(
    framework: &dyn Framework,
    belongings: &Belongings<'_>,
    world: &World,
    memory: &mut Memory,
    now: Timestamp,
) -> ServiceView {
    let mut seen = ServiceView {
        gang_started: framework.has_run(belongings.ledger, &belongings.pods),
        ..ServiceView::default()
    };
    let recorded = belongings.ledger.map(recorded).unwrap_or_default();
    let with_pods: BTreeSet<_> = belongings.pods.iter().filter_map(|pod| instance_of(pod)).collect();
    let finished = framework.finished();
    let known = recorded.union(&with_pods).chain(&finished).chain(memory.instances());
    for instance in known.cloned().collect::<BTreeSet<_>>() {
        let gone = if finished.contains(&instance) { TaskState::Succeeded } else { TaskState::Absent };
        let pod = belongings.pods.iter().copied().find(|pod| instance_of(pod).as_ref() == Some(&instance));
        let record = framework.record(belongings.ledger, &instance);
        let name = instance.to_string();
        let claims = belongings.claims.iter().filter(|claim| claim.instance.as_deref() == Some(&name));
        let reach = claims.fold(Reach::Anywhere, |reach, claim| narrower(reach, reach_of(claim, world)));
        let joined = record.joined;
        let mut view = one(pod, gone, record, reach, world, memory.of(&instance), now);
        // A service with a ledger has it in writing who has joined. One that was ready for a moment and lost before
        // that was written has not: it joins anew.
        if belongings.ledger.is_some() {
            view.joined = joined;
        } else if !seen.gang_started {
            // What ran before the whole was put aside or taken back is launched with the whole again.
            view.joined = false;
            memory.of(&instance).joined = false;
        }
        seen.instances.insert(instance, view);
    }
    seen
}

/// The instance that a pod of ours is.
#[must_use]
pub fn instance_of(pod: &PodRecord) -> Option<InstanceId> {
    pod.instance.as_ref().map(|(pod_type, index)| InstanceId::new(pod_type, *index))
}

fn recorded(ledger: &ServiceLedger) -> BTreeSet<InstanceId> {
    ledger.spec.instances.iter().filter_map(|instance| InstanceId::parse(&instance.name)).collect()
}

fn one(
    pod: Option<&PodRecord>,
    gone: TaskState,
    record: InstanceRecord,
    reach: Reach,
    world: &World,
    memory: &mut crate::memory::InstanceMemory,
    now: Timestamp,
) -> InstanceView {
    let state = pod.map_or(gone, |pod| task(pod, world));
    memory.took = pod.map(|pod| pod.resources.clone()).or(memory.took.take());
    let since = memory.saw(pod.map(|pod| pod.identity.uid.as_str()), &state, now);
    InstanceView {
        task: View::Known(state, now),
        since,
        place: pod.and_then(|pod| pod.agent.as_ref()).map(|agent| place(agent, world)),
        reach,
        kept: None,
        bound_zone: record.bound_zone.map(|zone| Word::from(zone.as_str())),
        data: record.data,
        started: record.started,
        joined: record.joined || memory.joined,
        restarts: pod.map(|pod| pod.containers.iter().map(|c| c.restarts).sum()).unwrap_or_default(),
        failures: memory.failures,
        last_failure: memory.last_failure,
        failed_launches: memory.failed_launches,
    }
}

fn place(agent: &AgentId, world: &World) -> Place {
    let known = world.agents.get(agent);
    Place {
        agent: agent.clone(),
        domain: known.and_then(|agent| agent.domain.clone()),
        agent_gone: world.is_gone(agent),
    }
}

/// How far a pod is. What its machine last said is not believed once the machine does not answer.
fn task(pod: &PodRecord, world: &World) -> TaskState {
    let agent = pod.agent.as_ref().map(|agent| world.agents.get(agent));
    let is_over = matches!(pod.phase, Phase::Succeeded | Phase::Failed);
    if pod.bound && !is_over {
        match agent {
            Some(None) if pod.agent.as_ref().is_some_and(|agent| world.is_unreadable(agent)) => {
                return TaskState::Unreachable;
            }
            Some(None) => return TaskState::Lost,
            Some(Some(agent)) if agent.state == AgentState::Unreachable => return TaskState::Unreachable,
            _ => {}
        }
    }
    if pod.deleting.is_some() {
        return TaskState::Terminating;
    }
    match pod.phase {
        Phase::Succeeded => TaskState::Succeeded,
        Phase::Failed => failed(pod),
        Phase::Unknown => TaskState::Unreachable,
        Phase::Running => TaskState::Running { ready: pod.ready.is_some() },
        Phase::Pending if pod.gated => TaskState::Gated,
        Phase::Pending if pod.bound => TaskState::Starting,
        Phase::Pending => TaskState::Launched,
    }
}

fn failed(pod: &PodRecord) -> TaskState {
    let ends = pod.containers.iter().filter(|c| !c.init).filter_map(|c| c.terminated.as_ref());
    let worst = ends.max_by_key(|end| (end.exit_code != 0, end.exit_code));
    let reason = pod.disrupted.clone().unwrap_or_else(|| pod.reason.clone());
    TaskState::Failed { exit_code: worst.map(|end| end.exit_code), reason }
}

/// Where a claim's volume can be used. A claim that is not bound can still be used wherever a volume can be made, but
/// for the agent that kube-scheduler has already chosen for it.
#[must_use]
pub fn reach_of(claim: &ClaimRecord, world: &World) -> Reach {
    let Some(volume) = claim.volume.as_ref().and_then(|name| world.volumes.get(name)) else {
        return claim
            .selected_agent
            .as_ref()
            .map_or(Reach::Anywhere, |agent| Reach::Agents(BTreeSet::from([agent.clone()])));
    };
    match (&volume.agents, &volume.zones) {
        (Some(agents), _) => Reach::Agents(agents.iter().cloned().collect()),
        (None, Some(zones)) => Reach::Zones(zones.iter().map(|zone| Word::from(zone.as_str())).collect()),
        (None, None) => Reach::Anywhere,
    }
}

fn narrower(one: Reach, other: Reach) -> Reach {
    match (one, other) {
        (Reach::Agents(a), Reach::Agents(b)) => Reach::Agents(a.intersection(&b).cloned().collect()),
        (Reach::Zones(a), Reach::Zones(b)) => Reach::Zones(a.intersection(&b).cloned().collect()),
        (Reach::Agents(agents), _) | (_, Reach::Agents(agents)) => Reach::Agents(agents),
        (Reach::Zones(zones), _) | (_, Reach::Zones(zones)) => Reach::Zones(zones),
        (Reach::Anywhere, Reach::Anywhere) => Reach::Anywhere,
    }
}
