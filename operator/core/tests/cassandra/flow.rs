//! How a ring comes up, goes on and comes back.

use crate::driver::{Driver, is_first_seed};
use crate::golden;
use crate::objects::ring;
use serde_json::json;
use std::fmt::Write as _;
use twofold_core::object::{Key, Kind, Object};
use twofold_crds::CassandraService;
use twofold_crds::service_ledger::{BootstrapSlot, InstanceState};

const RING: &str = "
apiVersion: twofold.dev/v1alpha1
kind: CassandraService
metadata: {name: demo, namespace: team-a}
spec: {version: 5.0.9, storage: {size: 1Gi}}
";

pub(crate) fn condition(ring: &CassandraService, kind: &str) -> String {
    let conditions = ring.status.iter().flat_map(|status| &status.conditions);
    let found = conditions.into_iter().find(|condition| condition.type_ == kind);
    found.map(|c| format!("{} {}: {}", c.status, c.reason, c.message)).unwrap_or_default()
}

#[test]
fn a_ring_of_three_comes_up_one_member_after_the_other() {
    let mut driver = Driver::new(ring(RING), &["a", "b", "c"]);
    let mut text = String::new();
    let mut step = |driver: &mut Driver, what: &str| {
        driver.settle();
        writeln!(text, "{what}").unwrap();
        for line in std::mem::take(&mut driver.told) {
            writeln!(text, "    {line}").unwrap();
        }
        writeln!(text, "    Ready {}", condition(&driver.ring(), "Ready")).unwrap();
    };
    step(&mut driver, "the resource is there");
    for node in ["demo-node-0", "demo-node-1", "demo-node-2"] {
        driver.run_pods();
        driver.report();
        step(&mut driver, &format!("{node} runs"));
        driver.join(node);
        driver.report();
        step(&mut driver, &format!("{node} has joined"));
    }
    golden::check("deploy.txt", &text);
    let ledger = driver.ledger().unwrap();
    assert!(ledger.initialized && ledger.bootstrap == BootstrapSlot::Free {});
    assert!(ledger.instances.iter().all(|entry| entry.state == InstanceState::Member));
    let racks: Vec<&str> = ledger.racks.iter().map(|rack| rack.name.as_str()).collect();
    assert_eq!(racks, ["a", "b", "c"]);
    let status = serde_json::to_value(driver.ring().status).unwrap();
    golden::check("status.json", &format!("{status:#}\n"));
}

#[test]
fn nothing_is_written_at_rest() {
    let mut driver = Driver::new(ring(RING), &["a", "b", "c"]);
    driver.bring_up(3);
    for _ in 0..20 {
        driver.cluster.pass(60_000);
        driver.report();
        assert_eq!(driver.cycle(usize::MAX), 0, "{:?}", driver.told.last());
    }
}

#[test]
fn only_node_0_begins_the_ring_and_only_once() {
    let mut driver = Driver::new(ring(RING), &["a", "b", "c"]);
    driver.settle();
    let first: Vec<bool> = driver.pods().iter().map(is_first_seed).collect();
    assert_eq!(first, [true, false, false]);
    driver.bring_up(3);
    driver.kill("demo-node-0");
    driver.settle();
    assert!(!is_first_seed(&driver.pod("demo-node-0").unwrap()));
}

#[test]
fn a_lost_pod_comes_back_with_its_claim_rack_and_agent() {
    let mut driver = Driver::new(ring(RING), &["a", "b", "c", "a", "b", "c"]);
    driver.bring_up(3);
    let before = (driver.places(), driver.ledger().unwrap());
    let claim = |driver: &Driver| driver.claim_uid(&driver.pod("demo-node-1").unwrap());
    let uid = claim(&driver);
    driver.kill("demo-node-1");
    driver.bring_up(1);
    assert_eq!(claim(&driver), uid);
    let rack = |ledger: &twofold_crds::ServiceLedgerSpec| ledger.instances[1].rack.clone();
    assert_eq!(rack(&driver.ledger().unwrap()), rack(&before.1));
    assert!(condition(&driver.ring(), "Ready").starts_with("True"));
}

#[test]
fn all_pods_lost_at_once_start_at_once() {
    let mut driver = Driver::new(ring(RING), &["a", "b", "c"]);
    driver.bring_up(3);
    for node in ["demo-node-0", "demo-node-1", "demo-node-2"] {
        driver.kill(node);
    }
    driver.settle();
    let gated = driver
        .pods()
        .iter()
        .filter(|pod| pod.spec.as_ref().is_some_and(|spec| spec.scheduling_gates.is_some()))
        .count();
    assert_eq!((driver.pods().len(), gated), (3, 0));
    assert_eq!(driver.ring().status.unwrap().seeds, ["node-0", "node-1", "node-2"]);
}

