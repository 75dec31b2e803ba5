//! What a change must be like to be taken.

use crate::ask::{Ask, Demand, Member};
use crate::books::Books;
use crate::change::Change;
use crate::device::well_formed;
use crate::framework::Framework;
use crate::holding::Owner;
use crate::id::{AgentId, FrameworkId, RolePath};
use crate::refused::{Object, Refused};
use crate::reservation::ReservedFor;
use crate::resources::{Amounts, Kind, Resources};
use crate::role::Role;
use alloc::collections::BTreeSet;

const WEIGHT_MOST: u32 = 1_000_000;
const AMOUNT_MOST: u64 = 1 << 50;
const SUM_MOST: u64 = 1 << 62;

impl Books {
    /// Whether a change may be taken.
    pub(crate) fn validate(&self, change: &Change) -> Result<(), Refused> {
        match change {
            Change::Agent(agent) => {
                machine(&agent.id)?;
                let object = || Object::Agent(agent.id.clone());
                whole(&agent.capacity, object)?;
                named_ports(&agent.capacity, object)?;
                sum(&self.total, &agent.capacity, object)
            }
            Change::Devices(agent, set) => {
                let mut names = BTreeSet::new();
                let mut all = set.iter().flat_map(|set| set.whole.iter().chain(&set.shared));
                let twice = all.find(|device| !names.insert(&device.id));
                let agent = || agent.clone();
                twice.map_or(Ok(()), |twice| {
                    Err(Refused::DeviceTwice { agent: agent(), device: twice.id.clone() })
                })
            }
            Change::Role(role) => self.validate_role(role),
            Change::Framework(framework) => validate_framework(framework),
            Change::Demand { framework, role, demand } => {
                self.known(framework)?;
                self.in_role(framework, role)?;
                validate_demand(framework, demand)
            }
            Change::Holding(holding) => {
                let object = || Object::Task(holding.task.clone());
                if let Owner::Framework { role, .. } = &holding.owner {
                    path(role)?;
                }
                well_formed(&holding.devices).map_err(|why| Refused::Devices { object: object(), why })?;
                whole(&holding.resources, object)?;
                named_ports(&holding.resources, object)?;
                sum(&self.used, &holding.resources, object)
            }
            Change::Reservation(reservation) => {
                let object = || Object::Reservation(reservation.id.clone());
                machine(&reservation.agent)?;
                match &reservation.owner {
                    ReservedFor::Role(role) | ReservedFor::Instance { role, .. } => path(role)?,
                }
                whole(&reservation.resources, object)?;
                named_ports(&reservation.resources, object)?;
                sum(&self.used, &reservation.resources, object)
            }
            Change::Avoid { framework, .. } | Change::Pause { framework, .. } => self.known(framework),
            Change::AgentGone(id) => machine(id),
            Change::Revocable { agent, resources } => {
                machine(agent)?;
                let object = || Object::Agent(agent.revocable());
                whole(resources, object)?;
                named_ports(resources, object)?;
                sum(&self.total, resources, object)
            }
            Change::RoleGone(_)
            | Change::FrameworkGone(_)
            | Change::HoldingGone(_)
            | Change::ReservationGone(_)
            | Change::LocalRegion(_) => Ok(()),
        }
    }

    fn known(&self, id: &FrameworkId) -> Result<(), Refused> {
        let taken = self.seats_taken(id).next();
        taken.map(|_| ()).ok_or_else(|| Refused::UnknownFramework(id.clone()))
    }

    fn in_role(&self, id: &FrameworkId, role: &RolePath) -> Result<(), Refused> {
        let seat = self.seat(id, role).filter(|no| self.frameworks.at(*no).framework.is_some());
        seat.map(|_| ()).ok_or_else(|| Refused::NotItsRole { framework: id.clone(), role: role.clone() })
    }

    fn validate_role(&self, role: &Role) -> Result<(), Refused> {
        path(&role.path)?;
        if !(1..=WEIGHT_MOST).contains(&role.weight) {
            return Err(Refused::Weight { role: role.path.clone(), weight: role.weight });
        }
        amounts(&role.guarantee, || Object::Role(role.path.clone()))?;
        amounts(&role.limit, || Object::Role(role.path.clone()))?;
        let mut kinds = role.guarantee.keys().chain(role.limit.keys());
        if kinds.any(|kind| matches!(kind, Kind::PortRange(..))) {
            return Err(Refused::PortsByNumber(role.path.clone()));
        }
        for (kind, guarantee) in &role.guarantee {
            if role.limit.get(kind).is_some_and(|limit| limit < guarantee) {
                return Err(Refused::GuaranteeAboveLimit { role: role.path.clone(), kind: kind.clone() });
            }
            let known = self.roles.at(self.root).guarantee.get(kind).copied().unwrap_or_default();
            if known.saturating_add(*guarantee) > SUM_MOST {
                return Err(Refused::TooMuchInAll {
                    object: Object::Role(role.path.clone()),
                    kind: kind.clone(),
                });
            }
        }
        Ok(())
    }
}

