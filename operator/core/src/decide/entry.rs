//! What is kept of one service between two cycles.

use crate::action::{Stage, Write};
use crate::frameworks::{Problem, Reclaim, Waiting};
use crate::memory::Memory;
use crate::object::Key;
use std::collections::{BTreeMap, BTreeSet};
use twofold_allocator::ask::Demand;
use twofold_allocator::id::{AskId, RolePath};
use twofold_allocator::tick::Timestamp;
use twofold_sdk::observed::ServiceView;
use twofold_sdk::plan::Plans;
use twofold_sdk::refusal::Refusals;
use twofold_sdk::requirement::AskPlan;
use twofold_sdk::spec::ServiceSpec;

/// One service or job.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where its custom resource is found.
    pub key: Key,
    /// Which one of that name.
    pub uid: String,
    /// The service in level two's language, or what is wrong with the resource.
    pub translated: Result<ServiceSpec, Vec<Problem>>,
    /// What keeps it from its role; it is looked after, and gets nothing.
    pub barred: Option<Problem>,
    /// What is seen of its instances.
    pub view: ServiceView,
    /// Its plans.
    pub plans: Option<Plans>,
    /// The role that level one was told of it.
    pub role: RolePath,
    /// What it asks for.
    pub asks: Vec<AskPlan>,
    /// What level one was told of that.
    pub demand: Demand,
    /// Why asks were not placed when they were last tried.
    pub refusals: BTreeMap<AskId, Refusals>,
    /// How it stands with the room that it waits for, as its status says it.
    pub waiting: Waiting,
    /// When that was last worked out.
    pub waiting_at: Timestamp,
    /// Whether level one was told that what runs of it may be taken back.
    pub reclaimable: bool,
    /// What it gives back, as long as that is not on record.
    pub reclaim: Option<Reclaim>,
    /// The strict dry run of its pods.
    pub trial: Trial,
    /// Why the last launch that failed did, in the words of who turned it away.
    pub launch_failure: Option<String>,
    /// What is remembered of its instances.
    pub memory: Memory,
    /// Writes that failed in a row, and until when nothing is tried again.
    pub setback: Setback,
    /// The object of which a write last came too late, if it was not written since.
    pub stale: Option<Key>,
    /// The fields of the last status that the API server took and did not store.
    pub not_stored: BTreeSet<String>,
}

/// How far the strict dry run of a resource's pods is. Nothing is launched before it passed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// The generation of the resource that was tried.
    pub generation: i64,
    /// How many answers are missing.
    pub open: usize,
    /// What the API server refused.
    pub refused: Option<Problem>,
    /// Whether it was sent for this generation.
    pub sent: bool,
}

/// Failed writes of one service, so that it is not tried in a hot loop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setback {
    /// How many cycles in a row had a failed write.
    pub failures: u32,
    /// Until when nothing is tried again.
    pub until: Option<Timestamp>,
    /// Which of the writes failed.
    pub stage: Option<Stage>,
    /// What the API server said last.
    pub message: Option<String>,
    /// Whether all that failed since it began were creations.
    pub only_creations: bool,
}

impl Entry {
    /// A service that was just seen for the first time.
    #[must_use]
    pub fn new(key: Key, uid: String) -> Self {
        Self {
            key,
            uid,
            translated: Err(Vec::new()),
            barred: None,
            view: ServiceView::default(),
            plans: None,
            role: RolePath::root(),
            asks: Vec::new(),
            demand: Demand::None,
            refusals: BTreeMap::new(),
            waiting: Waiting::default(),
            waiting_at: Timestamp::default(),
            reclaimable: false,
            reclaim: None,
            trial: Trial::default(),
            launch_failure: None,
            memory: Memory::default(),
            setback: Setback::default(),
            stale: None,
            not_stored: BTreeSet::new(),
        }
    }
}

impl Trial {
    /// Whether pods of this generation of the resource may be launched.
    #[must_use]
    pub fn passed(&self, generation: i64) -> bool {
        self.sent && self.generation == generation && self.open == 0 && self.refused.is_none()
    }
}

impl Setback {
    /// Notes a failed write at this time: wait 1 s, doubling, at most 5 min.
    pub fn note(&mut self, write: &Write, message: &str, now: Timestamp) {
        let creation = matches!(write, Write::Create(_));
        if self.holds(now) {
            self.only_creations &= creation;
            return;
        }
        self.only_creations = creation;
        self.stage = Some(write.stage());
        self.failures = self.failures.saturating_add(1);
        let wait = 1_000u64.saturating_mul(1 << self.failures.saturating_sub(1).min(9)).min(300_000);
        self.until = Some(now.plus_millis(wait));
        self.message = Some(message.to_owned());
    }

    /// Whether nothing is tried again at this time.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until > now)
    }

    /// Notes that all writes of a cycle succeeded.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
