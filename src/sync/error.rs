//! What can go wrong with sync and sockets.

use std::time::Duration;

use serde_json::{Value, json};

use crate::catalogue::Code;
use crate::db::DbError;
use crate::error::{Coded, Field, Reason};

/// A refused request to read the stream.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// `SW_VALIDATION_ERROR`: `since` is a position that the stream has not reached.
    #[error("the stream does not reach this position")]
    BeyondEnd,
    /// `SW_RATE_LIMIT_EXCEEDED`: ten long polls of the person wait already.
    #[error("too many open long polls")]
    TooManyPolls,
    /// `SW_AUTH_INVALID_TOKEN`: the session has ended meanwhile.
    #[error("the session has ended")]
    SessionEnded,
    /// The database's own code.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// How long a client with too many polls is asked to wait.
const POLL_PAUSE: Duration = Duration::from_secs(1);

impl Coded for SyncError {
    fn code(&self) -> Code {
        match self {
            SyncError::BeyondEnd => Code::ValidationError,
            SyncError::TooManyPolls => Code::RateLimitExceeded,
            SyncError::SessionEnded => Code::AuthInvalidToken,
            SyncError::Db(error) => error.code(),
        }
    }

    fn details(&self) -> Option<Value> {
        match self {
            SyncError::BeyondEnd => {
                let field = Field {
                    path: "query.since".to_owned(),
                    reason: Reason::Range,
                    message: "must not lie beyond the end of the stream".into(),
                };
                Some(json!({ "fields": [field] }))
            }
            SyncError::TooManyPolls => {
                let wait = u64::try_from(POLL_PAUSE.as_millis()).unwrap_or(u64::MAX);
                Some(json!({ "bucket": "long_polls", "retry_after_ms": wait }))
            }
            SyncError::SessionEnded | SyncError::Db(_) => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        matches!(self, SyncError::TooManyPolls).then_some(POLL_PAUSE)
    }
}
