//! Regions: agents of another than the local one are hidden from frameworks that are not region-aware, as in Apache Mesos.

use crate::agent::Agent;
use crate::allocator::Allocator;
use crate::books::{Books, FrameworkNo};
use crate::id::Word;
use crate::view::Stage;
use alloc::vec::Vec;

impl Allocator {
    /// Another region is the local one.
    pub(crate) fn apply_local_region(&mut self, region: Option<Word>) -> bool {
        if self.books.policy.local_region == region {
            return false;
        }
        self.books.policy.local_region = region;
        self.books.fleet += 1;
        let known = self.books.framework_names.values().copied();
        let unaware: Vec<FrameworkNo> = known.filter(|no| !self.books.is_region_aware(*no)).collect();
        unaware.into_iter().for_each(|framework| self.sees_other_regions(framework));
        self.rescind_unseen();
        true
    }

    /// A framework sees agents of other regions than before: it looks again, as if for the first time, and has no hold
    /// until it is aimed by what it sees now.
    pub(crate) fn sees_other_regions(&mut self, framework: FrameworkNo) {
        self.books.let_go_of(framework);
        self.books.forget_refusals(framework);
    }
}

impl Books {
    /// Whether a framework is shown agents of any region.
    pub(crate) fn is_region_aware(&self, framework: FrameworkNo) -> bool {
        self.frameworks.at(framework).framework.as_ref().is_some_and(|framework| framework.region_aware)
    }

    /// The region by which a framework is shown agents; none where it is shown those of any.
    pub(crate) fn region_for(&self, framework: FrameworkNo) -> Option<&Word> {
        self.policy.local_region.as_ref().filter(|_| !self.is_region_aware(framework))
    }

    /// The stage that hides an agent from a framework by its region.
    pub(crate) fn is_remote(&self, framework: FrameworkNo, agent: &Agent) -> Option<Stage> {
        let local = self.region_for(framework)?;
        let region = other_region(agent, local)?;
        Some(Stage::Region { region: region.clone(), local: local.clone() })
    }
}

/// The region of an agent, if it is another than the local one; an agent that says none is local.
pub(crate) fn other_region<'a>(agent: &'a Agent, local: &Word) -> Option<&'a Word> {
    agent.domain.as_ref().map(|domain| &domain.region).filter(|region| *region != local)
}
