//! The room of a ring's member is kept while its pod is away, however much somebody else wants it, and whatever becomes of
//! the operator meanwhile.

#[path = "reserve/scene.rs"]
mod scene;

use scene::{RING_ROLE, Scene};
use twofold_core::object::{Key, Kind};

#[test]
fn a_member_comes_back_to_its_room_though_a_job_with_a_guarantee_waits_for_it() {
    let mut scene = Scene::with_a_greedy_job();
    let before = scene.member();
    scene.ends();
    scene.settle();
    assert_eq!(scene.kept(), [("ring-node-1".to_owned(), before.clone())]);
    // Nobody is made to wait for room that does not come free.
    let page = scene.page(Kind::TFJob, "greedy");
    assert!(page.contains("nothing that ends makes room"), "{page}");
    scene.gone();
    scene.settle();
    assert_eq!(scene.member(), before);
    assert_eq!(scene.kept(), []);
    assert_eq!(scene.job_pods(), 0);
}

#[test]
fn what_its_role_is_charged_does_not_change_on_the_way_nor_does_its_share_when_it_is_back_at_once() {
    let mut scene = Scene::with_a_greedy_job();
    let before = scene.role(RING_ROLE);
    // The first time its pods are tried out before one is made.
    for _ in 0..2 {
        scene.written.clear();
        scene.ends();
        scene.settle();
        assert_eq!(scene.role(RING_ROLE), before);
        scene.gone();
        for _ in 0..10 {
            scene.cycle(usize::MAX);
            assert_eq!(scene.role(RING_ROLE).0, before.0);
        }
        scene.settle();
        assert_eq!(scene.role(RING_ROLE), before);
    }
    let told: Vec<_> = scene.written.iter().filter(|key| key.kind == Kind::AllocationRole).collect();
    assert_eq!(told, Vec::<&Key>::new(), "a role was told of");
}

#[test]
fn a_fresh_operator_keeps_the_room_of_a_member_that_was_lost_while_there_was_none() {
    let mut scene = Scene::with_a_greedy_job();
    let before = scene.member();
    scene.gone();
    scene.restart();
    scene.cycle(usize::MAX);
    assert_eq!(scene.kept(), [("ring-node-1".to_owned(), before.clone())]);
    scene.settle();
    assert_eq!((scene.member(), scene.job_pods()), (before, 0));
}

#[test]
fn an_operator_killed_after_any_write_gives_the_room_to_nobody_else() {
    for ending in [true, false] {
        for killed_after in 0..12 {
            let mut scene = Scene::with_a_greedy_job();
            let before = scene.member();
            if ending {
                scene.ends();
                scene.settle_until_killed(killed_after);
            }
            scene.gone();
            scene.settle_until_killed(killed_after);
            scene.settle();
            assert_eq!((scene.member(), scene.job_pods()), (before, 0), "killed after {killed_after}");
        }
    }
}

#[test]
fn while_its_agent_takes_no_new_work_the_room_stays_and_nothing_is_written() {
    let mut scene = Scene::with_a_greedy_job();
    let (before, charged) = (scene.member(), scene.role(RING_ROLE).0);
    scene.cordon(&before, true);
    scene.gone();
    scene.settle();
    assert_eq!(scene.kept(), [("ring-node-1".to_owned(), before.clone())]);
    assert_eq!(scene.role(RING_ROLE).0, charged);
    scene.written.clear();
    for _ in 0..20 {
        scene.cluster.pass(60_000);
        scene.cycle(usize::MAX);
    }
    assert_eq!(scene.written, [], "written at rest");
    let page = scene.page(Kind::CassandraService, "ring");
    assert!(page.contains(&format!("room is kept on {before}")), "{page}");
    scene.restart();
    scene.settle();
    assert_eq!(scene.kept(), [("ring-node-1".to_owned(), before.clone())]);
    scene.cordon(&before, false);
    scene.settle();
    assert_eq!((scene.member(), scene.job_pods()), (before, 0));
}

#[test]
fn who_waits_for_kept_room_is_told_whose_it_is() {
    let mut scene = Scene::with_a_greedy_job();
    scene.fails();
    scene.cycle(usize::MAX);
    let page = scene.page(Kind::TFJob, "greedy");
    assert!(page.contains("reserved for instance node-1 of CassandraService/team/ring"), "{page}");
}

