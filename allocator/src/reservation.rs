//! Reservations: room of one agent that is kept for a role or for one instance of a framework, whether anything runs in
//! it or not, and the volume that belongs to it. They are facts, as holdings are: they come from what is on record, and
//! a rebuild has them again. They never merge, as each keeps its name; after the labelled, refined reservations of
//! Apache Mesos. A reservation may be refined: a part of it is then kept for a role below, or for an instance there.

pub(crate) mod own;
pub(crate) mod report;

use crate::agent::Agent;
use crate::id::{AgentId, FrameworkId, ReservationId, RolePath, VolumeId, Word};
use crate::resources::Resources;
use core::fmt;

/// Room that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Its name, which no other reservation has.
    pub id: ReservationId,
    /// Who it is kept for, and who is charged for it.
    pub owner: ReservedFor,
    /// Where. It is kept for an agent that is not known until that comes.
    pub agent: AgentId,
    /// How much, the model of GPUs settled.
    pub resources: Resources,
    /// The volume that belongs to it.
    pub volume: Option<Volume>,
    /// The reservation that it is a part of, on the same agent. It counts as a part of it only if that belongs to the
    /// same role or one above.
    pub refines: Option<ReservationId>,
}

/// Who room is kept for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReservedFor {
    /// The frameworks of a role and of those below it.
    Role(RolePath),
    /// One instance of a framework in one of its roles; charged to that, and used by what the framework takes there.
    Instance {
        /// The framework.
        framework: FrameworkId,
        /// The role.
        role: RolePath,
        /// The instance, by its name within the framework.
        instance: Word,
    },
}

impl fmt::Display for ReservedFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(path) => write!(f, "role {path}"),
            Self::Instance { framework, role, instance } => {
                write!(f, "instance {instance} of {framework} in role {role}")
            }
        }
    }
}

/// A volume that belongs to a reservation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Volume {
    /// Its name.
    pub id: VolumeId,
    /// From where it can be used.
    pub reach: Reach,
}

/// From where a volume can be used, as the node affinity of its PersistentVolume says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// From one agent, as a local disk.
    Agent(AgentId),
    /// From the agents of one zone, as a disk of a cloud.
    Zone(Word),
    /// From anywhere.
    Anywhere,
}

impl Reach {
    /// Whether the volume can be used on an agent.
    #[must_use]
    pub fn holds(&self, agent: &Agent) -> bool {
        match self {
            Self::Agent(id) => *id == agent.id,
            Self::Zone(zone) => agent.domain.as_ref().is_some_and(|domain| domain.zone == *zone),
            Self::Anywhere => true,
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(id) => write!(f, "agent {id} alone"),
            Self::Zone(zone) => write!(f, "zone {zone} alone"),
            Self::Anywhere => f.write_str("anywhere"),
        }
    }
}
