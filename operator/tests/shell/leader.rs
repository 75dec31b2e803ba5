//! At most one copy leads. Time is tokio's and paused: seconds pass as soon as everybody waits.

use crate::api::clock;
use crate::leases::Leases;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use twofold_operator::clock::Clock;
use twofold_operator::leader::{Elector, End, Leadership};

fn copy(leases: &Leases, identity: &str) -> (Elector, Leadership) {
    copy_with(leases, identity, clock())
}

fn copy_with(leases: &Leases, identity: &str, clock: Clock) -> (Elector, Leadership) {
    let leadership = Leadership::new(clock.clone());
    (Elector::new(leases.client(), "ops", "twofold", identity, clock, leadership.clone()), leadership)
}

/// A copy that has taken the lease, and what it took to take it.
async fn take(leases: &Leases, identity: &str) -> (Elector, Leadership, Duration) {
    let begun = Instant::now();
    let (mut elector, leadership) = copy(leases, identity);
    elector.acquire().await;
    assert_eq!(leases.holder().as_deref(), Some(identity));
    assert!(leadership.is_certain());
    (elector, leadership, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_not_there_is_made_at_once() {
    let leases = Leases::default();
    let (_, _, took) = take(&leases, "a").await;
    assert_eq!(took, Duration::ZERO);
    assert_eq!(leases.lease()["spec"]["leaseTransitions"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_dead_holder_is_waited_for_until_its_lease_has_run_out() {
    let leases = Leases::default();
    leases.store("dead");
    let (_, _, took) = take(&leases, "b").await;
    assert!((15..=17).contains(&took.as_secs()), "{took:?}");
    assert_eq!(leases.lease()["spec"]["leaseTransitions"], 4);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_was_restarted_under_its_name_goes_on_at_once() {
    let leases = Leases::default();
    leases.store("a");
    let (_, _, took) = take(&leases, "a").await;
    assert_eq!(took, Duration::ZERO);
    assert_eq!(leases.lease()["spec"]["leaseTransitions"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_standby_waits_while_the_holder_renews() {
    let leases = Leases::default();
    let (first, leadership, _) = take(&leases, "a").await;
    let keeping = tokio::spawn(first.keep(CancellationToken::new()));
    let (mut second, follower) = copy(&leases, "b");
    assert!(timeout(Duration::from_secs(120), second.acquire()).await.is_err());
    assert!(leadership.is_certain() && !follower.is_certain() && !keeping.is_finished());
    assert!(leases.writes() >= 55, "{} renewals in 120 s", leases.writes());
}

/// Hands the lease over gracefully and says how long nobody held it.
async fn hand_over(leases: &Leases) -> Duration {
    let (first, leadership, _) = take(leases, "a").await;
    let stop = CancellationToken::new();
    let keeping = tokio::spawn(first.keep(stop.clone()));
    let standby = leases.clone();
    let waiting = tokio::spawn(async move { take(&standby, "b").await });
    sleep(Duration::from_millis(20_500)).await;
    let begun = Instant::now();
    stop.cancel();
    assert_eq!(keeping.await.unwrap(), End::Released);
    assert!(!leadership.is_certain());
    waiting.await.unwrap();
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_back_is_taken_at_once() {
    let took = hand_over(&Leases::default()).await;
    assert!(took < Duration::from_millis(100), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn without_permission_to_watch_a_hand_over_takes_two_seconds_at_most() {
    let leases = Leases::default();
    leases.forbid_watching();
    let took = hand_over(&leases).await;
    assert!(took <= Duration::from_secs(2), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_reaches_nobody_gives_up_after_ten_seconds_and_wrote_nothing_for_a_while() {
    let leases = Leases::default();
    let (first, leadership, _) = take(&leases, "a").await;
    let keeping = tokio::spawn(first.keep(CancellationToken::new()));
    leases.set_down(true);
    sleep(Duration::from_millis(9_999)).await;
    assert!(leadership.is_certain());
    sleep(Duration::from_millis(1)).await;
    assert!(!leadership.is_certain(), "5 s before anybody else may lead");
    let begun = Instant::now();
    let End::Lost(why) = keeping.await.unwrap() else { panic!("it was not told to stop") };
    assert!(why.starts_with("not renewed within 10000 ms"), "{why}");
    assert!(begun.elapsed() <= Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_costs_nothing() {
    let leases = Leases::default();
    let (first, leadership, _) = take(&leases, "a").await;
    let keeping = tokio::spawn(first.keep(CancellationToken::new()));
    leases.set_down(true);
    sleep(Duration::from_secs(5)).await;
    leases.set_down(false);
    sleep(Duration::from_secs(60)).await;
    assert!(leadership.is_certain() && !keeping.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_holder_whose_lease_was_taken_ends() {
    let leases = Leases::default();
    let (first, leadership, _) = take(&leases, "a").await;
    let keeping = tokio::spawn(first.keep(CancellationToken::new()));
    leases.store("thief");
    let End::Lost(why) = keeping.await.unwrap() else { panic!("it was not told to stop") };
    assert_eq!(why, r#"the lease is held by "thief" now"#);
    assert!(!leadership.is_certain());
}

#[tokio::test(start_paused = true)]
async fn of_two_copies_that_start_together_one_leads() {
    let leases = Leases::default();
    let (mut first, _) = copy(&leases, "a");
    let (mut second, _) = copy(&leases, "b");
    let leader = tokio::select! {
        () = first.acquire() => "a",
        () = second.acquire() => "b",
    };
    assert_eq!(leases.holder().as_deref(), Some(leader));
    assert_eq!(leases.writes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_frozen_knows_at_once_that_it_may_not_lead_any_more() {
    let leases = Leases::default();
    let asleep = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let extra = std::sync::Arc::clone(&asleep);
    let awake = clock();
    let clock = Clock::new(move || awake.now_millis() + extra.load(std::sync::atomic::Ordering::Relaxed));
    let (mut elector, leadership) = copy_with(&leases, "a", clock);
    elector.acquire().await;
    assert!(leadership.is_certain());
    asleep.store(20_000, std::sync::atomic::Ordering::Relaxed);
    assert!(!leadership.is_certain());
}
