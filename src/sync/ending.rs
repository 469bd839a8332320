//! Why a socket ends, and what its client is told (client specification, section 10).

use crate::catalogue::Code;

/// Why a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The token is bad, has expired, or its session has ended.
    Refused(Code),
    /// A newer socket with the same token.
    DuplicateConnection,
    /// The person has too many sockets, and this is the oldest.
    TooManyConnections,
    /// No pong for a minute.
    PingTimeout,
    /// A client frame beyond the limit.
    FrameTooLarge,
    /// The server stops.
    Stopping,
    /// The server cannot serve it.
    Failed(Code),
    /// The client closed it.
    Closed,
    /// The connection broke.
    Lost,
}

impl Ending {
    /// The close code and the reason beside it; `None`: there is nobody to be told.
    pub fn close(self) -> Option<(u16, &'static str)> {
        match self {
            Ending::Refused(code) => Some((4001, code.as_str())),
            Ending::DuplicateConnection
            | Ending::TooManyConnections
            | Ending::PingTimeout
            | Ending::FrameTooLarge => Some((4003, self.reason())),
            Ending::Stopping => Some((1001, self.reason())),
            Ending::Failed(code) => Some((1011, code.as_str())),
            Ending::Closed | Ending::Lost => None,
        }
    }

    /// The word for the log.
    pub fn reason(self) -> &'static str {
        match self {
            Ending::Refused(code) | Ending::Failed(code) => code.as_str(),
            Ending::DuplicateConnection => "duplicate_connection",
            Ending::TooManyConnections => "too_many_connections",
            Ending::PingTimeout => "ping_timeout",
            Ending::FrameTooLarge => "frame_too_large",
            Ending::Stopping => "server_stopping",
            Ending::Closed => "closed_by_client",
            Ending::Lost => "connection_lost",
        }
    }
}
