//! What can go wrong with other servers, each with its code.

use serde_json::{Value, json};

use super::client::PeerError;
use super::core::http_signature::{PROTOCOL_VERSION, SignatureError};
use super::core::policy::{InvalidPolicy, Refused};
use super::peers::ConfirmError;
use crate::catalogue::Code;
use crate::db::DbError;
use crate::error::Coded;
use crate::events::core::names::ServerName;

/// A request from another server, or an admin's about one, that fails.
#[derive(Debug, thiserror::Error)]
pub enum FederationError {
    /// Check 2: 400 `SW_FED_PROTOCOL_VERSION`.
    #[error(
        "the header x-scaiwave-protocol must name a protocol version that this server speaks: {PROTOCOL_VERSION}"
    )]
    Version,
    /// Checks 3 and 4: 403 `SW_FED_REFUSED` or `SW_FED_PEER_UNKNOWN`.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Check 5: 401 `SW_FED_SIGNATURE_MISMATCH`.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// 422 `SW_VALIDATION_ERROR`
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
    /// 404 `SW_NOT_FOUND`
    #[error("there is no such peer")]
    NoSuchPeer,
    /// 422 `SW_VALIDATION_ERROR` for another key, 503 `SW_SERVICE_UNAVAILABLE` for no usable answer.
    #[error(transparent)]
    Confirm(#[from] ConfirmError),
    /// 404 `SW_NOT_FOUND`
    #[error("there is no such page")]
    NotHere,
    /// 500 `SW_INTERNAL_ERROR`: the tenant's key or descriptor cannot be used.
    #[error("this server's identity cannot be used")]
    Identity(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database's own code.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Coded for FederationError {
    fn code(&self) -> Code {
        match self {
            Self::Version => Code::FedProtocolVersion,
            Self::Refused(refused) => refused.code(),
            Self::Signature(error) => error.code(),
            Self::Policy(_) => Code::ValidationError,
            Self::Confirm(ConfirmError::OtherKey { .. }) => Code::ValidationError,
            Self::Confirm(ConfirmError::Peer(_) | ConfirmError::Descriptor(_)) => {
                Code::ServiceUnavailable
            }
            Self::Confirm(ConfirmError::Db(error)) => error.code(),
            Self::NoSuchPeer | Self::NotHere => Code::NotFound,
            Self::Identity(_) => Code::InternalError,
            Self::Db(error) => error.code(),
        }
    }

    fn details(&self) -> Option<Value> {
        match self {
            Self::Version => Some(json!({ "supported": [PROTOCOL_VERSION] })),
            Self::Signature(error) => error.details(),
            Self::Policy(invalid) => Some(json!({ "fields": [{
                "path": format!("body.{}", invalid.path()),
                "reason": invalid.reason(),
                "message": invalid.to_string(),
            }] })),
            Self::Refused(_)
            | Self::Confirm(_)
            | Self::NoSuchPeer
            | Self::NotHere
            | Self::Identity(_)
            | Self::Db(_) => None,
        }
    }
}

/// Why another server cannot be called, or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The tenant's own policy forbids it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Nothing usable came back.
    #[error("{peer}: {error}")]
    Peer {
        /// Who was called.
        peer: ServerName,
        /// What happened.
        error: PeerError,
    },
    /// The tenant's key cannot be used.
    #[error("this server's identity cannot be used")]
    NoKey,
    /// The database's own code.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl CallError {
    /// Nothing usable came back from a server.
    pub(super) fn of(peer: &ServerName, error: PeerError) -> Self {
        Self::Peer {
            peer: peer.clone(),
            error,
        }
    }
}

impl Coded for CallError {
    fn code(&self) -> Code {
        match self {
            Self::Refused(refused) => refused.code(),
            Self::Peer { .. } => Code::ServiceUnavailable,
            Self::NoKey => Code::InternalError,
            Self::Db(error) => error.code(),
        }
    }
}