#[test]
fn without_zones_there_is_one_rack_and_that_is_said() {
    let mut driver = Driver::new(ring(RING), &["", "", ""]);
    driver.bring_up(3);
    let ledger = driver.ledger().unwrap();
    assert_eq!((ledger.racks.len(), ledger.racks[0].name.as_str()), (1, "rack1"));
    assert!(condition(&driver.ring(), "FaultDomainsUnknown").starts_with("True NoZones"));
    assert!(condition(&driver.ring(), "Ready").starts_with("True"));
}

#[test]
fn a_zone_that_no_agent_has_is_waited_for() {
    let mut ring = ring(RING);
    ring.spec.racks = serde_json::from_value(json!([
        {"name": "a", "zone": "a"}, {"name": "b", "zone": "b"}, {"name": "c", "zone": "nowhere"}]))
    .unwrap();
    let mut driver = Driver::new(ring, &["a", "b", "c"]);
    driver.settle();
    assert!(driver.pods().is_empty() && driver.ledger().is_none());
    let progressing = condition(&driver.ring(), "Progressing");
    assert!(progressing.starts_with("True WaitingForOffers"), "{progressing}");
}

#[test]
fn more_memory_than_any_agent_has_is_said() {
    let mut ring = ring(RING);
    ring.spec.resources = serde_json::from_value(json!({"limits": {"memory": "64Gi"}})).unwrap();
    let mut driver = Driver::new(ring, &["a", "b", "c"]);
    driver.settle();
    assert!(driver.pods().is_empty());
    let ready = condition(&driver.ring(), "Ready");
    assert!(ready.contains("memory"), "{ready}");
}

#[test]
fn a_change_that_cannot_be_carried_out_is_said_and_the_ring_goes_on() {
    let mut driver = Driver::new(ring(RING), &["a", "b", "c"]);
    driver.bring_up(3);
    let mut ring = driver.ring();
    ring.spec.image = Some("cassandra:5.0.10".to_owned());
    ring.spec.nodes = 2;
    driver.cluster.put(ring.into());
    driver.settle();
    let stalled = condition(&driver.ring(), "Stalled");
    assert!(stalled.starts_with("True Unsupported: spec.nodes: "), "{stalled}");
    assert!(stalled.contains("spec.image: demo-node-0, demo-node-1, demo-node-2 still run"), "{stalled}");
    assert_eq!(driver.pods().len(), 3);
    driver.kill("demo-node-2");
    driver.settle();
    assert_eq!(driver.pods().len(), 3, "a member that is lost comes back in spite of it");
}

