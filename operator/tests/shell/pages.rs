//! The pages that probes and Prometheus read.

use crate::api::clock;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::collections::BTreeSet;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use twofold_core::object::Kind;
use twofold_operator::health::{Health, Phase};
use twofold_operator::http::{Pages, serve};
use twofold_operator::metrics::Metrics;

async fn page(address: &str, path: &str) -> (u16, String) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request =
        Request::get(format!("http://{address}{path}")).body(Empty::<axum::body::Bytes>::new()).unwrap();
    let response = client.request(request).await.unwrap();
    let code = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (code, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn probes_follow_the_phase_and_metrics_are_served() {
    let pages = Pages { health: Health::new(clock()), metrics: Metrics::new() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, pages.clone(), stop.clone().cancelled_owned()));
    assert_eq!(page(&address, "/readyz").await, (200, "standby: waits for the lease\n".to_owned()));
    pages.health.enter(Phase::Listing(BTreeSet::from([Kind::Pod])));
    assert_eq!(page(&address, "/readyz").await, (503, "not listed yet: Pod\n".to_owned()));
    pages.health.enter(Phase::Leading);
    assert_eq!(page(&address, "/readyz").await, (200, "leads\n".to_owned()));
    assert_eq!(page(&address, "/healthz").await, (200, "alive\n".to_owned()));
    pages.metrics.leads(true);
    let (code, metrics) = page(&address, "/metrics").await;
    assert_eq!(code, 200);
    assert!(metrics.contains("twofold_leader 1\n") && metrics.ends_with("# EOF\n"), "{metrics}");
    stop.cancel();
    serving.await.unwrap().unwrap();
}
