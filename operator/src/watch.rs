//! Watches of every kind that the operator deals with, as inputs of the brain.
//!
//! Nothing is cached here: an object goes on as it comes, and the brain keeps the few fields that it uses. An object
//! that cannot be read is passed on as such and stops nothing else.

mod merge;

use crate::metrics::Metrics;
use futures::StreamExt as _;
use futures::stream::SelectAll;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{ConfigMap, Node, PersistentVolume, PersistentVolumeClaim, Pod, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::core::DeserializeGuard;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{Config, Error, Event, watcher};
use kube::{Api, Client, Resource};
use merge::Merge;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt::Debug;
use tokio::sync::mpsc;
use tracing::{debug, warn};
use twofold_core::input::Input;
use twofold_core::object::{Key, Kind, Object};
use twofold_crds::{AllocationRole, CassandraService, ServiceLedger, TFJob};

/// The label of the objects that we make.
const OURS: &str = "app.kubernetes.io/managed-by=twofold";

/// What a watch is made of.
#[derive(Clone)]
pub struct Watch {
    /// Reads; may repeat a read by itself.
    pub client: Client,
    /// Namespaces that are served; all when empty.
    pub namespaces: Vec<String>,
    /// Where inputs go.
    pub inputs: mpsc::Sender<Input>,
    /// For restarts and failures.
    pub metrics: Metrics,
}

impl Watch {
    /// Follows one kind until nobody takes the inputs any more. Pods are followed in all namespaces, since all of
    /// them use what the agents have.
    pub async fn follow(self, kind: Kind) {
        let (all, ours) = (Config::default(), Config::default().labels(OURS));
        match kind {
            Kind::Node => self.everywhere::<Node>(kind, all).await,
            Kind::Pod => self.everywhere::<Pod>(kind, all).await,
            Kind::PersistentVolume => self.everywhere::<PersistentVolume>(kind, all).await,
            Kind::AllocationRole => self.everywhere::<AllocationRole>(kind, all).await,
            Kind::Service => self.served::<Service>(kind, ours).await,
            Kind::PersistentVolumeClaim => self.served::<PersistentVolumeClaim>(kind, ours).await,
            Kind::ConfigMap => self.served::<ConfigMap>(kind, ours).await,
            Kind::PodDisruptionBudget => self.served::<PodDisruptionBudget>(kind, ours).await,
            Kind::TFJob => self.served::<TFJob>(kind, all).await,
            Kind::CassandraService => self.served::<CassandraService>(kind, all).await,
            Kind::ServiceLedger => self.served::<ServiceLedger>(kind, all).await,
        }
    }

    async fn everywhere<K>(self, kind: Kind, config: Config)
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
        Object: From<K>,
    {
        let api = Api::<DeserializeGuard<K>>::all(self.client.clone());
        self.run(kind, config, vec![api]).await;
    }

    async fn served<K>(self, kind: Kind, config: Config)
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
        K: Clone + Debug + DeserializeOwned + Send + 'static,
        Object: From<K>,
    {
        if self.namespaces.is_empty() {
            return self.everywhere::<K>(kind, config).await;
        }
        let api = |namespace: &String| Api::namespaced(self.client.clone(), namespace);
        let apis: Vec<Api<DeserializeGuard<K>>> = self.namespaces.iter().map(api).collect();
        self.run(kind, config, apis).await;
    }

    async fn run<K>(self, kind: Kind, config: Config, apis: Vec<Api<DeserializeGuard<K>>>)
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
        Object: From<K>,
    {
        let mut merge = Merge::new(kind, apis.len());
        let mut begun = BTreeSet::new();
        let mut streams = SelectAll::new();
        for (part, api) in apis.into_iter().enumerate() {
            let events = watcher(api, config.clone()).default_backoff();
            streams.push(events.map(move |event| (part, event)).boxed());
        }
        while let Some((part, event)) = streams.next().await {
            let input = match event {
                Ok(event) => input(kind, event),
                Err(error) => {
                    self.report(kind, &error);
                    continue;
                }
            };
            if matches!(input, Input::ListBegan(_)) && !begun.insert(part) {
                self.metrics.watch_restarted(kind);
            }
            if let Input::Undecodable { key, message } = &input {
                self.metrics.could_not_decode(kind);
                warn!(object = %key, message, "set aside an object that cannot be read");
            }
            for input in merge.take(part, input) {
                if self.inputs.send(input).await.is_err() {
                    return;
                }
            }
        }
    }

    /// A watch goes on by itself after a failure, with growing pauses of at most half a minute.
    fn report(&self, kind: Kind, error: &Error) {
        self.metrics.watch_failed(kind);
        match error {
            Error::InitialListFailed(kube::Error::Api(status)) if status.is_not_found() => {
                warn!(%kind, "failed to list: the API server does not know the kind; install its definition");
            }
            Error::InitialListFailed(_) | Error::WatchStartFailed(_) | Error::NoResourceVersion => {
                warn!(%kind, %error, "failed to follow; trying again");
            }
            // Connections end and old versions are forgotten all the time.
            Error::WatchError(_) | Error::WatchFailed(_) => debug!(%kind, %error, "a watch broke; going on"),
        }
    }
}

/// What an event tells the brain.
fn input<K>(kind: Kind, event: Event<DeserializeGuard<K>>) -> Input
where
    K: Resource<DynamicType = ()>,
    Object: From<K>,
{
    match event {
        Event::Init => Input::ListBegan(kind),
        Event::InitDone => Input::ListEnded(kind),
        Event::Delete(object) => {
            Input::Deleted { key: key(kind, &object), uid: object.meta().uid.clone().unwrap_or_default() }
        }
        Event::Apply(object) | Event::InitApply(object) => {
            let key = key(kind, &object);
            match object.0 {
                Ok(mut object) => {
                    object.meta_mut().managed_fields = None;
                    Input::Applied(object.into())
                }
                Err(invalid) => Input::Undecodable { key, message: invalid.error },
            }
        }
    }
}

fn key<K: Resource>(kind: Kind, object: &DeserializeGuard<K>) -> Key {
    let meta = object.meta();
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    Key { kind, namespace: text(&meta.namespace), name: text(&meta.name) }
}
