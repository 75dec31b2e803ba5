//! Stages of one owner follow one another; owners do not wait for each other.

use crate::api::{action, batch, cause, gateway_of, owner, pod, server, stored, target};
use serde_json::json;
use twofold_core::action::{Action, Write};
use twofold_core::input::Cause;
use twofold_core::object::{Key, Kind, Object};
use twofold_crds::ServiceLedger;
use twofold_operator::perform::Batch;

fn ledger() -> Object {
    let ledger: ServiceLedger = serde_json::from_value(json!({
        "metadata": {"name": "demo", "namespace": "ml"},
        "spec": {"clusterId": "c1", "service": {"kind": "CassandraService", "name": "demo", "uid": "s1"}}}))
    .unwrap();
    ledger.into()
}

fn config() -> Object {
    let map = json!({"metadata": {"name": "demo", "namespace": "ml"}});
    serde_json::from_value::<k8s_openapi::api::core::v1::ConfigMap>(map).unwrap().into()
}

fn job_status() -> Write {
    Write::Status { target: target(Kind::TFJob, "mnist", "job-uid", Some("5")), patch: json!({"status": {}}) }
}

/// Given in the wrong order.
fn all_stages() -> Vec<Action> {
    [
        job_status(),
        Write::Create(pod("w-0")),
        Write::Create(pod("w-1")),
        Write::Create(config()),
        Write::Create(ledger()),
    ]
    .map(action)
    .into()
}

#[tokio::test]
async fn ledgers_go_first_then_support_then_pods_side_by_side_then_statuses() {
    let (client, mut api) = server();
    let gateway = gateway_of(client, 4);
    let (outcomes, ()) = tokio::join!(gateway.perform(batch(all_stages())), async {
        for path in
            ["/apis/twofold.dev/v1alpha1/namespaces/ml/serviceledgers", "/api/v1/namespaces/ml/configmaps"]
        {
            let call = api.expect(&format!("POST {path}?&fieldManager=twofold.dev%2Foperator")).await;
            let object = call.body.clone();
            call.answer(&object);
        }
        let pods = [api.call().await, api.call().await];
        for call in pods {
            assert!(call.line.starts_with("POST /api/v1/namespaces/ml/pods?"), "{}", call.line);
            let name = call.body["metadata"]["name"].as_str().unwrap().to_owned();
            call.answer(&stored(&name));
        }
        let call = api.call().await;
        assert!(call.line.starts_with("PATCH /apis/kubeflow.org/v1/namespaces/ml/tfjobs/mnist/status?"));
        call.refuse(409, "Conflict");
    });
    drop(gateway);
    api.is_done().await;
    let causes: Vec<_> = outcomes.iter().map(cause).collect();
    assert_eq!(causes, [None, None, None, None, Some(Cause::Conflict)]);
}

#[tokio::test]
async fn after_a_failure_the_later_stages_are_not_sent_and_each_action_has_its_outcome() {
    let (client, mut api) = server();
    let gateway = gateway_of(client, 4);
    let (outcomes, ()) = tokio::join!(gateway.perform(batch(all_stages())), async {
        api.call().await.refuse(409, "Conflict");
    });
    drop(gateway);
    api.is_done().await;
    let causes: Vec<_> = outcomes.iter().map(cause).collect();
    let expected = [Cause::Conflict, Cause::NotSent, Cause::NotSent, Cause::NotSent, Cause::NotSent];
    assert_eq!(causes, expected.map(Some));
    let why = &outcomes[1].result.as_ref().unwrap_err().message;
    assert_eq!(why, "not sent: an earlier write, of ServiceLedger ml/demo, failed");
}

#[tokio::test]
async fn an_owner_whose_write_hangs_holds_up_nobody_else() {
    let (client, mut api) = server();
    let gateway = gateway_of(client, 4);
    let of = |job: &str| Action { owner: owner(job), write: Write::Create(pod(job)) };
    let mut batches = Batch::by_owner(vec![of("a"), of("b")]);
    let (second, first) = (batches.pop().unwrap(), batches.pop().unwrap());
    let hanging = gateway.perform(first);
    let mut hanging = std::pin::pin!(hanging);
    let other = async {
        let hung = api.call().await;
        let call = api.call().await;
        call.answer(&stored("b"));
        hung
    };
    let (outcomes, _hung) = tokio::select! {
        biased;
        _ = &mut hanging => panic!("it hangs"),
        done = async { tokio::join!(gateway.perform(second), other) } => done,
    };
    assert_eq!(outcomes[0].action.owner, owner("b"));
    assert_eq!(cause(&outcomes[0]), None);
}

#[tokio::test]
async fn no_more_calls_are_under_way_than_allowed() {
    let (client, mut api) = server();
    let gateway = gateway_of(client, 2);
    let pods = (0..5).map(|index| action(Write::Create(pod(&format!("w-{index}"))))).collect();
    let (outcomes, ()) = tokio::join!(gateway.perform(batch(pods)), async {
        let mut waiting = std::collections::VecDeque::from([api.call().await, api.call().await]);
        for answered in 0..5 {
            let third = futures::future::poll_immediate(Box::pin(api.call())).await;
            assert!(third.is_none(), "a third call is under way");
            waiting.pop_front().unwrap().answer(&stored("w-0"));
            if answered < 3 {
                waiting.push_back(api.call().await);
            }
        }
    });
    assert_eq!(outcomes.len(), 5);
}

#[test]
fn there_is_one_batch_for_each_owner() {
    let key = |name: &str| Key::new(Kind::TFJob, "ml", name);
    let of = |name: &str, pod_name: &str| Action { owner: key(name), write: Write::Create(pod(pod_name)) };
    assert_eq!(Batch::by_owner(vec![of("a", "a-0"), of("b", "b-0"), of("a", "a-1")]).len(), 2);
    assert!(Batch::by_owner(Vec::new()).is_empty());
}
