//! Why a change was refused. A refused change changes nothing.

use crate::device::DeviceError;
use crate::id::{AgentId, AskId, FrameworkId, ReservationId, RolePath, TaskId, Word};
use crate::resources::Kind;
use core::fmt;

/// What is wrong with a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A weight that is not 1 to 1,000,000.
    Weight {
        /// The role.
        role: RolePath,
        /// Its weight.
        weight: u32,
    },
    /// A path with an empty part, such as `a//b` or `/a`. The empty path is the root and may be used.
    Path(RolePath),
    /// A guarantee above the limit of the same role.
    GuaranteeAboveLimit {
        /// The role.
        role: RolePath,
        /// Of which resource.
        kind: Kind,
    },
    /// A single amount above 2^50, which is larger than anything real: a pebibyte, or a million million cores.
    TooLarge {
        /// What has it.
        object: Object,
        /// Of which resource.
        kind: Kind,
    },
    /// Together with what is known already more than 2^62, so that sums could not be counted.
    TooMuchInAll {
        /// What comes on top.
        object: Object,
        /// Of which resource.
        kind: Kind,
    },
    /// A guarantee or a limit of ports by their numbers.
    PortsByNumber(RolePath),
    /// What is there or in use has ports of any number.
    OpenPorts(Object),
    /// One port twice in one object.
    PortTwice(Object),
    /// Demand, a pause or an agent to avoid, for a framework that is not known.
    UnknownFramework(FrameworkId),
    /// A framework in no role.
    NoRoles(FrameworkId),
    /// Demand in a role that the framework is not in.
    NotItsRole {
        /// The framework.
        framework: FrameworkId,
        /// The role.
        role: RolePath,
    },
    /// Two asks of one framework in one role with one name.
    AskTwice {
        /// The framework.
        framework: FrameworkId,
        /// The ask.
        ask: AskId,
    },
    /// A change that names the revocable room of a machine where it must name the machine.
    RevocableName(AgentId),
    /// An ask of which some members take revocable room, and others do not.
    RevocableInPart {
        /// The framework.
        framework: FrameworkId,
        /// The ask.
        ask: AskId,
    },
    /// An ask that asks for nothing.
    AskEmpty {
        /// The framework.
        framework: FrameworkId,
        /// The ask.
        ask: AskId,
    },
    /// A member of which less is wanted than is the least.
    LeastAboveCount {
        /// The framework.
        framework: FrameworkId,
        /// The ask.
        ask: AskId,
        /// The member, by position.
        member: usize,
    },
    /// Devices that are named as none can be.
    Devices {
        /// Whose they are.
        object: Object,
        /// What is wrong.
        why: DeviceError,
    },
    /// Two devices of one agent with one name.
    DeviceTwice {
        /// The agent.
        agent: AgentId,
        /// The device.
        device: Word,
    },
    /// A member that asks for no GPUs, or has GPUs in its base.
    MemberGpus {
        /// The framework.
        framework: FrameworkId,
        /// The ask.
        ask: AskId,
        /// The member, by position.
        member: usize,
    },
}

/// The object that a change is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// An agent.
    Agent(AgentId),
    /// A role.
    Role(RolePath),
    /// A task.
    Task(TaskId),
    /// A framework.
    Framework(FrameworkId),
    /// A reservation.
    Reservation(ReservationId),
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(id) => write!(f, "agent {id}"),
            Self::Role(path) => write!(f, "role {path}"),
            Self::Task(id) => write!(f, "task {id}"),
            Self::Framework(id) => write!(f, "framework {id}"),
            Self::Reservation(id) => write!(f, "reservation {id}"),
        }
    }
}

impl fmt::Display for Refused {
    #[expect(clippy::too_many_lines, reason = "a sentence for each variant")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weight { role, weight } => {
                write!(f, "role {role}: weight is {weight}; set it to 1 to 1000000")
            }
            Self::Path(role) => {
                write!(f, "role {role}: its path has an empty part; name each part between the slashes")
            }
            Self::GuaranteeAboveLimit { role, kind } => {
                write!(
                    f,
                    "role {role}: its guarantee of {kind} is above its limit; lower the one or raise the other"
                )
            }
            Self::TooLarge { object, kind } => {
                write!(f, "{object}: its amount of {kind} is above 2^50; give the amount that is meant")
            }
            Self::TooMuchInAll { object, kind } => {
                write!(
                    f,
                    "{object}: with it there would be more {kind} in all than can be counted; correct the amounts"
                )
            }
            Self::PortsByNumber(role) => write!(
                f,
                "role {role}: its guarantee or limit is of ports by their numbers; give how many, whatever their numbers"
            ),
            Self::OpenPorts(object) => {
                write!(f, "{object}: it has ports of any number; name each that is there or in use")
            }
            Self::PortTwice(object) => write!(f, "{object}: it names a port twice; name each once"),
            Self::UnknownFramework(id) => {
                write!(f, "framework {id} is not known; tell the framework before what it wants")
            }
            Self::NoRoles(id) => {
                write!(f, "framework {id}: it has no roles; name at least one, or tell that it is gone")
            }
            Self::NotItsRole { framework, role } => {
                write!(
                    f,
                    "framework {framework}: it is not in role {role}; name one of its roles, or add this to them"
                )
            }
            Self::AskTwice { framework, ask } => {
                write!(f, "framework {framework}: two asks are named {ask}; give each its own name")
            }
            Self::RevocableName(agent) => {
                write!(f, "agent {agent}: it is the revocable room of a machine; name the machine")
            }
            Self::RevocableInPart { framework, ask } => write!(
                f,
                "framework {framework}: ask {ask} takes revocable room for some of its members; make two asks of it"
            ),
            Self::AskEmpty { framework, ask } => {
                write!(
                    f,
                    "framework {framework}: ask {ask} has no members with a count above 0; leave it out"
                )
            }
            Self::LeastAboveCount { framework, ask, member } => {
                write!(f, "framework {framework}: ask {ask}, member {member}: least is above count; lower it")
            }
            Self::Devices { object, why } => write!(f, "{object}: its devices: {why}"),
            Self::DeviceTwice { agent, device } => {
                write!(f, "agent {agent}: two devices are named {device}; give each its own name")
            }
            Self::MemberGpus { framework, ask, member } => write!(
                f,
                "framework {framework}: ask {ask}, member {member}: put its GPUs in the request, at least 1, not in the base"
            ),
        }
    }
}

impl core::error::Error for Refused {}
