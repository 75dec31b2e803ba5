//! Records of all that is in the cluster, with the indexes that decisions need.

use crate::action::Write;
use crate::frameworks::{Framework, Report};
use crate::input::{Cause, Input, Outcome};
use crate::object::{Key, Kind, Object};
use crate::observe::listing::Listing;
use crate::observe::touched::Touched;
use crate::observe::{agent, claim, pod};
use crate::record::{ClaimRecord, Controller, Phase, PodRecord, SupportRecord, VolumeRecord};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use twofold_allocator::agent::Agent;
use twofold_allocator::id::AgentId;
use twofold_allocator::tick::Timestamp;
use twofold_crds::allocation_role::RoleReclaim;
use twofold_crds::{AllocationRole, CassandraService, ServiceLedger, TFJob};
use twofold_sdk::admission::AgentFacts;

/// A custom resource that becomes a service.
#[derive(Clone, Debug)]
pub enum Resource {
    /// A TensorFlow job.
    TFJob(Arc<TFJob>),
    /// A Cassandra ring.
    CassandraService(Arc<CassandraService>),
}

/// All records. A record is replaced only by a newer version of the same object, so a lagging watch cannot take the
/// world back in time.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Agents as level one is told of them.
    pub agents: BTreeMap<AgentId, Agent>,
    /// What level two must know of agents.
    pub facts: BTreeMap<AgentId, AgentFacts>,
    /// The zones of agents, by name; an agent that does not say is absent.
    pub zones: BTreeMap<String, String>,
    /// Pods.
    pub pods: BTreeMap<Key, PodRecord>,
    /// Pods by the agent that they count on.
    pub pods_by_agent: BTreeMap<AgentId, BTreeSet<Key>>,
    /// Pods by the UID of their controller.
    pub pods_by_owner: BTreeMap<String, BTreeSet<Key>>,
    /// Claims of ours.
    pub claims: BTreeMap<Key, ClaimRecord>,
    /// Volumes by name.
    pub volumes: BTreeMap<String, VolumeRecord>,
    /// Services, configuration and budgets of ours.
    pub support: BTreeMap<Key, SupportRecord>,
    /// Ledgers.
    pub ledgers: BTreeMap<Key, ServiceLedger>,
    /// Roles by name.
    pub roles: BTreeMap<String, AllocationRole>,
    /// Custom resources that become services.
    pub resources: BTreeMap<Key, Resource>,
    /// Objects that cannot be read, with the reason.
    pub unreadable: BTreeMap<Key, String>,
    /// What service agents last said, by pod UID.
    pub reports: BTreeMap<String, Report>,
    listing: Listing,
    versions: BTreeMap<Key, (String, String)>,
    owners: BTreeMap<String, Key>,
    buried: Graves,
}

/// The UIDs of objects that are gone, so that a late event does not bring them back. The newest are kept.
#[derive(Clone, Debug, Default)]
struct Graves {
    order: VecDeque<String>,
    uids: BTreeSet<String>,
}

impl Graves {
    const MOST: usize = 8_192;

    fn dig(&mut self, uid: &str) {
        if uid.is_empty() || !self.uids.insert(uid.to_owned()) {
            return;
        }
        self.order.push_back(uid.to_owned());
        if self.order.len() > Self::MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.uids.remove(&oldest);
        }
    }
}

