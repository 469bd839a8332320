use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::events::core::content::{MAX_CONTENT_BYTES, MAX_STATE_CONTENT_BYTES};
use crate::events::core::json::JsonError;
use crate::events::core::testing::{draft, key};

fn signed() -> Event {
    draft(json!({"msgtype": "swp.text", "body": "hello"}))
        .sign(&key())
        .unwrap()
        .into_inner()
}

/// Signs again after a change, as a dishonest origin would.
fn resigned(mut event: Event) -> Event {
    event.event_id = event.derived_id();
    event.signature = key().sign(&event.signed_bytes());
    event
}

fn nested(levels: usize) -> Value {
    (1..levels).fold(json!({}), |inner, _| json!({"o": inner}))
}

fn body_of(canonical_bytes: usize) -> Value {
    json!({"b": "x".repeat(canonical_bytes - r#"{"b":""}"#.len())})
}

#[test]
fn what_was_signed_verifies_after_a_trip_through_json() {
    let signed = draft(json!({"msgtype": "swp.text", "body": "hello"}))
        .sign(&key())
        .unwrap();
    let read = Event::from_value(signed.to_value()).unwrap();
    assert_eq!(read, *signed);
    assert_eq!(verify(read, key().public_key()).unwrap(), signed);
    assert_eq!(signed.hash(), (*signed).hash());
    assert_eq!(signed.content_status(), ContentStatus::Present);
}

#[test]
fn another_id_than_the_derived_one_is_refused() {
    let mut event = signed();
    event.event_id = EventId::derive(1, place_of(&event));
    event.signature = key().sign(&event.signed_bytes());
    assert_eq!(verify(event, key().public_key()), Err(VerifyError::Id));
}

fn place_of(event: &Event) -> crate::events::core::ids::EventPlace<'_> {
    crate::events::core::ids::EventPlace {
        room_id: event.room_id,
        origin: &event.origin,
        epoch: event.epoch,
        seq: event.seq,
        prev: event.prev.as_ref(),
        content_hash: &event.content_hash,
    }
}

#[test]
fn another_key_is_refused_by_name_and_by_signature() {
    let other = KeyPair::from_seed(&[8; 32]);
    assert_eq!(
        verify(signed(), other.public_key()),
        Err(VerifyError::KeyId)
    );
    let mut event = signed();
    event.signature = other.sign(&event.signed_bytes());
    assert_eq!(
        verify(event, key().public_key()),
        Err(VerifyError::Signature)
    );
}

#[test]
fn an_envelope_changed_after_signing_is_refused() {
    let mut event = signed();
    event.sender = Some("@mallory:a.example".parse().unwrap());
    assert_eq!(
        verify(event, key().public_key()),
        Err(VerifyError::Signature)
    );
    let mut event = signed();
    event.ts += 1;
    assert_eq!(verify(event, key().public_key()), Err(VerifyError::Id));
}

#[test]
fn an_envelope_out_of_range_is_refused_though_signed() {
    let mut event = signed();
    event.epoch = 0;
    let refused = VerifyError::Envelope(EventError::OutOfRange { field: "epoch" });
    assert_eq!(verify(resigned(event), key().public_key()), Err(refused));
}

#[test]
fn an_event_without_content_verifies_as_absent() {
    let mut event = signed();
    (event.content, event.salt) = (None, None);
    let verified = verify(event, key().public_key()).unwrap();
    assert_eq!(verified.content_status(), ContentStatus::Absent);
}

#[test]
fn a_content_or_salt_that_does_not_match_counts_as_missing() {
    let mut other_content = signed();
    other_content.content = Some(json!({"msgtype": "swp.text", "body": "forged"}));
    let mut other_salt = signed();
    other_salt.salt = Some(content::salt_text(&[2; 16]));
    for event in [other_content, other_salt] {
        let verified = verify(event, key().public_key()).unwrap();
        assert_eq!(verified.content_status(), ContentStatus::Mismatch);
        assert_eq!((&verified.content, &verified.salt), (&None, &None));
        assert_eq!(verified.hash(), signed().hash());
    }
}

#[test]
fn a_content_that_can_never_be_hashed_is_kept_apart() {
    let path = |path: &str| path.to_owned();
    for (content, flaw) in [
        (
            json!({"n": 9_007_199_254_740_992_u64}),
            JsonError::Number {
                path: path("content.n"),
            }
            .into(),
        ),
        (
            json!({"body": "\0"}),
            JsonError::Nul {
                path: path("content.body"),
            }
            .into(),
        ),
        (
            nested(65),
            JsonError::TooDeep {
                path: ["content"; 1].join(".") + &".o".repeat(64),
            }
            .into(),
        ),
        (
            body_of(MAX_CONTENT_BYTES + 1),
            ContentFlaw::TooLarge {
                limit: MAX_CONTENT_BYTES,
            },
        ),
        (json!("text"), ContentFlaw::NotAnObject),
    ] {
        let mut event = signed();
        event.content_hash = content::content_hash(&content, event.salt.as_ref().unwrap());
        event.content = Some(content);
        let verified = verify(resigned(event), key().public_key()).unwrap();
        assert_eq!(verified.content_status(), ContentStatus::Unhashable);
        assert_eq!(verified.content_flaw, Some(flaw));
        assert_eq!((&verified.content, &verified.salt), (&None, &None));
    }
}

#[test]
fn a_server_never_signs_what_it_would_refuse() {
    let refused = |draft: Draft| draft.sign(&key()).unwrap_err();
    let flawed = |content| refused(draft(content)).path().to_owned();
    assert_eq!(flawed(json!({"n": 1e16})), "content.n");
    assert_eq!(flawed(json!({"a": ["\0"]})), "content.a[0]");
    assert_eq!(flawed(json!([])), "content");
    assert_eq!(flawed(body_of(MAX_CONTENT_BYTES + 1)), "content");
    assert!(matches!(
        refused(draft(nested(65))),
        EventError::Content(ContentFlaw::Json(JsonError::TooDeep { .. }))
    ));
    let out_of_range = Draft {
        seq: 0,
        ..draft(json!({}))
    };
    assert_eq!(
        refused(out_of_range),
        EventError::OutOfRange { field: "seq" }
    );
    let contradiction = Draft {
        prev: None,
        ..draft(json!({}))
    };
    assert_eq!(
        refused(contradiction),
        EventError::Contradiction { field: "prev" }
    );
}

#[test]
fn contents_at_the_limits_are_signed() {
    assert!(draft(nested(64)).sign(&key()).is_ok());
    assert!(draft(body_of(MAX_CONTENT_BYTES)).sign(&key()).is_ok());
    let state = |bytes| Draft {
        event_type: EventType::ROOM_SETTINGS,
        ..draft(body_of(bytes))
    };
    assert!(state(MAX_STATE_CONTENT_BYTES).sign(&key()).is_ok());
    assert!(state(MAX_STATE_CONTENT_BYTES + 1).sign(&key()).is_err());
}

#[test]
fn a_signed_content_is_what_another_server_reads() {
    let event = draft(json!({"n": 1.0, "m": -0.0})).sign(&key()).unwrap();
    assert_eq!(event.content, Some(json!({"n": 1, "m": 0})));
}

proptest! {
    #[test]
    fn every_event_survives_json_and_verifies(
        body in any::<String>().prop_map(|text| text.replace('\0', "")),
        number in -1e15..1e15,
        epoch in 1..1000_i64,
        seq in 2..1_i64 << 53,
        ts in 0..1_i64 << 48,
        salt in any::<[u8; 16]>(),
        automatic in any::<bool>(),
    ) {
        let mut draft = draft(json!({"body": body, "n": number}));
        (draft.epoch, draft.seq, draft.ts, draft.salt) = (epoch, seq.min((1 << 53) - 1), ts, salt);
        draft.sender = draft.sender.filter(|_| !automatic);
        let signed = draft.sign(&key()).unwrap();
        let bytes = serde_json::to_vec(&signed.to_value()).unwrap();
        let value = json::read(&bytes, crate::events::core::testing::LIMITS).unwrap();
        let verified = verify(Event::from_value(value).unwrap(), key().public_key()).unwrap();
        prop_assert_eq!(verified, signed);
    }
}
