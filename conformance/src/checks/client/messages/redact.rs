//! `POST {e}/redact`.

use serde_json::{Value, json};

use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 8";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "messages/redact: answers the Event without content, with who, when and why",
            redact,
        ),
        client(
            SECTION,
            "messages/redact: the text is gone from history, sync and the event",
            gone,
        ),
        client(
            SECTION,
            "messages/redact: edits and original_content go too",
            edits_go,
        ),
        client(SECTION, "messages/redact: reactions go too", reactions_go),
        client(
            SECTION,
            "messages/redact: another's below 50 gets SW_REDACT_FORBIDDEN",
            below_50,
        ),
        client(
            SECTION,
            "messages/redact: at 50 another's message may be redacted",
            at_50,
        ),
        client(
            SECTION,
            "messages/redact: an unknown event gets SW_EVENT_NOT_FOUND",
            unknown,
        ),
        client(
            SECTION,
            "messages/redact: an event that is no message gets SW_EVENT_NOT_FOUND",
            no_message,
        ),
        client(SECTION, "messages/redact: again is harmless", again),
        client(
            SECTION,
            "messages/redact: a reason has at most 500 characters",
            reason_length,
        ),
        client(
            SECTION,
            "messages/redact: the frame names the event, who and why",
            frame,
        ),
    ]
}

async fn redact(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "oops").await?;
    let request = json!({"reason": "typing error"});
    let event = person
        .post(room.event(&sent, "/redact"), request)
        .await?
        .ok()?;
    shape("event", &event, shapes::EVENT)?;
    shape("event", &event, "redacted_at time, redacted_by id")?;
    judge::equal(&event, "/id", sent["id"].clone())?;
    judge::equal(&event, "/content", json!({}))?;
    judge::equal(&event, "/redacted_by", person.id())?;
    judge::equal(&event, "/redaction_reason", "typing error")
}

async fn gone(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let end = member.sync_end().await?;
    let secret = format!("secret-{}", crate::cast::random_suffix());
    let sent = owner.says(&room, &secret).await?;
    owner
        .post(room.event(&sent, "/redact"), json!({}))
        .await?
        .ok()?;
    for path in [
        room.at("/messages"),
        room.event(&sent, ""),
        format!("/v1/sync?since={end}"),
    ] {
        let answer = member.get(path.clone()).await?;
        answer.ok()?;
        must(!answer.text.contains(&secret), || {
            format!("the text is still in {path}")
        })?;
    }
    let data = member.get(format!("/v1/sync?since={end}")).await?.ok()?;
    let events = judge::list(&data, "/events")?;
    let event = judge::row(&events, "/id", sent["id"].clone())?;
    judge::equal(event, "/content", json!({}))?;
    shape("event", event, "redacted_at time")
}

async fn edits_go(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let end = member.sync_end().await?;
    let secret = format!("secret-{}", crate::cast::random_suffix());
    let sent = owner.says(&room, &secret).await?;
    let request = json!({"content": {"body": format!("{secret} edited")}});
    owner
        .post(room.event(&sent, "/edit"), request)
        .await?
        .ok()?;
    let event = owner
        .post(room.event(&sent, "/redact"), json!({}))
        .await?
        .ok()?;
    must(
        event
            .get("original_content")
            .is_none_or(|original| *original == json!({})),
        || format!("original_content is {}", event["original_content"]),
    )?;
    for path in [room.event(&sent, ""), format!("/v1/sync?since={end}")] {
        let answer = member.get(path.clone()).await?;
        must(!answer.text.contains(&secret), || {
            format!("the text is still in {path}")
        })?;
    }
    Ok(())
}

async fn reactions_go(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "liked").await?;
    let path = room.event(&sent, "/reaction");
    person
        .post(path.clone(), json!({"emoji": "👍"}))
        .await?
        .ok()?;
    let event = person
        .post(room.event(&sent, "/redact"), json!({}))
        .await?
        .ok()?;
    judge::equal(&event, "/reactions", json!([]))?;
    person
        .post(path, json!({"emoji": "👍"}))
        .await?
        .refused("SW_EVENT_NOT_FOUND")
        .map(drop)
}

async fn below_50(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    room.promote(&owner, &member, 49).await?;
    let sent = owner.says(&room, "mine").await?;
    let answer = member.post(room.event(&sent, "/redact"), json!({})).await?;
    answer.refused("SW_REDACT_FORBIDDEN").map(drop)
}

async fn at_50(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    room.promote(&owner, &member, 50).await?;
    let sent = owner.says(&room, "mine").await?;
    let event = member
        .post(room.event(&sent, "/redact"), json!({}))
        .await?
        .ok()?;
    judge::equal(&event, "/redacted_by", member.id())
}

async fn unknown(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let path = room.at("/events/00000000-0000-7000-8000-000000000000/redact");
    person
        .post(path, json!({}))
        .await?
        .refused("SW_EVENT_NOT_FOUND")
        .map(drop)
}

async fn no_message(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let (rows, _) = person
        .get(room.at("/messages?types=swp.room.create"))
        .await?
        .list()?;
    let create = judge::row(&rows, "/event_type", "swp.room.create")?;
    let answer = person
        .post(room.event(create, "/redact"), json!({}))
        .await?;
    answer.refused("SW_EVENT_NOT_FOUND").map(drop)
}

async fn again(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "oops").await?;
    let first = person
        .post(room.event(&sent, "/redact"), json!({}))
        .await?
        .ok()?;
    let second = person
        .post(room.event(&sent, "/redact"), json!({}))
        .await?
        .ok()?;
    judge::equal(&second, "/redacted_at", first["redacted_at"].clone())
}

async fn reason_length(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "oops").await?;
    let request = json!({"reason": "x".repeat(501)});
    let answer = person.post(room.event(&sent, "/redact"), request).await?;
    answer.invalid("body.reason", Some("length"))
}

async fn frame(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let sent = owner.says(&room, "oops").await?;
    let socket = member.listens().await?;
    let request = json!({"reason": "wrong room"});
    owner
        .post(room.event(&sent, "/redact"), request)
        .await?
        .ok()?;
    let frame = socket
        .wait_in(&room.id, "swp.room.redaction", |_| true)
        .await?;
    shape("frame", &frame, shapes::DURABLE_FRAME)?;
    judge::equal(&frame, "/event_id", sent["id"].clone())?;
    judge::equal(&frame, "/redacted_by", owner.id())?;
    judge::equal(&frame, "/reason", Value::from("wrong room"))
}
