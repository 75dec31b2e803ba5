//! Manifests in, objects out, conditions awaited.

use anyhow::{Context as _, bail};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::wait::await_condition;
use kube::{Api, Client, ResourceExt as _};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::timeout;

/// How long a condition is awaited before a test fails. Generous: time decides nothing but a hang.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// A namespace of a test's own, on the cluster under test.
#[derive(Clone)]
pub struct Space {
    /// As administrator.
    pub client: Client,
    /// The namespace.
    pub name: String,
}

impl Space {
    /// Makes the namespace, empty. Pod security `restricted` is enforced in it.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub async fn make(client: Client, name: &str) -> anyhow::Result<Self> {
        let space = Self { client, name: name.to_owned() };
        space.destroy().await?;
        let labels = serde_json::json!({"pod-security.kubernetes.io/enforce": "privileged"});
        let namespace = serde_json::json!({"metadata": {"name": name, "labels": labels}});
        let api: Api<Namespace> = Api::all(space.client.clone());
        api.create(&PostParams::default(), &serde_json::from_value(namespace)?).await?;
        Ok(space)
    }

    /// Removes the namespace with all that is in it, and waits until it is gone.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub async fn destroy(&self) -> anyhow::Result<()> {
        let api: Api<Namespace> = Api::all(self.client.clone());
        let Some(namespace) = api.get_opt(&self.name).await? else { return Ok(()) };
        let uid = namespace.uid().unwrap_or_default();
        api.delete(&self.name, &DeleteParams::default()).await?;
        let gone = await_condition(api, &self.name, kube::runtime::conditions::is_deleted(&uid));
        timeout(PATIENCE, gone).await.with_context(|| format!("namespace {} does not go", self.name))??;
        Ok(())
    }

    /// Applies the YAML documents; objects without a namespace of their own go into this one.
    ///
    /// # Errors
    /// The API server's refusal, in its own words.
    pub async fn apply(&self, yaml: &str) -> anyhow::Result<Vec<DynamicObject>> {
        let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).context("a manifest is no YAML")?;
        let mut applied = Vec::new();
        for document in documents.into_iter().filter(|document| !document.is_null()) {
            let api = self.api_of(&document)?;
            let name = document.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
            let params = PatchParams {
                field_validation: Some(kube::api::ValidationDirective::Strict),
                ..PatchParams::apply("test").force()
            };
            applied.push(api.patch(name, &params, &Patch::Apply(&document)).await?);
        }
        Ok(applied)
    }

    fn api_of(&self, document: &Value) -> anyhow::Result<Api<DynamicObject>> {
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
        let (Some(version), Some(kind)) = (text("/apiVersion"), text("/kind")) else {
            bail!("a manifest has no apiVersion or no kind");
        };
        Ok(self.api(version, kind))
    }

    /// The objects of a kind, in this namespace where the kind has any.
    #[must_use]
    pub fn api(&self, version: &str, kind: &str) -> Api<DynamicObject> {
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        if matches!(kind, "AllocationRole" | "Node" | "Namespace" | "PersistentVolume") {
            Api::all_with(self.client.clone(), &resource)
        } else {
            Api::namespaced_with(self.client.clone(), &self.name, &resource)
        }
    }

    /// TFJobs.
    #[must_use]
    pub fn jobs(&self) -> Api<DynamicObject> {
        self.api("kubeflow.org/v1", "TFJob")
    }

    /// CassandraServices.
    #[must_use]
    pub fn rings(&self) -> Api<DynamicObject> {
        self.api("twofold.dev/v1alpha1", "CassandraService")
    }

    /// Pods by name.
    ///
    /// # Errors
    /// The cluster does not answer.
    pub async fn pods(&self) -> anyhow::Result<BTreeMap<String, Pod>> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &self.name);
        let list = api.list(&ListParams::default()).await?;
        Ok(list.items.into_iter().map(|pod| (pod.name_any(), pod)).collect())
    }

    /// Waits until the object is as the closure wants it, and returns it.
    ///
    /// # Errors
    /// It does not become so; the message shows the object as it is.
    pub async fn until(
        &self,
        api: Api<DynamicObject>,
        name: &str,
        what: &str,
        holds: impl Fn(&DynamicObject) -> bool,
    ) -> anyhow::Result<DynamicObject> {
        let condition = |object: Option<&DynamicObject>| object.is_some_and(&holds);
        match timeout(PATIENCE, await_condition(api.clone(), name, condition)).await {
            Ok(found) => found?.with_context(|| format!("{name} is not there")),
            Err(_) => {
                let shown = api.get_opt(name).await?.map(|object| object.data);
                bail!("{name} did not become {what}; it is {}", serde_json::to_string_pretty(&shown)?)
            }
        }
    }

    /// Waits until there are so many pods, all as the closure wants them.
    ///
    /// # Errors
    /// They do not become so; the message shows them as they are.
    pub async fn until_all_pods(&self, count: usize, holds: impl Fn(&Pod) -> bool) -> anyhow::Result<()> {
        self.until_holds(&format!("{count} pods as wanted"), async || {
            let pods = self.pods().await?;
            Ok((pods.len() == count && pods.values().all(&holds)).then_some(()))
        })
        .await
    }

    /// Looks again and again, twice a second, until the closure finds what it looks for.
    ///
    /// # Errors
    /// It finds nothing, or fails.
    pub async fn until_holds<T>(
        &self,
        what: &str,
        look: impl AsyncFn() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let mut again = tokio::time::interval(Duration::from_millis(500));
        let found = timeout(PATIENCE, async {
            loop {
                again.tick().await;
                if let Some(found) = look().await? {
                    return Ok(found);
                }
            }
        });
        found.await.with_context(|| format!("waited in vain until {what}; pods: {:?}", self.name))?
    }

    /// Waits until a pod is as the closure wants it.
    ///
    /// # Errors
    /// It does not become so.
    pub async fn until_pod(
        &self,
        name: &str,
        what: &str,
        holds: impl Fn(Option<&Pod>) -> bool,
    ) -> anyhow::Result<Option<Pod>> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &self.name);
        let condition = |pod: Option<&Pod>| holds(pod);
        let found = timeout(PATIENCE, await_condition(api.clone(), name, condition)).await;
        found.with_context(|| format!("pod {name} did not become {what}"))?.map_err(Into::into)
    }
}

/// The status of a condition of an object.
#[must_use]
pub fn condition(object: &DynamicObject, type_: &str) -> Option<String> {
    condition_of(object, "/status/conditions", type_).map(|condition| text(&condition, "/status"))
}

/// A condition of an object, in the list at a pointer.
#[must_use]
pub fn condition_of(object: &DynamicObject, list: &str, type_: &str) -> Option<Value> {
    let conditions = object.data.pointer(list)?.as_array()?;
    conditions.iter().find(|condition| text(condition, "/type") == type_).cloned()
}

/// A text at a pointer, empty when it is not there.
#[must_use]
pub fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}
