//! What is recorded before it is done, and how the record changes: one pure step for each thing that happens. The
//! record is written by compare-and-swap only, so two leaders cannot both take a step from the same place.
//!
//! The start slot lets one member at a time into the ring without data:
//!
//! | slot | what happens | slot after |
//! |---|---|---|
//! | free | the first member of a new ring is launched | held by it |
//! | free | an instance without data is let start | held by it, at its incarnation |
//! | held | its pod is made anew | held by it, at the next incarnation |
//! | held | it has joined the ring | free, and it is a member, in one write |
//!
//! A held slot is never given to another: whoever has begun to join may be on its way into the ring, seen or not.

use super::names;
use std::fmt;
use twofold_crds::ServiceLedgerSpec;
use twofold_crds::service_ledger::{
    BootstrapSlot, InstanceState, LedgerInstance, LedgerRack, ServiceReference,
};
use twofold_sdk::instance::InstanceId;

/// Something that is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The resource of this UID takes the data over.
    Adopted {
        /// Its UID.
        uid: String,
    },
    /// A pod of the instance is about to be made.
    Launched {
        /// Whose pod.
        instance: InstanceId,
        /// The agent that it goes to.
        agent: String,
        /// Its rack.
        rack: LedgerRack,
        /// The name of its claim.
        claim: String,
    },
    /// An instance without data is about to be let start.
    LetStart {
        /// Which one.
        instance: InstanceId,
    },
    /// The instance's pod is there.
    PodSeen {
        /// Whose pod.
        instance: InstanceId,
        /// Its UID.
        uid: String,
    },
    /// The instance's claim is there.
    ClaimSeen {
        /// Whose claim.
        instance: InstanceId,
        /// Its UID.
        uid: String,
    },
    /// The instance is a member of the ring, and its volume says so.
    Joined {
        /// Which one.
        instance: InstanceId,
    },
    /// The ring knows the instance by this host id.
    HostIdKnown {
        /// Which one.
        instance: InstanceId,
        /// Its host id.
        host_id: String,
    },
}

/// Why an event cannot be recorded: it would let harm happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The instance is not on record.
    NotRecorded(InstanceId),
    /// The slot is held by another.
    SlotTaken(String),
    /// The ring has not begun, and this is not the instance that begins it.
    NotFirst(InstanceId),
    /// It is a member: it needs no slot.
    IsMember(InstanceId),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRecorded(instance) => write!(f, "{instance} is not on record"),
            Self::SlotTaken(holder) => write!(f, "{holder} is joining the ring; one at a time does"),
            Self::NotFirst(_) => f.write_str("waits for the first node, which begins the new ring"),
            Self::IsMember(instance) => write!(f, "{instance} is a member and needs no turn"),
        }
    }
}

/// The record of a ring of which nothing has been launched yet.
#[must_use]
pub fn begun(kind: &str, name: &str, uid: &str) -> ServiceLedgerSpec {
    ServiceLedgerSpec {
        cluster_id: uid.to_owned(),
        service: ServiceReference { kind: kind.to_owned(), name: name.to_owned(), uid: uid.to_owned() },
        ..ServiceLedgerSpec::default()
    }
}

/// The entry of an instance.
#[must_use]
pub fn entry<'a>(ledger: &'a ServiceLedgerSpec, instance: &InstanceId) -> Option<&'a LedgerInstance> {
    let name = instance.to_string();
    ledger.instances.iter().find(|entry| entry.name == name)
}

/// Whether the instance holds the slot at its own incarnation.
#[must_use]
pub fn holds_slot(ledger: &ServiceLedgerSpec, instance: &InstanceId) -> bool {
    let Some(entry) = entry(ledger, instance) else { return false };
    ledger.bootstrap == BootstrapSlot::Held { instance: entry.name.clone(), incarnation: entry.incarnation }
}

/// Whether the instance is the one that may begin a new ring.
#[must_use]
pub fn begins_ring(ledger: &ServiceLedgerSpec, instance: &InstanceId) -> bool {
    !ledger.initialized && holds_slot(ledger, instance)
}

