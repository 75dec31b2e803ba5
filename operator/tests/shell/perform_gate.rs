//! A pod leaves its start gate only while the slot is held by it.

use crate::api::{carry_out, cause, status, stored, target, uid};
use serde_json::{Value, json};
use twofold_core::action::Write;
use twofold_core::input::{Cause, Outcome};
use twofold_core::object::{Key, Kind};

const POD: &str = "/api/v1/namespaces/ml/pods/w-0";
const LEDGER: &str = "GET /apis/twofold.dev/v1alpha1/namespaces/ml/serviceledgers/demo";

fn lift(slot: Option<&str>) -> Write {
    Write::LiftGate {
        pod: target(Kind::Pod, "w-0", "pod-uid", None),
        ledger: Key::new(Kind::ServiceLedger, "ml", "demo"),
        slot: slot.map(ToOwned::to_owned),
    }
}

fn shut(gates: Value) -> Value {
    let mut pod = stored("w-0");
    pod["spec"]["schedulingGates"] = gates;
    pod
}

fn gate() -> Value {
    json!([{"name": "twofold.dev/start"}])
}

/// What becomes of a lift for `node-0` when the ledger's slot is this.
async fn with_slot(slot: Value) -> Outcome {
    carry_out(lift(Some("node-0")), async |api| {
        api.expect(&format!("GET {POD}")).await.answer(&shut(gate()));
        api.expect(LEDGER).await.answer(&json!({"spec": {"bootstrap": slot}}));
    })
    .await
}

#[tokio::test]
async fn the_slot_is_read_after_the_pod_and_the_patch_names_uid_and_gates() {
    let outcome = carry_out(lift(Some("node-0")), async |api| {
        api.expect(&format!("GET {POD}")).await.answer(&shut(gate()));
        let held = json!({"held": {"instance": "node-0", "incarnation": 1}});
        api.expect(LEDGER).await.answer(&json!({"spec": {"bootstrap": held}}));
        let call = api.expect(&format!("PATCH {POD}?&fieldManager=twofold.dev%2Foperator")).await;
        assert_eq!(call.content, "application/json-patch+json");
        let expected = json!([
            {"op": "test", "path": "/metadata/uid", "value": "pod-uid"},
            {"op": "test", "path": "/spec/schedulingGates", "value": [{"name": "twofold.dev/start"}]},
            {"op": "remove", "path": "/spec/schedulingGates"}]);
        assert_eq!(call.body, expected);
        call.answer(&stored("w-0"));
    })
    .await;
    assert_eq!(uid(&outcome), Some("pod-uid"));
}

#[tokio::test]
async fn a_slot_that_is_free_aborting_or_held_by_another_keeps_the_pod_shut() {
    for slot in [
        json!({"free": {}}),
        json!({"aborting": {"instance": "node-0", "incarnation": 1}}),
        json!({"held": {"instance": "node-1", "incarnation": 1}}),
        Value::Null,
    ] {
        let outcome = with_slot(slot.clone()).await;
        assert_eq!(cause(&outcome), Some(Cause::Conflict), "{slot}");
    }
}

#[tokio::test]
async fn without_its_ledger_a_pod_stays_shut() {
    let outcome = carry_out(lift(Some("node-0")), async |api| {
        api.expect(&format!("GET {POD}")).await.answer(&shut(gate()));
        api.expect(LEDGER).await.refuse(404, "NotFound");
    })
    .await;
    assert_eq!(cause(&outcome), Some(Cause::NotFound));
}

#[tokio::test]
async fn an_unknown_slot_keeps_the_pod_shut() {
    let outcome = carry_out(lift(Some("node-0")), async |api| {
        api.expect(&format!("GET {POD}")).await.answer(&shut(gate()));
        api.expect(LEDGER).await.refuse(503, "ServiceUnavailable");
    })
    .await;
    assert_eq!(cause(&outcome), Some(Cause::Unavailable));
}

#[tokio::test]
async fn a_member_with_data_needs_no_slot_and_gates_of_others_stay() {
    let outcome = carry_out(lift(None), async |api| {
        let gates = json!([{"name": "example.com/quota"}, {"name": "twofold.dev/start"}]);
        api.expect(&format!("GET {POD}")).await.answer(&shut(gates));
        let call = api.call().await;
        let kept = json!([{"name": "example.com/quota"}]);
        assert_eq!(call.body[2], json!({"op": "replace", "path": "/spec/schedulingGates", "value": kept}));
        call.answer(&stored("w-0"));
    })
    .await;
    assert_eq!(uid(&outcome), Some("pod-uid"));
}

#[tokio::test]
async fn a_pod_that_is_open_already_needs_no_patch() {
    let open = async |api: &mut crate::api::Api| {
        api.expect(&format!("GET {POD}")).await.answer(&stored("w-0"));
    };
    assert_eq!(uid(&carry_out(lift(None), open).await), Some("pod-uid"));
}

#[tokio::test]
async fn another_pod_of_the_name_is_left_alone() {
    let outcome = carry_out(lift(None), async |api| {
        let mut successor = shut(gate());
        successor["metadata"]["uid"] = json!("another");
        api.expect(&format!("GET {POD}")).await.answer(&successor);
    })
    .await;
    assert_eq!(cause(&outcome), Some(Cause::Conflict));
}

#[tokio::test]
async fn a_pod_that_changed_between_read_and_patch_is_a_conflict() {
    let outcome = carry_out(lift(None), async |api| {
        api.call().await.answer(&shut(gate()));
        api.call().await.send(422, status(422, "Invalid").to_string());
    })
    .await;
    assert_eq!(cause(&outcome), Some(Cause::Conflict));
}

#[tokio::test]
async fn a_lift_whose_answer_was_lost_is_looked_up() {
    for (found, expected) in [(stored("w-0"), None), (shut(gate()), Some(Cause::Unavailable))] {
        let outcome = carry_out(lift(None), async |api| {
            api.call().await.answer(&shut(gate()));
            api.call().await.refuse(504, "Timeout");
            api.expect(&format!("GET {POD}")).await.answer(&found);
        })
        .await;
        assert_eq!(cause(&outcome), expected);
    }
}
