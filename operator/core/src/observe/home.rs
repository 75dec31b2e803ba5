//! The home of an instance: the agent that it comes back to when its pod is gone, as far as ledger, claim and volume say.
//! All of it is in the cluster, so a fresh start finds the same.

use crate::observe::service::{Belongings, reach_of};
use crate::observe::world::World;
use crate::record::ClaimRecord;
use twofold_allocator::agent::AgentState;
use twofold_allocator::id::{AgentId, VolumeId, Word};
use twofold_allocator::reservation;
use twofold_crds::service_ledger::{InstanceState, LedgerInstance};
use twofold_sdk::observed::Reach;

/// Where an instance comes back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Home {
    /// To this agent alone.
    Only(AgentId),
    /// To this agent first; it could go elsewhere.
    First(AgentId),
    /// To none: it never started, its volume is lost or was never made, the agent is gone or given up, or takes no new work
    /// where the instance could go elsewhere.
    Nowhere,
    /// It cannot be told, as something was not read yet or cannot be read.
    Unknown,
}

/// The home of an instance on record: the one agent that its volume can be used from, else of those the agent that it was
/// last placed on. A claim without a volume leads where kube-scheduler aimed it; when that was taken back, nowhere.
#[must_use]
pub fn of(world: &World, belongings: &Belongings<'_>, entry: &LedgerInstance) -> Home {
    let Some(claim) = claim(belongings, entry).filter(|_| entry.state != InstanceState::Empty) else {
        return Home::Nowhere;
    };
    match &claim.volume {
        Some(volume) if !world.volumes.contains_key(volume) => return Home::Unknown,
        None if claim.selected_agent.is_none() => return Home::Nowhere,
        Some(_) | None => {}
    }
    let last = || entry.agent.as_deref().map(AgentId::from);
    let first = match reach_of(claim, world) {
        Reach::Agents(agents) if agents.len() < 2 => {
            return agents.into_iter().next().map_or(Home::Nowhere, |agent| there(world, agent, Home::Only));
        }
        Reach::Agents(agents) => last().filter(|agent| agents.contains(agent)),
        Reach::Zones(zones) => last().filter(|agent| {
            world.zones.get(agent.as_str()).is_some_and(|zone| zones.contains(&Word::from(zone.as_str())))
        }),
        Reach::Anywhere => last(),
    };
    let closed = |agent: &AgentId| world.agents.get(agent).is_some_and(|it| it.state != AgentState::Active);
    let first = first.filter(|agent| !closed(agent));
    first.map_or(Home::Nowhere, |agent| there(world, agent, Home::First))
}

fn there(world: &World, agent: AgentId, home: fn(AgentId) -> Home) -> Home {
    if world.is_unreadable(&agent) {
        Home::Unknown
    } else if world.is_gone(&agent) {
        Home::Nowhere
    } else {
        home(agent)
    }
}

/// The volume of an instance, where level one has a word for how far it reaches.
#[must_use]
pub fn volume(
    world: &World,
    belongings: &Belongings<'_>,
    entry: &LedgerInstance,
) -> Option<reservation::Volume> {
    let claim = claim(belongings, entry)?;
    let id = VolumeId::from(claim.volume.as_deref()?);
    let reach = match reach_of(claim, world) {
        Reach::Anywhere => reservation::Reach::Anywhere,
        Reach::Zones(zones) => reservation::Reach::Zone(only(zones)?),
        Reach::Agents(agents) => reservation::Reach::Agent(only(agents)?),
    };
    // The disk of a claim is no resource of the agent's that is counted, and an instance has it for itself.
    Some(reservation::Volume { id, reach, size_bytes: 0, shared: false })
}

/// The claim that has an instance's data: not another of its name, nor one that is being deleted.
fn claim<'a>(belongings: &Belongings<'a>, entry: &LedgerInstance) -> Option<&'a ClaimRecord> {
    let mut claims = belongings.claims.iter().copied();
    let found = claims.find(|claim| claim.instance.as_deref() == Some(entry.name.as_str()))?;
    let same = entry.claim_uid.as_ref().is_none_or(|uid| *uid == found.identity.uid);
    (same && !found.deleting).then_some(found)
}

fn only<T>(all: impl IntoIterator<Item = T>) -> Option<T> {
    let mut all = all.into_iter();
    all.next().filter(|_| all.next().is_none())
}
