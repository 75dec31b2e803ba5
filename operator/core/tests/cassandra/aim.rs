//! A claim that kube-scheduler aimed at an agent that was given up before there was a volume.

use crate::driver::Driver;
use crate::flow::condition;
use crate::objects::ring;
use twofold_core::object::{Key, Kind, Object};

const RING: &str = "
apiVersion: twofold.dev/v1alpha1
kind: CassandraService
metadata: {name: demo, namespace: team-a}
spec: {version: 5.0.9, nodes: 1, storage: {size: 1Gi}}
";
const SELECTED: &str = "volume.kubernetes.io/selected-node";

fn claim() -> Key {
    Key::new(Kind::PersistentVolumeClaim, "team-a", "data-demo-node-0")
}

fn aimed_at(driver: &Driver) -> Option<String> {
    let Some(Object::PersistentVolumeClaim(claim)) = driver.cluster.get(&claim()) else { panic!("no claim") };
    claim.metadata.annotations.as_ref()?.get(SELECTED).cloned()
}

/// A ring whose first pod waits to be bound on one of two agents, at which its claim is aimed. Then that agent goes.
fn with_its_agent_gone(allowed: bool) -> Driver {
    let mut driver = Driver::new(ring(RING), &["a", "a"]);
    driver.settings.allow_claim_patch = allowed;
    driver.restart();
    driver.settle();
    let entry = driver.ledger().expect("a ledger").instances[0].clone();
    let agent = entry.agent.expect("an agent");
    let Some(Object::PersistentVolumeClaim(claim)) = driver.cluster.get(&claim()) else { panic!("no claim") };
    let mut claim = claim.clone();
    claim.metadata.annotations.get_or_insert_default().insert(SELECTED.to_owned(), agent.clone());
    driver.cluster.put((*claim).into());
    driver.settle();
    driver.cluster.remove(&Key::new(Kind::Node, "", &agent));
    driver.settle();
    driver
}

#[test]
fn with_the_right_to_patch_claims_it_is_aimed_anew() {
    let driver = with_its_agent_gone(true);
    assert_eq!(aimed_at(&driver), None);
    let entry = driver.ledger().unwrap().instances[0].clone();
    assert!(driver.pod("demo-node-0").is_some(), "{:#?}", driver.told);
    assert!(driver.cluster.get(&Key::new(Kind::Node, "", entry.agent.as_deref().unwrap())).is_some());
}

#[test]
fn without_it_the_condition_names_the_command_and_nothing_is_deleted() {
    let mut driver = with_its_agent_gone(false);
    assert!(driver.pod("demo-node-0").is_none());
    let stalled = condition(&driver.ring(), "Stalled");
    let command = format!("kubectl -n team-a annotate pvc data-demo-node-0 {SELECTED}-");
    assert!(stalled.starts_with("True VolumeUnusable") && stalled.contains(&command), "{stalled}");
    // The user does as told.
    let Some(Object::PersistentVolumeClaim(claim)) = driver.cluster.get(&claim()) else { panic!("no claim") };
    let mut claim = claim.clone();
    claim.metadata.annotations = None;
    driver.cluster.put((*claim).into());
    driver.settle();
    assert!(driver.pod("demo-node-0").is_some(), "{:#?}", driver.told);
    assert!(condition(&driver.ring(), "Stalled").starts_with("False"));
}

#[test]
fn a_restarted_operator_sees_it_too() {
    let mut driver = with_its_agent_gone(false);
    driver.settings.allow_claim_patch = true;
    driver.restart();
    driver.settle();
    assert_eq!(aimed_at(&driver), None);
    assert!(driver.pod("demo-node-0").is_some());
}
