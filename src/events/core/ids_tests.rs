use super::*;
use crate::events::core::testing::event_vectors;

#[test]
fn ids_of_rooms_and_participants_are_those_of_the_vectors() {
    let vectors = event_vectors();
    let participant = &vectors["participant"];
    let fqid = participant["fqid"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        ParticipantId::derive(&fqid).to_string(),
        participant["participant_id"]
    );
    let room = &vectors["room"];
    let host = room["host"].as_str().unwrap().parse().unwrap();
    let room_id = RoomId::derive(&host, room["nonce"].as_str().unwrap());
    assert_eq!(room_id.to_string(), vectors["log"][0]["event"]["room_id"]);
    assert_eq!(room_id.0.get_version_num(), 8);
    assert_eq!(room_id.0.get_variant(), uuid::Variant::RFC4122);
}

#[test]
fn an_event_id_depends_on_every_part_of_its_place() {
    let origin = "a.example".parse().unwrap();
    let other_origin = "b.example".parse().unwrap();
    let (content, other) = (Hash::of(b"content"), Hash::of(b"other"));
    let room_id = RoomId::derive(&origin, "n");
    let place = EventPlace {
        room_id,
        origin: &origin,
        epoch: 1,
        seq: 2,
        prev: Some(&other),
        content_hash: &content,
    };
    let mut ids = vec![
        EventId::derive(5, place),
        EventId::derive(6, place),
        EventId::derive(
            5,
            EventPlace {
                room_id: RoomId::derive(&origin, "m"),
                ..place
            },
        ),
        EventId::derive(
            5,
            EventPlace {
                origin: &other_origin,
                ..place
            },
        ),
        EventId::derive(5, EventPlace { epoch: 2, ..place }),
        EventId::derive(5, EventPlace { seq: 3, ..place }),
        EventId::derive(
            5,
            EventPlace {
                prev: None,
                ..place
            },
        ),
        EventId::derive(
            5,
            EventPlace {
                prev: Some(&content),
                ..place
            },
        ),
        EventId::derive(
            5,
            EventPlace {
                content_hash: &other,
                ..place
            },
        ),
    ];
    assert!(ids.iter().all(|id| id.0.get_version_num() == 7));
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn an_event_id_begins_with_its_time() {
    let origin = "a.example".parse().unwrap();
    let hash = Hash::of(b"");
    let place = EventPlace {
        room_id: RoomId::derive(&origin, "n"),
        origin: &origin,
        epoch: 1,
        seq: 1,
        prev: None,
        content_hash: &hash,
    };
    let id = EventId::derive(0x0123_4567_89ab, place);
    assert!(id.to_string().starts_with("01234567-89ab-7"));
}

#[test]
fn only_the_lower_case_hyphenated_form_of_an_id_is_read() {
    let text = "cd7cd0d0-a836-86b5-8164-4b87868b0498";
    assert_eq!(text.parse::<RoomId>().unwrap().to_string(), text);
    for other in [
        text.to_uppercase(),
        text.replace('-', ""),
        format!("{{{text}}}"),
        format!("urn:uuid:{text}"),
        format!("{text} "),
        text.replace('c', "g"),
        text.replacen("-a", "a-", 1),
        "cd7cd0d0a83686b581644b87868b0498----".to_owned(),
        String::new(),
    ] {
        assert_eq!(other.parse::<RoomId>(), Err(IdFormatError), "{other:?}");
        assert!(serde_json::from_value::<EventId>(other.into()).is_err());
    }
}
