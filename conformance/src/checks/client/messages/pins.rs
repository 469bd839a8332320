//! Pinned messages, and the replies to a message.

use serde_json::{Value, json};

use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 8";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "messages/pins: the newest pin comes first, page by page",
            list,
        ),
        client(
            SECTION,
            "messages/pins: pinning twice and unpinning what is not pinned are harmless",
            twice,
        ),
        client(
            SECTION,
            "messages/pins: a redacted message is not pinned any more",
            redacted,
        ),
        client(
            SECTION,
            "messages/pins: below the level gets SW_ROOM_FORBIDDEN",
            level,
        ),
        client(
            SECTION,
            "messages/pins: an unknown event gets SW_EVENT_NOT_FOUND",
            unknown,
        ),
        client(
            SECTION,
            "messages/pins: the 101st gets SW_VALIDATION_ERROR",
            most,
        ),
        client(
            SECTION,
            "messages/pins: frames tell of add and remove",
            frames,
        ),
        client(
            SECTION,
            "messages/thread: replies at any depth, the oldest first, page by page",
            thread,
        ),
    ]
}

fn ids(rows: &[Value]) -> Vec<Value> {
    rows.iter().map(|row| row["id"].clone()).collect()
}

async fn list(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let mut pinned = Vec::new();
    for text in ["one", "two", "three"] {
        let sent = owner.says(&room, text).await?;
        let path = room.pin(&sent);
        member.put(path, json!({})).await?.ok()?;
        pinned.insert(0, sent["id"].clone());
    }
    let mut seen = Vec::new();
    let mut from = String::new();
    for more in [true, false] {
        let path = room.at(&format!("/pins?limit=2{from}"));
        let (rows, meta) = member.get(path).await?.list()?;
        for row in &rows {
            shape("event", row, shapes::EVENT)?;
            judge::equal(row, "/pinned", true)?;
        }
        seen.extend(ids(&rows));
        judge::equal(&meta, "/has_more", more)?;
        from = format!("&from={}", meta["next_cursor"].as_str().unwrap_or(""));
    }
    must(seen == pinned, || format!("{seen:?} instead of {pinned:?}"))?;
    let state = member.get(room.at("/state")).await?.ok()?;
    judge::equal(&state, "/pinned_event_ids", json!(pinned))
}

async fn twice(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "hello").await?;
    for _ in 0..2 {
        person.put(room.pin(&sent), json!({})).await?.ok()?;
    }
    let (rows, _) = person.get(room.at("/pins")).await?.list()?;
    must(rows.len() == 1, || format!("{} pins", rows.len()))?;
    for _ in 0..2 {
        person.delete(room.pin(&sent)).await?.ok()?;
    }
    let (rows, _) = person.get(room.at("/pins")).await?.list()?;
    must(rows.is_empty(), || format!("{} pins", rows.len()))
}

async fn redacted(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "hello").await?;
    person.put(room.pin(&sent), json!({})).await?.ok()?;
    let event = person
        .post(room.event(&sent, "/redact"), json!({}))
        .await?
        .ok()?;
    judge::equal(&event, "/pinned", false)?;
    let (rows, _) = person.get(room.at("/pins")).await?.list()?;
    must(rows.is_empty(), || format!("{} pins", rows.len()))?;
    let again = person.put(room.pin(&sent), json!({})).await?;
    again.refused("SW_EVENT_NOT_FOUND").map(drop)
}

async fn level(t: Trial) -> Verdict {
    let [owner, member, outsider] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let sent = owner.says(&room, "hello").await?;
    let levels = json!({"pin": 50});
    owner.put(room.at("/power-levels"), levels).await?.ok()?;
    let refused = member.put(room.pin(&sent), json!({})).await?;
    refused.refused("SW_ROOM_FORBIDDEN")?;
    let refused = outsider.put(room.pin(&sent), json!({})).await?;
    refused.refused("SW_NOT_MEMBER")?;
    let refused = outsider.get(room.at("/pins")).await?;
    refused.refused("SW_NOT_MEMBER").map(drop)
}

async fn unknown(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    for id in ["00000000-0000-7000-8000-000000000000", "no-id"] {
        let path = room.at(&format!("/pins/{id}"));
        let answer = person.put(path, json!({})).await?;
        answer.refused("SW_EVENT_NOT_FOUND")?;
    }
    Ok(())
}

async fn most(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    for number in 0..100 {
        let sent = person.says(&room, &format!("{number}")).await?;
        person.put(room.pin(&sent), json!({})).await?.ok()?;
    }
    let sent = person.says(&room, "one too many").await?;
    let answer = person.put(room.pin(&sent), json!({})).await?;
    answer.refused("SW_VALIDATION_ERROR").map(drop)
}

async fn frames(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let sent = owner.says(&room, "hello").await?;
    let socket = owner.listens().await?;
    member.put(room.pin(&sent), json!({})).await?.ok()?;
    member.delete(room.pin(&sent)).await?.ok()?;
    for action in ["add", "remove"] {
        let frame = socket
            .wait_in(&room.id, "swp.room.pin", |frame| frame["action"] == action)
            .await?;
        shape("frame", &frame, shapes::DURABLE_FRAME)?;
        judge::equal(&frame, "/event_id", sent["id"].clone())?;
        judge::equal(&frame, "/sender_id", member.id())?;
    }
    Ok(())
}

async fn thread(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let root = owner.says(&room, "root").await?;
    let (mut parent, mut replies) = (root["id"].clone(), Vec::new());
    for person in [&member, &owner, &member] {
        let request = json!({"content": {"body": "reply", "reply_to_event_id": parent}});
        parent = person.post(room.at("/send"), request).await?.ok()?["id"].clone();
        replies.push(parent.clone());
    }
    owner.says(&room, "besides").await?;
    let mut seen = Vec::new();
    let mut from = String::new();
    for more in [true, false] {
        let path = room.event(&root, &format!("/thread?limit=2{from}"));
        let (rows, meta) = owner.get(path).await?.list()?;
        seen.extend(ids(&rows));
        judge::equal(&meta, "/has_more", more)?;
        from = format!("&from={}", meta["next_cursor"].as_str().unwrap_or(""));
    }
    must(seen == replies, || {
        format!("{seen:?} instead of {replies:?}")
    })
}
