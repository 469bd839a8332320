//! Documents, rotations, and keys that must not be believed.

use super::*;

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
const NOW_MS: i64 = 1_780_000_000_000;

fn name() -> ServerName {
    "b.example".parse().unwrap()
}

fn key(number: u8) -> KeyPair {
    KeyPair::from_seed(&[number; 32])
}

/// The keys `1..=last`, each begun a day after the one before and signed by it.
fn chain(last: u8) -> Vec<KeyEntry> {
    let mut keys = vec![KeyEntry::first(&key(1), NOW_MS)];
    for number in 2..=last {
        let from = NOW_MS + i64::from(number - 1) * DAY_MS;
        if let Some(before) = keys.last_mut() {
            before.expires_at = Some(from + 30 * DAY_MS);
        }
        keys.push(KeyEntry::following(
            &key(number - 1),
            &name(),
            key(number).public_key(),
            from,
        ));
    }
    keys
}

/// When the last key of [`chain`] is the current one.
fn time_of(last: u8) -> i64 {
    NOW_MS + i64::from(last - 1) * DAY_MS + 1
}

fn document(keys: Vec<KeyEntry>, current: u8, now_ms: i64) -> Descriptor {
    let document = build(&name(), keys, &key(current), None, now_ms).unwrap();
    read(document.to_string().as_bytes(), &name(), now_ms).unwrap()
}

fn descriptor(last: u8) -> Descriptor {
    document(chain(last), last, time_of(last))
}

/// A document for the first key with one change, signed anew, and read.
fn changed(change: impl FnOnce(&mut Map<String, Value>)) -> Result<Descriptor, DescriptorError> {
    let document = build(&name(), chain(1), &key(1), None, NOW_MS).unwrap();
    let mut members = into_members(document).unwrap();
    change(&mut members);
    sign::sign_document(DESCRIPTOR_PREFIX, &mut members, &key(1)).unwrap();
    read(
        Value::Object(members).to_string().as_bytes(),
        &name(),
        NOW_MS,
    )
}

#[test]
fn a_document_that_was_built_is_read_back() {
    let base_url: BaseUrl = "https://chat.b.example:8448".parse().unwrap();
    let built = build(&name(), chain(1), &key(1), Some(base_url.clone()), NOW_MS).unwrap();
    assert_eq!(built["server_name"], "b.example");
    assert_eq!(built["protocol_versions"], json!(["v1"]));
    assert_eq!(built["public_key"], key(1).public_key().to_string());
    assert_eq!(built["keys"][0]["expires_at"], Value::Null);
    assert_eq!(built["keys"][0]["signed_by_previous"], Value::Null);
    let read = read(built.to_string().as_bytes(), &name(), NOW_MS).unwrap();
    assert_eq!(read.base_url, Some(base_url));
    assert_eq!(read.public_key, *key(1).public_key());
    assert_eq!(read.valid_until, NOW_MS + VALIDITY_MS);
}

#[test]
fn the_key_id_may_be_left_out() {
    assert!(changed(|members| drop(members.remove("key_id"))).is_ok());
}

#[test]
fn unknown_members_are_covered_by_the_signature_and_passed_over() {
    assert!(
        changed(|members| drop(members.insert("software".to_owned(), json!({"name": "other"}))))
            .is_ok()
    );
    let mut built = build(&name(), chain(1), &key(1), None, NOW_MS).unwrap();
    built["software"] = json!("other");
    let error = read(built.to_string().as_bytes(), &name(), NOW_MS).unwrap_err();
    assert!(matches!(error, DescriptorError::Signature(_)));
}

#[test]
fn a_document_of_another_server_is_refused() {
    let built = build(&name(), chain(1), &key(1), None, NOW_MS)
        .unwrap()
        .to_string();
    let error = read(built.as_bytes(), &"c.example".parse().unwrap(), NOW_MS).unwrap_err();
    assert!(matches!(error, DescriptorError::Name { .. }));
}

#[test]
fn an_expired_document_is_refused() {
    let built = build(&name(), chain(1), &key(1), None, NOW_MS)
        .unwrap()
        .to_string();
    let at = |now_ms| read(built.as_bytes(), &name(), now_ms);
    assert!(at(NOW_MS + VALIDITY_MS - 1).is_ok());
    assert!(matches!(
        at(NOW_MS + VALIDITY_MS),
        Err(DescriptorError::Expired { .. })
    ));
}

