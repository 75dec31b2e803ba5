//! Each write is one exact call, and each refusal has one meaning.

use crate::api::{
    action, batch, carry_out, cause, clock, pod, pod_json, reporter, server, status, stored, target, uid,
};
use serde_json::{Value, json};
use twofold_core::action::{Note, Write};
use twofold_core::input::Cause;
use twofold_core::object::{Kind, Object};
use twofold_crds::ServiceLedger;
use twofold_operator::health::Health;
use twofold_operator::leader::Leadership;
use twofold_operator::metrics::Metrics;
use twofold_operator::perform::Gateway;

const PODS: &str = "/api/v1/namespaces/ml/pods";
const POST_POD: &str = "POST /api/v1/namespaces/ml/pods?&fieldManager=twofold.dev%2Foperator";

fn ledger(version: &str) -> Object {
    let ledger: ServiceLedger = serde_json::from_value(json!({
        "apiVersion": "twofold.dev/v1alpha1", "kind": "ServiceLedger",
        "metadata": {"name": "demo", "namespace": "ml", "resourceVersion": version},
        "spec": {"clusterId": "c1", "service": {"kind": "CassandraService", "name": "demo", "uid": "s1"}}}))
    .unwrap();
    ledger.into()
}

#[tokio::test]
async fn a_create_is_one_post_and_returns_what_the_server_stored() {
    let outcome = carry_out(Write::Create(pod("w-0")), async |api| {
        let call = api.expect(POST_POD).await;
        assert_eq!(call.body, pod_json("w-0"));
        call.answer(&stored("w-0"));
    })
    .await;
    assert_eq!(uid(&outcome), Some("pod-uid"));
}

#[tokio::test]
async fn a_name_that_is_taken_is_reported_and_not_tried_again() {
    let outcome = carry_out(Write::Create(pod("w-0")), async |api| {
        api.expect(POST_POD).await.refuse(409, "AlreadyExists");
    })
    .await;
    assert_eq!(cause(&outcome), Some(Cause::AlreadyExists));
}

#[tokio::test]
async fn a_conflict_on_compare_and_swap_is_reported_and_the_old_content_is_not_sent_again() {
    let outcome = carry_out(Write::Replace(ledger("5")), async |api| {
        let path = "PUT /apis/twofold.dev/v1alpha1/namespaces/ml/serviceledgers/demo?&fieldManager=twofold.dev%2Foperator";
        let call = api.expect(path).await;
        assert_eq!(call.body["metadata"]["resourceVersion"], "5");
        call.refuse(409, "Conflict");
    })
    .await;
    assert_eq!(cause(&outcome), Some(Cause::Conflict));
}

#[tokio::test]
async fn an_apply_takes_back_what_others_set() {
    let outcome = carry_out(Write::Apply(pod("w-0")), async |api| {
        let call =
            api.expect(&format!("PATCH {PODS}/w-0?&force=true&fieldManager=twofold.dev%2Foperator")).await;
        assert_eq!((call.content.as_str(), &call.body), ("application/apply-patch+yaml", &pod_json("w-0")));
        call.answer(&stored("w-0"));
    })
    .await;
    assert_eq!(uid(&outcome), Some("pod-uid"));
}

#[tokio::test]
async fn a_status_patch_names_the_uid_and_the_version_that_it_was_decided_on() {
    let target = target(Kind::TFJob, "mnist", "job-uid", Some("5"));
    let patch = json!({"status": {"startTime": null}});
    let outcome = carry_out(Write::Status { target, patch }, async |api| {
        let path =
            "/apis/kubeflow.org/v1/namespaces/ml/tfjobs/mnist/status?&fieldManager=twofold.dev%2Foperator";
        let call = api.expect(&format!("PATCH {path}")).await;
        assert_eq!(call.content, "application/merge-patch+json");
        let guards = json!({"uid": "job-uid", "resourceVersion": "5"});
        assert_eq!(call.body, json!({"metadata": guards, "status": {"startTime": null}}));
        call.refuse(404, "NotFound");
    })
    .await;
    assert_eq!(cause(&outcome), Some(Cause::NotFound));
}

