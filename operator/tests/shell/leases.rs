//! An API server that knows one Lease: get, create, replace with resource version, and watch.

use crate::api::{MockHandle, status};
use axum::body::{Body, Bytes};
use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body as KubeBody;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc;
use tower_test::mock::pair;

/// Shared by all of its clients.
#[derive(Clone, Default)]
pub(crate) struct Leases(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    lease: Option<Value>,
    version: u64,
    writes: usize,
    watchers: Vec<mpsc::UnboundedSender<Result<Bytes, Infallible>>>,
    forbids_watching: bool,
    is_down: bool,
}

impl Leases {
    /// A client of its own.
    pub(crate) fn client(&self) -> Client {
        let (service, handle) = pair();
        tokio::spawn(self.clone().serve(handle));
        Client::new(service, "default")
    }

    /// Watching is not permitted from now on.
    pub(crate) fn forbid_watching(&self) {
        self.0.lock().unwrap().forbids_watching = true;
    }

    /// No call is answered while it is down.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.0.lock().unwrap().is_down = is_down;
    }

    /// Stores a lease as somebody else would.
    pub(crate) fn store(&self, holder: &str) {
        let spec = json!({"holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 3});
        self.0
            .lock()
            .unwrap()
            .store(json!({"metadata": {"name": "twofold", "namespace": "ops"}, "spec": spec}));
    }

    /// Who holds it.
    pub(crate) fn holder(&self) -> Option<String> {
        let inner = self.0.lock().unwrap();
        inner.lease.as_ref()?["spec"]["holderIdentity"].as_str().map(ToOwned::to_owned)
    }

    /// The whole lease.
    pub(crate) fn lease(&self) -> Value {
        self.0.lock().unwrap().lease.clone().unwrap_or_default()
    }

    /// How often it was written.
    pub(crate) fn writes(&self) -> usize {
        self.0.lock().unwrap().writes
    }

    async fn serve(self, mut handle: MockHandle) {
        let mut unanswered = Vec::new();
        while let Some((request, reply)) = handle.next_request().await {
            if self.0.lock().unwrap().is_down {
                unanswered.push(reply);
            } else {
                reply.send_response(self.answer(request).await);
            }
        }
    }

    async fn answer(&self, request: Request<KubeBody>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = body.collect_bytes().await.unwrap();
        let sent: Value = serde_json::from_slice(&body).unwrap_or_default();
        let mut inner = self.0.lock().unwrap();
        let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
        assert!(path.starts_with("/apis/coordination.k8s.io/v1/namespaces/ops/leases"), "{path}");
        match (&parts.method, path.ends_with("/twofold")) {
            (&Method::GET, true) => match &inner.lease {
                Some(lease) => respond(200, lease),
                None => respond(404, &status(404, "NotFound")),
            },
            (&Method::GET, false) if inner.forbids_watching => respond(403, &status(403, "Forbidden")),
            (&Method::GET, false) if query.contains("watch=true") => inner.watch(),
            (&Method::GET, false) => {
                assert!(query.contains("fieldSelector=metadata.name%3Dtwofold"), "{query}");
                let items: Vec<_> = inner.lease.iter().collect();
                let version = (inner.version + 1).to_string();
                respond(200, &json!({"metadata": {"resourceVersion": version}, "items": items}))
            }
            (&Method::POST, false) if inner.lease.is_some() => respond(409, &status(409, "AlreadyExists")),
            (&Method::PUT, true) if inner.version() != sent["metadata"]["resourceVersion"] => {
                respond(409, &status(409, "Conflict"))
            }
            (&Method::POST, false) | (&Method::PUT, true) => respond(200, &inner.store(sent)),
            (method, _) => panic!("unexpected {method} {path}"),
        }
    }
}

impl Inner {
    fn version(&self) -> Value {
        self.lease.as_ref().map_or(Value::Null, |lease| lease["metadata"]["resourceVersion"].clone())
    }

    fn store(&mut self, mut lease: Value) -> Value {
        self.version += 1;
        self.writes += 1;
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.lease = Some(lease.clone());
        let line = json!({"type": "MODIFIED", "object": lease}).to_string() + "\n";
        self.watchers.retain(|watcher| watcher.send(Ok(Bytes::from(line.clone()))).is_ok());
        lease
    }

    fn watch(&mut self) -> Response<Body> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.watchers.push(sender);
        let lines =
            futures::stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)));
        Response::new(Body::from_stream(lines))
    }
}

fn respond(code: u16, body: &Value) -> Response<Body> {
    Response::builder().status(code).body(Body::from(body.to_string())).unwrap()
}
