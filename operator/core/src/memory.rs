//! What the operator remembers of a service's instances and may forget: it is built again from what is seen.

use std::collections::BTreeMap;
use twofold_allocator::resources::Resources;
use twofold_allocator::tick::Timestamp;
use twofold_sdk::instance::InstanceId;
use twofold_sdk::observed::TaskState;

/// One memory for each instance.
#[derive(Clone, Debug, Default)]
pub struct Memory(BTreeMap<InstanceId, InstanceMemory>);

impl Memory {
    /// The memory of an instance, new where there is none.
    pub fn of(&mut self, instance: &InstanceId) -> &mut InstanceMemory {
        self.0.entry(instance.clone()).or_default()
    }

    /// What is remembered of an instance.
    #[must_use]
    pub fn get(&self, instance: &InstanceId) -> Option<&InstanceMemory> {
        self.0.get(instance)
    }

    /// The instances that are remembered.
    pub fn instances(&self) -> impl Iterator<Item = &InstanceId> {
        self.0.keys()
    }
}

/// What is remembered of one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceMemory {
    /// Failures in a row, the present one included.
    pub failures: u32,
    /// When the last failure was.
    pub last_failure: Option<Timestamp>,
    /// Launches in a row that failed.
    pub failed_launches: u32,
    /// Whether it was seen ready, or ended with success.
    pub joined: bool,
    /// What its last pod took.
    pub took: Option<Resources>,
    pod: Option<String>,
    state: Option<(TaskState, Timestamp)>,
    failed_pod: Option<String>,
}

impl InstanceMemory {
    /// Notes the state that the instance's pod is in; since when it is in it.
    pub fn saw(&mut self, pod: Option<&str>, state: &TaskState, now: Timestamp) -> Timestamp {
        let pod = pod.map(str::to_owned);
        match state {
            TaskState::Running { ready: true } | TaskState::Succeeded => {
                (self.joined, self.failures, self.failed_launches) = (true, 0, 0);
            }
            TaskState::Failed { exit_code: Some(_), .. } | TaskState::Lost if self.failed_pod != pod => {
                self.failures = self.failures.saturating_add(1);
                self.last_failure = Some(now);
                self.failed_pod.clone_from(&pod);
            }
            _ => {}
        }
        let since = match &self.state {
            Some((known, since)) if self.pod == pod && known == state => *since,
            _ => now,
        };
        self.pod = pod;
        self.state = Some((state.clone(), since));
        since
    }

    /// Notes that a launch failed.
    pub fn launch_failed(&mut self) {
        self.failed_launches = self.failed_launches.saturating_add(1);
    }
}