impl World {
    /// Whether every kind has been listed once.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.listing.is_complete()
    }

    /// Takes in one thing that happened.
    pub fn take(&mut self, input: Input, now: Timestamp, touched: &mut Touched) {
        match input {
            Input::ListBegan(kind) => self.listing.begin(kind),
            Input::Applied(object) => self.apply(object, touched),
            Input::Deleted { key, uid } => self.bury(&key, &uid, touched),
            Input::Undecodable { key, message } => {
                self.listing.saw(&key);
                self.unreadable.insert(key, message);
            }
            Input::ListEnded(kind) => self.end_list(kind, touched),
            Input::Report { pod, uid, answer } => {
                if let Some(record) = self.pods.get(&pod).filter(|record| record.identity.uid == uid) {
                    touch_owner(record.controller.as_ref(), &pod.namespace, touched);
                    self.reports.insert(uid, Report { at: now, answer });
                }
            }
            Input::Outcome(outcome) => self.take_outcome(outcome, touched),
        }
    }

    /// Our own writes are read from their answers: no decision waits for the watch to show them.
    fn take_outcome(&mut self, outcome: Outcome, touched: &mut Touched) {
        let gone = match (&outcome.action.write, outcome.result) {
            (Write::DryRun(_), _) => return,
            (_, Ok(Some(object))) => return self.apply(object, touched),
            (Write::Delete { target, .. }, Ok(None)) => target,
            (Write::Delete { target, .. }, Err(failure)) if failure.cause == Cause::NotFound => target,
            _ => return,
        };
        self.bury(&gone.key, &gone.uid, touched);
    }

    fn end_list(&mut self, kind: Kind, touched: &mut Touched) {
        let Some(seen) = self.listing.end(kind) else { return };
        self.unreadable.retain(|key, _| key.kind != kind || seen.contains(key));
        let gone: Vec<_> = self
            .versions
            .iter()
            .filter(|(key, _)| key.kind == kind && !seen.contains(*key))
            .map(|(key, (uid, _))| (key.clone(), uid.clone()))
            .collect();
        for (key, uid) in gone {
            self.bury(&key, &uid, touched);
        }
    }

    fn apply(&mut self, object: Object, touched: &mut Touched) {
        let (key, identity) = (object.key(), pod::identity(object.metadata()));
        self.listing.saw(&key);
        if self.buried.uids.contains(&identity.uid) {
            return;
        }
        match self.versions.get(&key) {
            Some((uid, known)) if *uid == identity.uid && is_older(&identity.resource_version, known) => {
                return;
            }
            Some((uid, _)) if *uid != identity.uid => {
                let uid = uid.clone();
                self.remove(&key, &uid, touched);
            }
            Some(_) | None => {}
        }
        self.unreadable.remove(&key);
        self.versions.insert(key.clone(), (identity.uid, identity.resource_version));
        self.insert(key, object, touched);
    }

    /// The object with this UID is gone for good: a late event that still shows it is not believed.
    fn bury(&mut self, key: &Key, uid: &str, touched: &mut Touched) {
        self.unreadable.remove(key);
        self.buried.dig(uid);
        if self.versions.get(key).is_some_and(|(known, _)| known == uid) {
            self.remove(key, uid, touched);
        }
    }

    fn insert(&mut self, key: Key, object: Object, touched: &mut Touched) {
        match object {
            Object::Node(node) => self.insert_agent(&node, touched),
            Object::Pod(pod) => self.insert_pod(key, pod::record(&pod), touched),
            Object::PersistentVolumeClaim(object) => {
                let record = claim::claim(&object);
                self.touch_cluster(&record, touched);
                self.claims.insert(key, record);
            }
            Object::PersistentVolume(object) => {
                self.touch_volume(&key.name, touched);
                self.volumes.insert(key.name, claim::volume(&object));
            }
            Object::ServiceLedger(ledger) => {
                self.touch_ledger(&key, touched);
                self.ledgers.insert(key, *ledger);
            }
            Object::AllocationRole(role) => {
                touched.roles = true;
                self.roles.insert(key.name, *role);
            }
            Object::TFJob(job) => self.insert_resource(key, Resource::TFJob(Arc::new(*job)), touched),
            Object::CassandraService(service) => {
                self.insert_resource(key, Resource::CassandraService(Arc::new(*service)), touched);
            }
            Object::Service(_) | Object::ConfigMap(_) | Object::PodDisruptionBudget(_) => {
                let record = claim::support(&object);
                touch_owner(record.controller.as_ref(), &key.namespace, touched);
                self.support.insert(key, record);
            }
        }
    }

    fn insert_agent(&mut self, node: &Node, touched: &mut Touched) {
        let agent = agent::agent(node);
        let (name, id) = (agent.id.as_str().to_owned(), agent.id.clone());
        let mut facts = agent::facts(node);
        if let Some(known) = self.facts.get(&id) {
            facts.host_ports.clone_from(&known.host_ports);
        }
        if self.agents.get(&id) == Some(&agent) && self.facts.get(&id) == Some(&facts) {
            return;
        }
        match &agent.domain {
            Some(domain) => self.zones.insert(name, domain.zone.as_str().to_owned()),
            None => self.zones.remove(&name),
        };
        touched.agents.insert(id.clone());
        self.facts.insert(id.clone(), facts);
        self.agents.insert(id.clone(), agent);
        self.count_ports(&id);
    }

    /// Gathers the ports that pods take on an agent.
    fn count_ports(&mut self, id: &AgentId) {
        let Some(facts) = self.facts.get_mut(id) else { return };
        let pods = self.pods_by_agent.get(id).into_iter().flatten().filter_map(|key| self.pods.get(key));
        let pods = pods.filter(|pod| !matches!(pod.phase, Phase::Succeeded | Phase::Failed));
        facts.host_ports = pods.flat_map(|pod| pod.host_ports.iter().copied()).collect();
    }

    fn insert_resource(&mut self, key: Key, resource: Resource, touched: &mut Touched) {
        touched.services.insert(key.clone());
        self.owners.insert(resource.uid().to_owned(), key.clone());
        self.resources.insert(key, resource);
    }

    fn insert_pod(&mut self, key: Key, record: PodRecord, touched: &mut Touched) {
        self.unlink_pod(&key);
        if let Some(agent) = &record.agent {
            self.pods_by_agent.entry(agent.clone()).or_default().insert(key.clone());
        }
        if let Some(owner) = &record.controller {
            self.pods_by_owner.entry(owner.uid.clone()).or_default().insert(key.clone());
        }
        touch_owner(record.controller.as_ref(), &key.namespace, touched);
        touched.pods.insert(key.clone());
        let agent = record.agent.clone().filter(|_| !record.host_ports.is_empty());
        self.pods.insert(key, record);
        if let Some(agent) = agent {
            self.count_ports(&agent);
        }
    }

    fn unlink_pod(&mut self, key: &Key) -> Option<PodRecord> {
        let record = self.pods.remove(key)?;
        unlink(&mut self.pods_by_agent, record.agent.as_ref(), key);
        unlink(&mut self.pods_by_owner, record.controller.as_ref().map(|owner| &owner.uid), key);
        if let Some(agent) = record.agent.as_ref().filter(|_| !record.host_ports.is_empty()) {
            self.count_ports(agent);
        }
        Some(record)
    }

    fn remove(&mut self, key: &Key, uid: &str, touched: &mut Touched) {
        self.versions.remove(key);
        match key.kind {
            Kind::Node => {
                let id = AgentId::from(key.name.as_str());
                self.agents.remove(&id);
                self.zones.remove(&key.name);
                self.facts.remove(&id);
                touched.agents.insert(id);
            }
            Kind::Pod => {
                self.reports.remove(uid);
                if let Some(record) = self.unlink_pod(key) {
                    touch_owner(record.controller.as_ref(), &key.namespace, touched);
                }
                touched.pods.insert(key.clone());
            }
            Kind::PersistentVolumeClaim => {
                if let Some(record) = self.claims.remove(key) {
                    self.touch_cluster(&record, touched);
                }
            }
            Kind::PersistentVolume => {
                self.touch_volume(&key.name, touched);
                self.volumes.remove(&key.name);
            }
            Kind::ServiceLedger => {
                self.touch_ledger(key, touched);
                self.ledgers.remove(key);
            }
            Kind::AllocationRole => {
                touched.roles = true;
                self.roles.remove(&key.name);
            }
            Kind::TFJob | Kind::CassandraService => {
                self.resources.remove(key);
                self.owners.remove(uid);
                touched.gone.insert(key.clone());
            }
            Kind::Service | Kind::ConfigMap | Kind::PodDisruptionBudget => {
                if let Some(record) = self.support.remove(key) {
                    touch_owner(record.controller.as_ref(), &key.namespace, touched);
                }
            }
        }
    }

    /// Whether an agent is there but cannot be read, which is not the same as gone.
    #[must_use]
    pub fn is_unreadable(&self, agent: &AgentId) -> bool {
        self.unreadable.contains_key(&Key::new(Kind::Node, "", agent.as_str()))
    }

    /// Whether an agent is no more. One that cannot be read is there.
    #[must_use]
    pub fn is_gone(&self, agent: &AgentId) -> bool {
        !self.agents.contains_key(agent) && !self.is_unreadable(agent)
    }

    /// Whether what runs of a custom resource may be ended for a role below its guarantee.
    #[must_use]
    pub fn is_reclaimable(&self, key: &Key) -> bool {
        let allowed =
            |role: &str| self.roles.get(role).is_some_and(|role| role.spec.reclaim == RoleReclaim::Allowed);
        self.resources.get(key).is_some_and(|resource| resource.framework().is_reclaimable(&allowed))
    }

    /// The custom resource that a pod says it belongs to.
    #[must_use]
    pub fn owner_of(&self, pod: &Key) -> Option<Key> {
        let controller = self.pods.get(pod)?.controller.as_ref()?;
        Some(Key::new(controller.kind?, &pod.namespace, &controller.name))
    }

    /// The claims that hold the data of the service with this UID.
    pub fn claims_of(&self, uid: &str, namespace: &str) -> impl Iterator<Item = &ClaimRecord> {
        self.claims
            .values()
            .filter(move |claim| claim.cluster_id.as_deref() == Some(uid) && claim.key.namespace == namespace)
    }

    fn touch_cluster(&self, claim: &ClaimRecord, touched: &mut Touched) {
        let Some(id) = &claim.cluster_id else { return };
        touched.services.extend(self.owners.get(id).cloned());
        let adopted = self.ledgers.iter().filter(|(_, ledger)| ledger.spec.cluster_id == *id);
        let services = adopted.map(|(key, _)| Key { kind: Kind::CassandraService, ..key.clone() });
        touched.services.extend(services.filter(|key| self.resources.contains_key(key)));
    }

    fn touch_volume(&self, name: &str, touched: &mut Touched) {
        let claims = self.claims.values().filter(|claim| claim.volume.as_deref() == Some(name));
        for claim in claims {
            self.touch_cluster(claim, touched);
        }
    }

    fn touch_ledger(&self, ledger: &Key, touched: &mut Touched) {
        let service = Key { kind: Kind::CassandraService, ..ledger.clone() };
        if self.resources.contains_key(&service) {
            touched.services.insert(service);
        }
    }
}

