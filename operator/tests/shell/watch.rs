//! What lists and watches tell the brain.

use crate::api::{Api, server, status};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use twofold_core::input::Input;
use twofold_core::object::Kind;
use twofold_operator::metrics::Metrics;
use twofold_operator::watch::Watch;

struct Watched {
    api: Api,
    inputs: mpsc::Receiver<Input>,
    metrics: Metrics,
}

fn follow(kind: Kind, namespaces: &[&str]) -> Watched {
    let (client, api) = server();
    let (sender, inputs) = mpsc::channel(64);
    let metrics = Metrics::new();
    let namespaces = namespaces.iter().map(|name| (*name).to_owned()).collect();
    let watch = Watch { client, namespaces, inputs: sender, metrics: metrics.clone() };
    tokio::spawn(watch.follow(kind));
    Watched { api, inputs, metrics }
}

impl Watched {
    /// The next inputs, as sentences.
    async fn told(&mut self, count: usize) -> Vec<String> {
        let mut told = Vec::new();
        for _ in 0..count {
            told.push(match self.inputs.recv().await.expect("an input") {
                Input::ListBegan(kind) => format!("a list of {kind} began"),
                Input::ListEnded(kind) => format!("the list of {kind} ended"),
                Input::Applied(object) => format!("{} is there", object.key()),
                Input::Deleted { key, uid } => format!("{key} with UID {uid} is gone"),
                Input::Undecodable { key, message } => format!("{key} cannot be read: {message}"),
                other => format!("{other:?}"),
            });
        }
        told
    }
}

fn list(version: &str, items: &[Value]) -> Value {
    json!({"metadata": {"resourceVersion": version}, "items": items})
}

fn job(name: &str, uid: &str) -> Value {
    json!({"apiVersion": "kubeflow.org/v1", "kind": "TFJob",
           "metadata": {"name": name, "namespace": "ml", "uid": uid, "resourceVersion": "5"},
           "spec": {"tfReplicaSpecs": {}}})
}

fn event(kind: &str, object: &Value) -> String {
    json!({"type": kind, "object": object}).to_string() + "\n"
}

const LIST_JOBS: &str = "GET /apis/kubeflow.org/v1/tfjobs?&limit=500";
const WATCH_JOBS: &str = "GET /apis/kubeflow.org/v1/tfjobs?&watch=true&timeoutSeconds=290&allowWatchBookmarks=true&resourceVersion=9";

#[tokio::test]
async fn a_list_is_quorum_read_in_pages_and_then_followed() {
    let mut watched = follow(Kind::TFJob, &[]);
    let mut first = list("9", &[job("a", "u1")]);
    first["metadata"]["continue"] = json!("more");
    watched.api.expect(LIST_JOBS).await.answer(&first);
    let next = watched.api.expect(&format!("{LIST_JOBS}&continue=more")).await;
    next.answer(&list("9", &[job("b", "u2")]));
    let call = watched.api.expect(WATCH_JOBS).await;
    call.send(200, event("ADDED", &job("c", "u3")) + &event("DELETED", &job("a", "u1")));
    let expected = [
        "a list of TFJob began",
        "TFJob ml/a is there",
        "TFJob ml/b is there",
        "the list of TFJob ended",
        "TFJob ml/c is there",
        "TFJob ml/a with UID u1 is gone",
    ];
    assert_eq!(watched.told(6).await, expected);
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_named_and_stops_nobody_else() {
    let mut watched = follow(Kind::TFJob, &[]);
    let mut broken = job("broken", "u1");
    broken["spec"]["tfReplicaSpecs"] = json!("none");
    watched.api.call().await.answer(&list("9", &[broken.clone(), job("fine", "u2")]));
    watched.api.call().await.send(200, event("MODIFIED", &broken) + &event("DELETED", &broken));
    let told = watched.told(6).await;
    assert!(told[1].starts_with("TFJob ml/broken cannot be read: "), "{told:?}");
    assert_eq!(told[2], "TFJob ml/fine is there");
    assert!(told[4].starts_with("TFJob ml/broken cannot be read: "), "{told:?}");
    assert_eq!(told[5], "TFJob ml/broken with UID u1 is gone");
    let page = watched.metrics.text().unwrap();
    assert!(page.contains(r#"twofold_undecodable_total{kind="TFJob"} 2"#), "{page}");
}

#[tokio::test(start_paused = true)]
async fn a_version_that_the_server_forgot_makes_a_new_list() {
    let mut watched = follow(Kind::TFJob, &[]);
    watched.api.call().await.answer(&list("9", &[job("a", "u1")]));
    watched.api.expect(WATCH_JOBS).await.send(200, event("ERROR", &status(410, "Expired")));
    watched.api.expect(LIST_JOBS).await.answer(&list("20", &[]));
    let told = watched.told(5).await;
    assert_eq!(told[3..], ["a list of TFJob began", "the list of TFJob ended"]);
    let page = watched.metrics.text().unwrap();
    assert!(page.contains(r#"twofold_watch_restarts_total{kind="TFJob"} 1"#), "{page}");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_between_pages_begins_again_and_never_ends_early() {
    let mut watched = follow(Kind::TFJob, &[]);
    let mut first = list("9", &[job("a", "u1")]);
    first["metadata"]["continue"] = json!("more");
    watched.api.call().await.answer(&first);
    watched.api.call().await.refuse(410, "Expired");
    watched.api.expect(LIST_JOBS).await.answer(&list("9", &[job("b", "u2")]));
    let expected = [
        "a list of TFJob began",
        "TFJob ml/a is there",
        "a list of TFJob began",
        "TFJob ml/b is there",
        "the list of TFJob ended",
    ];
    assert_eq!(watched.told(5).await, expected);
}

#[tokio::test]
async fn of_shared_kinds_only_ours_are_followed() {
    let ours = "labelSelector=app.kubernetes.io%2Fmanaged-by%3Dtwofold";
    for (kind, path) in [
        (Kind::Service, "/api/v1/services"),
        (Kind::ConfigMap, "/api/v1/configmaps"),
        (Kind::PersistentVolumeClaim, "/api/v1/persistentvolumeclaims"),
        (Kind::PodDisruptionBudget, "/apis/policy/v1/poddisruptionbudgets"),
    ] {
        follow(kind, &[]).api.expect(&format!("GET {path}?&{ours}&limit=500")).await;
    }
}

#[tokio::test]
async fn served_namespaces_are_followed_one_by_one_but_pods_and_agents_everywhere() {
    let mut watched = follow(Kind::TFJob, &["ml", "ops"]);
    let mut lines = [watched.api.call().await.line, watched.api.call().await.line];
    lines.sort();
    let path = |namespace| format!("GET /apis/kubeflow.org/v1/namespaces/{namespace}/tfjobs?&limit=500");
    assert_eq!(lines, [path("ml"), path("ops")]);
    follow(Kind::Pod, &["ml"]).api.expect("GET /api/v1/pods?&limit=500").await;
    follow(Kind::Node, &["ml"]).api.expect("GET /api/v1/nodes?&limit=500").await;
}
