//! `POST {r}/send` and `GET {e}`.

use serde_json::{Value, json};

use crate::cast::person::text_content;
use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 8";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "messages/send: answers an Event with every field",
            fields,
        ),
        client(
            SECTION,
            "messages/send: a fresh event has the documented values",
            fresh,
        ),
        client(
            SECTION,
            "messages/send: the event id is a UUIDv7 of its time, origin_ts are seconds",
            times,
        ),
        client(
            SECTION,
            "messages/send: positions rise with each send",
            positions,
        ),
        client(
            SECTION,
            "messages/send: a repeated event_uuid answers the first event, whatever the content",
            repeated,
        ),
        client(
            SECTION,
            "messages/send: an event_uuid counts per sender and room",
            uuid_scope,
        ),
        client(
            SECTION,
            "messages/send: the same event_uuid many times at once makes one event",
            repeated_at_once,
        ),
        client(
            SECTION,
            "messages/send: a malformed event_uuid gets SW_VALIDATION_ERROR",
            bad_uuid,
        ),
        client(
            SECTION,
            "messages/send: without membership gets SW_NOT_MEMBER",
            outside,
        ),
        client(
            SECTION,
            "messages/send: an unknown room gets SW_ROOM_NOT_FOUND",
            unknown_room,
        ),
        client(
            SECTION,
            "messages/send: a repeated event_uuid is answered after archiving too",
            repeated_after_archive,
        ),
        client(SECTION, "messages/get: one event has every field", get),
        client(
            SECTION,
            "messages/get: an unknown event, one of another room or a malformed id gets SW_EVENT_NOT_FOUND",
            get_unknown,
        ),
        client(
            SECTION,
            "messages/get: without membership gets SW_NOT_MEMBER",
            get_outside,
        ),
        client(
            SECTION,
            "messages/get: what came before the own join is hidden where history is `joined`",
            hidden,
        ),
    ]
}

async fn fields(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let event = person.says(&room, "hello").await?;
    shape("event", &event, shapes::EVENT)
}

async fn fresh(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let event = person.says(&room, "hello").await?;
    for (field, value) in [
        ("/room_id", json!(room.id)),
        ("/sender_id", json!(person.id())),
        ("/event_type", json!("swp.room.message")),
        ("/content", text_content("hello")),
        ("/edited_at", Value::Null),
        ("/redacted_at", Value::Null),
        ("/redacted_by", Value::Null),
        ("/redaction_reason", Value::Null),
        ("/sent_by", Value::Null),
        ("/reactions", json!([])),
        ("/thread", Value::Null),
        ("/pinned", json!(false)),
    ] {
        judge::equal(&event, field, value)?;
    }
    must(
        event.get("original_content").is_none_or(Value::is_null),
        || "original_content is there before an edit".to_owned(),
    )
}

async fn times(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let before = crate::clock::now_ms();
    let event = person.says(&room, "hello").await?;
    let id = judge::text(&event, "/id")?.replace('-', "");
    must(id.get(12..13) == Some("7"), || format!("{id} is no UUIDv7"))?;
    let ms = id
        .get(..12)
        .and_then(|hex| i64::from_str_radix(hex, 16).ok())
        .unwrap_or(0);
    // The server's clock may differ from the suite's by a little.
    must((before - 60_000..before + 60_000).contains(&ms), || {
        format!("the id's time is {ms}, the suite's clock says {before}")
    })?;
    judge::equal(&event, "/origin_ts", ms / 1000)
}

async fn positions(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let mut last = 0;
    for number in 0..5 {
        let event = person.says(&room, &number.to_string()).await?;
        let position = judge::int(&event, "/stream_position")?;
        must(position > last, || format!("{position} after {last}"))?;
        last = position;
    }
    Ok(())
}

async fn repeated(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let uuid = crate::cast::random_uuid();
    let request = json!({"content": text_content("first"), "event_uuid": uuid});
    let first = person.post(room.at("/send"), request).await?.ok()?;
    judge::equal(&first, "/event_uuid", uuid.as_str())?;
    let request = json!({"content": text_content("second"), "event_uuid": uuid});
    let second = person.post(room.at("/send"), request).await?.ok()?;
    must(first == second, || format!("the repeat answered {second}"))?;
    let history = room.history(&person).await?;
    let count = history
        .iter()
        .filter(|event| event["event_uuid"] == uuid.as_str())
        .count();
    must(count == 1, || format!("{count} events have the event_uuid"))
}

