use super::*;

const ADDRESS: &str = "10.0.0.1";

fn instance() -> Instance {
    Instance {
        name: "n0".to_owned(),
        pod_uid: "u".to_owned(),
        rack: "a".to_owned(),
        address: ADDRESS.parse().unwrap(),
        first_seed: false,
        grace: Duration::from_secs(60),
    }
}

fn service() -> Service {
    Service {
        contract: 1,
        cluster_name: "demo".to_owned(),
        datacenter: "dc1".to_owned(),
        seeds: vec!["n0.peers".to_owned()],
        heap_bytes: 1 << 28,
        jvm_options: vec![],
        cassandra_yaml: serde_json::Map::new(),
    }
}

/// A server that runs and has joined, with its own status in the ring.
fn joined(own: &str, now: Instant) -> Observed {
    let member = Member::new(&service(), &instance(), "host-1");
    Observed {
        process: Process::Running,
        answered: true,
        local: View::Known { value: local("COMPLETED"), at: now },
        ring: View::Known { value: vec![peer(own)], at: now },
        ..Observed::new(Some(member))
    }
}

fn local(bootstrapped: &str) -> Local {
    Local {
        host_id: "host-1".to_owned(),
        release_version: "5.0.9".to_owned(),
        schema_version: None,
        bootstrapped: bootstrapped.to_owned(),
        rival: None,
    }
}

fn peer(status: &str) -> Peer {
    Peer { address: ADDRESS.parse().unwrap(), host_id: None, status: status.to_owned(), rack: "a".to_owned() }
}

fn shown(observed: &Observed, now: Instant) -> (Mode, bool, String) {
    let view = fold(&instance(), &service(), observed, now);
    (view.mode, view.ready, view.detail)
}

#[test]
fn a_member_that_is_up_and_answers_is_ready() {
    let now = Instant::now();
    assert_eq!(shown(&joined("UN", now), now), (Mode::Normal, true, String::new()));
}

#[test]
fn an_unknown_ring_does_not_take_readiness_away() {
    let now = Instant::now();
    let mut observed = joined("UN", now);
    observed.looked(Err("timed out".to_owned()), now);
    let view = fold(&instance(), &service(), &observed, now);
    assert!(view.ready);
    assert_eq!(view.ring, RingView::Unknown { unknown: "timed out".to_owned() });
}

#[test]
fn a_member_that_leaves_or_sees_itself_down_is_not_ready() {
    let now = Instant::now();
    assert_eq!(shown(&joined("UL", now), now), (Mode::Leaving, false, String::new()));
    let (mode, ready, detail) = shown(&joined("DN", now), now);
    assert_eq!((mode, ready), (Mode::Normal, false));
    assert_eq!(detail, "the server sees itself as down");
}

#[test]
fn a_member_whose_own_ring_does_not_list_it_is_not_ready() {
    let now = Instant::now();
    let mut observed = joined("UN", now);
    observed.looked(Ok(vec![]), now);
    let (mode, ready, detail) = shown(&observed, now);
    assert_eq!((mode, ready), (Mode::Unknown, false));
    assert!(detail.contains("does not list it"), "{detail}");
}

#[test]
fn a_member_whose_tokens_a_peer_holds_is_not_ready() {
    let now = Instant::now();
    let rival = Some("10.0.0.2".parse().unwrap());
    let local = View::Known { value: Local { rival, ..local("COMPLETED") }, at: now };
    let observed = Observed { local, ring: View::Unknown("timed out".to_owned()), ..joined("UN", now) };
    let (mode, ready, detail) = shown(&observed, now);
    assert_eq!((mode, ready), (Mode::Unknown, false));
    assert_eq!(detail, "the server takes tokens for its own that 10.0.0.2 holds");
}

#[test]
fn the_first_answer_makes_an_older_ring_unknown() {
    let now = Instant::now();
    let member = Some(Member::new(&service(), &instance(), "host-1"));
    let mut observed = Observed { process: Process::Running, ..Observed::new(member) };
    observed.looked(Ok(vec![]), now);
    assert!(observed.heard(local("COMPLETED"), now));
    assert_eq!(shown(&observed, now), (Mode::Normal, true, String::new()));
    observed.looked(Ok(vec![peer("UN")]), now);
    assert!(!observed.heard(local("COMPLETED"), now));
    assert_eq!(shown(&observed, now), (Mode::Normal, true, String::new()));
}

#[test]
fn an_older_ring_does_not_hide_a_finished_join() {
    let now = Instant::now();
    assert_eq!(shown(&joined("UJ", now), now).0, Mode::Normal);
}

#[test]
fn joined_is_not_ready_before_the_volume_says_so() {
    let now = Instant::now();
    let observed = Observed { member: None, trouble: Some("disk full".to_owned()), ..joined("UN", now) };
    assert_eq!(shown(&observed, now), (Mode::Normal, false, "disk full".to_owned()));
}

#[test]
fn a_server_that_stopped_answering_is_unknown_and_keeps_its_identity() {
    let now = Instant::now();
    let observed = Observed { local: View::Unknown("refused".to_owned()), ..joined("UN", now) };
    let view = fold(&instance(), &service(), &observed, now);
    assert_eq!((view.mode, view.ready, view.cql_answers), (Mode::Unknown, false, false));
    assert_eq!(view.host_id.as_deref(), Some("host-1"));
    assert_eq!(view.release_version, None);
    assert_eq!(shown(&joined("UN", now), now + Duration::from_secs(16)).0, Mode::Unknown);
}

#[test]
fn before_the_first_answer_a_server_starts_or_joins() {
    let now = Instant::now();
    let fresh = Observed { process: Process::Running, ..Observed::new(None) };
    assert_eq!(shown(&fresh, now).0, Mode::Starting);
    let ring = View::Known { value: vec![peer("UJ")], at: now };
    assert_eq!(shown(&Observed { ring, ..fresh.clone() }, now).0, Mode::Joining);
    let local = View::Known { value: local("IN_PROGRESS"), at: now };
    assert_eq!(shown(&Observed { local, answered: true, ..fresh }, now).0, Mode::Joining);
}

#[test]
fn waiting_and_stopping_win_over_what_the_server_says() {
    let now = Instant::now();
    let waiting = Observed { process: Process::Waiting("no seed".to_owned()), ..joined("UN", now) };
    assert_eq!(shown(&waiting, now), (Mode::Waiting, false, "no seed".to_owned()));
    let stopping = Observed { process: Process::Stopping, ..joined("UN", now) };
    assert_eq!(shown(&stopping, now).0, Mode::Stopping);
}
