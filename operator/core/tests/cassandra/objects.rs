//! The objects of a ring, word for word.

use crate::golden;
use serde::Serialize;
use twofold_core::frameworks::cassandra::ledger::{self, Event};
use twofold_core::frameworks::cassandra::pod::Member;
use twofold_core::frameworks::cassandra::{budget, claim, config_map, pod, racks, service};
use twofold_core::settings::Settings;
use twofold_crds::service_ledger::LedgerRack;
use twofold_crds::{CassandraService, ServiceLedgerSpec};
use twofold_sdk::instance::InstanceId;

const RING: &str = r#"
apiVersion: twofold.dev/v1alpha1
kind: CassandraService
metadata: {name: demo, namespace: team-a, uid: 6f1c, generation: 1}
spec:
  version: 5.0.9
  nodes: 3
  resources: {limits: {cpu: 500m, memory: 1Gi}}
  heap: 256Mi
  storage: {size: 2Gi, storageClassName: fast}
  placement:
    tolerations: [{key: dedicated, operator: Equal, value: data, effect: NoSchedule}]
  config:
    cassandraYaml: {concurrent_reads: 8}
    jvmOptions: [-Dcassandra.ring_delay_ms=5000]
  podTemplate:
    metadata:
      labels: {team: storage, twofold.dev/index: forged}
      annotations: {note: kept}
"#;

pub(crate) fn ring(text: &str) -> CassandraService {
    serde_saphyr::from_str(text).expect("a ring")
}

fn settings() -> Settings {
    Settings {
        agent_image: "registry.example/twofold:1".to_owned(),
        cluster_domain: "cluster.local".to_owned(),
        ..Settings::default()
    }
}

pub(crate) fn launched(ledger: &ServiceLedgerSpec, index: u32, zone: &str) -> ServiceLedgerSpec {
    let event = Event::Launched {
        instance: InstanceId::new("node", index),
        agent: format!("agent-{zone}"),
        rack: LedgerRack { name: zone.to_owned(), zone: Some(zone.to_owned()) },
        claim: format!("data-demo-node-{index}"),
    };
    ledger::apply(ledger, &event).expect("a launch is never refused")
}

fn three_nodes() -> ServiceLedgerSpec {
    let mut ledger = ledger::begun("CassandraService", "demo", "6f1c");
    for (index, zone) in [(0, "a"), (1, "b"), (2, "c")] {
        ledger = launched(&ledger, index, zone);
    }
    ledger
}

fn yaml(object: &impl Serialize) -> String {
    serde_saphyr::to_string(&serde_json::to_value(object).expect("a document")).expect("a text")
}

fn member(index: u32, first_seed: bool) -> Member {
    Member {
        instance: InstanceId::new("node", index),
        agent: "agent-a".to_owned(),
        rack: "a".to_owned(),
        cluster_id: "6f1c".to_owned(),
        incarnation: 1,
        first_seed,
    }
}

#[test]
fn the_pod_of_a_first_member() {
    golden::check("pod.yaml", &yaml(&pod::pod(&ring(RING), &settings(), &member(0, true))));
}

#[test]
fn only_the_pod_that_begins_a_ring_may_seed_itself() {
    let text = |first| yaml(&pod::pod(&ring(RING), &settings(), &member(1, first)));
    assert!(text(true).contains("TWOFOLD_FIRST_SEED"));
    assert!(!text(false).contains("FIRST_SEED"));
}

#[test]
fn a_newer_operator_changes_no_revision() {
    let newer = Settings { agent_image: "registry.example/twofold:2".to_owned(), ..settings() };
    let revision = |settings| {
        pod::pod(&ring(RING), settings, &member(0, false)).metadata.annotations.unwrap()
            ["twofold.dev/revision"]
            .clone()
    };
    assert_eq!(revision(&settings()), revision(&newer));
}

#[test]
fn services_configuration_claim_and_budget() {
    let ring = ring(RING);
    let documents = [
        yaml(&service::peers(&ring)),
        yaml(&service::client(&ring)),
        yaml(&config_map::config_map(&ring, &three_nodes(), &settings())),
        yaml(&claim::claim(&ring, &InstanceId::new("node", 1), "6f1c")),
        yaml(&budget::budget(&ring)),
    ];
    golden::check("support.yaml", &documents.join("---\n"));
}

#[test]
fn claims_go_with_the_resource_only_where_that_is_said() {
    let mut ring = ring(RING);
    let owners = |ring: &CassandraService| {
        claim::claim(ring, &InstanceId::new("node", 0), "6f1c").metadata.owner_references
    };
    assert_eq!(owners(&ring), None);
    ring.spec.storage.on_delete = twofold_crds::cassandra_service::OnDelete::Delete;
    assert_eq!(owners(&ring).unwrap()[0].uid, "6f1c");
}

#[test]
fn seeds_are_node_0_then_one_of_each_rack_then_the_next() {
    let mut ledger = ledger::begun("CassandraService", "demo", "6f1c");
    for (index, zone) in [(0, "b"), (1, "b"), (2, "a"), (3, "b"), (4, "a"), (5, "c")] {
        ledger = launched(&ledger, index, zone);
    }
    for (count, expected) in [
        (1, "node-0"),
        (2, "node-0 node-2"),
        (3, "node-0 node-2 node-5"),
        (4, "node-0 node-1 node-2 node-5"),
        (16, "node-0 node-1 node-2 node-3 node-4 node-5"),
    ] {
        let mut ring = ring(RING);
        ring.spec.seeds.count = count;
        let seeds: Vec<String> = racks::seeds(&ring, &ledger).iter().map(ToString::to_string).collect();
        assert_eq!(seeds.join(" "), expected, "{count} seeds");
    }
}
