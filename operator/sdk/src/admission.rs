//! What Kubernetes asks of an agent before it lets a pod in, as far as level two answers it ahead of time. Pod
//! affinity, topology spread constraints and resource claims are left to Kubernetes itself: a pod that it turns away
//! is a launch that failed.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;
use twofold_allocator::ask::Constraint;
use twofold_allocator::id::Word;

/// What a pod type needs to be let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// The taints that its pods tolerate.
    pub tolerations: Vec<Toleration>,
    /// Attributes that the agent must have, each with this value (`nodeSelector`).
    pub selector: BTreeMap<Word, Word>,
    /// Required node affinity: at least one of these terms must hold, and a term holds when all of its constraints
    /// do. Nothing is required when there are no terms; an empty term holds for no agent, as in Kubernetes.
    pub affinity: Vec<Vec<Constraint>>,
    /// Ports of the agent itself that a pod takes.
    pub host_ports: BTreeSet<HostPort>,
    /// The architectures that its image runs on; any when empty.
    pub architectures: BTreeSet<Word>,
}

/// What admission needs to know of an agent beyond what level one keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentFacts {
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Ports of the agent that pods on it have taken.
    pub host_ports: BTreeSet<HostPort>,
    /// Its architecture, such as `amd64`; absent when the agent does not say.
    pub architecture: Option<Word>,
}

/// A mark on an agent that keeps pods away that do not tolerate it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taint {
    /// Its key.
    pub key: Word,
    /// Its value, which may be empty.
    pub value: Word,
    /// What it does.
    pub effect: TaintEffect,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaintEffect {
    /// They are not placed there.
    NoSchedule,
    /// They are placed there last; never a refusal.
    PreferNoSchedule,
    /// They are not placed there, and those that run there are evicted.
    NoExecute,
}

/// A pod's word that a taint does not keep it away.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Toleration {
    /// The key; every key when absent, which only goes with [`Tolerated::Exists`].
    pub key: Option<Word>,
    /// Which values.
    pub value: Tolerated,
    /// The effect; every effect when absent.
    pub effect: Option<TaintEffect>,
}

/// The values that a toleration speaks of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tolerated {
    /// Any value.
    Exists,
    /// This value.
    Equal(Word),
    /// An integer below this.
    Below(i64),
    /// An integer above this.
    Above(i64),
}

/// A port of the agent itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number, 1 to 65,535.
    pub port: u16,
}

/// The protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
}

impl Toleration {
    /// Whether this toleration covers the taint.
    #[must_use]
    pub fn covers(&self, taint: &Taint) -> bool {
        let integer = || taint.value.as_str().parse::<i64>().ok();
        self.key.as_ref().is_none_or(|key| *key == taint.key)
            && self.effect.is_none_or(|effect| effect == taint.effect)
            && match &self.value {
                Tolerated::Exists => true,
                Tolerated::Equal(value) => *value == taint.value,
                Tolerated::Below(bound) => integer().is_some_and(|value| value < *bound),
                Tolerated::Above(bound) => integer().is_some_and(|value| value > *bound),
            }
    }
}

impl fmt::Display for Taint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = match self.effect {
            TaintEffect::NoSchedule => "NoSchedule",
            TaintEffect::PreferNoSchedule => "PreferNoSchedule",
            TaintEffect::NoExecute => "NoExecute",
        };
        match self.value.as_str() {
            "" => write!(f, "{}:{effect}", self.key),
            value => write!(f, "{}={value}:{effect}", self.key),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Sctp => "SCTP",
        };
        write!(f, "{}/{protocol}", self.port)
    }
}
