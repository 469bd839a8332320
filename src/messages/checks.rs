//! What a client's content may be, before any room is asked (client specification, sections 1 and 8).

use serde_json::Value;

use super::effect::MAX_MENTIONS;
use super::error::MessageError;
use crate::error::{Error, Reason, Result};
use crate::events::core::canonical;
use crate::events::core::ids::ParticipantId;
use crate::events::core::json::check_value;

/// Deepest nesting of a client's content.
const MAX_DEPTH: usize = 60;

/// Checks a content; `most` is the largest size in canonical bytes.
pub fn content(content: &Value, most: usize) -> Result<()> {
    let Some(members) = content.as_object() else {
        return Err(field("", Reason::Type, "must be an object"));
    };
    if check_value(content, MAX_DEPTH).is_err() {
        return Err(field("", Reason::Json, "is nested too deeply"));
    }
    if canonical::canonical_len(content) > most {
        return Err(MessageError::TooLarge(most).into());
    }
    if members.contains_key("_imported_sender") {
        return Err(field(
            "._imported_sender",
            Reason::Reserved,
            "is kept for the server",
        ));
    }
    if members.get("msgtype").and_then(Value::as_str) == Some("swp.system") {
        return Err(field(
            ".msgtype",
            Reason::Reserved,
            "is kept for the server",
        ));
    }
    for text in ["msgtype", "body", "lang"] {
        if members.get(text).is_some_and(|value| !value.is_string()) {
            return Err(field(&format!(".{text}"), Reason::Type, "must be a text"));
        }
    }
    mentions(members.get("mentions"))
}

fn mentions(mentions: Option<&Value>) -> Result<()> {
    let Some(mentions) = mentions else {
        return Ok(());
    };
    let Some(list) = mentions.as_array() else {
        return Err(field(".mentions", Reason::Type, "must be a list"));
    };
    if list.len() > MAX_MENTIONS {
        return Err(field(
            ".mentions",
            Reason::Length,
            "must have at most 500 entries",
        ));
    }
    let is_id = |value: &Value| {
        value
            .as_str()
            .is_some_and(|id| id.parse::<ParticipantId>().is_ok())
    };
    if list.iter().all(is_id) {
        Ok(())
    } else {
        Err(field(
            ".mentions",
            Reason::Format,
            "must hold participant ids",
        ))
    }
}

fn field(path: &str, reason: Reason, message: &'static str) -> Error {
    Error::validation(format!("body.content{path}"), reason, message)
}
