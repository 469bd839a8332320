//! `POST {e}/edit`.

use serde_json::json;

use crate::cast::person::text_content;
use crate::check::{Check, Verdict, client};
use crate::judge::{self, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 8";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "messages/edit: answers the Event with the new content and edited_at",
            edit,
        ),
        client(
            SECTION,
            "messages/edit: original_content is the text before the first edit",
            original,
        ),
        client(
            SECTION,
            "messages/edit: the event keeps its id, position and time",
            keeps,
        ),
        client(
            SECTION,
            "messages/edit: another's message gets SW_ROOM_FORBIDDEN",
            another,
        ),
        client(
            SECTION,
            "messages/edit: an unknown event gets SW_EVENT_NOT_FOUND",
            unknown,
        ),
        client(
            SECTION,
            "messages/edit: a redacted message gets SW_EVENT_NOT_FOUND",
            redacted,
        ),
        client(
            SECTION,
            "messages/edit: an event that is no message gets SW_EVENT_NOT_FOUND",
            no_message,
        ),
        client(
            SECTION,
            "messages/edit: in a room without edits gets SW_EVENT_TOO_OLD_TO_EDIT",
            no_edits,
        ),
        client(
            SECTION,
            "messages/edit: after the room's window gets SW_EVENT_TOO_OLD_TO_EDIT",
            window,
        ),
        client(
            SECTION,
            "messages/edit: too large a content gets SW_CONTENT_TOO_LARGE",
            too_large,
        ),
        client(
            SECTION,
            "messages/edit: reserved keys are refused as in send",
            reserved,
        ),
        client(
            SECTION,
            "messages/edit: the frame and sync tell of it with event_id, content, edited_at",
            frame,
        ),
        client(SECTION, "messages/edit: who left gets SW_NOT_MEMBER", left),
    ]
}

async fn edit(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "first").await?;
    let request = json!({"content": text_content("second")});
    let event = person
        .post(room.event(&sent, "/edit"), request)
        .await?
        .ok()?;
    shape("event", &event, shapes::EVENT)?;
    shape("event", &event, "edited_at time, original_content obj")?;
    judge::equal(&event, "/content", text_content("second"))?;
    judge::equal(&event, "/original_content", text_content("first"))
}

async fn original(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "first").await?;
    for body in ["second", "third"] {
        let request = json!({"content": text_content(body)});
        person
            .post(room.event(&sent, "/edit"), request)
            .await?
            .ok()?;
    }
    let event = person.get(room.event(&sent, "")).await?.ok()?;
    judge::equal(&event, "/content/body", "third")?;
    judge::equal(&event, "/original_content/body", "first")
}

async fn keeps(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "first").await?;
    let request = json!({"content": text_content("second")});
    let event = person
        .post(room.event(&sent, "/edit"), request)
        .await?
        .ok()?;
    for field in [
        "id",
        "stream_position",
        "created_at",
        "origin_ts",
        "sender_id",
        "event_type",
    ] {
        judge::equal(&event, &format!("/{field}"), sent[field].clone())?;
    }
    Ok(())
}

async fn another(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let sent = member.says(&room, "mine").await?;
    let request = json!({"content": text_content("yours")});
    let answer = owner.post(room.event(&sent, "/edit"), request).await?;
    answer.refused("SW_ROOM_FORBIDDEN").map(drop)
}

async fn unknown(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let path = room.at("/events/00000000-0000-7000-8000-000000000000/edit");
    let answer = person
        .post(path, json!({"content": text_content("x")}))
        .await?;
    answer.refused("SW_EVENT_NOT_FOUND").map(drop)
}

async fn redacted(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "gone").await?;
    person
        .post(room.event(&sent, "/redact"), json!({}))
        .await?
        .ok()?;
    let request = json!({"content": text_content("back")});
    let answer = person.post(room.event(&sent, "/edit"), request).await?;
    answer.refused("SW_EVENT_NOT_FOUND").map(drop)
}

async fn no_message(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let (rows, _) = person
        .get(room.at("/messages?types=swp.room.create"))
        .await?
        .list()?;
    let create = judge::row(&rows, "/event_type", "swp.room.create")?;
    let request = json!({"content": text_content("x")});
    let answer = person.post(room.event(create, "/edit"), request).await?;
    answer.refused("SW_EVENT_NOT_FOUND").map(drop)
}

async fn no_edits(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let request = json!({"edit_window_seconds": 0});
    person.put(room.at("/settings"), request).await?.ok()?;
    let sent = person.says(&room, "fixed").await?;
    let request = json!({"content": text_content("changed")});
    let answer = person.post(room.event(&sent, "/edit"), request).await?;
    answer.refused("SW_EVENT_TOO_OLD_TO_EDIT").map(drop)
}

async fn window(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let request = json!({"edit_window_seconds": 1});
    person.put(room.at("/settings"), request).await?.ok()?;
    let sent = person.says(&room, "soon fixed").await?;
    let refusal = t
        .until("the message can still be edited", || async {
            let request = json!({"content": text_content("changed")});
            let answer = person.post(room.event(&sent, "/edit"), request).await?;
            Ok((answer.status != 200).then_some(answer))
        })
        .await?;
    refusal.refused("SW_EVENT_TOO_OLD_TO_EDIT").map(drop)
}

async fn too_large(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "small").await?;
    let request = json!({"content": {"body": "x".repeat(65_536)}});
    let answer = person.post(room.event(&sent, "/edit"), request).await?;
    answer.refused("SW_CONTENT_TOO_LARGE")?;
    // The largest lawful message stays editable: an edit wraps its content.
    let request = json!({"content": {"body": "x".repeat(65_525)}});
    person
        .post(room.event(&sent, "/edit"), request)
        .await?
        .ok()
        .map(drop)
}

async fn reserved(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "mine").await?;
    let request = json!({"content": {"msgtype": "swp.system", "body": "x"}});
    let answer = person.post(room.event(&sent, "/edit"), request).await?;
    answer.invalid("body.content.msgtype", Some("reserved"))
}

async fn frame(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let sent = owner.says(&room, "first").await?;
    let end = member.sync_end().await?;
    let socket = member.listens().await?;
    let request = json!({"content": text_content("second")});
    owner
        .post(room.event(&sent, "/edit"), request)
        .await?
        .ok()?;
    let frame = socket
        .wait_in(&room.id, "swp.room.message.edit", |_| true)
        .await?;
    shape("frame", &frame, shapes::DURABLE_FRAME)?;
    shape("frame", &frame, "event_id id, content obj, edited_at time")?;
    judge::equal(&frame, "/event_id", sent["id"].clone())?;
    judge::equal(&frame, "/content", text_content("second"))?;
    let data = member.get(format!("/v1/sync?since={end}")).await?.ok()?;
    let events = judge::list(&data, "/events")?;
    let event = judge::row(&events, "/id", frame["id"].clone())?;
    judge::equal(event, "/event_type", "swp.room.message.edit")?;
    judge::equal(event, "/content/event_id", sent["id"].clone())?;
    judge::equal(event, "/content/content", text_content("second"))?;
    shape("content", &event["content"], "edited_at time")
}

async fn left(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let sent = member.says(&room, "mine").await?;
    member.post(room.at("/leave"), json!({})).await?.done()?;
    let request = json!({"content": text_content("x")});
    let answer = member.post(room.event(&sent, "/edit"), request).await?;
    answer.refused("SW_NOT_MEMBER").map(drop)
}