async fn uuid_scope(t: Trial) -> Verdict {
    let [a, b] = t.people().await?;
    let room = a.group_with(&[&b]).await?;
    let other_room = a.group_with(&[]).await?;
    let uuid = crate::cast::random_uuid();
    let request = json!({"content": text_content("x"), "event_uuid": uuid});
    let mut ids = Vec::new();
    for (person, room) in [(&a, &room), (&b, &room), (&a, &other_room)] {
        let event = person.post(room.at("/send"), request.clone()).await?.ok()?;
        ids.push(judge::text(&event, "/id")?);
    }
    ids.sort();
    ids.dedup();
    must(ids.len() == 3, || {
        format!("only {} events were made", ids.len())
    })
}

async fn repeated_at_once(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let request = json!({"content": text_content("x"), "event_uuid": crate::cast::random_uuid()});
    let sends = (0..8).map(|_| person.post(room.at("/send"), request.clone()));
    let mut ids = Vec::new();
    for answer in futures::future::join_all(sends).await {
        ids.push(judge::text(&answer?.ok()?, "/id")?);
    }
    ids.dedup();
    must(ids.len() == 1, || format!("different events: {ids:?}"))
}

async fn bad_uuid(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let request = json!({"content": text_content("x"), "event_uuid": "not-a-uuid"});
    person
        .post(room.at("/send"), request)
        .await?
        .invalid("body.event_uuid", None)
}

async fn outside(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    for room in [owner.group_with(&[]).await?, owner.public_with(&[]).await?] {
        let request = json!({"content": text_content("x")});
        outsider
            .post(room.at("/send"), request)
            .await?
            .refused("SW_NOT_MEMBER")?;
    }
    Ok(())
}

async fn unknown_room(t: Trial) -> Verdict {
    let person = t.person().await?;
    let path = "/v1/rooms/00000000-0000-8000-8000-000000000000/send";
    let request = json!({"content": text_content("x")});
    person
        .post(path, request)
        .await?
        .refused("SW_ROOM_NOT_FOUND")
        .map(drop)
}

async fn repeated_after_archive(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let request = json!({"content": text_content("x"), "event_uuid": crate::cast::random_uuid()});
    let first = person.post(room.at("/send"), request.clone()).await?.ok()?;
    person.post(room.at("/archive"), json!({})).await?.ok()?;
    let again = person.post(room.at("/send"), request).await?.ok()?;
    judge::equal(&again, "/id", first["id"].clone())
}

async fn get(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let sent = owner.says(&room, "hello").await?;
    let event = member.get(room.event(&sent, "")).await?.ok()?;
    shape("event", &event, shapes::EVENT)?;
    judge::equal(&event, "/id", sent["id"].clone())?;
    judge::equal(&event, "/content", text_content("hello"))?;
    judge::equal(&event, "/stream_position", sent["stream_position"].clone())
}

async fn get_unknown(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let elsewhere = person.group_with(&[]).await?;
    let event = person.says(&elsewhere, "elsewhere").await?;
    person
        .get(room.event(&event, ""))
        .await?
        .refused("SW_EVENT_NOT_FOUND")?;
    for id in ["00000000-0000-7000-8000-000000000000", "x"] {
        let path = room.at(&format!("/events/{id}"));
        person.get(path).await?.refused("SW_EVENT_NOT_FOUND")?;
    }
    Ok(())
}

async fn get_outside(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let event = owner.says(&room, "hello").await?;
    outsider
        .get(room.event(&event, ""))
        .await?
        .refused("SW_NOT_MEMBER")
        .map(drop)
}

async fn hidden(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    owner
        .put(
            room.at("/settings"),
            json!({"history_visibility": "joined"}),
        )
        .await?
        .ok()?;
    let before = owner.says(&room, "before").await?;
    room.admit(&owner, &member).await?;
    let after = owner.says(&room, "after").await?;
    member
        .get(room.event(&before, ""))
        .await?
        .refused("SW_EVENT_NOT_FOUND")?;
    let history = room.history(&member).await?;
    judge::no_row(&history, "/id", before["id"].clone())?;
    judge::row(&history, "/id", after["id"].clone()).map(drop)
}
