//! What a server says about itself and its keys, and the documents that it signs.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{NOW, json as strict, key};
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::{
    DESCRIPTOR_PREFIX, KeyId, KeyPair, PROFILE_PREFIX, sign_document, verify_document,
};
use crate::federation::core::descriptor::{
    Descriptor, DescriptorError, KeyEntry, MAX_KEYS, Pinned, read,
};
use crate::federation::exchange::document::{
    REQUEST_PREFIX, Request, SUMMARY_PREFIX, read_summary,
};
use crate::rooms::profiles;

/// The server that all descriptors claim to be of, once they are made to fit.
const NAME: &str = "b.example";

/// Documents, one a line: descriptors as one reader sees them one after another. `seed` says which key stands in
/// `public_key`, in an entry and under it (`by`).
pub fn descriptor(bytes: &[u8]) {
    let name: ServerName = NAME.parse().expect("a server name");
    let mut pinned = None;
    for line in bytes.split(|byte| *byte == b'\n').take(6) {
        if let Ok(descriptor) = read(line, &name, NOW) {
            holds(&descriptor, line);
        }
        let Some(Value::Object(document)) = strict(line) else {
            continue;
        };
        documents_bind(&document);
        let (bytes, endorsers) = made_to_fit(document);
        if let Ok(descriptor) = read(&bytes, &name, NOW) {
            holds(&descriptor, &bytes);
            pinned = Some(show(pinned, &descriptor, &endorsers));
        }
    }
}

/// Whether the descriptor is taken once it is made to fit.
#[cfg(test)]
pub(super) fn is_taken(bytes: &[u8]) -> bool {
    let Some(Value::Object(document)) = strict(bytes) else {
        return false;
    };
    let name: ServerName = NAME.parse().expect("a server name");
    read(&made_to_fit(document).0, &name, NOW).is_ok()
}

/// What is true of every descriptor that is taken.
fn holds(descriptor: &Descriptor, bytes: &[u8]) {
    assert_eq!(descriptor.server_name.as_str(), NAME);
    assert!(NOW < descriptor.valid_until, "it has not run out");
    assert!((1..=MAX_KEYS).contains(&descriptor.keys.len()));
    let mut keys = descriptor.keys.iter();
    let ids: BTreeSet<KeyId> = keys.clone().map(|entry| entry.key_id).collect();
    assert_eq!(ids.len(), descriptor.keys.len(), "none is listed twice");
    let current = keys.find(|entry| entry.public_key == descriptor.public_key);
    assert!(current.is_some_and(|entry| entry.is_valid_at(NOW)));
    let written = serde_json::to_value(descriptor).expect("it is written");
    let again: Descriptor = serde_json::from_value(written).expect("what is written is read");
    assert_eq!(again, *descriptor);
    let other: ServerName = "c.example".parse().expect("a server name");
    let of_other = read(bytes, &other, NOW);
    assert!(matches!(of_other, Err(DescriptorError::Name { .. })));
    let Some(Value::Object(mut changed)) = strict(bytes) else {
        panic!("it was read before");
    };
    add_member(&mut changed);
    let changed = serde_json::to_vec(&changed).expect("it is written");
    let refusal = read(&changed, &descriptor.server_name, NOW);
    assert!(
        matches!(
            refusal,
            Err(DescriptorError::Signature(_) | DescriptorError::Json(_))
        ),
        "every member is signed"
    );
}

fn add_member(document: &mut Map<String, Value>) {
    let mut name = "further".to_owned();
    while document.contains_key(&name) {
        name.push('+');
    }
    document.insert(name, json!(true));
}

