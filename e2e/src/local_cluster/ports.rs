//! Ports on the loopback address for a cluster that lives in the machine's own network.

use std::net::TcpListener;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// Where the servers of a control plane listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    pub apiserver: u16,
    pub etcd: u16,
    pub kwok: u16,
}

impl Ports {
    /// The usual ones, for a cluster with a network of its own.
    pub const USUAL: Self = Self { apiserver: 6443, etcd: 2379, kwok: 10247 };

    /// Ports that nobody listens on now. They are distinct, because all are held until the last is found.
    ///
    /// # Errors
    /// The loopback address has no port left.
    pub fn free() -> Result<Self> {
        let listen =
            || TcpListener::bind(("127.0.0.1", 0)).context("failed to find a free port on 127.0.0.1");
        let held = [listen()?, listen()?, listen()?];
        let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
        let [apiserver, etcd, kwok] = &held;
        Ok(Self { apiserver: port(apiserver)?, etcd: port(etcd)?, kwok: port(kwok)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_are_distinct_and_can_be_listened_on() {
        let Ports { apiserver, etcd, kwok } = Ports::free().unwrap();
        assert!(apiserver != etcd && etcd != kwok && kwok != apiserver);
        TcpListener::bind(("127.0.0.1", apiserver)).unwrap();
    }
}
