//! What a client's content may be, before any room is asked (client specification, sections 1 and 8).

use serde_json::Value;

use super::effect::MAX_MENTIONS;
use super::error::MessageError;
use crate::error::{Error, Reason, Result};
use crate::events::core::canonical;
use crate::events::core::ids::{EventId, ParticipantId};
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
    for (key, value) in members {
        typed(key, value)?;
    }
    Ok(())
}

/// Checks the keys that have a meaning, where they are given; all others are the client's own.
fn typed(key: &str, value: &Value) -> Result<()> {
    let is_id = |value: &Value| {
        value
            .as_str()
            .is_some_and(|id| id.parse::<EventId>().is_ok())
    };
    let path = format!(".{key}");
    match key {
        "msgtype" | "body" | "lang" if !value.is_string() => {
            Err(field(&path, Reason::Type, "must be a text"))
        }
        "do_not_index" if !value.is_boolean() => {
            Err(field(&path, Reason::Type, "must be true or false"))
        }
        "reply_to_event_id" | "media_id" | "thumbnail_id" if !value.is_null() && !is_id(value) => {
            Err(field(&path, Reason::Format, "must be an id"))
        }
        "mentions" => mentions(&path, value),
        _ => Ok(()),
    }
}

fn mentions(path: &str, mentions: &Value) -> Result<()> {
    let Some(list) = mentions.as_array() else {
        return Err(field(path, Reason::Type, "must be a list"));
    };
    if list.len() > MAX_MENTIONS {
        let message = "must have at most 500 entries";
        return Err(field(path, Reason::Length, message));
    }
    let is_id = |value: &Value| {
        value
            .as_str()
            .is_some_and(|id| id.parse::<ParticipantId>().is_ok())
    };
    if list.iter().all(is_id) {
        Ok(())
    } else {
        Err(field(path, Reason::Format, "must hold participant ids"))
    }
}

/// Whether a content names media, of the message itself or of its preview.
pub fn names_media(content: &Value) -> bool {
    ["media_id", "thumbnail_id"]
        .iter()
        .any(|key| content.get(key).is_some_and(|id| !id.is_null()))
}

fn field(path: &str, reason: Reason, message: &'static str) -> Error {
    Error::validation(format!("body.content{path}"), reason, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MOST: usize = 65_536;

    fn reason(value: &Value) -> (String, String) {
        let error = content(value, MOST).unwrap_err();
        let field = error.details_value().unwrap()["fields"][0].clone();
        let text = |name: &str| field[name].as_str().unwrap().to_owned();
        (text("path"), text("reason"))
    }

    fn nested(depth: usize) -> Value {
        (1..depth).fold(json!({}), |inner, _| json!({ "x": inner }))
    }

    #[test]
    fn content_is_free() {
        for value in [
            json!({}),
            json!({"body": "hi", "msgtype": "com.example.poll", "options": [1, 2.5, null, {"a": {}}]}),
            json!({"reply_to_event_id": null, "mentions": []}),
            nested(60),
        ] {
            assert!(content(&value, MOST).is_ok(), "{value}");
        }
    }

    #[test]
    fn keys_with_a_meaning_have_their_type() {
        for (value, path, why) in [
            (json!([]), "body.content", "type"),
            (json!({"body": 1}), "body.content.body", "type"),
            (
                json!({"do_not_index": "yes"}),
                "body.content.do_not_index",
                "type",
            ),
            (json!({"mentions": "all"}), "body.content.mentions", "type"),
            (
                json!({"mentions": ["@a:b"]}),
                "body.content.mentions",
                "format",
            ),
            (
                json!({"reply_to_event_id": "x"}),
                "body.content.reply_to_event_id",
                "format",
            ),
            (json!({"media_id": 1}), "body.content.media_id", "format"),
            (
                json!({"msgtype": "swp.system"}),
                "body.content.msgtype",
                "reserved",
            ),
            (
                json!({"_imported_sender": {}}),
                "body.content._imported_sender",
                "reserved",
            ),
            (nested(61), "body.content", "json"),
        ] {
            assert_eq!(reason(&value), (path.to_owned(), why.to_owned()));
        }
    }

    #[test]
    fn up_to_500_people_are_mentioned() {
        let id = "01234567-89ab-8cde-8f01-23456789abcd";
        assert!(content(&json!({"mentions": vec![id; 500]}), MOST).is_ok());
        let (_, why) = reason(&json!({"mentions": vec![id; 501]}));
        assert_eq!(why, "length");
    }

    #[test]
    fn the_size_is_that_of_the_canonical_form() {
        let body = |length: usize| json!({ "body": "x".repeat(length) });
        assert!(content(&body(MOST - 11), MOST).is_ok());
        let error = content(&body(MOST - 10), MOST).unwrap_err();
        assert_eq!(error.code(), crate::catalogue::Code::ContentTooLarge);
    }
}
