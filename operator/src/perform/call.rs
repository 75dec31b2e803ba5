//! One call of the API server: an answer, a refusal, or neither.

use super::cause;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Request, StatusCode};
use kube::Client;
use kube::client::Body;
use kube::core::Status;
use serde_json::Value;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// How long the API server may take to answer one call.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// The longest pause that the API server is granted when it asks for one.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The most that is quoted of an answer that is not in the API server's form, in characters.
const QUOTED: usize = 300;

/// What the API server said to one call.
pub(super) enum Reply {
    /// It was done; the object, or a status.
    Done(Value),
    /// It was not done, for this reason.
    Refused(Box<Status>),
    /// Whether it was done is not known.
    Lost(String),
}

/// What it said, and for how long it wants to be left alone.
pub(super) struct Answer {
    pub(super) reply: Reply,
    pub(super) wait: Option<Duration>,
}

/// Makes one call, once.
pub(super) async fn call(client: &Client, request: Request<Vec<u8>>) -> Answer {
    let lost = |why| Answer { reply: Reply::Lost(why), wait: None };
    match timeout(DEADLINE, exchange(client, request)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => lost(error.to_string()),
        Err(_) => lost(format!("no answer within {} s", DEADLINE.as_secs())),
    }
}

async fn exchange(client: &Client, request: Request<Vec<u8>>) -> Result<Answer, kube::Error> {
    let (head, body) = client.send(request.map(Body::from)).await?.into_parts();
    let wait = wait(head.status, &head.headers);
    let body = body.collect_bytes().await?;
    let reply = if head.status.is_success() {
        Reply::Done(serde_json::from_slice(&body).map_err(kube::Error::SerdeError)?)
    } else {
        let status = status(head.status, &body);
        if head.status.is_server_error() {
            Reply::Lost(cause::words(&status))
        } else {
            Reply::Refused(status.boxed())
        }
    };
    Ok(Answer { reply, wait })
}

/// The refusal in the API server's form, or in the words of whatever answered in its place.
fn status(code: StatusCode, body: &[u8]) -> Status {
    let status = serde_json::from_slice(body).unwrap_or_else(|_| {
        let words: String = String::from_utf8_lossy(body).trim().chars().take(QUOTED).collect();
        Status::failure(&words, "")
    });
    status.with_code(code.as_u16())
}

fn wait(code: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    let asks = matches!(code, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    asks.then(|| Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

/// Until when the API server wants no writes.
#[derive(Debug, Default)]
pub(super) struct Pause(Mutex<Option<Instant>>);

impl Pause {
    /// It wants none for this long from now.
    pub(super) fn extend(&self, wait: Duration) {
        let mut until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *until = (*until).max(Some(Instant::now() + wait));
    }

    /// How much of a pause is left.
    pub(super) fn left(&self) -> Option<Duration> {
        let until = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }
}
