//! What is wrong with a declaration, all of it at once.

use alloc::string::String;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field, such as `podTypes[0].count`.
    pub field: String,
    /// What is wrong with it and what to do.
    pub text: String,
}
