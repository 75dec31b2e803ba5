//! Addresses of a cluster that has a network of its own: one /24 of 10.213.0.0/16, its number chosen free.
//!
//! ```text
//! 10.213.N.1      the machine's end of the cable   10.213.N.2   the cluster's end: API server, DNS
//! 10.213.N.10+i   node real-i                      10.244.i.0/24  pods of node real-i
//! ```

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::command::run_words;

/// The range of services, in every cluster.
pub const SERVICES: &str = "10.0.0.0/24";
/// The address of the API server's service: the first of the range.
pub const API_SERVICE: &str = "10.0.0.1";
/// The address of the DNS service.
pub const DNS_SERVICE: &str = "10.0.0.10";
/// The range of pods. Fake pods have addresses of the second half.
pub const PODS: &str = "10.244.0.0/16";
/// The range of fake pods.
pub const FAKE_PODS: &str = "10.244.128.0/17";

/// The third byte of the cluster's /24.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet(pub u8);

impl Subnet {
    /// A subnet that overlaps no address or route of this machine.
    ///
    /// # Errors
    /// `ip` is missing, or all 256 subnets are in use.
    pub fn free() -> Result<Self> {
        let used = used(&(run_words(&["ip", "-4", "-o", "address"])? + &run_words(&["ip", "-4", "route"])?));
        (0..=u8::MAX)
            .find(|number| !used.contains(number))
            .map(Self)
            .context("all of 10.213.0.0/16 is in use: take a cluster down, `local-cluster list` shows them")
    }

    /// The machine's end of the cable.
    #[must_use]
    pub fn outside(self) -> String {
        format!("10.213.{}.1", self.0)
    }

    /// The cluster's end of the cable.
    #[must_use]
    pub fn inside(self) -> String {
        format!("10.213.{}.2", self.0)
    }

    /// The address of a real node, by its index.
    #[must_use]
    pub fn node(self, index: u32) -> String {
        format!("10.213.{}.{}", self.0, 10 + index)
    }

    /// Name of the machine's end of the cable.
    #[must_use]
    pub fn outside_link(self) -> String {
        format!("twofold{}", self.0)
    }

    /// Name of the cluster's end before it is moved in, where it becomes `eth0`.
    #[must_use]
    pub fn inside_link(self) -> String {
        format!("twofold{}in", self.0)
    }
}

/// The range of a node's pods, by its index.
#[must_use]
pub fn pods_of(index: u32) -> String {
    format!("10.244.{index}.0/24")
}

/// Which numbers occur as 10.213.N in a text.
fn used(text: &str) -> BTreeSet<u8> {
    text.split_whitespace()
        .filter_map(|word| word.strip_prefix("10.213."))
        .filter_map(|rest| rest.split('.').next()?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_in_use_are_seen_in_addresses_and_routes() {
        let text =
            "5: twofold0 inet 10.213.0.1/24 scope global\n10.213.7.0/24 dev x src 10.213.7.1\n10.21.3.1 y";
        assert_eq!(used(text), BTreeSet::from([0, 7]));
    }

    #[test]
    fn addresses_of_one_subnet_are_distinct() {
        let subnet = Subnet(3);
        assert_eq!(subnet.outside(), "10.213.3.1");
        assert_eq!(subnet.inside(), "10.213.3.2");
        assert_eq!(subnet.node(2), "10.213.3.12");
        assert!(Subnet(255).inside_link().len() <= 15);
    }
}
