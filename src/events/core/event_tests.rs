use super::*;
use crate::events::core::sign::KeyPair;
use crate::events::core::testing::{draft, event_vectors, key};
use crate::events::core::verified::verify;
use serde_json::json;

fn message() -> Value {
    draft(json!({"msgtype": "swp.text", "body": "hello"}))
        .sign(&key())
        .unwrap()
        .to_value()
}

fn with(field: &str, value: Value) -> Value {
    let mut event = message();
    event[field] = value;
    event
}

fn without(fields: &[&str]) -> Value {
    let mut event = message();
    fields.iter().for_each(|field| {
        event.as_object_mut().unwrap().remove(*field);
    });
    event
}

#[test]
fn events_are_those_of_the_vectors() {
    let vectors = event_vectors();
    let key: KeyPair = KeyPair::from_pem(vectors["key"]["pem"].as_str().unwrap()).unwrap();
    for vector in vectors["log"].as_array().unwrap() {
        let event = Event::from_value(vector["event"].clone()).unwrap();
        assert_eq!(event.to_value(), vector["event"]);
        assert_eq!(
            String::from_utf8(event.signed_bytes()).unwrap(),
            vector["signed_bytes"]
        );
        assert_eq!(event.hash().to_string(), vector["hash"]);
        assert_eq!(event.derived_id(), event.event_id);
        let (content, salt) = (
            event.content.as_ref().unwrap(),
            event.salt.as_ref().unwrap(),
        );
        assert_eq!(content::content_hash(content, salt), event.content_hash);
        assert_eq!(
            verify(event, key.public_key()).unwrap().hash().to_string(),
            vector["hash"]
        );
    }
}

#[test]
fn the_hash_does_not_depend_on_content_salt_and_signature() {
    let whole = Event::from_value(message()).unwrap();
    let redacted = Event::from_value(without(&["content", "salt"])).unwrap();
    assert_eq!(whole.hash(), redacted.hash());
    assert_eq!(redacted.to_value(), without(&["content", "salt"]));
}

#[test]
fn the_text_of_an_event_is_that_of_its_json_form() {
    let odd = draft(
        json!({"msgtype": "swp.text", "body": "\"quoted\" \\ \u{1F600}\n", "n": [1.5, null, {}]}),
    );
    let mut automatic = draft(json!({}));
    automatic.sender = None;
    for event in [odd, automatic].map(|draft| draft.sign(&key()).unwrap()) {
        for event in [event.without_content(), event.into_inner()] {
            let text: Value = serde_json::from_str(&event.to_text()).unwrap();
            assert_eq!(text, event.to_value());
        }
    }
}

#[test]
fn only_an_object_is_an_event() {
    for value in [json!(null), json!([]), json!("event"), json!(1)] {
        assert_eq!(Event::from_value(value), Err(EventError::NotAnObject));
    }
}

#[test]
fn another_version_is_refused() {
    for version in [json!("v2"), json!(1), json!(null)] {
        assert_eq!(
            Event::from_value(with("v", version)),
            Err(EventError::Version)
        );
    }
}

