//! The agent's HTTP interface, on port 8090 of the pod's address.
//!
//! | request | answer |
//! |---|---|
//! | `GET /livez` | 200 while the agent's own loop turns |
//! | `GET /readyz` | 200 `ready`, or 503 and why not |
//! | `GET /v1/node?maxAgeSeconds=N` | 200 [`crate::view::NodeView`], at once; if the ring is older than N (60) seconds a new look is begun, so ask again |
//!
//! Nothing can be changed by it: whoever reaches the port can look, and no more.

use std::io;
use std::time::{Duration, Instant};

use serde::Serialize;
use tiny_http::{Header, Method, Request, Response, Server};

use crate::shared::Shared;

const DEFAULT_MAX_AGE: Duration = Duration::from_secs(60);

/// An answer: status, content type, body.
type Reply = (u16, &'static str, String);

/// Serves for ever.
pub fn serve(server: &Server, shared: &Shared) {
    for request in server.incoming_requests() {
        let reply = route(&request, shared);
        if let Err(error) = send(request, reply) {
            crate::log(&format!("HTTP: failed to answer: {error}"));
        }
    }
}

fn send(request: Request, (status, kind, body): Reply) -> io::Result<()> {
    let mut response = Response::from_string(body).with_status_code(status);
    if let Ok(header) = Header::from_bytes("Content-Type", kind) {
        response.add_header(header);
    }
    request.respond(response)
}

fn route(request: &Request, shared: &Shared) -> Reply {
    let (path, query) = request.url().split_once('?').unwrap_or((request.url(), ""));
    match (request.method(), path) {
        (Method::Get, "/livez") if shared.alive() => text(200, "alive"),
        (Method::Get, "/livez") => text(503, "the agent's loop does not turn"),
        (Method::Get, "/readyz") => ready(shared),
        (Method::Get, "/v1/node") => match max_age(query) {
            Ok(limit) => node(shared, limit),
            Err(problem) => text(400, &problem),
        },
        _ => text(404, "no such path"),
    }
}

fn ready(shared: &Shared) -> Reply {
    let node = shared.node();
    match node.ready {
        true => text(200, "ready"),
        false => text(503, &format!("{:?}: {}", node.mode, node.detail)),
    }
}

fn node(shared: &Shared, limit: Duration) -> Reply {
    if shared.with(|observed| observed.ring.age(Instant::now())).is_none_or(|age| age > limit) {
        shared.wish_ring();
    }
    json(200, &shared.node())
}

fn max_age(query: &str) -> Result<Duration, String> {
    match query.split('&').find_map(|pair| pair.strip_prefix("maxAgeSeconds=")) {
        None => Ok(DEFAULT_MAX_AGE),
        Some(seconds) => seconds
            .parse()
            .map(Duration::from_secs)
            .map_err(|_| format!("maxAgeSeconds: {seconds:?} is not a number of seconds")),
    }
}

fn text(status: u16, body: &str) -> Reply {
    (status, "text/plain", format!("{body}\n"))
}

fn json(status: u16, body: &impl Serialize) -> Reply {
    match serde_json::to_string(body) {
        Ok(body) => (status, "application/json", body),
        Err(error) => text(500, &error.to_string()),
    }
}
