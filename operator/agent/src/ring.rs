//! The ring as one server sees it, read from `nodetool status`.
//!
//! Why `nodetool`: whether a peer is up is known to the failure detector alone, and of all that a stock
//! server offers on loopback only JMX tells it. A call costs most of a second of CPU, so [`crate::watch`]
//! makes one when the server announces a change over CQL, and rarely otherwise. The table
//! `system_views.gossip_info` is cheaper but says nothing about up and down, and its host name column can
//! hang for many seconds where reverse look-ups are not answered.

use std::net::IpAddr;

use serde::Serialize;

/// One line of the ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Peer {
    pub address: IpAddr,
    /// `None`: not known to this server (yet).
    pub host_id: Option<String>,
    /// `U` up, `D` down or `?` unknown; then `N` normal, `J` joining, `L` leaving or `M` moving.
    pub status: String,
    pub rack: String,
}

/// Reads the output of `nodetool status`. Lines that are no peers are skipped; no peer at all is an error,
/// since a server always lists itself.
pub fn parse(text: &str) -> Result<Vec<Peer>, String> {
    let peers: Vec<Peer> = text.lines().filter_map(peer).collect();
    if peers.is_empty() {
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("no output");
        return Err(format!("nodetool status: no ring in the output: {first}"));
    }
    Ok(peers)
}

/// `UN  10.0.0.1  104.35 KiB  16  100.0%  6d9…  rack`: the load is one word or two, so the columns after it
/// are counted from the end.
fn peer(line: &str) -> Option<Peer> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [status, address, .., host_id, rack] = words.as_slice() else {
        return None;
    };
    let known = matches!(status.as_bytes(), [b'U' | b'D' | b'?', b'N' | b'J' | b'L' | b'M']);
    let address = address.parse().ok().filter(|_| known)?;
    Some(Peer {
        address,
        host_id: (host_id.len() == 36).then(|| (*host_id).to_owned()),
        status: (*status).to_owned(),
        rack: (*rack).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "\
Datacenter: dc1
===============
Status=Up/Down
|/ State=Normal/Leaving/Joining/Moving
--  Address      Load        Tokens  Owns (effective)  Host ID                               Rack
UN  10.231.0.11  104.35 KiB  16      100.0%            6d9f7cde-4a0f-4bd5-8bd2-6a8f0c1f6d4e  zone-a
DN  10.231.0.12  ?           16      100.0%            7d9f7cde-4a0f-4bd5-8bd2-6a8f0c1f6d4e  zone-b
UJ  10.231.0.13  30.1 KiB    16      ?                 null                                  zone-c

";

    #[test]
    fn peers_are_read_with_and_without_a_load_and_a_host_id() {
        let peers = parse(TWO).unwrap();
        let seen: Vec<_> = peers
            .iter()
            .map(|peer| (peer.status.as_str(), peer.rack.as_str(), peer.host_id.is_some()))
            .collect();
        assert_eq!(seen, [("UN", "zone-a", true), ("DN", "zone-b", true), ("UJ", "zone-c", false)]);
        assert_eq!(peers[1].address, "10.231.0.12".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn no_peer_is_an_error_and_not_an_empty_ring() {
        assert!(parse("").unwrap_err().contains("no output"));
        let refused =
            "nodetool: Failed to connect to '127.0.0.1:7199' - ConnectException: 'Connection refused'.";
        assert!(parse(refused).unwrap_err().contains("Connection refused"));
    }
}
