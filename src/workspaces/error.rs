//! What can go wrong with workspaces.

use crate::catalogue::Code;
use crate::error::Coded;

/// A refusal about a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkspaceError {
    /// No such workspace, or another person's.
    #[error("There is no such workspace.")]
    NotFound,
}

impl Coded for WorkspaceError {
    fn code(&self) -> Code {
        match self {
            WorkspaceError::NotFound => Code::WorkspaceNotFound,
        }
    }
}