#[test]
fn a_mistake_in_the_image_is_mended_by_mending_the_spec() {
    let mut wrong = ring(RING);
    wrong.spec.image = Some("cassandra:wrong".to_owned());
    let mut driver = Driver::new(wrong, &["a", "b", "c"]);
    driver.settle();
    driver.run_pods();
    let mut pod = driver.pod("demo-node-0").unwrap();
    let waiting = json!([{"name": "cassandra", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off"}}}]);
    let status = pod.status.as_mut().unwrap();
    status.phase = Some("Pending".to_owned());
    status.container_statuses = Some(serde_json::from_value(waiting).unwrap());
    driver.cluster.put(pod.into());
    driver.settle();
    let stalled = condition(&driver.ring(), "Stalled");
    assert!(stalled.starts_with("True ImageUnavailable") && stalled.contains("demo-node-0"), "{stalled}");
    let mut mended = driver.ring();
    mended.spec.image = None;
    driver.cluster.put(mended.into());
    driver.bring_up(3);
    assert!(
        condition(&driver.ring(), "Ready").starts_with("True"),
        "{}",
        condition(&driver.ring(), "Stalled")
    );
}

#[test]
fn a_member_without_its_volume_is_not_started_as_a_stranger() {
    let mut driver = Driver::new(ring(RING), &["a", "b", "c"]);
    driver.bring_up(3);
    driver.kill("demo-node-1");
    driver.cluster.remove(&Key::new(Kind::PersistentVolumeClaim, "team-a", "data-demo-node-1"));
    driver.settle();
    assert_eq!(driver.pod("demo-node-1"), None);
    let stalled = condition(&driver.ring(), "Stalled");
    assert!(stalled.starts_with("True VolumeUnusable: claim data-demo-node-1"), "{stalled}");
}

#[test]
fn a_resource_made_again_takes_its_data_over() {
    let mut driver = Driver::new(ring(RING), &["a", "b", "c"]);
    driver.bring_up(3);
    let old = driver.ledger().unwrap();
    driver.cluster.remove(&Key::new(Kind::CassandraService, "team-a", "demo"));
    driver.settle();
    assert!(driver.pods().is_empty(), "pods go with the resource");
    assert!(driver.ledger().is_some(), "ledger and claims stay");
    driver.cluster.put(Object::from(ring(RING)));
    driver.bring_up(3);
    let new = driver.ledger().unwrap();
    assert_eq!(new.cluster_id, old.cluster_id);
    assert_ne!(new.service.uid, old.service.uid);
    assert!(driver.pods().iter().all(|pod| !is_first_seed(pod)));
    assert!(
        condition(&driver.ring(), "Ready").starts_with("True"),
        "{}",
        condition(&driver.ring(), "Stalled")
    );
}

#[test]
fn data_without_its_record_is_not_begun_anew() {
    let mut driver = Driver::new(ring(RING), &["a", "b", "c"]);
    driver.bring_up(3);
    driver.cluster.remove(&Key::new(Kind::ServiceLedger, "team-a", "demo"));
    driver.kill("demo-node-0");
    driver.settle();
    assert_eq!(driver.pod("demo-node-0"), None);
    assert_eq!(driver.ledger(), None);
    let stalled = condition(&driver.ring(), "Stalled");
    assert!(stalled.starts_with("True LedgerLost"), "{stalled}");
}

#[test]
fn more_nodes_join_one_at_a_time_in_the_recorded_racks() {
    let mut driver = Driver::new(ring(RING), &["a", "b", "c", "a", "b", "d"]);
    driver.bring_up(3);
    let mut ring = driver.ring();
    ring.spec.nodes = 5;
    driver.cluster.put(ring.into());
    driver.bring_up(5);
    let ledger = driver.ledger().unwrap();
    assert_eq!(ledger.racks.len(), 3);
    assert_eq!(ledger.instances.len(), 5);
    assert!(
        condition(&driver.ring(), "Ready").starts_with("True"),
        "{}",
        condition(&driver.ring(), "Progressing")
    );
}

#[test]
fn where_pods_are_taken_at_their_word_no_agent_is_asked() {
    let mut ring = ring(RING);
    ring.metadata.annotations = Some([("twofold.dev/readiness".to_owned(), "pod".to_owned())].into());
    let mut driver = Driver::new(ring, &["a", "b", "c"]);
    for _ in 0..4 {
        driver.settle();
        driver.run_pods();
        for node in ["demo-node-0", "demo-node-1", "demo-node-2"] {
            driver.join(node);
        }
        driver.cluster.pass(2_000);
    }
    driver.settle();
    assert!(
        condition(&driver.ring(), "Ready").starts_with("True"),
        "{}",
        condition(&driver.ring(), "Progressing")
    );
}

#[test]
fn a_gang_that_cannot_be_bound_is_withdrawn_whole_and_placed_anew() {
    let mut driver = Driver::new(ring(RING), &["a", "b", "c", "a", "b", "c"]);
    driver.settle();
    let before: Vec<_> = driver.pods().into_iter().map(|pod| pod.metadata.uid).collect();
    driver.cluster.pass(61_000);
    driver.settle();
    let after: Vec<_> = driver.pods().into_iter().map(|pod| pod.metadata.uid).collect();
    assert!(before.iter().all(|uid| !after.contains(uid)), "a pod of the first attempt is left");
    assert_eq!(driver.pods().iter().map(is_first_seed).collect::<Vec<_>>(), [true, false, false]);
    let ledger = driver.ledger().unwrap();
    let slot = BootstrapSlot::Held { instance: "node-0".to_owned(), incarnation: 2 };
    assert_eq!((ledger.bootstrap, ledger.initialized), (slot, false));
    driver.bring_up(3);
    assert!(condition(&driver.ring(), "Ready").starts_with("True"));
}

#[test]
fn explicit_racks_without_zones_are_filled_in_turn() {
    let mut ring = ring(RING);
    ring.spec.fault_domains = serde_json::from_value(json!({"rackFrom": "Explicit"})).unwrap();
    ring.spec.racks = serde_json::from_value(json!([{"name": "r1"}, {"name": "r2"}])).unwrap();
    let mut driver = Driver::new(ring, &["a", "a", "a"]);
    driver.bring_up(3);
    let ledger = driver.ledger().unwrap();
    let racks: Vec<_> = ledger.instances.iter().filter_map(|entry| entry.rack.as_deref()).collect();
    assert_eq!(racks, ["r1", "r2", "r1"]);
    assert_eq!(condition(&driver.ring(), "FaultDomainsUnknown"), "");
}

#[test]
fn deletion_in_mid_deploy_leaves_the_data_and_nothing_is_launched() {
    let mut driver = Driver::new(ring(RING), &["a", "b", "c"]);
    driver.settle();
    driver.run_pods();
    driver.cluster.remove(&Key::new(Kind::CassandraService, "team-a", "demo"));
    driver.settle();
    assert!(driver.pods().is_empty());
    let claims = driver.cluster.objects().filter(|(key, _)| key.kind == Kind::PersistentVolumeClaim).count();
    assert_eq!((claims, driver.ledger().is_some()), (3, true));
}
