//! An instance that is to be placed, and an agent that it might go to: what every stage looks at.

use super::census::Standing;
use crate::admission::{AgentFacts, HostPort};
use crate::instance::InstanceId;
use crate::observed::InstanceView;
use crate::refusal::{Missing, Reason, Stage};
use crate::spec::PodType;
use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use twofold_allocator::agent::Agent;
use twofold_allocator::id::Word;
use twofold_allocator::resources::{Kind, Resources};

/// An instance that is to be placed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need<'a> {
    /// Which.
    pub(super) instance: &'a InstanceId,
    /// Which of the ask's members it is.
    pub(super) member: usize,
    /// Its pod type.
    pub(super) pod_type: &'a PodType,
    /// What is seen of it, if it was ever launched.
    pub(super) seen: Option<&'a InstanceView>,
}

/// An agent that it might go to.
#[derive(Clone, Debug)]
pub(super) struct Spot<'a> {
    /// The agent.
    pub(super) agent: &'a Agent,
    /// What is known of it beyond what level one keeps.
    pub(super) facts: Option<&'a AgentFacts>,
    /// What is free there.
    pub(super) free: Cow<'a, Resources>,
    /// Ports that instances placed by this evaluation take there.
    pub(super) ports: Option<&'a BTreeSet<HostPort>>,
}

impl Spot<'_> {
    /// The agent's zone, if it says.
    pub(super) fn zone(&self) -> Option<&Word> {
        self.agent.domain.as_ref().map(|domain| &domain.zone)
    }
}

/// The reasons against a spot, stage by stage.
#[derive(Clone, Debug, Default)]
pub(super) struct Against(pub(super) Vec<Missing>);

impl Against {
    /// A plain reason.
    pub(super) fn no(&mut self, stage: Stage, reason: Reason) {
        self.0.push(Missing { stage, reason, free: None });
    }

    /// An amount that is missing.
    pub(super) fn short(&mut self, stage: Stage, kind: Kind, need: u64, free: u64) {
        self.0.push(Missing { stage, reason: Reason::Short { kind, need }, free: Some(free) });
    }
}

/// Runs all stages; nothing against the spot means that the instance fits there.
pub(super) fn judge(need: Need<'_>, spot: &Spot<'_>, standing: &Standing<'_>, against: &mut Against) {
    judge_alone(need, spot, against);
    super::placement::check(need, spot, standing, against);
    against.0.sort_by_key(|missing| missing.stage);
}

/// Runs all stages but placement, which alone depends on where the others stand.
pub(super) fn judge_alone(need: Need<'_>, spot: &Spot<'_>, against: &mut Against) {
    against.0.clear();
    super::admits::check(need.pod_type, spot, against);
    super::scalars::check(need, spot, against);
    super::gpu::check(need, spot, against);
    super::volume::check(need, spot, against);
}
