//! Refusals are values: for every agent that was not taken, the stages that said no and what was missing.

use crate::admission::{HostPort, Taint};
use crate::instance::InstanceId;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use twofold_allocator::id::{AgentId, Word};
use twofold_allocator::resources::{Amount, Kind};

/// The stages of an evaluation, in order. All of them are run, so that every reason is told at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// What Kubernetes asks of the agent before it lets a pod in.
    Admits,
    /// The pod type's placement rule.
    Placement,
    /// Processor time, memory, disk, pods and other countable resources.
    Scalars,
    /// GPUs.
    Gpu,
    /// Where the instance's volumes can be used.
    Volume,
}

/// Why an agent was refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The agent takes no new work.
    Draining,
    /// Nothing is heard from the agent.
    Unreachable,
    /// What Kubernetes would ask of the agent is not known.
    FactsUnknown,
    /// A taint that is not tolerated.
    Taint(Taint),
    /// A wanted attribute is absent or has another value.
    Selector(Word, Word),
    /// No term of the required node affinity holds.
    Affinity,
    /// The port of the agent is taken.
    HostPort(HostPort),
    /// The image does not run on this architecture.
    Architecture(Word),
    /// The placement rule says no, in these words.
    Rule(String),
    /// Not enough of a resource.
    Short {
        /// Of which.
        kind: Kind,
        /// How much one instance takes, in the kind's unit.
        need: u64,
    },
    /// The volumes cannot be used there; the text says where they can, such as `in zone a`.
    Volume(String),
}

/// Agents refused for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The stage that said no.
    pub stage: Stage,
    /// Why.
    pub reason: Reason,
    /// How many agents.
    pub agents: u32,
    /// The most that any of them had free, where the reason is an amount.
    pub most_free: Option<u64>,
}

/// The agent that came nearest, for one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// The instance.
    pub instance: InstanceId,
    /// The agent.
    pub agent: AgentId,
    /// Why not.
    pub reasons: Vec<Missing>,
}

/// One reason of one agent, with the amount that was free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The stage that said no.
    pub stage: Stage,
    /// Why.
    pub reason: Reason,
    /// How much was free, where the reason is an amount.
    pub free: Option<u64>,
}

/// Why instances of an ask were not placed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// How many instances were placed before the first that was not; of a gang, in its best attempt.
    pub fitting: u32,
    /// How many there were to place.
    pub wanted: u32,
    /// How many agents were looked at for the first that was not placed.
    pub agents: u32,
    /// Its reasons by stage, the most frequent first within a stage.
    pub groups: Vec<Group>,
    /// The agent that came nearest; none when there was no agent.
    pub nearest: Option<Nearest>,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admits => "admits",
            Self::Placement => "placement",
            Self::Scalars => "scalars",
            Self::Gpu => "gpu",
            Self::Volume => "volume",
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draining => f.write_str("takes no new work"),
            Self::Unreachable => f.write_str("does not answer"),
            Self::FactsUnknown => f.write_str("taints and ports are not known"),
            Self::Taint(taint) => write!(f, "taint {taint} is not tolerated"),
            Self::Selector(key, value) => write!(f, "attribute {key} is not {value}"),
            Self::Affinity => f.write_str("no term of the required node affinity holds"),
            Self::HostPort(port) => write!(f, "host port {port} is taken"),
            Self::Architecture(name) => write!(f, "the image does not run on {name}"),
            Self::Rule(why) => f.write_str(why),
            Self::Short { kind, need } => write!(f, "needs {}", Amount(kind, *need)),
            Self::Volume(place) => write!(f, "the volume can only be used {place}"),
        }
    }
}

impl fmt::Display for Group {
    /// `3 agents: needs gpu 4, at most 2 free`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.agents == 1 { "" } else { "s" };
        write!(f, "{} agent{plural}: {}", self.agents, self.reason)?;
        match (&self.reason, self.most_free) {
            (Reason::Short { kind, .. }, Some(free)) => write!(f, ", at most {} free", Amount(kind, free)),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Missing {
    /// `needs gpu 4, gpu 2 free`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.reason)?;
        match (&self.reason, self.free) {
            (Reason::Short { kind, .. }, Some(free)) => write!(f, ", {} free", Amount(kind, free)),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Nearest {
    /// `worker-2 on agent-4: needs gpu 4, gpu 2 free`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}: ", self.instance, self.agent)?;
        for (at, missing) in self.reasons.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            write!(f, "{separator}{missing}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Refusals {
    /// One line: how many fit, the groups, and the nearest miss.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} fit", self.fitting, self.wanted)?;
        if self.agents == 0 {
            return f.write_str("; no agent is offered");
        }
        for group in &self.groups {
            write!(f, "; {group}")?;
        }
        match &self.nearest {
            Some(nearest) => write!(f, "; nearest: {nearest}"),
            None => Ok(()),
        }
    }
}
