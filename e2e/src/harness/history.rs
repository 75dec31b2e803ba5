//! The history of pods as a watch shows it.

use super::api::PATIENCE;
use anyhow::Context as _;
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, Client, ResourceExt as _};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// One thing that a watch showed.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When.
    pub at: Instant,
    /// The pod.
    pub pod: String,
    /// Its UID.
    pub uid: String,
    /// Whether it is there; else it is gone.
    pub there: bool,
    /// Its phase.
    pub phase: String,
}

/// Records all pods of a namespace until it is dropped.
pub struct Recorder {
    moments: Arc<Mutex<Vec<Moment>>>,
    task: JoinHandle<()>,
}

impl Recorder {
    /// Begins to record.
    #[must_use]
    pub fn start(client: Client, namespace: &str) -> Self {
        let moments = Arc::new(Mutex::new(Vec::new()));
        let api: Api<Pod> = Api::namespaced(client, namespace);
        let sink = Arc::clone(&moments);
        let task = tokio::spawn(async move {
            let mut events = watcher(api, Config::default()).boxed();
            while let Some(event) = events.next().await {
                let (pod, there) = match event {
                    Ok(Event::Apply(pod) | Event::InitApply(pod)) => (pod, true),
                    Ok(Event::Delete(pod)) => (pod, false),
                    _ => continue,
                };
                let phase = pod.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default();
                let moment = Moment {
                    at: Instant::now(),
                    pod: pod.name_any(),
                    uid: pod.uid().unwrap_or_default(),
                    there,
                    phase,
                };
                sink.lock().unwrap_or_else(PoisonError::into_inner).push(moment);
            }
        });
        Self { moments, task }
    }

    /// All that was seen so far.
    #[must_use]
    pub fn moments(&self) -> Vec<Moment> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until what was seen is as the closure wants it.
    ///
    /// # Errors
    /// It does not become so.
    pub async fn until(&self, holds: impl Fn(&[Moment]) -> bool) -> anyhow::Result<()> {
        let mut again = tokio::time::interval(Duration::from_millis(20));
        let found = timeout(PATIENCE, async {
            while !holds(&self.moments()) {
                again.tick().await;
            }
        });
        found.await.context("the watch did not show what was waited for")
    }

    /// Names that were made by more than one pod.
    #[must_use]
    pub fn made_twice(&self) -> BTreeSet<String> {
        let made: BTreeSet<_> = self.moments().into_iter().map(|moment| (moment.pod, moment.uid)).collect();
        let mut names = BTreeSet::new();
        made.into_iter().filter(|(name, _)| !names.insert(name.clone())).map(|(name, _)| name).collect()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}
