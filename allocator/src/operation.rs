//! Operations: what a framework does with an offer besides launching. The operations of one accept are carried out in
//! order, each on what those before it left, all of them or none; after those of Apache Mesos.

use crate::headroom::Block;
use crate::id::{AgentId, ReservationId, VolumeId};
use crate::offer::Placement;
use crate::reservation::{Reach, Reservation, Volume};
use crate::resources::{Amount, Amounts, Kind, Listed};
use crate::view::Stage;
use core::fmt;

/// One operation of an accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Keep room for the offer's role or an instance of its framework: of what is free, in all no more than the offer's
    /// units take; or, where it refines another reservation, of what is idle of that, for a role or an instance below.
    Reserve(Reservation),
    /// Keep the room no more. Of a refined reservation it is that one's again, else free.
    Unreserve(ReservationId),
    /// A volume belongs to the reservation from now on, of the disk that is idle there. Unless it is shared, one task at
    /// most runs in the reservation.
    CreateVolume(ReservationId, Volume),
    /// The volume of the reservation is there no more. Not while tasks use it.
    DestroyVolume(ReservationId, VolumeId),
    /// The volume of the reservation takes so many bytes more, of the disk that is idle there.
    GrowVolume(ReservationId, VolumeId, u64),
    /// The volume of the reservation takes so many bytes less, and still some. Not while tasks use it.
    ShrinkVolume(ReservationId, VolumeId, u64),
    /// Put a task on an agent: in the reservation that its member names, where that is kept there, else in what is free.
    Launch(Placement),
}

/// Why an operation was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationError {
    /// A reservation of this name exists.
    InUse(ReservationId),
    /// There is no such reservation.
    Unknown(ReservationId),
    /// It belongs neither to the offer's role nor to an instance of its framework, or must not be changed by it.
    NotYours(ReservationId),
    /// Refined for a role or an instance that is not below, on another agent, or from what belongs to an instance.
    NotBelow {
        /// The reservation.
        reservation: ReservationId,
        /// What it was to be a part of.
        refines: ReservationId,
    },
    /// Tasks run in it: any where it is to go, several where it is to have a volume that one task uses.
    Busy(ReservationId),
    /// Others are a part of it.
    Refined(ReservationId),
    /// It reserves nothing.
    Empty(ReservationId),
    /// It reserves revocable room.
    Revocable(ReservationId),
    /// It reserves ports of any number.
    OpenPorts(ReservationId),
    /// It has a volume already, or still.
    HasVolume(ReservationId, VolumeId),
    /// It is made with a volume.
    WithVolume(ReservationId, VolumeId),
    /// It has no such volume.
    NoVolume(ReservationId, VolumeId),
    /// A volume of this name exists.
    VolumeInUse(VolumeId),
    /// Tasks use the volume.
    VolumeBusy(VolumeId),
    /// The volume is to grow or shrink by nothing.
    VolumeAsItIs(VolumeId),
    /// The volume is to shrink by all that it takes, or more.
    VolumeTooSmall {
        /// The volume.
        volume: VolumeId,
        /// What it takes, in bytes.
        size_bytes: u64,
    },
    /// The volume cannot be used from the reservation's agent.
    OutOfReach(VolumeId, Reach),
    /// The offer does not show the agent.
    NotShown(AgentId, Option<Stage>),
    /// More than is free on the agent, than is idle of what is refined, or than the offer names of the agent.
    Room(AgentId, Amounts),
    /// More in all than the units of the offer take.
    TooMuch(Amounts),
    /// A limit or the headroom does not hold it.
    Blocked(Block),
}

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(id) => write!(f, "reservation {id}: its name is in use; choose another"),
            Self::Unknown(id) => write!(f, "reservation {id} is not known"),
            Self::NotYours(id) => {
                write!(f, "reservation {id} is neither the role's own nor an instance's of the framework")
            }
            Self::NotBelow { reservation, refines } => write!(
                f,
                "reservation {reservation}: it is no part of {refines}; refine for its role, one below or an instance there, on its agent"
            ),
            Self::Busy(id) => write!(f, "reservation {id}: tasks run in it; end them first"),
            Self::Refined(id) => write!(f, "reservation {id}: others are a part of it; unreserve them first"),
            Self::Empty(id) => write!(f, "reservation {id}: it reserves nothing; give an amount"),
            Self::Revocable(id) => {
                write!(
                    f,
                    "reservation {id}: room that may be revoked cannot be kept; reserve on the machine itself"
                )
            }
            Self::OpenPorts(id) => write!(f, "reservation {id}: it reserves ports of any number; name them"),
            Self::HasVolume(id, volume) => {
                write!(f, "reservation {id}: volume {volume} belongs to it; destroy that first")
            }
            Self::WithVolume(id, volume) => {
                write!(f, "reservation {id}: make volume {volume} by an operation of its own")
            }
            Self::NoVolume(id, volume) => write!(f, "reservation {id}: no volume {volume} belongs to it"),
            Self::VolumeInUse(volume) => write!(f, "volume {volume}: its name is in use; choose another"),
            Self::VolumeBusy(volume) => write!(f, "volume {volume}: tasks use it; end them first"),
            Self::VolumeAsItIs(volume) => {
                write!(f, "volume {volume}: it would neither grow nor shrink; give a number of bytes")
            }
            Self::VolumeTooSmall { volume, size_bytes } => write!(
                f,
                "volume {volume}: it takes {}; shrink it by less, or destroy it",
                Amount(&Kind::Disk, *size_bytes)
            ),
            Self::OutOfReach(volume, reach) => {
                write!(f, "volume {volume}: it can be used from {reach}, not from the reservation's agent")
            }
            Self::NotShown(agent, None) => write!(f, "agent {agent} is not known or not in the offer"),
            Self::NotShown(agent, Some(stage)) => write!(f, "agent {agent} is not shown: {stage}"),
            Self::Room(agent, missing) => write!(f, "agent {agent}: {} missing", Listed(missing)),
            Self::TooMuch(beyond) => write!(f, "{} more than the units of the offer take", Listed(beyond)),
            Self::Blocked(block) => block.fmt(f),
        }
    }
}

impl core::error::Error for OperationError {}
