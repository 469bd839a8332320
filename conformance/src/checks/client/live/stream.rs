//! `/v1/stream`: the first frame, durable frames, replay, client frames.

use serde_json::json;

use crate::cast::person::text_content;
use crate::check::{Check, Verdict, client, failed};
use crate::client::socket::{Socket, TokenIn};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 10";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "stream/hello: comes first, with session, server, tenant, time and position",
            hello,
        ),
        client(
            SECTION,
            "stream/hello: the token may stand in the header",
            header_token,
        ),
        client(
            SECTION,
            "stream/frames: a message has the documented fields",
            message,
        ),
        client(
            SECTION,
            "stream/frames: the frame of an event agrees with sync",
            agrees_with_sync,
        ),
        client(
            SECTION,
            "stream/frames: the own events come too",
            own_events,
        ),
        client(
            SECTION,
            "stream/frames: durable frames ascend by position, none is missing",
            ascending,
        ),
        client(
            SECTION,
            "stream/frames: creating a room tells create and join",
            room_create,
        ),
        client(
            SECTION,
            "stream/frames: others' rooms are not heard",
            others_rooms,
        ),
        client(
            SECTION,
            "stream/frames: after a kick nothing more of the room is heard",
            after_kick,
        ),
        client(
            SECTION,
            "stream/frames: a redacted message is replayed without its content",
            replay_redacted,
        ),
        client(
            SECTION,
            "stream/since: replays what came after that position, then goes on live",
            replay,
        ),
        client(
            SECTION,
            "stream/client: {\"type\":\"ping\"} is answered by {\"type\":\"pong\"}",
            ping,
        ),
        client(
            SECTION,
            "stream/client: unknown and broken client frames are ignored",
            unknown_frames,
        ),
    ]
}

async fn hello(t: Trial) -> Verdict {
    let person = t.person().await?;
    let me = person.get("/v1/me").await?.ok()?;
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    let end = person.sync_end().await?;
    let socket = person.listens().await?;
    let frames = socket.frames();
    let first = frames.first().ok_or_else(|| failed("no frame"))?;
    shape("hello", first, shapes::HELLO)?;
    judge::equal(first, "/type", "hello")?;
    judge::equal(first, "/session_id", person.account().session_id().await)?;
    judge::equal(first, "/tenant_id", me["tenant"]["id"].clone())?;
    judge::equal(first, "/server_name", config["server_name"].clone())?;
    must(judge::int(first, "/stream_position")? >= end, || {
        "its position is before the end of sync".to_owned()
    })
}

async fn header_token(t: Trial) -> Verdict {
    let person = t.person().await?;
    let socket = Socket::open(&person, TokenIn::Header, "").await?;
    socket
        .wait("hello", |frame| frame["type"] == "hello")
        .await
        .map(drop)
}

async fn message(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let socket = member.listens().await?;
    let uuid = crate::cast::random_uuid();
    let request = json!({"content": text_content("hello"), "event_uuid": uuid});
    let sent = owner.post(room.at("/send"), request).await?.ok()?;
    let frame = socket
        .wait_in(&room.id, "swp.room.message", |_| true)
        .await?;
    shape("frame", &frame, shapes::DURABLE_FRAME)?;
    for field in [
        "id",
        "sender_id",
        "stream_position",
        "origin_ts",
        "content",
        "event_uuid",
    ] {
        judge::equal(&frame, &format!("/{field}"), sent[field].clone())?;
    }
    Ok(())
}

async fn agrees_with_sync(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let end = member.sync_end().await?;
    let socket = member.listens().await?;
    owner.says(&room, "hello").await?;
    owner
        .put(room.at("/name"), json!({"name": "Both doors"}))
        .await?
        .ok()?;
    let data = member
        .get(format!("/v1/sync?since={end}&timeout=0"))
        .await?
        .ok()?;
    for event in judge::list(&data, "/events")? {
        if event["room_id"] != room.id.as_str() {
            continue;
        }
        let frame = socket
            .wait("the event's frame", |frame| frame["id"] == event["id"])
            .await?;
        judge::equal(&frame, "/type", event["event_type"].clone())?;
        for field in ["stream_position", "sender_id", "origin_ts", "room_id"] {
            judge::equal(&frame, &format!("/{field}"), event[field].clone())?;
        }
    }
    Ok(())
}

async fn own_events(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let socket = person.listens().await?;
    let sent = person.says(&room, "to myself").await?;
    socket
        .wait("the own message", |frame| frame["id"] == sent["id"])
        .await
        .map(drop)
}

