//! The store of an API server, as far as the operator can tell: unique names, UIDs, versions, preconditions, merge
//! patches, and children that go with their owner.

use crate::action::{Action, Target, Write};
use crate::input::{Cause, Failure, Input, Outcome};
use crate::object::{Key, Kind, Object};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;
use std::collections::BTreeMap;
use twofold_allocator::tick::Timestamp;
use twofold_crds::service_ledger::BootstrapSlot;

/// All objects, and what watches have not been told yet.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    objects: BTreeMap<Key, Object>,
    version: u64,
    untold: Vec<Input>,
    now: Timestamp,
    lingers: bool,
}

impl Cluster {
    /// An empty cluster at a time.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { now, ..Self::default() }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Lets time pass.
    pub fn pass(&mut self, millis: u64) {
        self.now = self.now.plus_millis(millis);
    }

    /// From now on a pod that is deleted is there until its machine has ended it.
    pub fn let_pods_linger(&mut self) {
        self.lingers = true;
    }

    /// Machines have ended the pods that were deleted.
    pub fn end_lingering(&mut self) {
        let is_deleted =
            |object: &Object| matches!(object, Object::Pod(pod) if pod.metadata.deletion_timestamp.is_some());
        let gone: Vec<Key> = self
            .objects
            .iter()
            .filter(|(_, object)| is_deleted(object))
            .map(|(key, _)| key.clone())
            .collect();
        gone.iter().for_each(|key| self.remove(key));
    }

    /// The objects.
    pub fn objects(&self) -> impl Iterator<Item = (&Key, &Object)> {
        self.objects.iter()
    }

