//! Questions to service agents, over real HTTP on loopback.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use twofold_core::decision::Query;
use twofold_core::input::Input;
use twofold_core::object::{Key, Kind};
use twofold_operator::inquiry::Inquiry;
use twofold_operator::metrics::Metrics;

fn query(address: &str) -> Query {
    Query { pod: Key::new(Kind::Pod, "db", "demo-0"), uid: "u1".to_owned(), address: address.to_owned() }
}

/// What the brain hears of an agent that serves this.
async fn answer_of(router: Router) -> Result<Value, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    ask(&address).await
}

async fn ask(address: &str) -> Result<Value, String> {
    let (sender, mut inputs) = mpsc::channel(1);
    Inquiry::new(sender, Metrics::new()).ask(vec![query(address)]);
    match inputs.recv().await {
        Some(Input::Report { uid, answer, .. }) if uid == "u1" => answer,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_is_passed_on_as_it_is() {
    let agent = Router::new().route("/v1/node", get(async || r#"{"mode": "Normal"}"#));
    assert_eq!(answer_of(agent).await, Ok(json!({"mode": "Normal"})));
}

#[tokio::test]
async fn an_agent_that_refuses_is_quoted() {
    let agent = Router::new().route("/v1/node", get(async || (StatusCode::SERVICE_UNAVAILABLE, "starting")));
    let error = answer_of(agent).await.unwrap_err();
    assert!(error.ends_with("/v1/node: it answered 503 Service Unavailable: starting"), "{error}");
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_the_end() {
    let agent = Router::new().route("/v1/node", get(async || "x".repeat(2 << 20)));
    let error = answer_of(agent).await.unwrap_err();
    assert!(error.contains("length limit exceeded"), "{error}");
}

#[tokio::test]
async fn an_agent_that_cannot_be_reached_is_unknown_not_absent() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let error = ask(&closed).await.unwrap_err();
    assert!(error.starts_with(&format!("failed to ask http://{closed}/v1/node: ")), "{error}");
}

#[tokio::test]
async fn a_pod_that_is_being_asked_is_not_asked_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, mut inputs) = mpsc::channel(4);
    let inquiry = Inquiry::new(sender, Metrics::new());
    inquiry.ask(vec![query(&address), query(&address)]);
    inquiry.ask(vec![query(&address)]);
    let agent = Router::new().route("/v1/node", get(async || "{}"));
    tokio::spawn(async move { axum::serve(listener, agent).await });
    assert!(matches!(inputs.recv().await, Some(Input::Report { answer: Ok(_), .. })));
    drop(inquiry);
    assert!(inputs.recv().await.is_none(), "there was one question");
}
