//! Pod instances: the parts of a service that are placed, by name.

use alloc::format;
use alloc::string::String;
use core::fmt;
use twofold_allocator::id::{FrameworkId, ReservationId, Word};

/// One pod instance of a service: `node-2` is the third of pod type `node`. It keeps its name for as long as the
/// service lives, whatever agent it is on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId {
    /// The name of its pod type.
    pub pod_type: Word,
    /// Its position among the instances of its pod type, from 0.
    pub index: u32,
}

impl InstanceId {
    /// The instance of a pod type by position.
    #[must_use]
    pub fn new(pod_type: &str, index: u32) -> Self {
        Self { pod_type: Word::from(pod_type), index }
    }

    /// The instance of a name such as `node-2`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (pod_type, index) = name.rsplit_once('-')?;
        Some(Self::new(pod_type, index.parse().ok()?))
    }

    /// The name that level one knows the room by that is kept for it: `<framework>/<instance>`.
    #[must_use]
    pub fn reservation(&self, framework: &FrameworkId) -> ReservationId {
        ReservationId::from(format!("{framework}/{self}"))
    }

    /// The name of its pod, `<service>-<pod type>-<index>`. Names do not change and the API server keeps them
    /// unique, so an instance can never run twice.
    #[must_use]
    pub fn pod_name(&self, service: &str) -> String {
        format!("{service}-{}-{}", self.pod_type, self.index)
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.pod_type, self.index)
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
