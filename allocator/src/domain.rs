//! Fault domains: what fails together.

use crate::id::Word;

/// Where an agent is. Region and zone are known together or not at all: half a fault domain would be read as
/// a safe spread that is none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultDomain {
    /// The region, which holds zones.
    pub region: Word,
    /// The zone within the region.
    pub zone: Word,
}
