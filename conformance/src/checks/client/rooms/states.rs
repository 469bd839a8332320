//! Open, archived, closed; rejoining.

use serde_json::json;

use crate::check::{Check, Verdict, client};
use crate::judge::{self, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 6.4";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "rooms/archive: freezes writing and keeps the members",
            archive,
        ),
        client(
            SECTION,
            "rooms/archive: writes get SW_ROOM_FROZEN",
            archived_writes,
        ),
        client(
            SECTION,
            "rooms/archive: reading, markers and leaving go on",
            archived_reads,
        ),
        client(
            SECTION,
            "rooms/archive: below 50 gets SW_ROOM_FORBIDDEN, the creator always may",
            archive_level,
        ),
        client(
            SECTION,
            "rooms/archive: again is harmless; a closed room gets SW_ROOM_FROZEN",
            archive_again,
        ),
        client(
            SECTION,
            "rooms/archived: lists archived rooms of the caller",
            archived_list,
        ),
        client(SECTION, "rooms/close: is final", close),
        client(
            SECTION,
            "rooms/close: neither creator nor 100 gets SW_ROOM_FORBIDDEN",
            close_level,
        ),
        client(SECTION, "rooms/close: again is harmless", close_again),
        client(SECTION, "rooms/rejoin: reopens an archived room", rejoin),
        client(
            SECTION,
            "rooms/rejoin: who had left is joined again with the level held",
            rejoin_level,
        ),
        client(
            SECTION,
            "rooms/rejoin: without the archive level gets SW_ROOM_FORBIDDEN",
            rejoin_level_missing,
        ),
        client(
            SECTION,
            "rooms/rejoin: never a member gets SW_NOT_MEMBER",
            rejoin_outsider,
        ),
        client(
            SECTION,
            "rooms/rejoin: a closed room gets SW_ROOM_FROZEN",
            rejoin_closed,
        ),
        client(
            SECTION,
            "rooms/state: a frame tells of archive, reopening and close",
            frames,
        ),
    ]
}

async fn archive(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let data = owner.post(room.at("/archive"), json!({})).await?.ok()?;
    shape("room", &data, shapes::ROOM)?;
    judge::equal(&data, "/state", "archived")?;
    judge::equal(&data, "/member_count", 2)
}

async fn archived_writes(t: Trial) -> Verdict {
    let [owner, member, other] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let message = owner.says(&room, "before").await?;
    owner.post(room.at("/archive"), json!({})).await?.ok()?;
    let target = json!({"participant_id": member.id()});
    for (method, path, body) in [
        ("POST", room.at("/send"), json!({"content": {"body": "x"}})),
        (
            "POST",
            room.event(&message, "/edit"),
            json!({"content": {"body": "x"}}),
        ),
        ("POST", room.event(&message, "/redact"), json!({})),
        (
            "POST",
            room.event(&message, "/reaction"),
            json!({"emoji": "👍"}),
        ),
        (
            "POST",
            room.at("/invite"),
            json!({"participant_id": other.id()}),
        ),
        ("POST", room.at("/kick"), target.clone()),
        ("POST", room.at("/ban"), target),
        ("PUT", room.at("/name"), json!({"name": "x"})),
        ("PUT", room.at("/topic"), json!({"topic": "x"})),
        (
            "PUT",
            room.at("/settings"),
            json!({"edit_window_seconds": 5}),
        ),
        ("PUT", room.at("/power-levels"), json!({"send": 5})),
    ] {
        let answer = owner.call(method, path).json(body).send().await?;
        answer.refused("SW_ROOM_FROZEN")?;
    }
    Ok(())
}

async fn archived_reads(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let message = owner.says(&room, "before").await?;
    owner.post(room.at("/archive"), json!({})).await?.ok()?;
    member.get(room.at("/messages")).await?.list()?;
    let request = json!({"event_id": message["id"]});
    member.put(room.at("/read-marker"), request).await?.ok()?;
    member.post(room.at("/leave"), json!({})).await?.done()
}

async fn archive_level(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    room.promote(&owner, &member, 49).await?;
    member
        .post(room.at("/archive"), json!({}))
        .await?
        .refused("SW_ROOM_FORBIDDEN")?;
    room.promote(&owner, &member, 100).await?;
    let path = room.at(&format!("/members/{}/power-level", owner.id()));
    owner.put(path, json!({"power_level": 0})).await?.ok()?;
    owner
        .post(room.at("/archive"), json!({}))
        .await?
        .ok()
        .map(drop)
}

