//! What can go wrong when reading the stream.

use crate::catalogue::Code;
use crate::error::Coded;

/// A refused read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyncError {
    /// `SW_RATE_LIMIT_EXCEEDED`
    #[error("too many long polls are open")]
    TooManyPolls,
}

impl Coded for SyncError {
    fn code(&self) -> Code {
        match self {
            SyncError::TooManyPolls => Code::RateLimitExceeded,
        }
    }

    fn details(&self) -> Option<serde_json::Value> {
        match self {
            SyncError::TooManyPolls => {
                Some(serde_json::json!({ "bucket": "long_polls", "retry_after_ms": 1000 }))
            }
        }
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            SyncError::TooManyPolls => Some(std::time::Duration::from_secs(1)),
        }
    }
}
