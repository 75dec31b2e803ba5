//! One job and its surroundings: a manifest, pods in given states, the time. A pass writes the job's status as the API
//! server would store it.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::tick::Timestamp;
use twofold_core::action::{Action, Note, Write};
use twofold_core::frameworks::{Framework, Problem, Reclaim, Situation, Upkeep, Waiting};
use twofold_core::object::{Key, Object};
use twofold_core::observe::{claim, pod};
use twofold_core::record::{PodRecord, SupportRecord};
use twofold_core::settings::Settings;
use twofold_crds::TFJob;
use twofold_crds::tfjob::{ReplicaStatus, TfJobStatus};
use twofold_sdk::observed::ServiceView;
use twofold_sdk::plan::plans;
use twofold_sdk::spec::ServiceSpec;

/// When every scene begins: 2023-11-14T22:13:20Z.
const START_MILLIS: u64 = 1_700_000_000_000;

pub(crate) struct Scene {
    pub(crate) job: TFJob,
    pub(crate) pods: BTreeMap<String, Pod>,
    pub(crate) support: BTreeMap<Key, SupportRecord>,
    pub(crate) view: ServiceView,
    pub(crate) settings: Settings,
    pub(crate) waiting: Waiting,
    pub(crate) reclaim: Option<Reclaim>,
    pub(crate) now: Timestamp,
}

/// How far a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Is {
    Pending,
    Running,
    /// Running, with so many restarts of its container by the kubelet.
    RestartedInPlace(i32),
    /// Running, and asked to go.
    Going,
    Succeeded,
    /// Asked to go, and ended with exit code 0.
    WentWell,
    /// Failed with this exit code of the container that trains.
    Failed(i32),
    /// Failed as a whole, with this reason and no word of its containers.
    Ended(&'static str),
}

impl Scene {
    /// A job by its manifest, which need not say kind, name or namespace.
    pub(crate) fn new(manifest: &str) -> Self {
        let mut value: Value = serde_saphyr::from_str(manifest).expect("a manifest");
        let defaults = json!({"apiVersion": "kubeflow.org/v1", "kind": "TFJob", "metadata":
            {"name": "mnist", "namespace": "team", "uid": "job-uid", "resourceVersion": "1", "generation": 1}});
        let mut whole = defaults;
        merge(&mut whole, std::mem::take(&mut value));
        Self {
            job: serde_json::from_value(whole).expect("a TFJob"),
            pods: BTreeMap::new(),
            support: BTreeMap::new(),
            view: ServiceView::default(),
            settings: Settings::default(),
            waiting: Waiting::default(),
            reclaim: None,
            now: Timestamp(START_MILLIS),
        }
    }

    /// A job of these replicas, all of one image, with more fields of the spec in flow style.
    pub(crate) fn of(replicas: &[(&str, u32)], more: &str) -> Self {
        let mut scene = Self::new(&format!("spec: {{tfReplicaSpecs: {{}}, {more}}}"));
        for (type_, count) in replicas {
            let spec = json!({"replicas": count, "template": {"spec": {"containers":
                [{"name": "tensorflow", "image": "local/train:1"}]}}});
            let spec = serde_json::from_value(spec).expect("replicas");
            scene.job.spec.tf_replica_specs.insert((*type_).to_owned(), spec);
        }
        scene
    }

    /// Every replica type gets this restart policy.
    pub(crate) fn policy(mut self, policy: &str) -> Self {
        for spec in self.job.spec.tf_replica_specs.values_mut() {
            spec.restart_policy = Some(policy.to_owned());
        }
        self
    }

    /// There is a pod in this state; another pod of its name is gone.
    pub(crate) fn pod(&mut self, type_: &str, index: u32, is: Is) -> &mut Self {
        let name = format!("mnist-{type_}-{index}");
        let generation = self.pods.get(&name).map_or(0, |_| 1);
        self.named_pod(type_, index, &format!("{name}-{generation}"), is)
    }

    /// There is a pod with this UID in this state.
    pub(crate) fn named_pod(&mut self, type_: &str, index: u32, uid: &str, is: Is) -> &mut Self {
        let name = format!("mnist-{type_}-{index}");
        let mut value = json!({"metadata": {"name": name, "namespace": "team", "uid": uid, "resourceVersion": "1",
            "labels": {"twofold.dev/pod-type": type_, "twofold.dev/index": index.to_string()}},
            "spec": {"nodeName": "agent-0", "containers": []}, "status": state(is)});
        if matches!(is, Is::Going | Is::WentWell) {
            value["metadata"]["deletionTimestamp"] = json!("2023-11-14T22:13:20Z");
        }
        self.pods.insert(name, serde_json::from_value(value).expect("a pod"));
        self
    }

    /// So many pods of a type, counted up from an index.
    pub(crate) fn pods(&mut self, type_: &str, from: u32, count: u32, is: Is) -> u32 {
        for index in from..from + count {
            self.pod(type_, index, is);
        }
        from + count
    }

    /// The pod is gone.
    pub(crate) fn gone(&mut self, type_: &str, index: u32) {
        self.pods.remove(&format!("mnist-{type_}-{index}"));
    }

    /// Time passes.
    pub(crate) fn pass_time(&mut self, seconds: u64) {
        self.now = self.now.plus_millis(seconds * 1_000);
    }

