//! Logs: structured lines on the standard error stream, as text or JSON.
//!
//! Every line of a request stands in its span ([`crate::http::request_id`]), with request id, tenant and route. Nothing that is
//! logged holds tokens, passwords, other secrets or message text.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::util::TryInitError;

use crate::config::{LogFormat, LogSettings};

/// Why logs could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is wrong; settings are checked before, so this does not happen with a loaded configuration.
    #[error("the log filter cannot be used")]
    Filter(#[from] ParseError),
    /// The process has set up logs already.
    #[error("logs are set up already")]
    Twice(#[from] TryInitError),
}

/// Sets up the logs of the process, once.
///
/// # Errors
/// [`TelemetryError`].
pub fn start(settings: &LogSettings) -> Result<(), TelemetryError> {
    use tracing_subscriber::util::SubscriberInitExt;

    let is_terminal = std::io::stderr().is_terminal();
    let format = settings.format.unwrap_or(if is_terminal {
        LogFormat::Text
    } else {
        LogFormat::Json
    });
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(&settings.filter)?)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(is_terminal).finish().try_init()?,
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .finish()
            .try_init()?,
    }
    Ok(())
}