async fn ascending(t: Trial) -> Verdict {
    let [a, b] = t.people().await?;
    let room = a.group_with(&[&b]).await?;
    let socket = b.listens().await?;
    let sends = (0..20).map(|number| {
        let (person, room) = (if number % 2 == 0 { &a } else { &b }, &room);
        async move { person.says(room, &number.to_string()).await }
    });
    for sent in futures::future::join_all(sends).await {
        let id = sent?["id"].clone();
        socket
            .wait("each message", |frame| frame["id"] == id)
            .await?;
    }
    let positions: Vec<i64> = socket
        .frames()
        .iter()
        .filter(|frame| frame["room_id"] == room.id.as_str())
        .filter_map(|frame| frame["stream_position"].as_i64())
        .collect();
    must(positions.len() == 20, || {
        format!("{} frames instead of 20", positions.len())
    })?;
    must(
        positions
            .windows(2)
            .all(|pair| matches!(pair, [a, b] if a < b)),
        || format!("positions do not rise: {positions:?}"),
    )
}

async fn room_create(t: Trial) -> Verdict {
    let person = t.person().await?;
    let socket = person.listens().await?;
    let room = person.creates(json!({"name": "Heard"})).await?;
    let frame = socket
        .wait_in(&room.id, "swp.room.create", |_| true)
        .await?;
    shape("frame", &frame, shapes::DURABLE_FRAME)?;
    shape(
        "frame",
        &frame,
        "creator_id id, room_type str, name str~, scope_kind str~",
    )?;
    judge::equal(&frame, "/creator_id", person.id())?;
    judge::equal(&frame, "/room_type", "group")?;
    let frame = socket
        .wait_in(&room.id, "swp.room.member", |_| true)
        .await?;
    judge::equal(&frame, "/membership", "join")?;
    judge::equal(&frame, "/power_level", 100)
}

async fn others_rooms(t: Trial) -> Verdict {
    let [reader, writer] = t.people().await?;
    let unseen = writer.public_with(&[]).await?;
    let shared = writer.group_with(&[&reader]).await?;
    let socket = reader.listens().await?;
    writer.says(&unseen, "unheard").await?;
    let seen = writer.says(&shared, "heard").await?;
    socket
        .wait("the shared room's message", |frame| {
            frame["id"] == seen["id"]
        })
        .await?;
    judge::no_row(&socket.frames(), "/room_id", unseen.id.as_str())
}

async fn after_kick(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let shared = owner.group_with(&[&member]).await?;
    let socket = member.listens().await?;
    let request = json!({"participant_id": member.id()});
    owner.post(room.at("/kick"), request).await?.ok()?;
    let unheard = owner.says(&room, "unheard").await?;
    let heard = owner.says(&shared, "heard").await?;
    socket
        .wait("the shared room's message", |frame| {
            frame["id"] == heard["id"]
        })
        .await?;
    judge::no_row(&socket.frames(), "/id", unheard["id"].clone())
}

async fn replay_redacted(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let end = member.sync_end().await?;
    let sent = owner.says(&room, "gone").await?;
    owner
        .post(room.event(&sent, "/redact"), json!({}))
        .await?
        .ok()?;
    let socket = Socket::open(&member, TokenIn::Query, &format!("since={end}")).await?;
    let frame = socket
        .wait("the message", |frame| frame["id"] == sent["id"])
        .await?;
    judge::equal(&frame, "/content", json!({}))
}

async fn replay(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let before = owner.says(&room, "before").await?;
    let end = member.sync_end().await?;
    let missed = owner.says(&room, "missed").await?;
    let socket = Socket::open(&member, TokenIn::Query, &format!("since={end}")).await?;
    socket
        .wait("the missed message", |frame| frame["id"] == missed["id"])
        .await?;
    let live = owner.says(&room, "live").await?;
    socket
        .wait("the live message", |frame| frame["id"] == live["id"])
        .await?;
    let frames = socket.frames();
    judge::no_row(&frames, "/id", before["id"].clone())?;
    judge::equal(frames.first().unwrap_or(&json!(null)), "/type", "hello")?;
    let count = frames
        .iter()
        .filter(|frame| frame["id"] == missed["id"])
        .count();
    must(count == 1, || {
        format!("the missed message came {count} times")
    })
}

async fn ping(t: Trial) -> Verdict {
    let person = t.person().await?;
    let socket = person.listens().await?;
    socket.send(r#"{"type":"ping"}"#).await?;
    socket
        .wait("pong", |frame| frame["type"] == "pong")
        .await
        .map(drop)
}

async fn unknown_frames(t: Trial) -> Verdict {
    let person = t.person().await?;
    let socket = person.listens().await?;
    for text in [
        r#"{"type":"dance"}"#,
        "not json",
        "[]",
        r#"{"no":"type"}"#,
        "",
    ] {
        socket.send(text).await?;
    }
    socket.send(r#"{"type":"ping"}"#).await?;
    socket.wait("pong", |frame| frame["type"] == "pong").await?;
    must(!socket.is_closed(), || "the socket was closed".to_owned())
}
