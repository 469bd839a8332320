//! Beginning a log anew: what the host does about it (federation specification, "Epochs").

use serde_json::{Value, json};

use super::{Intent, Refusal, require_joined, state_event};
use crate::events::core::event_type::EventType;
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::PublicKey;
use crate::rooms::core::content::{LogPosition, OriginKey};
use crate::rooms::core::view::{RoomView, Taking};

/// What a server asks for its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// The last event that it stands by.
    pub stands_by: LogPosition,
    /// The key that the next epoch begins with.
    pub key: OriginKey,
}

/// A request of somebody in the room: nothing happens before an admin of the host agrees.
pub(super) fn ask_restart(
    view: &RoomView,
    actor: &Fqid,
    restart: &Restart,
) -> Result<Vec<Intent>, Refusal> {
    require_joined(view, actor)?;
    require_next(view, actor.server_name(), restart)?;
    Ok(Vec::new())
}

/// The admin has agreed: the next epoch is admitted, and the one before ends where its server stands by it.
pub(super) fn admit(
    view: &RoomView,
    origin: &ServerName,
    restart: &Restart,
    document: &Value,
) -> Result<Vec<Intent>, Refusal> {
    require_next(view, origin, restart)?;
    let content = json!({
        "origin": origin,
        "epoch": restart.stands_by.epoch + 1,
        "key": restart.key,
        "request": document,
    });
    let mut intent = state_event(view, EventType::ROOM_LOG, None, content, Taking::Nothing);
    intent.content["cutoff"] = json!({ origin.as_str(): restart.stands_by });
    // What is here of the log may be what it does not stand by: the cut-off says what was seen of it.
    if let Some(seen) = intent.content["seen"].as_object_mut() {
        seen.remove(origin.as_str());
    }
    Ok(vec![intent])
}

fn require_next(view: &RoomView, origin: &ServerName, restart: &Restart) -> Result<(), Refusal> {
    if origin == view.history.host() {
        return Err(Refusal::Forbidden("the host's own log is never begun anew"));
    }
    if restart.stands_by.epoch != view.history.epochs().latest(origin) {
        return Err(invalid(
            "body.content.stands_by",
            "is not in the latest epoch of the log",
        ));
    }
    let key = restart.key.public_key.parse::<PublicKey>();
    if key.is_ok_and(|key| key.key_id().to_string() == restart.key.key_id) {
        Ok(())
    } else {
        Err(invalid("body.content.key", "is no key"))
    }
}

fn invalid(path: &'static str, message: &'static str) -> Refusal {
    Refusal::Invalid {
        path,
        reason: "format",
        message,
    }
}