    pub(crate) fn translate(&self) -> Result<ServiceSpec, Vec<Problem>> {
        self.job.translate(None, &self.settings, &BTreeMap::new())
    }

    pub(crate) fn upkeep(&self) -> Upkeep {
        let spec = self.translate().expect("a valid job");
        self.with_situation(|situation| self.job.upkeep(&spec, situation))
    }

    /// One status pass; what it writes is stored. The reasons of its events.
    pub(crate) fn tell(&mut self) -> Vec<String> {
        self.notes().into_iter().map(|note| note.reason).collect()
    }

    /// One status pass; what it writes is stored. Its events.
    pub(crate) fn notes(&mut self) -> Vec<Note> {
        let actions = self.status();
        let mut notes = Vec::new();
        for action in actions {
            match action.write {
                Write::Status { patch, .. } => self.store(patch),
                Write::Event(note) => notes.push(note),
                other => panic!("a status pass writes {}", other.label()),
            }
        }
        notes
    }

    /// The writes of one status pass.
    pub(crate) fn status(&self) -> Vec<Action> {
        self.with_situation(|situation| match self.translate() {
            Ok(spec) => {
                let plans = plans(&spec, &self.view, self.now);
                self.job.status(Ok((&spec, &plans, &self.waiting)), situation)
            }
            Err(problems) => self.job.status(Err(&problems), situation),
        })
    }

    fn store(&mut self, patch: Value) {
        let mut stored = serde_json::to_value(&self.job).expect("a TFJob");
        merge(&mut stored, patch);
        self.job = serde_json::from_value(stored).expect("a TFJob");
    }

    pub(crate) fn with_situation<T>(&self, run: impl FnOnce(&Situation<'_>) -> T) -> T {
        let records: Vec<PodRecord> = self.pods.values().map(pod::record).collect();
        let pods: Vec<&PodRecord> = records.iter().collect();
        run(&Situation {
            now: self.now,
            settings: &self.settings,
            pods: &pods,
            claims: &[],
            support: &self.support,
            ledger: None,
            reports: &BTreeMap::new(),
            view: &self.view,
            zones: &BTreeMap::new(),
            gone: &BTreeSet::new(),
            reclaim: self.reclaim.as_ref(),
        })
    }

    /// Services that these writes leave behind.
    pub(crate) fn perform_services(&mut self, actions: &[Action]) {
        for action in actions {
            match &action.write {
                Write::Create(object @ Object::Service(_)) | Write::Apply(object @ Object::Service(_)) => {
                    self.support.insert(object.key(), claim::support(object));
                }
                Write::Delete { target, .. } => {
                    self.support.remove(&target.key);
                }
                _ => {}
            }
        }
    }

    /// The job's status as it is stored.
    pub(crate) fn told(&self) -> TfJobStatus {
        self.job.status.clone().unwrap_or_default()
    }

    /// The job's conditions in their order; one that is not true says so.
    pub(crate) fn conditions(&self) -> Vec<String> {
        let shown = |one: twofold_crds::tfjob::JobCondition| match one.status.as_str() {
            "True" => one.type_,
            other => format!("{}={other}", one.type_),
        };
        self.told().conditions.into_iter().map(shown).collect()
    }

    /// The message of a condition.
    pub(crate) fn message(&self, type_: &str) -> String {
        let conditions = self.told().conditions;
        conditions.into_iter().find(|one| one.type_ == type_).and_then(|one| one.message).unwrap_or_default()
    }

    /// Counts of a replica type: active, succeeded, failed.
    pub(crate) fn counts(&self, type_: &str) -> (i32, i32, i32) {
        let ReplicaStatus { active, succeeded, failed, .. } =
            self.told().replica_statuses.get(type_).cloned().unwrap_or_default();
        (active, succeeded, failed)
    }
}

fn state(is: Is) -> Value {
    let container = |state: Value, restarts: i32| json!([{"name": "tensorflow", "image": "", "imageID": "", "ready": false, "restartCount": restarts, "state": state}]);
    let ended = |code: i32| container(json!({"terminated": {"exitCode": code}}), 0);
    match is {
        Is::Pending => json!({"phase": "Pending"}),
        Is::Running | Is::Going => json!({"phase": "Running"}),
        Is::RestartedInPlace(restarts) => {
            json!({"phase": "Running", "containerStatuses": container(json!({"running": {}}), restarts)})
        }
        Is::Succeeded | Is::WentWell => json!({"phase": "Succeeded", "containerStatuses": ended(0)}),
        Is::Failed(code) => json!({"phase": "Failed", "containerStatuses": ended(code)}),
        Is::Ended(reason) => json!({"phase": "Failed", "reason": reason}),
    }
}

/// Merges a patch into a value (RFC 7396).
fn merge(into: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *into = patch;
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    let Value::Object(fields) = into else { return };
    for (name, value) in patch {
        if value.is_null() {
            fields.remove(&name);
        } else {
            merge(fields.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// What writes do to which objects, one line each.
pub(crate) fn lines(actions: &[Action]) -> Vec<String> {
    actions.iter().map(|action| format!("{} {}", action.write.label(), action.write.key().name)).collect()
}