impl Resource {
    /// The framework that it becomes.
    #[must_use]
    pub fn framework(&self) -> &dyn Framework {
        match self {
            Self::TFJob(job) => job.as_ref(),
            Self::CassandraService(service) => service.as_ref(),
        }
    }

    fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::TFJob(job) => &job.metadata,
            Self::CassandraService(service) => &service.metadata,
        }
    }

    /// Whether its deletion was asked for.
    #[must_use]
    pub fn is_being_deleted(&self) -> bool {
        self.metadata().deletion_timestamp.is_some()
    }

    /// The generation of its spec.
    #[must_use]
    pub fn generation(&self) -> i64 {
        self.metadata().generation.unwrap_or_default()
    }

    /// Its UID.
    #[must_use]
    pub fn uid(&self) -> &str {
        self.metadata().uid.as_deref().unwrap_or_default()
    }
}

fn touch_owner(controller: Option<&Controller>, namespace: &str, touched: &mut Touched) {
    if let Some(owner) = controller
        && let Some(kind) = owner.kind
    {
        touched.services.insert(Key::new(kind, namespace, &owner.name));
    }
}

fn unlink<K: Ord + Clone>(index: &mut BTreeMap<K, BTreeSet<Key>>, at: Option<&K>, key: &Key) {
    let Some(at) = at else { return };
    if let Some(keys) = index.get_mut(at) {
        keys.remove(key);
        if keys.is_empty() {
            index.remove(at);
        }
    }
}

/// Whether a resource version is older than another. They are comparable as integers; ones that are not are taken as
/// newer, as the watch's own order is all there is then.
fn is_older(version: &str, than: &str) -> bool {
    match (version.parse::<u64>(), than.parse::<u64>()) {
        (Ok(version), Ok(than)) => version < than,
        _ => false,
    }
}
