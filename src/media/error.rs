//! What can go wrong with media.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::{Value, json};

use crate::catalogue::Code;
use crate::db::DbError;
use crate::error::Coded;
use crate::federation::error::CallError;

/// A file that cannot be taken, shown or sent.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// `SW_NOT_FOUND`: unknown, gone, or not for the caller to see.
    #[error("There is no such media.")]
    NotFound,
    /// `SW_CONTENT_TOO_LARGE`: larger than files may be.
    #[error("The file has more than {0} bytes.")]
    TooLarge(u64),
    /// `SW_RATE_LIMIT_EXCEEDED`: the participant has that many uploads under way.
    #[error("Other uploads are under way. Wait until one is done.")]
    TooMany,
    /// `SW_SERVICE_UNAVAILABLE`: no room is left.
    #[error("The server's disk is nearly full. Try again later.")]
    DiskFull,
    /// `SW_SERVICE_UNAVAILABLE`: the server that has the file gives no usable answer.
    #[error("The server that has the file does not answer. Try again later.")]
    OriginSilent,
    /// `SW_VALIDATION_ERROR`: the body is no form with one file.
    #[error("The request has fields that are missing or wrong.")]
    Form {
        /// Which field.
        path: &'static str,
        /// The word for the reason.
        reason: crate::error::Reason,
        /// For people.
        message: &'static str,
    },
    /// `SW_INTERNAL_ERROR`, or `SW_SERVICE_UNAVAILABLE` where space is all that is missing.
    #[error("the media folder cannot be used")]
    Storage(#[from] std::io::Error),
    /// The tenant's policy, or the database's or identity's own code.
    #[error(transparent)]
    Call(CallError),
    /// The database's own code.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Coded for MediaError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::NotFound,
            Self::TooLarge(_) => Code::ContentTooLarge,
            Self::TooMany => Code::RateLimitExceeded,
            Self::DiskFull | Self::OriginSilent => Code::ServiceUnavailable,
            Self::Form { .. } => Code::ValidationError,
            Self::Storage(error) if is_full(error) => Code::ServiceUnavailable,
            Self::Storage(_) => Code::InternalError,
            Self::Call(error) => error.code(),
            Self::Db(error) => error.code(),
        }
    }

    fn details(&self) -> Option<Value> {
        match self {
            Self::TooLarge(_) => Some(json!({ "limit": "max_upload" })),
            Self::TooMany => Some(json!({ "bucket": "uploads", "retry_after_ms": 1000 })),
            Self::Form {
                path,
                reason,
                message,
            } => {
                Some(json!({ "fields": [{ "path": path, "reason": reason, "message": message }] }))
            }
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooMany => Some(Duration::from_secs(1)),
            Self::DiskFull => Some(Duration::from_secs(60)),
            Self::OriginSilent => Some(Duration::from_secs(30)),
            _ => None,
        }
    }
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}
