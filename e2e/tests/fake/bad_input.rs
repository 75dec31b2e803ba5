//! Bad input: a clear error, nothing lost, nobody else stopped.

use crate::support::{in_corner, job};
use kube::api::DynamicObject;
use twofold_e2e::harness::api::{Space, condition, condition_of, text};

/// Applies a manifest that the API server must refuse, and returns its words.
async fn refused(space: &Space, manifest: &str) -> String {
    match space.apply(manifest).await {
        Ok(_) => panic!("accepted: {manifest}"),
        Err(error) => format!("{error:#}"),
    }
}

async fn assert_refused(space: &Space, manifest: &str, words: &[&str]) {
    let said = refused(space, manifest).await;
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said:?}");
    }
}

/// Why a job is stalled: reason and message.
fn stalled(object: &DynamicObject) -> Option<String> {
    let ours = condition_of(object, "/status/twofold/conditions", "Stalled");
    let found = ours.or_else(|| condition_of(object, "/status/conditions", "Stalled"))?;
    (text(&found, "/status") == "True")
        .then(|| format!("{}: {}", text(&found, "/reason"), text(&found, "/message")))
}

async fn assert_stalled(space: &Space, kind: &str, name: &str, words: &[&str]) -> anyhow::Result<()> {
    let api = if kind == "TFJob" { space.jobs() } else { space.rings() };
    let object = space.until(api, name, "Stalled", |object| stalled(object).is_some()).await?;
    let said = stalled(&object).unwrap_or_default();
    for word in words {
        assert!(said.contains(word), "{word:?} is not in {said:?}");
    }
    let made = space.pods().await?.into_keys().filter(|pod| pod.starts_with(&format!("{name}-"))).count();
    assert_eq!(made, 0, "{name} has pods");
    Ok(())
}

/// Waits until a service or job says why it waits, with these words.
async fn assert_waits(space: &Space, kind: &str, name: &str, words: &[&str]) -> anyhow::Result<()> {
    let api = if kind == "TFJob" { space.jobs() } else { space.rings() };
    let said = |object: &DynamicObject| {
        let status = object.data.get("status").map(ToString::to_string).unwrap_or_default();
        words.iter().all(|word| status.contains(word))
    };
    space.until(api, name, &format!("waiting with {words:?}"), said).await?;
    let made = space.pods().await?.into_keys().filter(|pod| pod.starts_with(&format!("{name}-"))).count();
    assert_eq!(made, 0, "{name} has pods");
    Ok(())
}

fn ring(name: &str, more: &str) -> String {
    format!(
        "apiVersion: twofold.dev/v1alpha1\nkind: CassandraService\nmetadata: {{name: {name}, annotations: {{twofold.dev/readiness: pod}}}}\n\
         spec:\n  version: 5.0.9\n  resources: {{requests: {{cpu: 1, memory: 2Gi}}, limits: {{memory: 2Gi}}}}\n  storage: {{size: 1Gi}}\n{more}"
    )
}

fn worker(name: &str) -> String {
    job(name, &[("Worker", 1)], "{cpu: 1, memory: 1Gi}")
}

#[test]
fn what_the_api_server_refuses_it_refuses_with_the_field_and_the_reason() {
    in_corner("refused", async |corner| {
        let space = &corner.space;
        let misspelled = worker("typo").replace("replicas: 1", "replica: 1");
        assert_refused(space, &misspelled, &["replica"]).await;
        assert_refused(space, &ring("few", "  nodes: 2\n  heap: 512Mi\n  racks: [{name: a, zone: a}, {name: b, zone: b}, {name: c, zone: c}]\n"), &["nodes"]).await;
        assert_refused(space, &ring("heap", "  nodes: 3\n  heap: 3Gi\n"), &["heap"]).await;
        let unnamed = worker("unnamed").replace("name: tensorflow", "name: other");
        assert_refused(space, &unnamed, &["tensorflow"]).await;
        let both = job("both", &[("Chief", 1), ("Master", 1)], "{cpu: 1}");
        assert_refused(space, &both, &["Chief", "Master"]).await;
        let long = worker(&"x".repeat(60));
        assert_refused(space, &long, &["63"]).await;
        Ok(())
    });
}