/// The document with ids, keys and signatures that fit; and who signed under keys of it.
fn made_to_fit(mut document: Map<String, Value>) -> (Vec<u8>, Vec<KeyId>) {
    let name: ServerName = NAME.parse().expect("a server name");
    let current = numbered(document.get("seed"));
    let mut endorsers = Vec::new();
    let entries = document.get_mut("keys").and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten() {
        let Some(members) = entry.as_object_mut() else {
            continue;
        };
        let own = numbered(members.get("seed"));
        let valid_from = members.get("valid_from").and_then(Value::as_i64);
        let by = members.get("by").filter(|by| by.is_number());
        let signed_by_previous = by.map(|by| {
            let by = numbered(Some(by));
            endorsers.push(by.key_id());
            let previous = valid_from.map(|from| {
                KeyEntry::following(&by, &name, own.public_key(), from).signed_by_previous
            });
            json!(previous)
        });
        members.insert("key_id".to_owned(), json!(own.key_id()));
        members.insert("public_key".to_owned(), json!(own.public_key()));
        members.insert("signed_by_previous".to_owned(), json!(signed_by_previous));
    }
    for (member, value) in [
        ("server_name", json!(NAME)),
        ("public_key", json!(current.public_key())),
        ("key_id", json!(current.key_id())),
    ] {
        document.insert(member.to_owned(), value);
    }
    sign_document(DESCRIPTOR_PREFIX, &mut document, &current).expect("it is strict JSON");
    let bytes = serde_json::to_vec(&document).expect("it is written");
    (bytes, endorsers)
}

fn numbered(number: Option<&Value>) -> KeyPair {
    let number = number.and_then(Value::as_u64).unwrap_or_default();
    key(u8::try_from(number % 6).unwrap_or_default())
}

/// Shows the next descriptor to a reader, and holds what it then remembers against what it remembered before.
fn show(before: Option<Pinned>, descriptor: &Descriptor, endorsers: &[KeyId]) -> Pinned {
    let shown = descriptor.public_key.key_id();
    let Some(before) = before else {
        return Pinned::first(descriptor);
    };
    let Ok(after) = before.accept(descriptor, NOW) else {
        assert_ne!(before.current(), shown, "the key was known");
        return before;
    };
    let has_word = before.current() == shown || endorsers.contains(&before.current());
    assert!(has_word, "no key comes from nowhere");
    assert_eq!(after.current(), shown);
    assert_eq!(after.accept(descriptor, NOW).as_ref(), Ok(&after));
    let written = serde_json::to_value(&after).expect("it is written");
    let again: Pinned = serde_json::from_value(written).expect("what is written is read");
    assert_eq!(again, after);
    for (id, was) in before.keys() {
        let is = after.keys().find(|(other, _)| *other == id);
        let is = is.expect("six keys are not too many to remember").1;
        let ends = |at: Option<i64>| at.unwrap_or(i64::MAX);
        assert!(
            ends(is.expires_at) <= ends(was.expires_at),
            "none gains time"
        );
        assert_eq!(is.public_key, was.public_key);
    }
    after
}

/// Signed documents of people and rooms: whatever reads one, reads it under its key and its prefix alone.
fn documents_bind(document: &Map<String, Value>) {
    let (own, other) = (key(101), key(102));
    for prefix in [PROFILE_PREFIX, REQUEST_PREFIX, SUMMARY_PREFIX] {
        assert!(!is_read(prefix, document, &own), "nobody else has the key");
        let mut signed = document.clone();
        sign_document(prefix, &mut signed, &own).expect("it is strict JSON");
        verify_document(prefix, &signed, own.public_key()).expect("its key signed it");
        if is_read(prefix, &signed, &own) {
            assert!(!is_read(prefix, &signed, &other));
            let mut others = [PROFILE_PREFIX, REQUEST_PREFIX, SUMMARY_PREFIX].into_iter();
            assert!(others.all(|it| it == prefix || !is_read(it, &signed, &own)));
            add_member(&mut signed);
            assert!(!is_read(prefix, &signed, &own), "every member is signed");
        }
    }
}

fn is_read(prefix: &str, document: &Map<String, Value>, key: &KeyPair) -> bool {
    let value = Value::Object(document.clone());
    let key = key.public_key();
    if prefix == PROFILE_PREFIX {
        let fqid = document.get("fqid").and_then(Value::as_str);
        let person: Option<Fqid> = fqid.and_then(|fqid| fqid.parse().ok());
        person.is_some_and(|person| profiles::read(&value, &person, key).is_some())
    } else if prefix == REQUEST_PREFIX {
        Request::read(document, key).is_some()
    } else {
        read_summary(&value, key).is_some()
    }
}