#[test]
fn every_field_of_the_envelope_is_needed() {
    let fields = message().as_object().unwrap().clone();
    for field in fields
        .keys()
        .filter(|field| !["content", "salt"].contains(&field.as_str()))
    {
        match Event::from_value(without(&[field])) {
            Err(EventError::Missing { field: missing }) => assert_eq!(missing, field),
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[test]
fn an_unknown_field_is_refused() {
    let unknown = EventError::Unknown {
        field: "extra".to_owned(),
    };
    assert_eq!(unknown.path(), "extra");
    assert_eq!(Event::from_value(with("extra", json!(null))), Err(unknown));
}

#[test]
fn fields_of_the_wrong_form_are_refused() {
    for (field, value) in [
        ("event_id", json!("019E7044-887b-77e0-8958-fa4733735afd")),
        ("room_id", json!(1)),
        ("room_id", json!(null)),
        ("origin", json!("A.example")),
        ("origin", json!("127.0.0.1")),
        ("epoch", json!("1")),
        ("seq", json!(1.5)),
        ("prev", json!("sha256:00")),
        ("prev", json!(false)),
        ("sender", json!("alice")),
        ("type", json!("room.message")),
        ("type", json!("swp.")),
        ("type", json!("swp.Room")),
        ("type", json!(format!("swp.{}", "a".repeat(61)))),
        ("ts", json!(null)),
        ("state_seq", json!([])),
        ("state_hash", json!("")),
        ("content_hash", json!(null)),
        ("key_id", json!("ed25519:xyz")),
        ("signature", json!("AAAA")),
        ("salt", json!(1)),
    ] {
        assert_eq!(
            Event::from_value(with(field, value)),
            Err(EventError::Malformed { field })
        );
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    let beyond = json!(MAX_SAFE_INTEGER + 1);
    for (field, value) in [
        ("epoch", json!(0)),
        ("epoch", beyond.clone()),
        ("seq", json!(0)),
        ("seq", json!(-1)),
        ("seq", beyond.clone()),
        ("ts", json!(-1)),
        ("ts", json!(1_i64 << 48)),
        ("state_seq", json!(-1)),
        ("state_seq", beyond),
    ] {
        assert_eq!(
            Event::from_value(with(field, value)),
            Err(EventError::OutOfRange { field })
        );
    }
}

#[test]
fn prev_is_null_exactly_at_the_first_position() {
    let contradiction = Err(EventError::Contradiction { field: "prev" });
    assert_eq!(Event::from_value(with("prev", json!(null))), contradiction);
    assert_eq!(Event::from_value(with("seq", json!(1))), contradiction);
}

#[test]
fn state_hash_is_null_exactly_at_state_position_zero() {
    let contradiction = Err(EventError::Contradiction {
        field: "state_hash",
    });
    assert_eq!(
        Event::from_value(with("state_hash", json!(null))),
        contradiction
    );
    assert_eq!(
        Event::from_value(with("state_seq", json!(0))),
        contradiction
    );
}

#[test]
fn an_automatic_event_has_no_sender() {
    let mut automatic = draft(json!({}));
    automatic.sender = None;
    automatic.event_type = EventType::ROOM_SEEN;
    let value = automatic.sign(&key()).unwrap().to_value();
    assert_eq!(value["sender"], Value::Null);
    assert_eq!(Event::from_value(value).unwrap().sender, None);
}

#[test]
fn content_and_salt_come_together() {
    for field in ["content", "salt"] {
        assert_eq!(
            Event::from_value(without(&[field])),
            Err(EventError::ContentWithoutSalt)
        );
    }
}

#[test]
fn read_strictly_a_flawed_content_refuses_the_event() {
    let too_large = json!({"body": "x".repeat(content::MAX_CONTENT_BYTES)});
    let limit = content::MAX_CONTENT_BYTES;
    let number = JsonError::Number {
        path: "content.n".to_owned(),
    };
    for (field, value, flaw) in [
        ("content", json!([]), ContentFlaw::NotAnObject),
        ("content", json!(null), ContentFlaw::NotAnObject),
        ("content", json!({"n": 1e16}), ContentFlaw::Json(number)),
        ("content", too_large, ContentFlaw::TooLarge { limit }),
        ("salt", json!("AQEBAQEBAQEBAQEBAQEBAQ=="), ContentFlaw::Salt),
        ("salt", json!("AQEB"), ContentFlaw::Salt),
        ("salt", json!("AQEBAQEBAQEBAQEBAQEBAR"), ContentFlaw::Salt),
    ] {
        assert_eq!(
            Event::from_value(with(field, value)),
            Err(EventError::Content(flaw))
        );
    }
}

#[test]
fn known_types_say_whether_they_are_state() {
    for state in [
        EventType::ROOM_CREATE,
        EventType::ROOM_MEMBER,
        EventType::ROOM_SEEN,
        EventType::ROOM_LOG,
    ] {
        assert!(state.is_state(), "{state}");
    }
    let unknown: EventType = "swp.unknown".parse().unwrap();
    for other in [
        EventType::ROOM_MESSAGE,
        EventType::ROOM_LEAVE,
        EventType::LOG_KEY,
        unknown,
    ] {
        assert!(!other.is_state(), "{other}");
    }
    assert_eq!("swp.room.create".parse(), Ok(EventType::ROOM_CREATE));
}
