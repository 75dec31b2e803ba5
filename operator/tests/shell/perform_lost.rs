//! A write whose answer was lost is looked up, never sent again, and its outcome is never a guess.

use crate::api::{Api, carry_out, cause, pod, status, stored, target, uid};
use serde_json::{Value, json};
use twofold_core::action::Write;
use twofold_core::input::{Cause, Outcome};
use twofold_core::object::Kind;

const GET_POD: &str = "GET /api/v1/namespaces/ml/pods/w-0";

/// A create that is answered with 504, and then the look-up with this.
async fn create_lost(code: u16, found: Value) -> Outcome {
    carry_out(Write::Create(pod("w-0")), async |api| {
        api.call().await.refuse(504, "Timeout");
        api.expect(GET_POD).await.send(code, found.to_string());
    })
    .await
}

#[tokio::test]
async fn a_create_that_timed_out_after_it_was_stored_is_done() {
    assert_eq!(uid(&create_lost(200, stored("w-0")).await), Some("pod-uid"));
}

#[tokio::test]
async fn a_create_that_timed_out_before_it_was_stored_is_not_done() {
    assert_eq!(cause(&create_lost(404, status(404, "NotFound")).await), Some(Cause::Unavailable));
}

#[tokio::test]
async fn a_pod_of_somebody_else_is_not_taken_for_the_one_whose_answer_was_lost() {
    let mut foreign = stored("w-0");
    foreign["metadata"]["ownerReferences"][0]["uid"] = json!("an-older-job");
    assert_eq!(cause(&create_lost(200, foreign).await), Some(Cause::AlreadyExists));
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_fails_is_made_again_until_it_is_answered() {
    let outcome = carry_out(Write::Create(pod("w-0")), async |api| {
        api.call().await.refuse(504, "Timeout");
        for _ in 0..10 {
            api.expect(GET_POD).await.refuse(503, "ServiceUnavailable");
        }
        api.expect(GET_POD).await.answer(&stored("w-0"));
    })
    .await;
    assert_eq!(uid(&outcome), Some("pod-uid"));
}

#[tokio::test]
async fn a_write_that_may_not_be_looked_up_says_that_nothing_is_known() {
    let outcome = create_lost(403, status(403, "Forbidden")).await;
    assert_eq!(cause(&outcome), Some(Cause::Unavailable));
    let message = outcome.result.unwrap_err().message;
    assert!(message.contains("whether it was done is unknown"), "{message}");
}

#[tokio::test]
async fn a_server_that_is_overloaded_or_broken_gets_one_write_and_one_look_up() {
    for (code, reason) in [(500, "InternalError"), (502, "BadGateway"), (503, "ServiceUnavailable")] {
        let outcome = carry_out(Write::Create(pod("w-0")), async |api| {
            api.call().await.refuse(code, reason);
            api.expect(GET_POD).await.refuse(404, "NotFound");
        })
        .await;
        assert_eq!(cause(&outcome), Some(Cause::Unavailable), "{code} {reason}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_looked_up() {
    let outcome = carry_out(Write::Create(pod("w-0")), async |api| {
        api.call().await.reset();
        api.expect(GET_POD).await.answer(&stored("w-0"));
    })
    .await;
    assert_eq!(uid(&outcome), Some("pod-uid"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_is_given_ten_seconds() {
    let begun = tokio::time::Instant::now();
    let outcome = carry_out(Write::Create(pod("w-0")), async |api: &mut Api| {
        let _hangs = api.call().await;
        let look_up = api.expect(GET_POD).await;
        assert_eq!(begun.elapsed().as_secs(), 10);
        look_up.answer(&stored("w-0"));
    })
    .await;
    assert_eq!(uid(&outcome), Some("pod-uid"));
}

async fn delete_lost(code: u16, found: Value) -> Outcome {
    let target = target(Kind::Pod, "w-0", "pod-uid", None);
    carry_out(Write::Delete { target, grace_seconds: None }, async |api| {
        api.call().await.refuse(504, "Timeout");
        api.expect(GET_POD).await.send(code, found.to_string());
    })
    .await
}

#[tokio::test]
async fn a_delete_is_done_when_its_uid_is_gone_or_ending() {
    assert_eq!(uid(&delete_lost(404, status(404, "NotFound")).await), None);
    let mut successor = stored("w-0");
    successor["metadata"]["uid"] = json!("another");
    assert_eq!(uid(&delete_lost(200, successor).await), None);
    let mut ending = stored("w-0");
    ending["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:30Z");
    assert_eq!(uid(&delete_lost(200, ending).await), Some("pod-uid"));
    assert_eq!(cause(&delete_lost(200, stored("w-0")).await), Some(Cause::Unavailable));
}

/// A patch of the label `a` to `b`, decided on version 5, lost; then the look-up shows this version and label.
async fn patch_lost(version: &str, label: &str) -> Outcome {
    let target = target(Kind::Pod, "w-0", "pod-uid", Some("5"));
    let patch = json!({"metadata": {"labels": {"a": "b", "old": null}}});
    carry_out(Write::Patch { target, patch }, async |api| {
        api.call().await.refuse(504, "Timeout");
        let mut found = stored("w-0");
        found["metadata"]["resourceVersion"] = json!(version);
        found["metadata"]["labels"]["a"] = json!(label);
        api.expect(GET_POD).await.answer(&found);
    })
    .await
}

#[tokio::test]
async fn a_patch_is_done_when_the_version_moved_on_and_its_content_is_there() {
    assert_eq!(uid(&patch_lost("6", "b").await), Some("pod-uid"));
    assert_eq!(cause(&patch_lost("5", "c").await), Some(Cause::Unavailable), "not done");
    assert_eq!(cause(&patch_lost("6", "c").await), Some(Cause::Conflict), "changed by somebody else");
}

/// A ledger as it is sent (`initialized`, version 5) or found.
fn ledger(version: &str, initialized: bool) -> Value {
    json!({"apiVersion": "twofold.dev/v1alpha1", "kind": "ServiceLedger",
           "metadata": {"name": "demo", "namespace": "ml", "uid": "l1", "resourceVersion": version, "generation": 3},
           "spec": {"clusterId": "c1", "service": {"kind": "CassandraService", "name": "demo", "uid": "s1"},
                    "initialized": initialized, "bootstrap": {"free": {}}}})
}

async fn replace_lost(found: Value) -> Outcome {
    let sent = serde_json::from_value::<twofold_crds::ServiceLedger>(ledger("5", true)).unwrap();
    carry_out(Write::Replace(sent.into()), async |api| {
        api.call().await.refuse(504, "Timeout");
        let path = "GET /apis/twofold.dev/v1alpha1/namespaces/ml/serviceledgers/demo";
        api.expect(path).await.answer(&found);
    })
    .await
}

#[tokio::test]
async fn a_compare_and_swap_is_done_only_when_its_content_is_there() {
    assert_eq!(uid(&replace_lost(ledger("6", true)).await), Some("l1"));
    assert_eq!(cause(&replace_lost(ledger("5", false)).await), Some(Cause::Unavailable), "not done");
    assert_eq!(
        cause(&replace_lost(ledger("6", false)).await),
        Some(Cause::Conflict),
        "changed by somebody else"
    );
}
