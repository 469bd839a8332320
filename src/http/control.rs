//! The control socket: a Unix socket in the data folder, over which commands on the same machine reach the running server.
//!
//! Only the owner of the folder can open it (mode 0600), which is all the sign-in that it needs. One route, `POST /`: a JSON value in,
//! an envelope out.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware::from_fn;
use axum::routing::post;
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use super::envelope::Data;
use super::{fallback, request_id};
use crate::error::{Error, Reason, Result};

/// The socket's name in the data folder.
pub const SOCKET: &str = "control.sock";

/// The largest command, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// Answers one command.
pub type Answer = Arc<dyn Fn(Value) -> BoxFuture<'static, Result<Value>> + Send + Sync>;

/// Makes the socket. One that a killed server left behind is replaced: the caller holds the folder, so nobody listens there.
///
/// # Errors
/// The socket cannot be made; its path may have 107 bytes at most.
pub fn bind(data_dir: &Path) -> io::Result<UnixListener> {
    let path = data_dir.join(SOCKET);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers commands until `stop` is cancelled.
pub async fn serve(listener: UnixListener, answer: Answer, stop: CancellationToken) {
    let router = Router::new()
        .route("/", post(command))
        .fallback(fallback::no_such_path)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn(fallback::catch_panic))
        .layer(from_fn(request_id::attach))
        .with_state(answer);
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "the control socket is gone");
    }
}

async fn command(State(answer): State<Answer>, body: Bytes) -> Result<Data<Value>> {
    let command = serde_json::from_slice(&body)
        .map_err(|error| Error::validation("body", Reason::Json, "is not JSON").source(error))?;
    answer(command).await.map(Data)
}
