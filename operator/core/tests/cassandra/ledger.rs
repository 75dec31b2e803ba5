//! The record's transitions as a table: what happens, and the record after it.

use crate::golden;
use std::fmt::Write as _;
use twofold_core::frameworks::cassandra::ledger::{self, Event};
use twofold_crds::ServiceLedgerSpec;
use twofold_crds::service_ledger::{BootstrapSlot, LedgerRack};
use twofold_sdk::instance::InstanceId;

fn node(index: u32) -> InstanceId {
    InstanceId::new("node", index)
}

fn launched(index: u32, zone: &str) -> Event {
    Event::Launched {
        instance: node(index),
        agent: format!("agent-{zone}"),
        rack: LedgerRack { name: zone.to_owned(), zone: Some(zone.to_owned()) },
        claim: format!("data-demo-node-{index}"),
    }
}

fn line(ledger: &ServiceLedgerSpec) -> String {
    let slot = match &ledger.bootstrap {
        BootstrapSlot::Free {} => "free".to_owned(),
        BootstrapSlot::Held { instance, incarnation } => format!("held by {instance}/{incarnation}"),
        BootstrapSlot::Aborting { instance, incarnation } => format!("aborting {instance}/{incarnation}"),
    };
    let instances = ledger.instances.iter().map(|entry| {
        let known = [&entry.pod_uid, &entry.claim_uid, &entry.host_id].map(|id| id.as_deref().unwrap_or("-"));
        format!(
            "{}/{} {:?} rack {} {}",
            entry.name,
            entry.incarnation,
            entry.state,
            entry.rack.as_deref().unwrap_or("-"),
            known.join(" ")
        )
    });
    let initialized = if ledger.initialized { "initialized, " } else { "" };
    format!("{initialized}{slot}; {}", instances.collect::<Vec<_>>().join("; "))
}

fn says(event: &Event) -> String {
    match event {
        Event::Adopted { uid } => format!("adopted by {uid}"),
        Event::Launched { instance, rack, .. } => format!("{instance} launched in {}", rack.name),
        Event::LetStart { instance } => format!("{instance} let start"),
        Event::PodSeen { instance, uid } => format!("{instance} has pod {uid}"),
        Event::ClaimSeen { instance, uid } => format!("{instance} has claim {uid}"),
        Event::Joined { instance } => format!("{instance} joined"),
        Event::HostIdKnown { instance, host_id } => format!("{instance} is host {host_id}"),
    }
}

#[test]
fn the_record_changes_step_by_step() {
    let seen = |instance, uid: &str| Event::PodSeen { instance, uid: uid.to_owned() };
    let claim = |instance, uid: &str| Event::ClaimSeen { instance, uid: uid.to_owned() };
    let events = [
        launched(0, "a"),
        launched(1, "b"),
        launched(2, "c"),
        Event::LetStart { instance: node(1) },
        Event::LetStart { instance: node(3) },
        seen(node(0), "p0"),
        claim(node(0), "c0"),
        Event::LetStart { instance: node(0) },
        launched(0, "x"),
        Event::LetStart { instance: node(1) },
        Event::Joined { instance: node(0) },
        Event::HostIdKnown { instance: node(0), host_id: "h0".to_owned() },
        claim(node(0), "another"),
        Event::LetStart { instance: node(0) },
        launched(1, "x"),
        Event::LetStart { instance: node(1) },
        Event::LetStart { instance: node(2) },
        launched(1, "b"),
        Event::Joined { instance: node(1) },
        Event::LetStart { instance: node(2) },
        launched(0, "a"),
        Event::Joined { instance: node(2) },
        Event::Adopted { uid: "uid-2".to_owned() },
    ];
    let mut ledger = ledger::begun("CassandraService", "demo", "uid-1");
    let mut text = String::new();
    for event in events {
        match ledger::apply(&ledger, &event) {
            Ok(next) => {
                ledger = next;
                writeln!(text, "{}\n    {}", says(&event), line(&ledger)).unwrap();
            }
            Err(refused) => writeln!(text, "{}\n    refused: {refused}", says(&event)).unwrap(),
        }
    }
    assert_eq!((ledger.cluster_id.as_str(), ledger.service.uid.as_str()), ("uid-1", "uid-2"));
    golden::check("ledger.txt", &text);
}