async fn archive_again(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    for _ in 0..2 {
        let data = owner.post(room.at("/archive"), json!({})).await?.ok()?;
        judge::equal(&data, "/state", "archived")?;
    }
    owner.post(room.at("/close"), json!({})).await?.ok()?;
    owner
        .post(room.at("/archive"), json!({}))
        .await?
        .refused("SW_ROOM_FROZEN")
        .map(drop)
}

async fn archived_list(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let archived = owner.group_with(&[&member]).await?;
    let open = owner.group_with(&[&member]).await?;
    member
        .post(archived.at("/leave"), json!({}))
        .await?
        .done()?;
    owner.post(archived.at("/archive"), json!({})).await?.ok()?;
    for person in [&owner, &member] {
        let (rows, meta) = person.get("/v1/rooms/archived?limit=200").await?.list()?;
        judge::int(&meta, "/total")?;
        shape(
            "room",
            judge::row(&rows, "/id", archived.id.as_str())?,
            shapes::ROOM,
        )?;
        judge::no_row(&rows, "/id", open.id.as_str())?;
    }
    Ok(())
}

async fn close(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let data = owner.post(room.at("/close"), json!({})).await?.ok()?;
    judge::equal(&data, "/state", "closed")?;
    let request = json!({"content": {"body": "x"}});
    member
        .post(room.at("/send"), request)
        .await?
        .refused("SW_ROOM_FROZEN")?;
    member.get(room.at("/messages")).await?.list().map(drop)
}

async fn close_level(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    room.promote(&owner, &member, 99).await?;
    member
        .post(room.at("/close"), json!({}))
        .await?
        .refused("SW_ROOM_FORBIDDEN")?;
    room.promote(&owner, &member, 100).await?;
    member
        .post(room.at("/close"), json!({}))
        .await?
        .ok()
        .map(drop)
}

async fn close_again(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    for _ in 0..2 {
        let data = owner.post(room.at("/close"), json!({})).await?.ok()?;
        judge::equal(&data, "/state", "closed")?;
    }
    Ok(())
}

async fn rejoin(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    owner.post(room.at("/archive"), json!({})).await?.ok()?;
    let data = owner.post(room.at("/rejoin"), json!({})).await?.ok()?;
    judge::equal(&data, "/state", "open")?;
    owner.says(&room, "open again").await?;
    let data = owner.post(room.at("/rejoin"), json!({})).await?.ok()?;
    judge::equal(&data, "/state", "open")
}

async fn rejoin_level(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    room.promote(&owner, &member, 60).await?;
    member.post(room.at("/leave"), json!({})).await?.done()?;
    owner.post(room.at("/archive"), json!({})).await?.ok()?;
    let data = member.post(room.at("/rejoin"), json!({})).await?.ok()?;
    judge::equal(&data, "/state", "open")?;
    judge::equal(&data, "/membership", "join")?;
    judge::equal(&data, "/power_level", 60)
}

async fn rejoin_level_missing(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    owner.post(room.at("/archive"), json!({})).await?.ok()?;
    let answer = member.post(room.at("/rejoin"), json!({})).await?;
    answer.refused("SW_ROOM_FORBIDDEN").map(drop)
}

async fn rejoin_outsider(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    owner.post(room.at("/archive"), json!({})).await?.ok()?;
    let answer = outsider.post(room.at("/rejoin"), json!({})).await?;
    answer.refused("SW_NOT_MEMBER").map(drop)
}

async fn rejoin_closed(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    owner.post(room.at("/close"), json!({})).await?.ok()?;
    owner
        .post(room.at("/rejoin"), json!({}))
        .await?
        .refused("SW_ROOM_FROZEN")
        .map(drop)
}

async fn frames(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let socket = member.listens().await?;
    for (path, state) in [
        ("/archive", "archived"),
        ("/rejoin", "open"),
        ("/close", "closed"),
    ] {
        owner.post(room.at(path), json!({})).await?.ok()?;
        let frame = socket
            .wait_in(&room.id, "swp.room.state", |frame| frame["state"] == state)
            .await?;
        shape("frame", &frame, shapes::DURABLE_FRAME)?;
        judge::equal(&frame, "/changed_by", owner.id())?;
    }
    Ok(())
}
