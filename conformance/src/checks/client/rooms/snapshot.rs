//! `GET {r}/state`: a room at once.

use serde_json::json;

use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 4";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(SECTION, "rooms/state: has every field", fields),
        client(
            SECTION,
            "rooms/state: members come with the highest level first",
            members,
        ),
        client(
            SECTION,
            "rooms/state: tells what is unread and how far one has read",
            unread,
        ),
        client(
            SECTION,
            "rooms/state: sync from its position brings what comes after, and nothing before",
            position,
        ),
        client(
            SECTION,
            "rooms/state: who is outside or has left gets SW_NOT_MEMBER, an unknown room SW_ROOM_NOT_FOUND",
            outside,
        ),
    ]
}

async fn fields(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    let state = owner.get(room.at("/state")).await?.ok()?;
    shape("state", &state, shapes::SNAPSHOT)?;
    shape("state.room", &state["room"], shapes::ROOM)?;
    judge::equal(&state, "/room/id", room.id.as_str())?;
    judge::equal(&state, "/members_truncated", false)?;
    judge::equal(&state, "/plan", serde_json::Value::Null)
}

async fn members(t: Trial) -> Verdict {
    let [owner, member, moderator] = t.people().await?;
    let room = owner.group_with(&[&member, &moderator]).await?;
    room.promote(&owner, &moderator, 50).await?;
    let state = member.get(room.at("/state")).await?.ok()?;
    let rows = judge::list(&state, "/members")?;
    for row in &rows {
        shape("member", row, shapes::MEMBER)?;
    }
    let order: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["participant_id"].as_str())
        .collect();
    let expected = [owner.id(), moderator.id(), member.id()];
    must(order == expected, || {
        format!("the order is {order:?}, expected {expected:?}")
    })
}

async fn unread(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let first = owner.says(&room, "one").await?;
    let mention = json!({"content": {"body": "@you", "mentions": [member.id()]}});
    owner.post(room.at("/send"), mention).await?.ok()?;
    let marker = json!({"event_id": first["id"]});
    member.put(room.at("/read-marker"), marker).await?.ok()?;
    let state = member.get(room.at("/state")).await?.ok()?;
    judge::equal(&state, "/unread_count", 1)?;
    judge::equal(&state, "/mention_count", 1)?;
    judge::equal(&state, "/last_read_event_id", first["id"].clone())
}

async fn position(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let before = owner.says(&room, "before").await?;
    let state = member.get(room.at("/state")).await?.ok()?;
    let since = judge::int(&state, "/stream_position")?;
    let after = owner.says(&room, "after").await?;
    let data = member
        .get(format!("/v1/sync?since={since}&limit=500"))
        .await?
        .ok()?;
    let events = judge::list(&data, "/events")?;
    judge::row(&events, "/id", after["id"].clone())?;
    judge::no_row(&events, "/id", before["id"].clone())
}

async fn outside(t: Trial) -> Verdict {
    let [owner, left, outsider] = t.people().await?;
    let room = owner.group_with(&[&left]).await?;
    left.post(room.at("/leave"), json!({})).await?.done()?;
    for person in [&left, &outsider] {
        let answer = person.get(room.at("/state")).await?;
        answer.refused("SW_NOT_MEMBER")?;
    }
    owner
        .get("/v1/rooms/00000000-0000-8000-8000-000000000000/state")
        .await?
        .refused("SW_ROOM_NOT_FOUND")
        .map(drop)
}
