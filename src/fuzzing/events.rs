//! Events by themselves: envelope, content, canonical form, hash, verification.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{LIMITS, key, read_again};
use crate::events::core::event::Event;
use crate::events::core::sign::KeyPair;
use crate::events::core::verified::{ContentStatus, Verified, VerifyError, verify};
use crate::events::core::{canonical, content, incoming};
use crate::rooms::core::content::{
    Create, Edit, MemberChange, Reaction, Redaction, SettingsChange, StateChange, target,
};

/// What `POST …/send` takes: one event, or a list of them.
pub fn event(bytes: &[u8]) {
    drop(super::json(bytes));
    let Ok(received) = incoming::read_send(bytes, LIMITS) else {
        return;
    };
    for event in received.into_iter().flatten() {
        stays_what_it_is(&event);
        let signer = key(101);
        let is_signed = verify(event.clone(), signer.public_key()).is_ok();
        assert!(!is_signed, "nobody else has the key");
        is_believed(&signed(event, &signer), &signer);
    }
}

/// What was read is written, and read again without a change.
pub(super) fn stays_what_it_is(event: &Event) {
    let again = read_again(event);
    let expected = Event {
        content_flaw: None,
        ..event.clone()
    };
    assert_eq!(again, expected, "it is the same event");
    assert_eq!(again.derived_id(), event.derived_id());
    let mut envelope = event.without_content().to_value();
    if let Some(members) = envelope.as_object_mut() {
        members.remove("signature");
    }
    let mut canonical_form = b"scaiwave-event-v1\n".to_vec();
    canonical::append(&mut canonical_form, &envelope);
    let signed = event.signed_bytes();
    assert_eq!(signed, canonical_form, "what is signed is canonical");
    assert_eq!(again.signed_bytes(), signed);
    if let Some(content) = &event.content {
        content_stays(event, content);
    }
}

/// A content that is taken by the rules of its type is written, and taken again without a change.
fn content_stays(event: &Event, content: &Value) {
    let stays: Option<fn(&Value)> = match event.event_type.as_str() {
        "swp.room.create" => Some(stays::<Create>),
        "swp.room.member" => Some(stays::<MemberChange>),
        "swp.room.settings" => Some(stays::<SettingsChange>),
        "swp.room.message.edit" => Some(stays::<Edit>),
        "swp.room.redaction" => Some(stays::<Redaction>),
        "swp.room.reaction" => Some(stays::<Reaction>),
        _ => None,
    };
    let is_state = event.event_type.is_state();
    let is_taken = match is_state {
        true => StateChange::parse(&event.event_type, content).is_ok(),
        false => target(&event.event_type, content).is_ok(),
    };
    if let (true, Some(stays)) = (is_taken, stays) {
        stays(content);
    }
}

fn stays<T: Serialize + DeserializeOwned + PartialEq + Debug>(content: &Value) {
    let read: T = serde_json::from_value(content.clone()).expect("it was taken");
    let written = serde_json::to_value(&read).expect("it is written");
    let again: T = serde_json::from_value(written).expect("what is written is read");
    assert_eq!(read, again);
}

/// The event with all that follows from the rest: hash of the content, key, id, signature.
pub(super) fn signed(mut event: Event, key: &KeyPair) -> Event {
    if let (Some(content), Some(salt)) = (&event.content, &event.salt) {
        event.content_hash = content::content_hash(content, salt);
    }
    event.key_id = key.key_id();
    event.event_id = event.derived_id();
    event.signature = key.sign(&event.signed_bytes());
    event
}

/// Signed, the event is believed whatever becomes of its content, and not with anything else changed.
fn is_believed(event: &Event, signer: &KeyPair) {
    let believed = verify(event.clone(), signer.public_key()).expect("its key signed it");
    assert_eq!(believed.content_status(), expected_status(event));
    let deliveries = [
        ((*believed).clone(), status_without_flaw(&believed)),
        (event.without_content(), ContentStatus::Absent),
        (with_other_content(event), ContentStatus::Mismatch),
    ];
    for (delivered, status) in deliveries {
        let again = verify(read_again(&delivered), signer.public_key());
        let again = again.expect("once believed, believed for ever");
        assert_eq!(again.hash(), believed.hash());
        assert_eq!(again.content_status(), status);
    }
    let refusal = |event: Event| verify(event, signer.public_key()).err();
    let other = key(102);
    let by_other = verify(event.clone(), other.public_key()).err();
    assert_eq!(by_other, Some(VerifyError::KeyId));
    let signed_by_other = Event {
        signature: other.sign(&event.signed_bytes()),
        ..event.clone()
    };
    assert_eq!(refusal(signed_by_other), Some(VerifyError::Signature));
    let at_other_time = Event {
        ts: event.ts ^ 1,
        ..event.clone()
    };
    assert_eq!(refusal(at_other_time), Some(VerifyError::Id));
    let from_other = Event {
        sender: match &event.sender {
            Some(_) => None,
            None => "@eve:e.example".parse().ok(),
        },
        ..event.clone()
    };
    assert_eq!(refusal(from_other), Some(VerifyError::Signature));
}

/// What the strict reader says, which takes an event only with a content that can be hashed.
fn expected_status(event: &Event) -> ContentStatus {
    let can_be_hashed = Event::from_value(event.to_value()).is_ok();
    match &event.content {
        Some(_) if can_be_hashed => ContentStatus::Present,
        None if event.content_flaw.is_none() => ContentStatus::Absent,
        _ => ContentStatus::Unhashable,
    }
}

/// A content that was dropped is not passed on.
fn status_without_flaw(believed: &Verified<Event>) -> ContentStatus {
    match believed.content_status() {
        ContentStatus::Present => ContentStatus::Present,
        _ => ContentStatus::Absent,
    }
}

fn with_other_content(event: &Event) -> Event {
    let said = event.content_hash.to_string();
    Event {
        content: Some(json!({"another content than that of": said})),
        salt: Some("AQEBAQEBAQEBAQEBAQEBAQ".to_owned()),
        content_flaw: None,
        ..event.clone()
    }
}
