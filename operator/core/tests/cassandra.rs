//! CassandraService: what is rendered, what is refused, how a ring comes up, and that no order of events lets two
//! members in at once or begins a second ring.

#[path = "cassandra/aim.rs"]
mod aim;
#[path = "cassandra/driver.rs"]
mod driver;
#[path = "cassandra/flow.rs"]
mod flow;
#[path = "cassandra/golden.rs"]
mod golden;
#[path = "cassandra/ledger.rs"]
mod ledger;
#[path = "cassandra/objects.rs"]
mod objects;
#[path = "cassandra/order.rs"]
mod order;
#[path = "cassandra/refusals.rs"]
mod refusals;
