//! The loop with the real brain and a mock API server.

use crate::api::{Api, clock, gateway_under, server, stored};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use twofold_core::decide::State;
use twofold_core::input::Input;
use twofold_core::object::{Kind, Object};
use twofold_core::settings::Settings;
use twofold_operator::cycle::{Cycle, CycleError};
use twofold_operator::health::{Health, Phase};
use twofold_operator::leader::Leadership;
use twofold_operator::metrics::Metrics;

struct Running {
    api: Api,
    inputs: mpsc::Sender<Input>,
    health: Health,
    leadership: Leadership,
    stop: CancellationToken,
    ended: JoinHandle<Result<(), CycleError>>,
}

fn start() -> Running {
    let (client, api) = server();
    let (inputs, receiver) = mpsc::channel(64);
    let health = Health::new(clock());
    let state = State::new(Settings::default());
    let channel = (inputs.clone(), receiver);
    let leadership = Leadership::new(clock());
    leadership.renewed(0);
    let gateway = gateway_under(client, 4, leadership.clone());
    let cycle = Cycle::new(state, channel, gateway, Metrics::new(), health.clone());
    let stop = CancellationToken::new();
    Running { api, inputs, health, leadership, stop: stop.clone(), ended: tokio::spawn(cycle.run(stop)) }
}

fn read<T: serde::de::DeserializeOwned>(object: Value) -> T
where
    Object: From<T>,
{
    serde_json::from_value(object).unwrap()
}

/// A role that everybody may use, an agent with room, and a job of one worker.
fn world() -> Vec<Object> {
    let room = json!({"cpu": "8", "memory": "16Gi", "pods": "110"});
    let node = json!({"metadata": {"name": "n0", "uid": "n0", "resourceVersion": "1"},
        "status": {"capacity": room, "allocatable": room, "conditions": [{"type": "Ready", "status": "True"}]}});
    let role = json!({"apiVersion": "twofold.dev/v1alpha1", "kind": "AllocationRole",
        "metadata": {"name": "default", "uid": "r", "resourceVersion": "2", "generation": 1},
        "spec": {"namespaces": ["*"]}});
    let container = json!({"name": "tensorflow", "image": "tf", "resources": {"requests": {"cpu": "1"}}});
    let worker = json!({"replicas": 1, "template": {"spec": {"containers": [container]}}});
    let job = json!({"apiVersion": "kubeflow.org/v1", "kind": "TFJob",
        "metadata": {"name": "mnist", "namespace": "ml", "uid": "job-uid", "resourceVersion": "3", "generation": 1,
                     "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {"tfReplicaSpecs": {"Worker": worker}}});
    vec![
        read::<k8s_openapi::api::core::v1::Node>(node).into(),
        read::<twofold_crds::AllocationRole>(role).into(),
        read::<twofold_crds::TFJob>(job).into(),
    ]
}

impl Running {
    /// Lists the world, but for one kind.
    async fn list_all_but(&self, left_out: Kind) {
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != left_out) {
            self.list(kind).await;
        }
    }

    async fn list(&self, kind: Kind) {
        self.inputs.send(Input::ListBegan(kind)).await.unwrap();
        for object in world().into_iter().filter(|object| object.kind() == kind) {
            self.inputs.send(Input::Applied(object)).await.unwrap();
        }
        self.inputs.send(Input::ListEnded(kind)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_before_every_kind_is_listed() {
    let mut running = start();
    running.list_all_but(Kind::Pod).await;
    let early = tokio::time::timeout(Duration::from_secs(5), running.api.call()).await;
    assert!(early.is_err(), "{}", early.unwrap().line);
    assert!(running.health.alive().is_ok());
    assert_eq!(running.health.phase(), Phase::Listing([Kind::Pod].into()));
    running.list(Kind::Pod).await;
    let call = running.api.call().await;
    assert!(call.line.contains("fieldManager=twofold.dev%2Foperator"), "{}", call.line);
    assert_eq!(running.health.phase(), Phase::Leading);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_decided_while_it_is_uncertain_who_leads() {
    let mut running = start();
    running.leadership.ended();
    for kind in Kind::ALL {
        running.list(kind).await;
    }
    let early = tokio::time::timeout(Duration::from_secs(5), running.api.call()).await;
    assert!(early.is_err(), "{}", early.unwrap().line);
    running.leadership.renewed(5_000);
    running.api.call().await;
}

/// How long the loop takes to end when it is told to stop while a write is under way that is answered so late.
async fn end_with_a_write_answered_after(late: Duration) -> Duration {
    let mut running = start();
    running.list_all_but(Kind::ServiceLedger).await;
    running.list(Kind::ServiceLedger).await;
    let call = running.api.call().await;
    running.stop.cancel();
    let begun = Instant::now();
    tokio::spawn(async move {
        tokio::time::sleep(late).await;
        call.answer(&stored("mnist-worker-0"));
        // What the same owner would have written next is answered at once.
        loop {
            running.api.call().await.refuse(409, "Conflict");
        }
    });
    running.ended.await.unwrap().unwrap();
    assert_eq!(running.health.phase(), Phase::Stopping);
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_write_under_way_may_end_before_the_loop_does() {
    let took = end_with_a_write_answered_after(Duration::from_secs(3)).await;
    assert_eq!(took.as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_hangs_holds_up_the_end_for_ten_seconds_at_most() {
    let took = end_with_a_write_answered_after(Duration::from_secs(60)).await;
    assert_eq!(took.as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn outcomes_come_back_and_the_next_writes_follow_from_them() {
    let mut running = start();
    for kind in Kind::ALL {
        running.list(kind).await;
    }
    let mut created = false;
    while !created {
        let call = running.api.call().await;
        created = call.line.starts_with("POST /api/v1/namespaces/ml/pods?&fieldManager=");
        let mut object = call.body.clone();
        object["metadata"]["uid"] = json!("u");
        object["metadata"]["resourceVersion"] = json!("9");
        match call.line.split(' ').next() {
            Some("PATCH") => call.refuse(404, "NotFound"),
            _ => call.answer(&object),
        }
    }
}