fn validate_framework(framework: &Framework) -> Result<(), Refused> {
    if framework.roles.is_empty() {
        return Err(Refused::NoRoles(framework.id.clone()));
    }
    framework.roles.iter().try_for_each(path)
}

fn path(path: &RolePath) -> Result<(), Refused> {
    let broken = !path.is_root() && path.as_str().split('/').any(str::is_empty);
    if broken { Err(Refused::Path(path.clone())) } else { Ok(()) }
}

fn amounts(amounts: &Amounts, object: impl Fn() -> Object) -> Result<(), Refused> {
    match amounts.iter().find(|(_, amount)| **amount > AMOUNT_MOST) {
        Some((kind, _)) => Err(Refused::TooLarge { object: object(), kind: kind.clone() }),
        None => Ok(()),
    }
}

/// Like [`amounts`]; an amount is named only where one is too large.
fn whole(resources: &Resources, object: impl Fn() -> Object) -> Result<(), Refused> {
    if most(resources) <= AMOUNT_MOST { Ok(()) } else { amounts(&resources.amounts(), object) }
}

/// A change names machines; their revocable room follows from them.
fn machine(id: &AgentId) -> Result<(), Refused> {
    if id.is_revocable() { Err(Refused::RevocableName(id.clone())) } else { Ok(()) }
}

/// What is there, or in use, has ports by their numbers, each once.
fn named_ports(resources: &Resources, object: impl Fn() -> Object) -> Result<(), Refused> {
    let ports = resources.other.ports();
    if ports.open() > 0 {
        return Err(Refused::OpenPorts(object()));
    }
    if ports.has_twice() { Err(Refused::PortTwice(object())) } else { Ok(()) }
}

fn sum(known: &Resources, more: &Resources, object: impl Fn() -> Object) -> Result<(), Refused> {
    // No single amount of what is added is above a part of what may be known in all.
    if most(known) <= SUM_MOST - AMOUNT_MOST {
        return Ok(());
    }
    for (kind, amount) in more.amounts() {
        if known.amount(&kind).saturating_add(amount) > SUM_MOST {
            return Err(Refused::TooMuchInAll { object: object(), kind });
        }
    }
    Ok(())
}

/// The largest amount of any kind.
fn most(resources: &Resources) -> u64 {
    let Resources { cpu_milli, memory_bytes, disk_bytes, pods, gpus, other } = resources;
    let named = other.iter().map(|(_, amount)| amount).max().unwrap_or_default();
    let ports = other.ports().open();
    [*cpu_milli, *memory_bytes, *disk_bytes, *pods, gpus.total(), named, ports]
        .into_iter()
        .max()
        .unwrap_or_default()
}

fn validate_demand(id: &FrameworkId, demand: &Demand) -> Result<(), Refused> {
    match demand {
        Demand::None => Ok(()),
        Demand::Open { least } => whole(least, || Object::Framework(id.clone())),
        Demand::Asks(asks) => {
            let mut names = BTreeSet::new();
            for ask in asks {
                if !names.insert(&ask.id) {
                    return Err(Refused::AskTwice { framework: id.clone(), ask: ask.id.clone() });
                }
                validate_ask(id, ask)?;
            }
            Ok(())
        }
    }
}

fn validate_ask(id: &FrameworkId, ask: &Ask) -> Result<(), Refused> {
    let (framework, name) = (|| id.clone(), || ask.id.clone());
    if ask.members.iter().all(|member| member.count == 0) {
        return Err(Refused::AskEmpty { framework: framework(), ask: name() });
    }
    if ask.is_revocable() && !ask.members.iter().all(Member::is_revocable) {
        return Err(Refused::RevocableInPart { framework: framework(), ask: name() });
    }
    for (at, member) in ask.members.iter().enumerate() {
        if member.least > member.count {
            return Err(Refused::LeastAboveCount { framework: framework(), ask: name(), member: at });
        }
        let none = member.shape.gpu.as_ref().is_some_and(|gpu| gpu.count == 0);
        if none || !member.shape.base.gpus.is_empty() {
            return Err(Refused::MemberGpus { framework: framework(), ask: name(), member: at });
        }
        whole(&member.shape.base, || Object::Framework(framework()))?;
        if member.shape.base.other.ports().has_twice() {
            return Err(Refused::PortTwice(Object::Framework(framework())));
        }
        if member.shape.gpu.as_ref().is_some_and(|gpu| gpu.count > AMOUNT_MOST) {
            let kind = Kind::Gpu;
            return Err(Refused::TooLarge { object: Object::Framework(framework()), kind });
        }
    }
    Ok(())
}
