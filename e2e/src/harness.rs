//! What tests on a cluster share: the operator as a process under the chart's ServiceAccount, manifests, conditions that
//! are awaited, the history of watches, and the audit log.

pub mod api;
pub mod audit;
pub mod history;
pub mod operator;