#[tokio::test]
async fn a_status_patch_without_a_version_is_not_sent_since_nothing_would_check_it() {
    let target = target(Kind::TFJob, "mnist", "job-uid", None);
    let outcome = carry_out(Write::Status { target, patch: json!({"status": {}}) }, async |_| {}).await;
    assert_eq!(cause(&outcome), Some(Cause::Invalid));
}

#[tokio::test]
async fn a_patch_keeps_its_own_metadata_beside_the_guards() {
    let target = target(Kind::Pod, "w-0", "pod-uid", None);
    let patch = json!({"metadata": {"labels": {"a": "b"}}});
    let outcome = carry_out(Write::Patch { target, patch }, async |api| {
        let call = api.expect(&format!("PATCH {PODS}/w-0?&fieldManager=twofold.dev%2Foperator")).await;
        assert_eq!(call.body, json!({"metadata": {"labels": {"a": "b"}, "uid": "pod-uid"}}));
        call.answer(&stored("w-0"));
    })
    .await;
    assert_eq!(uid(&outcome), Some("pod-uid"));
}

#[tokio::test]
async fn a_patch_that_meets_another_uid_is_a_conflict_not_bad_content() {
    let target = target(Kind::Pod, "w-0", "old-uid", None);
    let outcome = carry_out(Write::Patch { target, patch: json!({"metadata": {}}) }, async |api| {
        let mut invalid = status(422, "Invalid");
        invalid["details"] = json!({"causes": [{"field": "metadata.uid", "reason": "FieldValueInvalid"}]});
        api.call().await.send(422, invalid.to_string());
    })
    .await;
    assert_eq!(cause(&outcome), Some(Cause::Conflict));
}

async fn deleted(code: u16, answer: Value) -> twofold_core::input::Outcome {
    let target = target(Kind::Pod, "w-0", "pod-uid", Some("7"));
    carry_out(Write::Delete { target, grace_seconds: Some(30) }, async |api| {
        let call = api.expect(&format!("DELETE {PODS}/w-0?")).await;
        let preconditions = json!({"uid": "pod-uid", "resourceVersion": "7"});
        let options =
            json!({"gracePeriodSeconds": 30, "propagationPolicy": "Background", "preconditions": preconditions});
        assert_eq!(call.body, options);
        call.send(code, answer.to_string());
    })
    .await
}

#[tokio::test]
async fn a_delete_names_the_uid_and_returns_the_pod_while_it_is_ending() {
    let mut ending = stored("w-0");
    ending["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:30Z");
    ending["metadata"]["deletionGracePeriodSeconds"] = json!(30);
    assert_eq!(uid(&deleted(200, ending).await), Some("pod-uid"));
}

#[tokio::test]
async fn a_delete_that_is_complete_returns_nothing() {
    assert_eq!(uid(&deleted(200, json!({"kind": "Status", "status": "Success"})).await), None);
    assert_eq!(uid(&deleted(200, stored("w-0")).await), None, "it was bound to no agent");
    assert_eq!(uid(&deleted(404, status(404, "NotFound")).await), None, "it was gone");
    assert_eq!(cause(&deleted(409, status(409, "Conflict")).await), Some(Cause::Conflict));
}

