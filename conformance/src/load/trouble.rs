//! Why something could not be measured: a sentence for whoever started the run.

use crate::check::Stop;

/// Ends the run; its text says what failed.
#[derive(Debug)]
pub struct Trouble(pub String);

/// What the parts of the load generator return.
pub type Result<T> = std::result::Result<T, Trouble>;

impl Trouble {
    /// A reason in words.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}

impl From<Stop> for Trouble {
    fn from(stop: Stop) -> Self {
        let (Stop::Failed(reason) | Stop::Skipped(reason)) = stop;
        Self(reason)
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self(format!("a baseline's database: {error}"))
    }
}

impl From<tokio::task::JoinError> for Trouble {
    fn from(error: tokio::task::JoinError) -> Self {
        Self(error.to_string())
    }
}