#[test]
fn the_room_is_free_when_the_service_is_deleted() {
    for restarted in [false, true] {
        let mut scene = Scene::with_a_greedy_job();
        scene.gone_but_not_back();
        assert_eq!((scene.kept().len(), scene.job_pods()), (1, 0));
        scene.mark_ring_deleted();
        if restarted {
            scene.restart();
        }
        scene.settle();
        assert_eq!((scene.kept().len(), scene.job_pods()), (0, 1));
    }
}

#[test]
fn an_agent_that_is_gone_keeps_nothing_and_one_that_is_back_does() {
    let mut scene = Scene::with_a_greedy_job();
    let agent = scene.member();
    scene.gone_but_not_back();
    let node = scene.cluster.get(&Key::new(Kind::Node, "", &agent)).expect("a node").clone();
    scene.cluster.remove(&Key::new(Kind::Node, "", &agent));
    scene.settle();
    assert_eq!(scene.kept(), []);
    scene.cluster.put(node);
    scene.cycle(usize::MAX);
    assert_eq!(scene.kept(), [("ring-node-1".to_owned(), agent)]);
}

#[test]
fn a_claim_without_a_volume_keeps_room_where_it_is_aimed_until_that_is_taken_back() {
    let mut scene = Scene::with_a_greedy_job();
    let agent = scene.member();
    scene.aim_claim(Some(&agent));
    scene.gone_but_not_back();
    assert_eq!(scene.kept(), [("ring-node-1".to_owned(), agent)]);
    scene.aim_claim(None);
    scene.cycle(usize::MAX);
    assert_eq!(scene.kept(), []);
}

#[test]
fn room_that_a_foreign_pod_took_is_waited_for() {
    let mut scene = Scene::with_a_greedy_job();
    let agent = scene.member();
    scene.gone_but_not_back();
    scene.foreign_pod(&agent);
    scene.cordon(&agent, false);
    scene.settle();
    assert_eq!(scene.member(), "");
    let page = scene.page(Kind::CassandraService, "ring");
    assert!(page.contains(&format!("too little room: cpu 1 missing ({agent})")), "{page}");
    scene.cluster.remove(&Key::new(Kind::Pod, "team", "foreign"));
    scene.settle();
    assert_eq!((scene.member(), scene.job_pods()), (agent, 0));
}

#[test]
fn a_member_that_takes_more_than_before_takes_the_rest_from_what_is_free() {
    let mut scene = Scene::with_a_greedy_job();
    let agent = scene.member();
    scene.grow_ring("1500m");
    scene.settle();
    scene.ends();
    scene.settle();
    scene.gone();
    scene.settle();
    assert_eq!((scene.member(), scene.job_pods()), (agent, 0));
}

#[test]
fn what_is_not_known_keeps_nothing_new_and_gives_nothing_up() {
    let mut scene = Scene::with_a_greedy_job();
    let agent = scene.member();
    scene.gone_but_not_back();
    scene.cluster.remove(&Key::new(Kind::ServiceLedger, "team", "ring"));
    scene.settle();
    assert_eq!(scene.kept(), [("ring-node-1".to_owned(), agent)]);
    scene.restart();
    scene.settle();
    assert_eq!(scene.kept(), []);
}

#[test]
fn room_that_was_given_to_others_meanwhile_is_not_taken_back_from_them() {
    let mut scene = Scene::with_a_greedy_job();
    scene.gone_but_not_back();
    scene.remove_ring_but_its_data();
    scene.settle();
    assert_eq!(scene.job_pods(), 1);
    scene.put_ring("1");
    scene.settle();
    assert_eq!((scene.members(), scene.job_pods()), (2, 1));
}

#[test]
fn a_member_with_a_volume_of_its_zone_comes_back_to_its_agent_while_that_takes_it() {
    let mut scene = Scene::with_zonal_volumes();
    let before = scene.member();
    scene.ends();
    scene.settle();
    assert_eq!(scene.kept(), [("ring-node-1".to_owned(), before.clone())]);
    scene.gone();
    scene.settle();
    assert_eq!(scene.member(), before);
}

/// What is kept counts against the limit: kept in vain, it would keep the member from its other agents.
#[test]
fn a_member_with_a_volume_of_its_zone_goes_elsewhere_when_its_agent_does_not_take_it() {
    for why in ["cordoned", "taken", "tainted"] {
        let mut scene = Scene::with_zonal_volumes();
        let before = scene.member();
        match why {
            "cordoned" => scene.cordon(&before, true),
            "taken" => scene.foreign_pod(&before),
            _ => scene.taint(&before),
        }
        scene.gone();
        scene.settle();
        let after = scene.member();
        assert!(!after.is_empty() && after != before, "{why}: {before} to {after:?}");
        assert_eq!(scene.kept(), []);
    }
}
