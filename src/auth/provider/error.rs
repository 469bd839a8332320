//! Why the identity provider is of no help.

use std::error::Error as StdError;

/// Why a question to the provider stayed without the answer wanted, or a token of its is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// No usable answer came in time. Trying again later may help.
    #[error("the identity provider does not answer: {0}")]
    Silent(String),
    /// The provider said no, with this code of OAuth 2.0.
    #[error("the identity provider refused: {0}")]
    Refused(String),
    /// The token is not one for this server.
    #[error("the token is not accepted: {0}")]
    InvalidToken(&'static str),
    /// The token was one for this server.
    #[error("the token has expired")]
    ExpiredToken,
}

impl From<reqwest::Error> for ProviderError {
    fn from(error: reqwest::Error) -> Self {
        // The outermost text repeats the address; the innermost one names the cause.
        let causes = std::iter::successors(StdError::source(&error), |cause| (*cause).source());
        let cause = causes
            .last()
            .map_or_else(|| error.to_string(), ToString::to_string);
        ProviderError::Silent(cause)
    }
}
