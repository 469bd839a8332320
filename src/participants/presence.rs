//! How present somebody is, as others see it.

use super::model::{Kind, Participant};
use crate::auth::sessions::Sessions;

/// `online` or `offline`: AIs are always there, people while a socket of theirs is open on this node.
pub fn of(sessions: &Sessions, participant: &Participant) -> &'static str {
    let is_there = match participant.kind {
        Kind::Model | Kind::Helper => participant.is_local,
        Kind::Human => participant.is_local && sessions.has_socket(participant.id),
        Kind::Agent | Kind::Bridge => false,
    };
    if is_there { "online" } else { "offline" }
}
