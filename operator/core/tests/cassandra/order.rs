//! Whatever the order of events: at most one member without data is past its gate, none begins a second ring, and a
//! member's rack stays. Operators are killed between any two writes, and their last writes arrive at any later time.

use crate::driver::{Driver, is_first_seed, name};
use crate::objects::ring;
use k8s_openapi::api::core::v1::Pod;
use proptest::prelude::*;
use std::collections::BTreeMap;
use twofold_crds::service_ledger::InstanceState;

const RING: &str = "
apiVersion: twofold.dev/v1alpha1
kind: CassandraService
metadata: {name: demo, namespace: team-a}
spec: {version: 5.0.9, storage: {size: 1Gi}}
";

/// Something that happens.
#[derive(Clone, Copy, Debug)]
enum Move {
    /// A whole cycle.
    Cycle,
    /// A cycle that is cut off after so many writes.
    Cut(usize),
    /// A write of an operator that is no more arrives.
    Late(usize),
    /// Pods that may start run.
    Run,
    /// The server of this pod joins, if it runs.
    Join(usize),
    /// The agents say how their servers are.
    Report,
    /// Somebody deletes this pod.
    Kill(usize),
    /// This pod is lost together with its volume.
    Lose(usize),
    /// Nothing happens for a while.
    Wait,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        6 => Just(Move::Cycle),
        3 => (0usize..8).prop_map(Move::Cut),
        3 => (0usize..8).prop_map(Move::Late),
        4 => Just(Move::Run),
        4 => (0usize..3).prop_map(Move::Join),
        3 => Just(Move::Report),
        2 => (0usize..3).prop_map(Move::Kill),
        1 => (0usize..3).prop_map(Move::Lose),
        1 => Just(Move::Wait),
    ];
    prop::collection::vec(one, 0..60)
}

fn do_it(driver: &mut Driver, one: Move) {
    let pod = |index: usize| format!("demo-node-{index}");
    match one {
        Move::Cycle => drop(driver.cycle(usize::MAX)),
        Move::Cut(done) => drop(driver.cycle(done)),
        Move::Late(which) => driver.arrive(which),
        Move::Run => driver.run_pods(),
        Move::Join(index) => driver.join(&pod(index)),
        Move::Report => driver.report(),
        Move::Kill(index) => driver.kill(&pod(index)),
        Move::Lose(index) => driver.lose(&pod(index)),
        Move::Wait => driver.cluster.pass(30_000),
    }
}

fn is_past_gate(pod: &Pod) -> bool {
    pod.spec.as_ref().is_some_and(|spec| spec.scheduling_gates.as_ref().is_none_or(Vec::is_empty))
}

fn rack(pod: &Pod) -> String {
    pod.metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get("twofold.dev/rack"))
        .cloned()
        .unwrap_or_default()
}

/// The laws, and the racks of members so far.
fn check(driver: &Driver, racks: &mut BTreeMap<String, String>) -> Result<(), TestCaseError> {
    let pods = driver.pods();
    let is_settled = |pod: &Pod| driver.settled.contains(&driver.claim_uid(pod));
    let empty: Vec<&Pod> = pods.iter().filter(|pod| is_past_gate(pod) && !is_settled(pod)).collect();
    let names: Vec<&str> = empty.iter().map(|pod| name(pod)).collect();
    prop_assert!(empty.len() <= 1, "{names:?} join at once");
    if !driver.settled.is_empty() {
        let seeds = empty.iter().filter(|pod| is_first_seed(pod)).count();
        prop_assert_eq!(seeds, 0, "{:?} begins a second ring", names);
    }
    for pod in pods.iter().filter(|pod| is_settled(pod)) {
        let known = racks.entry(name(pod).to_owned()).or_insert_with(|| rack(pod));
        prop_assert_eq!(&*known, &rack(pod), "the rack of {} changed", name(pod));
    }
    if let Some(ledger) = driver.ledger() {
        let members = ledger.instances.iter().filter(|entry| entry.state == InstanceState::Member).count();
        prop_assert!(members <= driver.joined, "a member that never joined is on record");
        prop_assert!(ledger.initialized == (members > 0), "initialized is not what the members say");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_order_of_events_lets_two_members_in_at_once_or_begins_a_second_ring(is_up in any::<bool>(), moves in moves()) {
        let mut driver = Driver::new(ring(RING), &["a", "b", "c", "a", "b", "c"]);
        let mut racks = BTreeMap::new();
        if is_up {
            driver.bring_up(3);
        }
        for one in &moves {
            do_it(&mut driver, *one);
            check(&driver, &mut racks)?;
        }
        if moves.iter().any(|one| matches!(one, Move::Lose(_))) {
            return Ok(());
        }
        driver.late.clear();
        for _ in 0..8 {
            driver.cluster.pass(300_000);
            driver.bring_up(3);
            check(&driver, &mut racks)?;
            if driver.settled.len() == 3 {
                break;
            }
        }
        prop_assert_eq!(driver.settled.len(), 3, "the ring did not come up: {:?}", driver.ledger());
    }
}
