//! The chart and the operator on a real API server with fake machines. Run by `make test`, which brings up the cluster
//! and installs the chart; each test has a namespace and an operator of its own.

mod bad_input;
mod gangs;
mod kept;
mod launches;
mod reclaim;
mod restarts;
mod roles;
mod single;
mod support;
