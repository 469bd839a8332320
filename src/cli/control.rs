//! How a command that changes data gets it done: by the running server over its control socket, or else by itself.

use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::UnixStream;

use super::outcome::{Exit, Failure, note};
use crate::app;
use crate::clock::Clock;
use crate::config::Loaded;
use crate::entropy::Entropy;
use crate::error::Error;
use crate::http::control::SOCKET;
use crate::operator::{self, Request};

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The largest answer, in bytes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// Lets the running server do it; if none runs, opens the data itself.
pub(super) async fn perform(loaded: Loaded, request: Request) -> Result<Value, Failure> {
    match UnixStream::connect(loaded.config.data_dir.join(SOCKET)).await {
        Ok(stream) => {
            let asked = tokio::time::timeout(PATIENCE, ask(stream, &request)).await;
            asked.unwrap_or_else(|_| Err(unreachable("it took too long")))
        }
        Err(error) if is_nobody_there(&error) => alone(loaded, request).await,
        Err(error) => Err(unreachable(error)),
    }
}

/// Whether no server runs: it never made a socket, or left one behind when it was killed.
fn is_nobody_there(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

fn unreachable(reason: impl std::fmt::Display) -> Failure {
    Failure::new(
        Exit::Unreachable,
        format_args!("the running server does not answer: {reason}"),
    )
}

async fn ask(stream: UnixStream, request: &Request) -> Result<Value, Failure> {
    let body = serde_json::to_vec(request).map_err(Failure::failed)?;
    let request = hyper::Request::post("/")
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(Full::<Bytes>::from(body))
        .map_err(Failure::failed)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(unreachable)?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(unreachable)?;
    let body = Limited::new(response.into_body(), MAX_ANSWER)
        .collect()
        .await
        .map_err(unreachable)?;
    let mut answer: Value = serde_json::from_slice(&body.to_bytes()).map_err(unreachable)?;
    match answer.get("error") {
        Some(error) => Err(refused(error)),
        None => Ok(answer.get_mut("data").map(Value::take).unwrap_or_default()),
    }
}

/// Does it in this process, as the server would.
async fn alone(loaded: Loaded, request: Request) -> Result<Value, Failure> {
    let opened = app::open(loaded.config, Clock::system(), Entropy::system()).await;
    let (app, first_start) = opened.map_err(Failure::failed)?;
    if let Some(first_start) = first_start {
        note(&first_start.to_string());
    }
    let result = operator::perform(&app, request).await;
    app.shut_down().await;
    result.map_err(|error| failed(&error))
}

/// A failure of the domain, as the operator may see it: with its cause.
pub(super) fn failed(error: &Error) -> Failure {
    let cause = match error.cause() {
        Some(cause) if cause.to_string() != error.text() => format!(": {cause}"),
        _ => String::new(),
    };
    let shown = json!({
        "code": error.code(),
        "message": error.text(),
        "details": error.details_value(),
    });
    Failure::failed(format_args!("{}{cause}{}", error.text(), fields(&shown))).with_json(shown)
}

/// What the server said; its log has the cause.
fn refused(error: &Value) -> Failure {
    let message = error["message"].as_str().unwrap_or("the server refused");
    Failure::failed(format_args!("{message}{}", fields(error))).with_json(error.clone())
}

/// The refused fields of a 422, a line each, unless the message has said it already.
fn fields(error: &Value) -> String {
    let fields = error["details"]["fields"].as_array().into_iter().flatten();
    let lines = fields
        .filter(|field| field["message"] != error["message"])
        .map(|field| {
            let path = field["path"].as_str().unwrap_or_default();
            let name = path.strip_prefix("body.").unwrap_or(path);
            format!(
                "\n  {name}: {}",
                field["message"].as_str().unwrap_or_default()
            )
        });
    lines.collect()
}
