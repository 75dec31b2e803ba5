//! What must hold after each step, and at rest.

use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::resources::Resources;
use twofold_core::object::{Key, Kind, Object};
use twofold_core::observe::{agent, pod};
use twofold_core::record::PodRecord;
use twofold_core::simulate::cluster::Cluster;
use twofold_crds::service_ledger::{BootstrapSlot, ServiceLedgerSpec};

fn pods(cluster: &Cluster) -> Vec<PodRecord> {
    let all = cluster.objects().filter_map(|(_, object)| match object {
        Object::Pod(one) => Some(pod::record(one)),
        _ => None,
    });
    all.collect()
}

/// What is broken now.
pub(crate) fn broken(cluster: &Cluster, started: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let mut broken = Vec::new();
    let twice = started.iter().filter(|(_, pods)| pods.len() > 1);
    broken.extend(twice.map(|(name, _)| format!("{name} is started twice")));
    let pods = pods(cluster);
    broken.extend(over_committed(cluster, &pods));
    broken.extend(pods.iter().filter_map(|pod| unrecorded(cluster, pod)));
    broken
}

/// The agents on which pods take more than there is.
fn over_committed(cluster: &Cluster, pods: &[PodRecord]) -> Vec<String> {
    let mut used: BTreeMap<&str, Resources> = BTreeMap::new();
    for pod in pods {
        if let Some(agent) = &pod.agent {
            used.entry(agent.as_str()).or_default().add(&pod.resources);
        }
    }
    let over = |(name, used): (&str, Resources)| {
        let Some(Object::Node(node)) = cluster.get(&Key::new(Kind::Node, "", name)) else {
            return Some(format!("pods on {name}, which is not there"));
        };
        let capacity = agent::agent(node).capacity;
        (!capacity.contains(&used)).then(|| format!("{name} is over-committed: {used} of {capacity}"))
    };
    used.into_iter().filter_map(over).collect()
}

/// A member of a ring whose identity is not on record, or that may start and has not the slot.
fn unrecorded(cluster: &Cluster, pod: &PodRecord) -> Option<String> {
    let name = pod.key.name.strip_prefix("ring-")?;
    let Some(ledger) = ledger(cluster) else { return Some(format!("{name} is there without a ledger")) };
    let Some(instance) = ledger.instances.iter().find(|instance| instance.name == name) else {
        return Some(format!("{name} is there and not in the ledger"));
    };
    if instance.incarnation < 1 {
        return Some(format!("{name} is there and the ledger does not count it"));
    }
    let held = matches!(&ledger.bootstrap, BootstrapSlot::Held { instance, .. } if instance == name);
    (!pod.gated && !held && !ledger.initialized).then(|| format!("{name} may start without the slot"))
}

fn ledger(cluster: &Cluster) -> Option<&ServiceLedgerSpec> {
    cluster.objects().find_map(|(_, object)| match object {
        Object::ServiceLedger(ledger) => Some(&ledger.spec),
        _ => None,
    })
}

/// What is broken when nothing happens any more: all is launched, as all has room.
pub(crate) fn broken_at_rest(cluster: &Cluster) -> Vec<String> {
    let pods = pods(cluster);
    let there = |prefix: &str| {
        let ours = pods.iter().filter(|pod| pod.key.name.starts_with(prefix));
        ours.filter(|pod| pod.ready.is_some()).count()
    };
    let mut broken = Vec::new();
    let gang = there("gang-worker-");
    if gang != 2 {
        broken.push(format!("at rest {gang} of the gang's 2 run"));
    }
    let recorded = ledger(cluster).map_or(0, |ledger| ledger.instances.len());
    let ring = there("ring-node-");
    if (recorded, ring) != (1, 1) {
        broken.push(format!("at rest {recorded} of the ring's 1 are on record, and {ring} run"));
    }
    broken
}
