//! What a command ends with, and how it is shown.

use std::error::Error;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use serde_json::{Value, json};

/// How a command that did not do its work ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Failed,
    Usage,
    Unreachable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Failed => Self::from(1),
            Exit::Usage => Self::from(2),
            Exit::Unreachable => Self::from(3),
        }
    }
}

/// The result of a command: the same for people and for programs.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) text: String,
    pub(super) json: Value,
}

impl Outcome {
    /// A command that has nothing to say.
    pub(super) fn silent() -> Self {
        Self {
            text: String::new(),
            json: json!({ "ok": true }),
        }
    }

    pub(super) fn show(self, as_json: bool) -> ExitCode {
        if as_json {
            print(&self.json.to_string());
        } else if !self.text.is_empty() {
            print(self.text.trim_end());
        }
        ExitCode::SUCCESS
    }
}

/// A command that did not do its work, and why.
#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    message: String,
    /// For programs; without it they get the message.
    json: Option<Value>,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
            json: None,
        }
    }

    pub(super) fn failed(message: impl Display) -> Self {
        Self::new(Exit::Failed, message)
    }

    /// A failure with all its causes in one line.
    pub(super) fn because(what: impl Display, error: &(dyn Error + 'static)) -> Self {
        let causes = std::iter::successors(Some(error), |cause| (*cause).source());
        let message = causes.fold(what.to_string(), |message, cause| {
            format!("{message}: {cause}")
        });
        Self::failed(message)
    }

    /// The error object for programs.
    pub(super) fn with_json(mut self, error: Value) -> Self {
        self.json = Some(error);
        self
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn show(self, as_json: bool) -> ExitCode {
        if as_json {
            let error = self
                .json
                .unwrap_or_else(|| json!({ "message": self.message }));
            print(&json!({ "error": error }).to_string());
        } else {
            // Nobody reads it if the stream is gone.
            let _ = writeln!(std::io::stderr(), "scaiwave: {}", self.message);
        }
        self.exit.into()
    }
}

/// Prints a line to the standard output stream, and does not mind if nobody reads it.
pub(super) fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Tells something beside the result.
pub(super) fn note(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