#[test]
fn a_current_key_that_is_not_valid_or_not_listed_is_refused() {
    let expired = changed(|members| members["keys"][0]["expires_at"] = json!(NOW_MS));
    assert_eq!(expired.unwrap_err(), DescriptorError::CurrentKey);
    let early =
        changed(|members| members["keys"][0]["valid_from"] = json!(NOW_MS + MAX_SKEW_MS + 1));
    assert_eq!(early.unwrap_err(), DescriptorError::CurrentKey);
    let unlisted = changed(|members| members["keys"] = json!([]));
    assert!(matches!(unlisted, Err(DescriptorError::Shape(_))));
}

#[test]
fn a_document_without_a_common_version_says_so() {
    let newer = changed(|members| members["protocol_versions"] = json!(["v7"]));
    assert_eq!(
        newer.unwrap_err(),
        DescriptorError::Version {
            found: vec!["v7".to_owned()]
        }
    );
}

#[test]
fn misshapen_documents_are_refused() {
    let shape = |change: fn(&mut Map<String, Value>)| {
        let error = changed(change).unwrap_err();
        assert!(matches!(error, DescriptorError::Shape(_)), "{error}");
    };
    shape(|members| drop(members.remove("valid_until")));
    shape(|members| members["key_id"] = json!(key(2).key_id()));
    shape(|members| members["keys"][0]["key_id"] = json!(key(2).key_id()));
    shape(|members| {
        let first = members["keys"][0].clone();
        members["keys"] = json!([first, first]);
    });
    shape(|members| {
        let entry = |number| json!(KeyEntry::first(&key(number), NOW_MS));
        members["keys"] = (1..=17).map(entry).collect();
    });
    shape(|members| {
        members["public_key"] = json!("ed25519:AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    });
    shape(|members| drop(members.insert("base_url".to_owned(), json!("http://127.0.0.1:8000"))));
    assert!(matches!(
        read(b"[]", &name(), NOW_MS),
        Err(DescriptorError::Shape(_))
    ));
    assert!(matches!(
        read(br#"{"a":1,"a":2}"#, &name(), NOW_MS),
        Err(DescriptorError::Json(_))
    ));
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_DESCRIPTOR_BYTES));
    assert!(matches!(
        read(long.as_bytes(), &name(), NOW_MS),
        Err(DescriptorError::Json(_))
    ));
}

#[test]
fn a_document_keeps_its_newest_keys() {
    let last = 20;
    let descriptor = descriptor(last);
    assert_eq!(descriptor.keys.len(), MAX_KEYS);
    assert!(descriptor.current().is_some());
}

#[test]
fn first_contact_pins() {
    let pinned = Pinned::first(&descriptor(1));
    assert_eq!(pinned.current(), key(1).key_id());
    assert_eq!(
        pinned.key(key(1).key_id(), NOW_MS),
        Some(key(1).public_key())
    );
    assert_eq!(pinned.key(key(2).key_id(), NOW_MS), None);
}

#[test]
fn a_rotation_heals_by_itself_and_the_old_key_ends_with_the_overlap() {
    let pinned = Pinned::first(&descriptor(1))
        .accept(&descriptor(2), time_of(2))
        .unwrap();
    assert_eq!(pinned.current(), key(2).key_id());
    let old = |now_ms| pinned.key(key(1).key_id(), now_ms).is_some();
    assert!(old(NOW_MS + 31 * DAY_MS - 1));
    assert!(!old(NOW_MS + 31 * DAY_MS));
}

#[test]
fn several_missed_rotations_are_followed() {
    let pinned = Pinned::first(&descriptor(1))
        .accept(&descriptor(9), time_of(9))
        .unwrap();
    assert_eq!(pinned.current(), key(9).key_id());
}

#[test]
fn the_pinned_key_need_not_be_listed_any_more_to_be_followed() {
    let keys = chain(2).split_off(1);
    let pinned = Pinned::first(&descriptor(1))
        .accept(&document(keys, 2, time_of(2)), time_of(2))
        .unwrap();
    assert_eq!(pinned.current(), key(2).key_id());
    assert_eq!(
        pinned.key(key(1).key_id(), time_of(2)),
        None,
        "a key that is no longer listed has expired"
    );
}

/// What is said of a document whose current key nobody that is believed has signed.
fn from_nowhere(seed: u8) -> Result<Pinned, PinError> {
    Err(PinError::Replaced {
        shown: key(seed).key_id(),
    })
}

#[test]
fn a_key_from_nowhere_is_refused() {
    let pinned = Pinned::first(&descriptor(1));
    let stranger = document(vec![KeyEntry::first(&key(99), NOW_MS)], 99, NOW_MS);
    assert_eq!(pinned.accept(&stranger, NOW_MS), from_nowhere(99));

    let mut forged = KeyEntry::following(&key(99), &name(), key(98).public_key(), NOW_MS);
    if let Some(link) = forged.signed_by_previous.as_mut() {
        link.key_id = key(1).key_id();
    }
    let forged = document(vec![KeyEntry::first(&key(1), NOW_MS), forged], 98, NOW_MS);
    assert_eq!(pinned.accept(&forged, NOW_MS), from_nowhere(98));

    let elsewhere: ServerName = "c.example".parse().unwrap();
    let moved = KeyEntry::following(&key(1), &elsewhere, key(2).public_key(), NOW_MS);
    assert_eq!(
        pinned.accept(&document(vec![moved], 2, NOW_MS), NOW_MS),
        from_nowhere(2)
    );
}

#[test]
fn a_key_that_was_followed_by_another_has_no_say_any_more() {
    let pinned = Pinned::first(&descriptor(2));
    let thief = KeyEntry::following(&key(1), &name(), key(66).public_key(), time_of(2));
    let stolen = document(
        vec![KeyEntry::first(&key(1), NOW_MS), thief],
        66,
        time_of(2),
    );
    assert_eq!(pinned.accept(&stolen, time_of(2)), from_nowhere(66));
    assert_eq!(
        pinned.accept(&descriptor(1), time_of(2)),
        Err(PinError::Outdated)
    );
}

#[test]
fn a_key_never_becomes_valid_for_longer() {
    let pinned = Pinned::first(&descriptor(2));
    let mut keys = chain(2);
    keys[0].expires_at = None;
    let again = pinned
        .accept(&document(keys, 2, time_of(2)), time_of(2))
        .unwrap();
    assert_eq!(again, pinned);
}

#[test]
fn a_circle_of_keys_ends() {
    let now = time_of(2);
    let two = KeyEntry::following(&key(3), &name(), key(2).public_key(), NOW_MS);
    let three = KeyEntry::following(&key(2), &name(), key(3).public_key(), NOW_MS);
    let circle = document(vec![two, three], 3, now);
    assert_eq!(
        Pinned::first(&descriptor(1)).accept(&circle, now),
        from_nowhere(3)
    );
}

#[test]
fn what_is_remembered_is_bounded_and_survives_storage() {
    let mut pinned = Pinned::first(&descriptor(1));
    for last in 2..=60 {
        pinned = pinned.accept(&descriptor(last), time_of(last)).unwrap();
    }
    assert!(pinned.keys().count() <= 2 * MAX_KEYS);
    assert_eq!(
        pinned.key(key(60).key_id(), time_of(60)),
        Some(key(60).public_key())
    );
    let stored = serde_json::to_string(&pinned).unwrap();
    assert_eq!(serde_json::from_str::<Pinned>(&stored).unwrap(), pinned);
}

#[test]
fn base_urls_are_https_names_and_nothing_more() {
    for text in [
        "https://chat.b.example",
        "https://chat.b.example/",
        "https://chat.b.example:8448",
    ] {
        let url: BaseUrl = text.parse().unwrap();
        assert_eq!(url.as_str(), text.trim_end_matches('/'));
    }
    assert_eq!(
        "https://chat.b.example:8448"
            .parse::<BaseUrl>()
            .unwrap()
            .authority(),
        "chat.b.example:8448"
    );
    for text in [
        "http://chat.b.example",
        "https://127.0.0.1",
        "https://127.1",
        "https://0x7f.1",
        "https://2130706433",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]:8000",
        "https://user@chat.b.example",
        "https://chat.b.example/path",
        "https://chat.b.example?x",
        "https://chat.b.example#x",
        "https://CHAT.b.example",
        "https://chat.b.example.",
        "https://chat.b.example:443",
        "https://b\u{fc}cher.example",
        "chat.b.example",
        "",
    ] {
        assert!(text.parse::<BaseUrl>().is_err(), "{text}");
    }
}
