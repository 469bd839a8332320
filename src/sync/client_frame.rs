//! What clients say over a socket. Pure.

use serde::Deserialize;

use crate::presence::model::Beat;

/// The longest client frame, in bytes.
pub const LONGEST: usize = 4 * 1024;

/// A client frame that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientFrame {
    /// Asks for a pong.
    Ping,
    /// Says how the device is.
    Heartbeat {
        /// How it is.
        #[serde(default)]
        status: Beat,
    },
}

impl ClientFrame {
    /// Reads a frame; `None` for everything that is to be ignored.
    pub fn read(text: &str) -> Option<ClientFrame> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_and_heartbeats_mean_something() {
        let beat = |status| Some(ClientFrame::Heartbeat { status });
        for (text, frame) in [
            (r#"{"type":"ping"}"#, Some(ClientFrame::Ping)),
            (r#"{"type":"ping","more":1}"#, Some(ClientFrame::Ping)),
            (
                r#"{"type":"heartbeat","status":"online"}"#,
                beat(Beat::Online),
            ),
            (r#"{"type":"heartbeat","status":"idle"}"#, beat(Beat::Idle)),
            (r#"{"type":"heartbeat"}"#, beat(Beat::Online)),
        ] {
            assert_eq!(ClientFrame::read(text), frame, "{text}");
        }
    }

    #[test]
    fn everything_else_is_ignored() {
        for text in [
            "",
            "ping",
            "[]",
            "null",
            r#"{"type":7}"#,
            r#"{"type":"subscribe"}"#,
            r#"{"type":"heartbeat","status":"busy"}"#,
            &"[".repeat(4000),
        ] {
            assert_eq!(ClientFrame::read(text), None, "{text}");
        }
    }
}
