//! Why a delivery ends early.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::notes::NotWritten;
use crate::db::DbError;
use crate::federation::client::PeerResponse;
use crate::federation::core::delivery::AnswerError;
use crate::federation::error::CallError;

/// Why a delivery ends early. The text becomes the peer's last error.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("it answered {status}{}", text.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
    Status {
        status: StatusCode,
        text: Option<String>,
        retry_after: Option<Duration>,
    },
    #[error(transparent)]
    Answer(#[from] AnswerError),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    NotWritten(#[from] NotWritten),
}

/// An answer that is no success.
pub(super) fn failed(answer: &PeerResponse) -> Failed {
    Failed::Status {
        status: answer.status,
        text: error_text(&answer.body),
        retry_after: answer.retry_after(),
    }
}

/// Code and message of an error in the catalogue's form, cut to a bounded length.
pub(super) fn error_text(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error")?;
    let code = error.get("code")?.as_str()?;
    let message = error
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or_default();
    Some(format!("{code}: {message}").chars().take(300).collect())
}