#[test]
fn what_the_operator_refuses_is_stalled_with_the_reason_and_has_no_pod() {
    in_corner("stalled", async |corner| {
        let space = &corner.space;
        let _operator = corner.operator(&[]);
        let typo = worker("template")
            .replace("image: local/train:1", "image: local/train:1, imagePulPolicy: Always");
        space.apply(&typo).await?;
        assert_stalled(space, "TFJob", "template", &["imagePulPolicy"]).await?;
        let value =
            worker("value").replace("        spec:\n", "        spec:\n          dnsPolicy: Sometimes\n");
        space.apply(&value).await?;
        assert_stalled(space, "TFJob", "value", &["dnsPolicy"]).await?;
        space.apply(&worker("quantity").replace("cpu: 1", "cpu: lots")).await?;
        assert_stalled(space, "TFJob", "quantity", &["lots", "limits[cpu]"]).await?;
        space
            .apply(
                &worker("foreign")
                    .replace("        spec:\n", "        spec:\n          schedulerName: volcano\n"),
            )
            .await?;
        assert_stalled(space, "TFJob", "foreign", &["schedulerName"]).await?;
        let in_role = |name: &str, role: &str| {
            worker(name).replace(
                "spec:\n  tf",
                &format!("spec:\n  runPolicy: {{schedulingPolicy: {{queue: {role}}}}}\n  tf"),
            )
        };
        space.apply(&in_role("norole", "nobody")).await?;
        assert_stalled(space, "TFJob", "norole", &["RoleNotFound", "nobody"]).await?;
        space.apply("apiVersion: twofold.dev/v1alpha1\nkind: AllocationRole\nmetadata: {name: private}\nspec: {namespaces: [elsewhere]}\n").await?;
        space.apply(&in_role("forbidden", "private")).await?;
        assert_stalled(space, "TFJob", "forbidden", &["RoleNotPermitted"]).await?;
        let orphan = "apiVersion: twofold.dev/v1alpha1\nkind: AllocationRole\nmetadata: {name: orphan}\nspec: {namespaces: ['*'], parent: nowhere}\n";
        space.apply(orphan).await?;
        space.apply(&in_role("orphaned", "orphan")).await?;
        assert_stalled(space, "TFJob", "orphaned", &["ParentNotFound", "nowhere"]).await?;
        for (name, parent) in [("circle-a", "circle-b"), ("circle-b", "circle-a")] {
            let role = format!(
                "apiVersion: twofold.dev/v1alpha1\nkind: AllocationRole\nmetadata: {{name: {name}}}\nspec: {{namespaces: ['*'], parent: {parent}}}\n"
            );
            space.apply(&role).await?;
        }
        space.apply(&in_role("circled", "circle-a")).await?;
        assert_stalled(space, "TFJob", "circled", &["ParentCycle"]).await?;
        // All of these, and one that is well goes on.
        space.apply(&worker("well")).await?;
        space
            .until(space.jobs(), "well", "Running", |job| {
                condition(job, "Running").as_deref() == Some("True")
            })
            .await?;
        for role in ["private", "orphan", "circle-a", "circle-b"] {
            space.api("twofold.dev/v1alpha1", "AllocationRole").delete(role, &Default::default()).await?;
        }
        Ok(())
    });
}

#[test]
fn what_cannot_fit_says_so_and_has_no_pod() {
    in_corner("toolarge", async |corner| {
        let space = &corner.space;
        let _operator = corner.operator(&[]);
        space.apply(&job("giant", &[("Worker", 1)], "{cpu: 1, memory: 900Gi}")).await?;
        assert_waits(space, "TFJob", "giant", &["cannot fit even on the empty cluster"]).await?;
        let zones = "  nodes: 3\n  heap: 512Mi\n  faultDomains: {rackFrom: Explicit}\n  racks: [{name: a, zone: mars}, {name: b, zone: local-b}, {name: c, zone: local-c}]\n";
        space.apply(&ring("mars", zones)).await?;
        assert_waits(space, "CassandraService", "mars", &["mars"]).await
    });
}

#[test]
fn a_service_that_is_deleted_in_mid_deploy_leaves_its_data() {
    in_corner("deleted", async |corner| {
        let space = &corner.space;
        let _operator = corner.operator(&[]);
        space.apply(&ring("gone", "  nodes: 3\n  heap: 512Mi\n")).await?;
        space.until_pod("gone-node-0", "created", |pod| pod.is_some()).await?;
        space.rings().delete("gone", &Default::default()).await?;
        space.until_pod("gone-node-0", "gone", |pod| pod.is_none()).await?;
        let claims = space.api("v1", "PersistentVolumeClaim").list(&Default::default()).await?;
        assert_eq!(claims.items.len(), 3, "claims were deleted");
        let ledgers = space.api("twofold.dev/v1alpha1", "ServiceLedger").list(&Default::default()).await?;
        assert_eq!(ledgers.items.len(), 1, "the ledger was deleted");
        Ok(())
    });
}

#[test]
fn a_change_that_this_version_cannot_carry_out_is_refused_or_stalled() {
    in_corner("unsupported", async |corner| {
        let space = &corner.space;
        let _operator = corner.operator(&[]);
        space.apply(&ring("keep", "  nodes: 3\n  heap: 512Mi\n")).await?;
        let ready = |ring: &DynamicObject| condition(ring, "Ready").as_deref() == Some("True");
        space.until(space.rings(), "keep", "Ready", ready).await?;
        assert_refused(space, &ring("keep", "  nodes: 2\n  heap: 512Mi\n"), &["nodes"]).await;
        space.apply(&ring("keep", "  nodes: 3\n  heap: 700Mi\n")).await?;
        let object =
            space.until(space.rings(), "keep", "Stalled", |object| stalled(object).is_some()).await?;
        assert!(stalled(&object).unwrap_or_default().contains("Unsupported"), "{:?}", stalled(&object));
        assert_eq!(space.pods().await?.len(), 3, "a pod was lost");
        Ok(())
    });
}
