//! Crashes and rest.

use crate::support::{in_corner, job, phase};
use std::collections::BTreeSet;
use std::time::Duration;
use twofold_e2e::harness::api::condition;
use twofold_e2e::harness::audit::Audit;
use twofold_e2e::harness::history::Recorder;

/// Jobs of 6, 4 and 5 pods.
fn jobs() -> String {
    let all = [
        job("a", &[("Chief", 1), ("Worker", 3), ("PS", 2)], "{cpu: 2, memory: 1Gi}"),
        job("b", &[("Worker", 4)], "{cpu: 3, memory: 1Gi}"),
        job("c", &[("Worker", 5)], "{cpu: 1, memory: 1Gi}"),
    ];
    all.join("---\n")
}

#[test]
fn an_operator_killed_in_mid_deploy_makes_no_name_twice_and_ends_where_the_undisturbed_one_ends() {
    for killed_after in [1, 4, 7, 11, 14] {
        in_corner(&format!("crash-{killed_after}"), async |corner| {
            let recorder = Recorder::start(corner.space.client.clone(), &corner.space.name);
            let operator = corner.operator(&[]);
            corner.space.apply(&jobs()).await?;
            recorder
                .until(|seen| {
                    seen.iter().filter(|moment| moment.there).map(|m| &m.pod).collect::<BTreeSet<_>>().len()
                        >= killed_after
                })
                .await?;
            operator.kill()?;
            let _operator = corner.operator(&[]);
            for name in ["a", "b", "c"] {
                let running = |job: &_| condition(job, "Running").as_deref() == Some("True");
                corner.space.until(corner.space.jobs(), name, "Running", running).await?;
            }
            corner.space.until_all_pods(15, |pod| phase(pod) == "Running").await?;
            assert_eq!(recorder.made_twice(), BTreeSet::new());
            Ok(())
        });
    }
}

#[test]
fn nothing_but_the_lease_is_written_at_rest() {
    in_corner("rest", async |corner| {
        let operator = corner.operator(&[]);
        corner.space.apply(&jobs()).await?;
        corner.space.apply(crate::single::RING).await?;
        let waits = job("waits", &[("Worker", 2)], "{cpu: 100, memory: 1Gi}");
        corner.space.apply(&waits).await?;
        let ready = |ring: &_| condition(ring, "Ready").as_deref() == Some("True");
        corner.space.until(corner.space.rings(), "ring", "Ready", ready).await?;
        corner.space.until_all_pods(18, |pod| phase(pod) == "Running").await?;
        let settled = Audit::from_now()?;
        settled.until_quiet(Duration::from_secs(20), is_lease).await?;
        let audit = Audit::from_now()?;
        tokio::time::sleep(Duration::from_secs(300)).await;
        let writes: Vec<_> =
            audit.operator_calls()?.into_iter().filter(|call| call.writes() && !is_lease(call)).collect();
        assert!(writes.is_empty(), "written at rest: {writes:?}");
        let resident = operator.resident_kib()?;
        println!("the operator is {resident} KiB resident");
        operator.stop()
    });
}

fn is_lease(call: &twofold_e2e::harness::audit::Entry) -> bool {
    call.path.contains("/leases/") || call.path.ends_with("/leases")
}
