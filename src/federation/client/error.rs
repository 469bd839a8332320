//! Why a call to another server fails, and why the client cannot be set up.

use std::error::Error as StdError;

use http::StatusCode;
use url::Url;

use crate::federation::core::http_signature::SignError;
use crate::federation::resolver::ResolveError;

/// The client cannot be set up from these options.
#[derive(Debug, thiserror::Error)]
pub enum ClientSetupError {
    /// The file cannot be read.
    #[error("SCAIWAVE_FEDERATION_CA_FILE: cannot read {}: {source}", path.display())]
    CaUnreadable {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file holds no certificates.
    #[error("SCAIWAVE_FEDERATION_CA_FILE holds no certificate in PEM form")]
    CaFile(#[source] Option<reqwest::Error>),
    /// A listed URL is more than an address.
    #[error("SCAIWAVE_FEDERATION_PEER_URLS: {0} must be http(s)://host[:port] and nothing more")]
    PeerUrl(Url),
    /// TLS or another part failed to start.
    #[error("the federation client cannot start")]
    Build(#[from] reqwest::Error),
}

/// Why a peer did not answer, or its answer was not taken. The message is shown to admins as the peer's last error.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The peer's name has a private address, and nobody listed it.
    #[error("{0}")]
    AddressRefused(String),
    /// The peer's name cannot be found.
    #[error("{0}")]
    Unresolved(String),
    /// The peer answered with a redirect.
    #[error("redirect refused: it answered {status}")]
    Redirect {
        /// The status of the answer.
        status: StatusCode,
    },
    /// No connection, or no TLS.
    #[error("no connection: {0}")]
    Connect(String),
    /// No complete answer in time.
    #[error("no complete answer in time")]
    Timeout,
    /// The answer is larger than what was asked for can be.
    #[error("the answer has more than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The answer broke off or is no HTTP.
    #[error("the answer cannot be read: {0}")]
    Broken(String),
    /// A descriptor was asked for and not given.
    #[error("it answered {status} to the request for its descriptor")]
    NoDescriptor {
        /// The status of the answer.
        status: StatusCode,
    },
    /// The request cannot be made from its parts.
    #[error("the request is malformed: {0}")]
    Request(String),
}

impl From<SignError> for PeerError {
    fn from(error: SignError) -> Self {
        Self::Request(error.to_string())
    }
}

impl From<reqwest::Error> for PeerError {
    fn from(error: reqwest::Error) -> Self {
        let causes: Vec<&(dyn StdError + 'static)> =
            std::iter::successors(StdError::source(&error), |cause| (*cause).source()).collect();
        let refused = causes
            .iter()
            .find_map(|cause| cause.downcast_ref::<ResolveError>());
        if let Some(refused) = refused {
            return match refused {
                ResolveError::Refused { .. } => PeerError::AddressRefused(refused.to_string()),
                ResolveError::NotFound { .. } => PeerError::Unresolved(refused.to_string()),
            };
        }
        // The outermost text repeats the URL; the innermost one names the cause.
        let cause = causes
            .last()
            .map_or_else(|| error.to_string(), ToString::to_string);
        if error.is_timeout() {
            PeerError::Timeout
        } else if error.is_connect() {
            PeerError::Connect(cause)
        } else if error.is_builder() {
            PeerError::Request(cause)
        } else {
            PeerError::Broken(cause)
        }
    }
}
