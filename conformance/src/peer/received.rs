//! What the played peer is asked: every request is written down with the verdict on its signature, then answered.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use super::{FEDERATION, Peer, answers, descriptor};
use crate::clock;
use crate::protocol::http_signature::{self, Target};

/// The largest body that is read.
const LARGEST_BODY: usize = 4 << 20;

/// A request that the played peer got.
#[derive(Clone, Debug)]
pub struct Received {
    /// `GET`, `POST` …
    pub method: String,
    /// The path below the federation's root.
    pub path: String,
    /// What follows the question mark.
    pub query: String,
    /// The body as JSON; null for none.
    pub body: Value,
    /// Why the signature is not right; none if it is.
    pub fault: Option<String>,
    /// Whether the peer was down, or answered ill, so that nothing came of it.
    pub refused: bool,
}

impl Received {
    /// The events that it brings.
    pub fn events(&self) -> Vec<Value> {
        if self.path != "/send" {
            return Vec::new();
        }
        match self.body.get("events").and_then(Value::as_array) {
            Some(events) => events.clone(),
            None => vec![self.body.clone()],
        }
    }
}

pub(super) fn router(peer: Peer) -> Router {
    Router::new()
        .route(descriptor::PATH, get(own_descriptor))
        .route(&format!("{FEDERATION}/{{*path}}"), any(federation))
        .with_state(peer)
}

async fn own_descriptor(State(peer): State<Peer>) -> Response {
    if peer.is_down() {
        return unavailable();
    }
    let request = Received {
        method: "GET".to_owned(),
        path: descriptor::PATH.to_owned(),
        query: String::new(),
        body: Value::Null,
        fault: None,
        refused: false,
    };
    if let Some(rule) = peer.rule_for(&request) {
        return rule.answer().await;
    }
    json_response(&descriptor::document(
        peer.name(),
        peer.key(),
        clock::now_ms(),
    ))
}

async fn federation(State(peer): State<Peer>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let target = Target {
        method: parts.method.to_string(),
        authority: authority(&parts.headers),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or("").to_owned(),
        body: body.to_vec(),
    };
    let mut request = Received {
        method: target.method.clone(),
        path: target.path.trim_start_matches(FEDERATION).to_owned(),
        query: target.query.clone(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        fault: fault(&peer, &target, &parts.headers).err(),
        refused: peer.is_down(),
    };
    let rule = peer.rule_for(&request).filter(|_| !request.refused);
    request.refused |= rule.is_some();
    peer.note(request.clone());
    if let Some(rule) = rule {
        return rule.answer().await;
    }
    if request.refused {
        return unavailable();
    }
    answers::answer(&peer, &request)
}

fn fault(peer: &Peer, target: &Target, headers: &HeaderMap) -> Result<(), String> {
    if target.authority != peer.name() {
        return Err(format!("the authority is {}", target.authority));
    }
    let header = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    http_signature::judge(
        target,
        header,
        peer.subject_key(),
        peer.subject_name(),
        clock::now_ms(),
    )
}

fn authority(headers: &HeaderMap) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    host.unwrap_or("").to_ascii_lowercase()
}

pub(super) fn json_response(body: &Value) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}

fn unavailable() -> Response {
    let error =
        json!({"error": {"code": "SW_SERVICE_UNAVAILABLE", "message": "the played peer is down"}});
    (StatusCode::SERVICE_UNAVAILABLE, json_response(&error)).into_response()
}
