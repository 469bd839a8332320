//! `PUT {r}/read-marker`, unread and mention counts.

use serde_json::json;

use crate::check::{Check, Verdict, client};
use crate::judge::{self, shape::shape};
use crate::trial::Trial;

const SECTION: &str = "client-core 8";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "messages/read-marker: answers the marker and both counts",
            set,
        ),
        client(
            SECTION,
            "messages/read-marker: unread counts others' unredacted messages after it",
            unread,
        ),
        client(
            SECTION,
            "messages/read-marker: mention_count counts those with a mention",
            mention_count,
        ),
        client(
            SECTION,
            "messages/read-marker: moves only forward",
            forward_only,
        ),
        client(
            SECTION,
            "messages/read-marker: sending moves the own one",
            sending_moves,
        ),
        client(
            SECTION,
            "messages/read-marker: an unknown event gets SW_EVENT_NOT_FOUND",
            unknown,
        ),
        client(
            SECTION,
            "messages/read-marker: without membership gets SW_NOT_MEMBER",
            outside,
        ),
        client(
            SECTION,
            "messages/read-marker: the frame goes to the own devices only",
            frame,
        ),
    ]
}

async fn set(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let first = owner.says(&room, "one").await?;
    owner.says(&room, "two").await?;
    let request = json!({"event_id": first["id"]});
    let data = member.put(room.at("/read-marker"), request).await?.ok()?;
    shape(
        "marker",
        &data,
        "last_read_event_id id, unread_count int, mention_count int",
    )?;
    judge::equal(&data, "/last_read_event_id", first["id"].clone())?;
    judge::equal(&data, "/unread_count", 1)?;
    judge::equal(&data, "/mention_count", 0)
}

async fn unread(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let last = owner.says(&room, "one").await?;
    let request = json!({"event_id": last["id"]});
    member.put(room.at("/read-marker"), request).await?.ok()?;
    owner.says(&room, "two").await?;
    let gone = owner.says(&room, "three").await?;
    owner
        .post(room.event(&gone, "/redact"), json!({}))
        .await?
        .ok()?;
    owner
        .put(room.at("/topic"), json!({"topic": "no message"}))
        .await?
        .ok()?;
    let data = member.get(room.at("")).await?.ok()?;
    judge::equal(&data, "/unread_count", 1)
}

async fn mention_count(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let last = owner.says(&room, "one").await?;
    let request = json!({"event_id": last["id"]});
    member.put(room.at("/read-marker"), request).await?.ok()?;
    let request = json!({"content": {"body": "@you", "mentions": [member.id()]}});
    owner.post(room.at("/send"), request).await?.ok()?;
    owner.says(&room, "all").await?;
    let data = member.get(room.at("")).await?.ok()?;
    judge::equal(&data, "/unread_count", 2)?;
    judge::equal(&data, "/mention_count", 1)
}

async fn forward_only(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let first = owner.says(&room, "one").await?;
    let second = owner.says(&room, "two").await?;
    for event in [&second, &first] {
        let request = json!({"event_id": event["id"]});
        let data = member.put(room.at("/read-marker"), request).await?.ok()?;
        judge::equal(&data, "/last_read_event_id", second["id"].clone())?;
        judge::equal(&data, "/unread_count", 0)?;
    }
    Ok(())
}

async fn sending_moves(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    owner.says(&room, "one").await?;
    member.says(&room, "two").await?;
    let data = member.get(room.at("")).await?.ok()?;
    judge::equal(&data, "/unread_count", 0)
}

async fn unknown(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let request = json!({"event_id": "00000000-0000-7000-8000-000000000000"});
    let answer = person.put(room.at("/read-marker"), request).await?;
    answer.refused("SW_EVENT_NOT_FOUND").map(drop)
}

async fn outside(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let sent = owner.says(&room, "one").await?;
    let request = json!({"event_id": sent["id"]});
    let answer = outsider.put(room.at("/read-marker"), request).await?;
    answer.refused("SW_NOT_MEMBER").map(drop)
}

async fn frame(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let sent = owner.says(&room, "one").await?;
    let (own, others) = (member.listens().await?, owner.listens().await?);
    let request = json!({"event_id": sent["id"]});
    member.put(room.at("/read-marker"), request).await?.ok()?;
    let frame = own
        .wait_in(&room.id, "swp.room.read_marker", |_| true)
        .await?;
    shape(
        "frame",
        &frame,
        "type str, tenant_id id, ts time, id id, room_id id, event_id id, unread_count int",
    )?;
    judge::equal(&frame, "/event_id", sent["id"].clone())?;
    // A message that comes later shows that nothing else came before.
    member.says(&room, "marker").await?;
    others
        .wait_in(&room.id, "swp.room.message", |_| true)
        .await?;
    judge::no_row(&others.frames(), "/type", "swp.room.read_marker")
}
