//! A mock API server that answers call by call, and what the tests of writes have in common.

use axum::body::Body;
use http::{Request, Response};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::client::Body as KubeBody;
use serde_json::{Value, json};
use tower_test::mock::{Handle, SendResponse, pair};
use twofold_core::action::{Action, Target, Write};
use twofold_core::input::{Cause, Outcome};
use twofold_core::object::{Key, Kind, Object};
use twofold_operator::clock::Clock;
use twofold_operator::health::Health;
use twofold_operator::leader::Leadership;
use twofold_operator::metrics::Metrics;
use twofold_operator::perform::{Batch, Gateway, Reporter};

pub(crate) type MockHandle = Handle<Request<KubeBody>, Response<Body>>;

/// A client and the server's side of it.
pub(crate) fn server() -> (Client, Api) {
    let (service, handle) = pair();
    (Client::new(service, "default"), Api(handle))
}

/// The server's side.
pub(crate) struct Api(pub(crate) MockHandle);

/// One call that waits for its answer.
pub(crate) struct Call {
    /// Method, path and query.
    pub(crate) line: String,
    /// The body, null when empty.
    pub(crate) body: Value,
    /// The `Content-Type` header.
    pub(crate) content: String,
    reply: SendResponse<Response<Body>>,
}

impl Api {
    /// The next call.
    pub(crate) async fn call(&mut self) -> Call {
        let (request, reply) = self.0.next_request().await.expect("a call");
        let line = format!("{} {}", request.method(), request.uri());
        let content = request.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        let bytes = request.into_body().collect_bytes().await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Call { line, body, content: content.unwrap_or_default(), reply }
    }

    /// The next call, which must be this one.
    pub(crate) async fn expect(&mut self, line: &str) -> Call {
        let call = self.call().await;
        assert_eq!(call.line, line);
        call
    }

    /// That nothing more was called. The client must have been dropped.
    pub(crate) async fn is_done(&mut self) {
        if let Some((request, _)) = self.0.next_request().await {
            panic!("one call too many: {} {}", request.method(), request.uri());
        }
    }
}

impl Call {
    /// Answers with an object.
    pub(crate) fn answer(self, object: &Value) {
        self.send(200, object.to_string());
    }

    /// Answers with text, such as the lines of a watch.
    pub(crate) fn send(self, code: u16, body: impl Into<Body>) {
        self.reply.send_response(Response::builder().status(code).body(body.into()).unwrap());
    }

    /// Refuses with a code and a reason.
    pub(crate) fn refuse(self, code: u16, reason: &str) {
        self.send(code, status(code, reason).to_string());
    }

    /// Refuses and asks to be left alone for so many seconds.
    pub(crate) fn refuse_for(self, code: u16, seconds: u32) {
        let response = Response::builder().status(code).header("retry-after", seconds);
        self.reply.send_response(response.body("Too many requests, please try again later.".into()).unwrap());
    }

    /// Breaks the connection.
    pub(crate) fn reset(self) {
        self.reply.send_error(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
    }
}

/// A refusal in the API server's words.
pub(crate) fn status(code: u16, reason: &str) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
           "message": format!("the server says {reason}")})
}

/// A clock that goes with tokio's, paused or not.
pub(crate) fn clock() -> Clock {
    let start = tokio::time::Instant::now();
    Clock::new(move || u64::try_from(start.elapsed().as_millis()).unwrap())
}

/// A gateway that leads, with so many permits.
pub(crate) fn gateway_of(client: Client, permits: usize) -> Gateway {
    let leadership = Leadership::new(clock());
    leadership.renewed(0);
    gateway_under(client, permits, leadership)
}

/// A gateway that leads as long as this says so.
pub(crate) fn gateway_under(client: Client, permits: usize, leadership: Leadership) -> Gateway {
    Gateway::new(client, leadership, permits, reporter(), Metrics::new(), Health::new(clock()))
}

/// In whose name events are published.
pub(crate) fn reporter() -> Reporter {
    let [identity, namespace, lease] = ["me", "ops", "twofold"].map(ToOwned::to_owned);
    Reporter { identity, namespace, lease }
}

/// The job on whose behalf everything is done.
pub(crate) fn owner(name: &str) -> Key {
    Key::new(Kind::TFJob, "ml", name)
}

/// An action for the job `mnist`.
pub(crate) fn action(write: Write) -> Action {
    Action { owner: owner("mnist"), write }
}

/// A pod of the job with UID `job-uid`, as it is sent.
pub(crate) fn pod_json(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
           "metadata": {"name": name, "namespace": "ml", "labels": {"job": "mnist"},
                        "ownerReferences": [{"apiVersion": "kubeflow.org/v1", "kind": "TFJob", "name": "mnist",
                                             "uid": "job-uid", "controller": true}]},
           "spec": {"containers": [{"name": "tensorflow", "image": "tf"}]}})
}

/// The pod as the API server has it.
pub(crate) fn stored(name: &str) -> Value {
    let mut pod = pod_json(name);
    pod["metadata"]["uid"] = json!("pod-uid");
    pod["metadata"]["resourceVersion"] = json!("7");
    pod["metadata"]["labels"]["added"] = json!("by-admission");
    pod["spec"]["restartPolicy"] = json!("Always");
    pod
}

/// The pod as an object.
pub(crate) fn pod(name: &str) -> Object {
    serde_json::from_value::<Pod>(pod_json(name)).unwrap().into()
}

/// Exactly one object.
pub(crate) fn target(kind: Kind, name: &str, uid: &str, version: Option<&str>) -> Target {
    let key = Key::new(kind, "ml", name);
    Target { key, uid: uid.to_owned(), resource_version: version.map(ToOwned::to_owned) }
}

/// The one batch of these actions.
pub(crate) fn batch(actions: Vec<Action>) -> Batch {
    let mut batches = Batch::by_owner(actions);
    assert_eq!(batches.len(), 1);
    batches.pop().unwrap()
}

/// Has one write carried out while the server plays its part, and sees that nothing more was called.
pub(crate) async fn carry_out(write: Write, server_part: impl AsyncFnOnce(&mut Api)) -> Outcome {
    let (client, mut api) = server();
    let gateway = gateway_of(client, 4);
    let (mut outcomes, ()) =
        tokio::join!(gateway.perform(batch(vec![action(write)])), async { server_part(&mut api).await });
    drop(gateway);
    api.is_done().await;
    assert_eq!(outcomes.len(), 1);
    outcomes.pop().unwrap()
}

/// The cause of a failure.
pub(crate) fn cause(outcome: &Outcome) -> Option<Cause> {
    outcome.result.as_ref().err().map(|failure| failure.cause)
}

/// The UID of the returned object; none when nothing was returned.
pub(crate) fn uid(outcome: &Outcome) -> Option<&str> {
    outcome.result.as_ref().expect("done").as_ref().map(Object::uid)
}
