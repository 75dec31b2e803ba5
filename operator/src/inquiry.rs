//! Asking service agents how their servers are: `GET http://ADDRESS/v1/node`, which changes nothing.

use crate::metrics::Metrics;
use axum::body::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use twofold_core::decision::Query;
use twofold_core::input::Input;

/// How long an agent may take. By contract it answers at once, and says what it does not know.
const DEADLINE: Duration = Duration::from_secs(2);
/// Agents asked at once.
const CONCURRENCY: usize = 32;
/// The longest answer that is read, in bytes: agents run in tenants' pods and are not trusted.
const ANSWER_BYTES: usize = 1 << 20;

/// Asks agents beside the loop; the answers become inputs.
#[derive(Clone)]
pub struct Inquiry(Arc<Inner>);

struct Inner {
    client: Client<HttpConnector, Empty<Bytes>>,
    inputs: mpsc::Sender<Input>,
    metrics: Metrics,
    permits: Semaphore,
    /// UIDs of the pods that are being asked.
    under_way: Mutex<BTreeSet<String>>,
}

impl Inquiry {
    /// Answers go to `inputs`.
    #[must_use]
    pub fn new(inputs: mpsc::Sender<Input>, metrics: Metrics) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(DEADLINE));
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        let permits = Semaphore::new(CONCURRENCY);
        Self(Arc::new(Inner { client, inputs, metrics, permits, under_way: Mutex::default() }))
    }

    /// Asks each of these pods, but for those that are being asked already.
    pub fn ask(&self, queries: Vec<Query>) {
        for query in queries {
            if self.under_way(|pods| pods.insert(query.uid.clone())) {
                let inquiry = self.clone();
                tokio::spawn(async move { inquiry.ask_one(query).await });
            }
        }
    }

    async fn ask_one(&self, query: Query) {
        let answer = match self.0.permits.acquire().await {
            Ok(_permit) => tokio::time::timeout(DEADLINE, self.get(&query.address))
                .await
                .unwrap_or_else(|_| Err(format!("no answer within {} s", DEADLINE.as_secs()).into())),
            Err(closed) => Err(closed.into()),
        };
        let answer =
            answer.map_err(|error| format!("failed to ask http://{}/v1/node: {error}", query.address));
        self.0.metrics.asked(answer.is_ok());
        self.under_way(|pods| pods.remove(&query.uid));
        let report = Input::Report { pod: query.pod, uid: query.uid, answer };
        // Nobody takes the answer when the process is about to end.
        let _ = self.0.inputs.send(report).await;
    }

    async fn get(&self, address: &str) -> Result<Value, Box<dyn Error + Send + Sync>> {
        let request = Request::get(format!("http://{address}/v1/node")).body(Empty::new())?;
        let response = self.0.client.request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await?.to_bytes();
        if status == StatusCode::OK {
            Ok(serde_json::from_slice(&body)?)
        } else {
            let words: String = String::from_utf8_lossy(&body).chars().take(200).collect();
            Err(format!("it answered {status}: {words}").into())
        }
    }

    fn under_way<T>(&self, change: impl FnOnce(&mut BTreeSet<String>) -> T) -> T {
        change(&mut self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inquiry")
            .field("under_way", &self.under_way(|pods| pods.len()))
            .finish_non_exhaustive()
    }
}
