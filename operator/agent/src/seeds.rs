//! Which seeds a server starts with: the rule that keeps one ring one ring.
//!
//! A server that finds itself among its seeds skips the bootstrap. That is right for a member with data and
//! for the first member of a new ring; for any other empty server it means owning ranges without their data,
//! or a second ring. *Settled* is the test for "with data": the volume carries the marker that
//! [`crate::member`] writes once the server has joined. A volume left by an interrupted bootstrap is not
//! settled.

use std::net::IpAddr;

use crate::contract::Instance;

/// A configured seed as it looks now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The configured host name.
    pub name: String,
    /// Where the name leads; empty when it does not resolve.
    pub addresses: Vec<IpAddr>,
    /// Whether something accepts connections on the storage port there.
    pub answers: bool,
}

/// What to do about the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// Start it with these seeds.
    With(Vec<String>),
    /// Look again later, for this reason.
    Wait(String),
    /// Do not start it: that would do harm.
    Refuse(String),
}

/// Decides whether and with which seeds the server of `instance` may start.
pub fn decide(instance: &Instance, settled: bool, seeds: &[Seed]) -> Start {
    let own = |seed: &Seed| {
        // A stale record may lead another seed's name to this pod's address; an empty server must not
        // take that for a live ring.
        leads_to(&seed.name, &instance.name) || (!settled && seed.addresses.contains(&instance.address))
    };
    let lists_itself = seeds.iter().any(own);
    let others: Vec<&Seed> = seeds.iter().filter(|seed| !own(seed)).collect();
    let live = others.iter().find(|seed| seed.answers);
    let all = || seeds.iter().map(|seed| seed.name.clone()).collect();
    match (settled, instance.first_seed) {
        (true, _) if lists_itself || live.is_some() => Start::With(all()),
        (true, _) => Start::Wait(waiting_for(&others)),
        (false, true) => match live {
            Some(seed) => Start::Refuse(format!(
                "TWOFOLD_FIRST_SEED is set and the volume is empty, but seed {} answers: a ring exists already",
                seed.name
            )),
            None if lists_itself => Start::With(all()),
            None => Start::Refuse(format!(
                "TWOFOLD_FIRST_SEED is set, but {} is not among the seeds of service.json",
                instance.name
            )),
        },
        (false, false) if live.is_some() => {
            Start::With(others.iter().map(|seed| seed.name.clone()).collect())
        }
        (false, false) => Start::Wait(waiting_for(&others)),
    }
}

/// Whether a seed's host name belongs to the instance: its first label is the instance's name.
fn leads_to(seed: &str, instance: &str) -> bool {
    seed.split('.').next() == Some(instance)
}

fn waiting_for(others: &[&Seed]) -> String {
    if others.is_empty() {
        return "waits for a seed: service.json names no other member".to_owned();
    }
    let each: Vec<String> = others
        .iter()
        .map(|seed| match seed.addresses.as_slice() {
            [] => format!("{} does not resolve", seed.name),
            [address, ..] => format!("{} ({address}) does not answer on the storage port", seed.name),
        })
        .collect();
    format!("waits for a seed: {}", each.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn instance(name: &str, first_seed: bool) -> Instance {
        Instance {
            name: name.to_owned(),
            pod_uid: "u".to_owned(),
            rack: "r".to_owned(),
            address: "10.0.0.9".parse().unwrap(),
            first_seed,
            grace: Duration::from_secs(60),
        }
    }

    /// `name`, `name@address` or `name@address!` for one that answers.
    fn seeds(texts: &[&str]) -> Vec<Seed> {
        let one = |text: &&str| {
            let (name, rest) = text.split_once('@').unwrap_or((text, ""));
            let address = rest.trim_end_matches('!');
            Seed {
                name: format!("{name}.peers"),
                addresses: address.parse().into_iter().collect(),
                answers: rest.ends_with('!'),
            }
        };
        texts.iter().map(one).collect()
    }

    fn names(start: Start) -> Vec<String> {
        match start {
            Start::With(names) => names.iter().map(|name| name.replace(".peers", "")).collect(),
            Start::Wait(why) | Start::Refuse(why) => panic!("not started: {why}"),
        }
    }

    fn reason(start: Start) -> String {
        match start {
            Start::With(names) => panic!("started with {names:?}"),
            Start::Wait(why) => format!("wait: {why}"),
            Start::Refuse(why) => format!("refuse: {why}"),
        }
    }

    #[test]
    fn an_empty_member_never_lists_itself() {
        let start = decide(&instance("n1", false), false, &seeds(&["n0@10.0.0.1!", "n1@10.0.0.9"]));
        assert_eq!(names(start), ["n0"]);
    }

    #[test]
    fn an_empty_member_drops_a_stale_name_that_leads_to_itself() {
        let start = decide(&instance("n1", false), false, &seeds(&["n0@10.0.0.9!", "n1@10.0.0.9"]));
        assert!(reason(start).starts_with("wait: waits for a seed: service.json names no other member"));
    }

    #[test]
    fn the_first_member_lists_itself_once() {
        let seeds = seeds(&["n0@10.0.0.9", "n1"]);
        assert_eq!(names(decide(&instance("n0", true), false, &seeds)), ["n0", "n1"]);
        assert!(reason(decide(&instance("n0", false), false, &seeds)).contains("n1.peers does not resolve"));
    }

    #[test]
    fn a_second_ring_is_refused() {
        let start = decide(&instance("n0", true), false, &seeds(&["n0@10.0.0.9", "n1@10.0.0.2!"]));
        assert!(reason(start).starts_with("refuse: "));
        let start = decide(&instance("n7", true), false, &seeds(&["n0"]));
        assert!(reason(start).contains("n7 is not among the seeds"));
    }

    #[test]
    fn a_settled_seed_starts_alone_with_all_seeds() {
        for first in [true, false] {
            let start = decide(&instance("n0", first), true, &seeds(&["n0", "n1"]));
            assert_eq!(names(start), ["n0", "n1"]);
        }
    }

    #[test]
    fn a_settled_member_that_is_no_seed_waits_for_one_that_answers() {
        let member = instance("n2", false);
        let start = decide(&member, true, &seeds(&["n0@10.0.0.1", "n1"]));
        assert!(reason(start).contains("n0.peers (10.0.0.1) does not answer"));
        assert_eq!(names(decide(&member, true, &seeds(&["n0@10.0.0.1!", "n1"]))), ["n0", "n1"]);
    }
}
