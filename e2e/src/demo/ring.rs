//! What `nodetool status` says, and whether all members of a ring say the same.

use std::collections::{BTreeMap, BTreeSet};

/// One line of `nodetool status`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Up or down, and normal, joining, leaving or moving: `UN` is what it should be.
    pub state: String,
    pub address: String,
    pub host_id: String,
    pub rack: String,
}

/// Where a pod of the ring runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    pub address: String,
    pub node: String,
    /// The node's zone label.
    pub zone: String,
}

/// The members in the output of `nodetool status`. Load and ownership, which may be one word or two, are left out.
#[must_use]
pub fn members(status: &str) -> Vec<Member> {
    let member = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [state, address, .., host_id, rack] = words[..] else { return None };
        let mut letters = state.chars();
        let known = letters.next().is_some_and(|up| "UD?".contains(up))
            && letters.next().is_some_and(|mode| "NLJM".contains(mode))
            && letters.next().is_none();
        let text = |word: &str| word.to_owned();
        known.then(|| Member {
            state: text(state),
            address: text(address),
            host_id: text(host_id),
            rack: text(rack),
        })
    };
    status.lines().filter_map(member).collect()
}

/// What is wrong with a ring, in sentences; nothing if each of its pods sees every member up and normal, all see the
/// same host ids, and each member's rack is the zone of the node that its pod runs on.
#[must_use]
pub fn problems(views: &BTreeMap<String, Vec<Member>>, seats: &BTreeMap<String, Seat>) -> Vec<String> {
    let mut problems = Vec::new();
    let Some(first) = views.values().next() else { return vec!["no pod said anything".to_owned()] };
    for (pod, view) in views {
        if view.len() != seats.len() {
            problems.push(format!("{pod} sees {} members, not {}", view.len(), seats.len()));
        }
        let down = view.iter().filter(|member| member.state != "UN");
        problems.extend(down.map(|member| format!("{pod} sees {} as {}", member.address, member.state)));
        if host_ids(view) != host_ids(first) {
            problems.push(format!("{pod} sees other host ids than the first pod"));
        }
    }
    for (pod, seat) in seats {
        match first.iter().find(|member| member.address == seat.address) {
            None => problems.push(format!("no member has the address {} of {pod}", seat.address)),
            Some(member) if member.rack != seat.zone => problems.push(format!(
                "{pod} is in rack {}, but its node {} is in zone {}",
                member.rack, seat.node, seat.zone
            )),
            Some(_) => {}
        }
    }
    problems
}

/// The host ids that a pod sees.
#[must_use]
pub fn host_ids(view: &[Member]) -> BTreeSet<&str> {
    view.iter().map(|member| member.host_id.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Datacenter: dc1
===============
Status=Up/Down
|/ State=Normal/Leaving/Joining/Moving
--  Address     Load        Tokens  Owns (effective)  Host ID                               Rack
UN  10.0.0.2    110.15 KiB  16      100.0%            2b1d3c1e-59a7-4a5b-8f0e-1c7de8a0f001  local-a
DN  10.0.0.3    ?           16      100.0%            2b1d3c1e-59a7-4a5b-8f0e-1c7de8a0f002  local-b
";

    fn seats() -> BTreeMap<String, Seat> {
        let seat = |address: &str, zone: &str| Seat {
            address: address.into(),
            node: "real-0".into(),
            zone: zone.into(),
        };
        BTreeMap::from([
            ("ring-node-0".into(), seat("10.0.0.2", "local-a")),
            ("ring-node-1".into(), seat("10.0.0.3", "local-b")),
        ])
    }

    #[test]
    fn members_are_read_with_a_known_and_an_unknown_load() {
        let members = members(STATUS);
        let short: Vec<_> = members.iter().map(|member| (&*member.state, &*member.rack)).collect();
        assert_eq!(short, [("UN", "local-a"), ("DN", "local-b")]);
        assert!(members[1].host_id.ends_with("f002"));
    }

    #[test]
    fn a_whole_ring_has_no_problem() {
        let whole = members(&STATUS.replace("DN", "UN"));
        let views = BTreeMap::from([("ring-node-0".into(), whole.clone()), ("ring-node-1".into(), whole)]);
        assert_eq!(problems(&views, &seats()), Vec::<String>::new());
    }

    #[test]
    fn a_member_that_is_down_another_view_and_a_wrong_rack_are_told() {
        let other = members(&STATUS.replace("f002", "f003").replace("local-a", "local-c"));
        let views = BTreeMap::from([("ring-node-0".into(), other), ("ring-node-1".into(), members(STATUS))]);
        let said = problems(&views, &seats()).join("\n");
        for part in ["sees 10.0.0.3 as DN", "sees other host ids", "in rack local-c, but its node real-0"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }

    #[test]
    fn silence_is_a_problem() {
        assert_eq!(problems(&BTreeMap::new(), &seats()), ["no pod said anything"]);
    }
}