    /// One object.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<&Object> {
        self.objects.get(key)
    }

    /// What a watch that begins now is told: every kind listed, then closed.
    #[must_use]
    pub fn list(&self) -> Vec<Input> {
        let mut inputs = Vec::new();
        for kind in Kind::ALL {
            inputs.push(Input::ListBegan(kind));
            let of_kind = self.objects.values().filter(|object| object.kind() == kind);
            inputs.extend(of_kind.cloned().map(Input::Applied));
            inputs.push(Input::ListEnded(kind));
        }
        inputs
    }

    /// What watches have not been told yet.
    pub fn events(&mut self) -> Vec<Input> {
        std::mem::take(&mut self.untold)
    }

    /// Puts an object in, new or changed, as the API server would store it.
    pub fn put(&mut self, object: Object) -> Object {
        let key = object.key();
        self.version += 1;
        let known = self.objects.get(&key).map(|known| known.metadata().clone());
        let mut stored = object;
        let version = self.version;
        let now = self.now;
        stored.edit_metadata(|metadata| stamp(metadata, known.as_ref(), version, now));
        self.objects.insert(key, stored.clone());
        self.untold.push(Input::Applied(stored.clone()));
        stored
    }

    /// Takes an object out, with all that it controls.
    pub fn remove(&mut self, key: &Key) {
        let Some(object) = self.objects.remove(key) else { return };
        let uid = object.uid().to_owned();
        self.untold.push(Input::Deleted { key: key.clone(), uid: uid.clone() });
        let owned: Vec<_> = self
            .objects
            .iter()
            .filter(|(_, child)| {
                child.metadata().owner_references.iter().flatten().any(|owner| owner.uid == uid)
            })
            .map(|(key, _)| key.clone())
            .collect();
        for child in owned {
            self.remove(&child);
        }
    }

    /// Does what an action says, or refuses it as the API server would.
    pub fn perform(&mut self, action: &Action) -> Outcome {
        let result = match &action.write {
            Write::Create(object) => self.create(object),
            Write::DryRun(_) | Write::Event(_) => Ok(None),
            Write::Apply(object) => Ok(Some(self.put(object.clone()))),
            Write::Replace(object) => self.replace(object),
            Write::Patch { target, patch } | Write::Status { target, patch } => self.patch(target, patch),
            Write::LiftGate { pod, ledger, slot } => self.lift(pod, ledger, slot.as_deref()),
            Write::Delete { target, .. } => self.delete(target),
        };
        Outcome { action: action.clone(), result }
    }

    fn create(&mut self, object: &Object) -> Result<Option<Object>, Failure> {
        if self.objects.contains_key(&object.key()) {
            return Err(failure(Cause::AlreadyExists, format!("{} already exists", object.key())));
        }
        Ok(Some(self.put(object.clone())))
    }

    fn replace(&mut self, object: &Object) -> Result<Option<Object>, Failure> {
        let metadata = object.metadata();
        let target = Target {
            key: object.key(),
            uid: metadata.uid.clone().unwrap_or_default(),
            resource_version: metadata.resource_version.clone(),
        };
        self.find(&target)?;
        Ok(Some(self.put(object.clone())))
    }

    fn patch(&mut self, target: &Target, patch: &Value) -> Result<Option<Object>, Failure> {
        let mut value = self.find(target)?.to_value();
        merge(&mut value, patch);
        let object = Object::from_value(target.key.kind, value)
            .map_err(|error| failure(Cause::Invalid, error.to_string()))?;
        Ok(Some(self.put(object)))
    }

    fn lift(&mut self, pod: &Target, ledger: &Key, slot: Option<&str>) -> Result<Option<Object>, Failure> {
        let Some(Object::ServiceLedger(ledger)) = self.objects.get(ledger) else {
            return Err(failure(Cause::NotFound, format!("{ledger} not found")));
        };
        if let Some(instance) = slot
            && !matches!(&ledger.spec.bootstrap, BootstrapSlot::Held { instance: held, .. } if held == instance)
        {
            return Err(failure(Cause::Conflict, format!("the bootstrap slot is not held by {instance}")));
        }
        let Object::Pod(pod) = self.find(pod)?.clone() else {
            return Err(failure(Cause::NotFound, "not a pod".to_owned()));
        };
        let mut pod = pod;
        if let Some(spec) = pod.spec.as_mut() {
            spec.scheduling_gates = None;
        }
        Ok(Some(self.put(Object::Pod(pod))))
    }

    fn delete(&mut self, target: &Target) -> Result<Option<Object>, Failure> {
        let mut object = self.find(target)?.clone();
        if self.lingers && object.kind() == Kind::Pod {
            let now = crate::condition::time(self.now);
            object.edit_metadata(|metadata| {
                metadata.deletion_timestamp.get_or_insert(now);
            });
            return Ok(Some(self.put(object)));
        }
        self.remove(&target.key);
        Ok(None)
    }

    /// The object that is meant, if it is still that one in that version.
    fn find(&self, target: &Target) -> Result<&Object, Failure> {
        let object = self
            .objects
            .get(&target.key)
            .ok_or_else(|| failure(Cause::NotFound, format!("{} not found", target.key)))?;
        let metadata = object.metadata();
        let same_version =
            target.resource_version.as_ref().is_none_or(|v| metadata.resource_version.as_ref() == Some(v));
        if metadata.uid.as_deref() == Some(&target.uid) && same_version {
            Ok(object)
        } else {
            Err(failure(Cause::Conflict, format!("{} has changed", target.key)))
        }
    }
}

fn failure(cause: Cause, message: String) -> Failure {
    Failure { cause, message }
}

fn stamp(metadata: &mut ObjectMeta, known: Option<&ObjectMeta>, version: u64, now: Timestamp) {
    match known {
        Some(known) => {
            metadata.uid.clone_from(&known.uid);
            metadata.creation_timestamp.clone_from(&known.creation_timestamp);
        }
        None => {
            metadata.uid = Some(format!("uid-{version}"));
            metadata.creation_timestamp.get_or_insert_with(|| crate::condition::time(now));
        }
    }
    metadata.generation.get_or_insert(1);
    metadata.resource_version = Some(version.to_string());
}

/// JSON merge patch (RFC 7396).
fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(serde_json::Map::new());
    }
    let Value::Object(fields) = value else { return };
    for (name, part) in patch {
        if part.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name.clone()).or_insert(Value::Null), part);
        }
    }
}
