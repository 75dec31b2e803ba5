//! Level two of two-level scheduling.
#![no_std]
extern crate alloc;