#[tokio::test]
async fn a_refusal_has_one_meaning_and_is_never_tried_again() {
    for (code, reason, expected) in [
        (400, "BadRequest", Cause::Invalid),
        (401, "Unauthorized", Cause::Unavailable),
        (403, "Forbidden", Cause::Forbidden),
        (404, "NotFound", Cause::NotFound),
        (413, "RequestEntityTooLarge", Cause::Invalid),
        (422, "Invalid", Cause::Invalid),
        (429, "TooManyRequests", Cause::Unavailable),
    ] {
        let outcome = carry_out(Write::Create(pod("w-0")), async |api| {
            api.expect(POST_POD).await.refuse(code, reason);
        })
        .await;
        assert_eq!(cause(&outcome), Some(expected), "{code} {reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_to_be_left_alone_is_for_a_minute_at_most() {
    for (asked, granted) in [(1, 1), (30, 30), (86_400, 60)] {
        let (client, mut api) = server();
        let leadership = Leadership::new(clock());
        let gateway = crate::api::gateway_under(client, 4, leadership.clone());
        let renew = |seconds: u64| leadership.renewed(seconds * 1_000);
        let create = || gateway.perform(batch(vec![action(Write::Create(pod("w-0")))]));
        renew(0);
        let (outcomes, ()) = tokio::join!(create(), async { api.call().await.refuse_for(429, asked) });
        let failure = outcomes[0].result.as_ref().unwrap_err();
        assert_eq!(failure.message, "Too many requests, please try again later.");
        tokio::time::advance(std::time::Duration::from_millis(granted * 1_000 - 1)).await;
        renew(granted - 1);
        assert_eq!(cause(&create().await[0]), Some(Cause::Unavailable), "not sent");
        tokio::time::advance(std::time::Duration::from_millis(1)).await;
        let (outcomes, ()) = tokio::join!(create(), async { api.call().await.answer(&stored("w-0")) });
        assert_eq!(uid(&outcomes[0]), Some("pod-uid"));
    }
}

#[tokio::test]
async fn a_dry_run_is_strict_and_returns_nothing() {
    let outcome = carry_out(Write::DryRun(pod("w-0")), async |api| {
        let query = "dryRun=All&fieldManager=twofold.dev%2Foperator&fieldValidation=Strict";
        api.expect(&format!("POST {PODS}?&{query}")).await.answer(&stored("w-0"));
    })
    .await;
    assert_eq!(uid(&outcome), None);
    let outcome =
        carry_out(Write::DryRun(pod("w-0")), async |api| api.call().await.refuse(504, "Timeout")).await;
    assert_eq!(cause(&outcome), Some(Cause::Unavailable), "nothing is looked up");
}

#[tokio::test]
async fn the_same_event_is_published_once() {
    let (client, mut api) = server();
    let gateway = crate::api::gateway_of(client, 4);
    let target = target(Kind::TFJob, "mnist", "job-uid", None);
    let words = ["Waiting", "Place", "no agent has 2 GPUs free"].map(ToOwned::to_owned);
    let [reason, verb, message] = words;
    let note = Write::Event(Note { target, warning: true, reason, action: verb, message });
    let twice = async {
        gateway.perform(batch(vec![action(note.clone())])).await;
        gateway.perform(batch(vec![action(note.clone())])).await
    };
    let (outcomes, event) = tokio::join!(twice, async {
        let path = "POST /apis/events.k8s.io/v1/namespaces/ml/events?&fieldManager=twofold.dev%2Foperator";
        let call = api.expect(path).await;
        let event = call.body.clone();
        call.answer(&event);
        event
    });
    drop(gateway);
    api.is_done().await;
    assert_eq!(uid(&outcomes[0]), None);
    assert_eq!(event["reportingController"], "twofold.dev/operator");
    assert_eq!((&event["type"], &event["regarding"]["kind"]), (&json!("Warning"), &json!("TFJob")));
    assert_eq!(event["regarding"]["apiVersion"], "kubeflow.org/v1");
}

#[tokio::test]
async fn a_broken_law_is_announced_once_by_an_event_about_the_lease() {
    let (client, mut api) = server();
    let gateway = crate::api::gateway_of(client, 4);
    let twice = async {
        gateway.announce("agent n0: more is held than is there").await;
        gateway.announce("agent n0: more is held than is there").await;
    };
    let ((), event) = tokio::join!(twice, async {
        let path = "POST /apis/events.k8s.io/v1/namespaces/ops/events?&fieldManager=twofold.dev%2Foperator";
        let call = api.expect(path).await;
        let event = call.body.clone();
        call.answer(&event);
        event
    });
    drop(gateway);
    api.is_done().await;
    let about = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "namespace": "ops", "name": "twofold"});
    assert_eq!((&event["reason"], &event["regarding"]), (&json!("LawBroken"), &about));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_once_the_lease_may_have_run_out() {
    let (client, mut api) = server();
    let leadership = Leadership::new(clock());
    let gateway =
        Gateway::new(client, leadership.clone(), 4, reporter(), Metrics::new(), Health::new(clock()));
    let create = || batch(vec![action(Write::Create(pod("w-0")))]);
    assert_eq!(cause(&gateway.perform(create()).await[0]), Some(Cause::NotSent), "it never led");
    leadership.renewed(0);
    tokio::time::advance(std::time::Duration::from_millis(10_000)).await;
    assert_eq!(cause(&gateway.perform(create()).await[0]), Some(Cause::NotSent), "5 s before the end");
    drop(gateway);
    api.is_done().await;
}
