//! Names. Every object that level one knows is known by a name: shared text, cheap to clone, ordered by its
//! characters, so that ties end the same way on every machine and after every rebuild.

use alloc::sync::Arc;
use core::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(Arc::from(text))
            }
        }

        impl From<alloc::string::String> for $name {
            fn from(text: alloc::string::String) -> Self {
                Self(Arc::from(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

name!(
    /// An agent, by the name of its machine.
    AgentId
);
name!(
    /// A framework: one consumer of offers, such as `tfjob/team-a/mnist`.
    FrameworkId
);
name!(
    /// A task: one use of resources on one agent, such as `team-a/mnist-worker-0`. A launch and the holding that
    /// later proves it carry the same name.
    TaskId
);
name!(
    /// A unit that runs, unique within its framework and role: a single task, or a gang of them.
    UnitId
);
name!(
    /// An ask, unique within its framework and role.
    AskId
);
name!(
    /// A reservation, unique in the cluster.
    ReservationId
);
name!(
    /// A volume, such as the name of its claim.
    VolumeId
);
name!(
    /// A region, a zone, an attribute's key or value, a GPU model, or the name of another countable resource.
    Word
);

/// A role by its path from the root, such as `engineering/vision`. The root is the empty path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RolePath(Arc<str>);

impl RolePath {
    /// The root of the tree, which every role descends from.
    #[must_use]
    pub fn root() -> Self {
        Self(Arc::from(""))
    }

    /// The path as text, with `/` between its parts.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The role above this one; none above the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        Some(match self.0.rsplit_once('/') {
            Some((parent, _)) => Self(Arc::from(parent)),
            None => Self::root(),
        })
    }

    /// This role and all above it, the root last.
    pub fn path(&self) -> impl Iterator<Item = Self> {
        core::iter::successors(Some(self.clone()), Self::parent)
    }
}

impl From<&str> for RolePath {
    fn from(text: &str) -> Self {
        Self(Arc::from(text))
    }
}

impl fmt::Display for RolePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_root() { "/" } else { &self.0 })
    }
}

impl fmt::Debug for RolePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// An offer's number; never used twice by one allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferId(pub u64);