/// The record after an event.
///
/// # Errors
/// [`Refused`], and then nothing is recorded.
pub fn apply(ledger: &ServiceLedgerSpec, event: &Event) -> Result<ServiceLedgerSpec, Refused> {
    let mut next = ledger.clone();
    match event {
        Event::Adopted { uid } => next.service.uid.clone_from(uid),
        Event::Launched { instance, agent, rack, claim } => {
            launch(&mut next, instance, (agent, rack, claim));
        }
        Event::LetStart { instance } => let_start(&mut next, instance)?,
        Event::PodSeen { instance, uid } => entry_mut(&mut next, instance)?.pod_uid = Some(uid.clone()),
        Event::ClaimSeen { instance, uid } => {
            let entry = entry_mut(&mut next, instance)?;
            // A member's claim is the one that has its data: another of the same name is an empty one.
            if entry.state != InstanceState::Member || entry.claim_uid.is_none() {
                entry.claim_uid = Some(uid.clone());
            }
        }
        Event::Joined { instance } => {
            let entry = entry_mut(&mut next, instance)?;
            entry.state = InstanceState::Member;
            next.initialized = true;
            if is_of(&next.bootstrap, instance) {
                next.bootstrap = BootstrapSlot::Free {};
            }
        }
        Event::HostIdKnown { instance, host_id } => {
            entry_mut(&mut next, instance)?.host_id = Some(host_id.clone());
        }
    }
    Ok(next)
}

fn launch(
    next: &mut ServiceLedgerSpec,
    instance: &InstanceId,
    (agent, rack, claim): (&String, &LedgerRack, &String),
) {
    if next.racks.iter().all(|known| known.name != rack.name) {
        next.racks.push(rack.clone());
    }
    let name = instance.to_string();
    if next.instances.iter().all(|entry| entry.name != name) {
        next.instances.push(LedgerInstance { name: name.clone(), ..LedgerInstance::default() });
        next.instances.sort_by_key(|entry| names::instance(&entry.name));
    }
    let begins = !next.initialized && instance.index == 0;
    let Some(entry) = next.instances.iter_mut().find(|entry| entry.name == name) else { return };
    entry.incarnation += 1;
    entry.agent = Some(agent.clone());
    entry.claim_name = Some(claim.clone());
    entry.pod_uid = None;
    if entry.state == InstanceState::Empty || entry.rack.is_none() {
        entry.rack = Some(rack.name.clone());
    }
    let incarnation = entry.incarnation;
    let takes = begins && matches!(next.bootstrap, BootstrapSlot::Free {});
    let keeps = matches!(&next.bootstrap, BootstrapSlot::Held { instance, .. } if *instance == name);
    if takes || keeps {
        next.bootstrap = BootstrapSlot::Held { instance: name, incarnation };
    }
}

fn let_start(next: &mut ServiceLedgerSpec, instance: &InstanceId) -> Result<(), Refused> {
    let entry = entry(next, instance).ok_or_else(|| Refused::NotRecorded(instance.clone()))?;
    if entry.state == InstanceState::Member {
        return Err(Refused::IsMember(instance.clone()));
    }
    if !next.initialized && instance.index != 0 {
        return Err(Refused::NotFirst(instance.clone()));
    }
    let incarnation = entry.incarnation;
    match &next.bootstrap {
        BootstrapSlot::Free {} => {}
        BootstrapSlot::Held { .. } if holds_slot(next, instance) => {}
        BootstrapSlot::Held { instance, .. } | BootstrapSlot::Aborting { instance, .. } => {
            return Err(Refused::SlotTaken(instance.clone()));
        }
    }
    next.bootstrap = BootstrapSlot::Held { instance: instance.to_string(), incarnation };
    entry_mut(next, instance)?.state = InstanceState::Joining;
    Ok(())
}

fn is_of(slot: &BootstrapSlot, wanted: &InstanceId) -> bool {
    match slot {
        BootstrapSlot::Free {} => false,
        BootstrapSlot::Held { instance, .. } | BootstrapSlot::Aborting { instance, .. } => {
            *instance == wanted.to_string()
        }
    }
}

fn entry_mut<'a>(
    ledger: &'a mut ServiceLedgerSpec,
    instance: &InstanceId,
) -> Result<&'a mut LedgerInstance, Refused> {
    let name = instance.to_string();
    let found = ledger.instances.iter_mut().find(|entry| entry.name == name);
    found.ok_or_else(|| Refused::NotRecorded(instance.clone()))
}
