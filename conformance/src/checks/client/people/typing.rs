//! `PUT /v1/typing` and its frame.

use serde_json::json;

use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape};
use crate::trial::Trial;

const SECTION: &str = "client-core 4";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(SECTION, "typing/put: joined members see it, live", frame),
        client(
            SECTION,
            "typing/put: it ends by itself 4 s after the last publish",
            ends,
        ),
        client(SECTION, "typing/put: it ends with a send", ends_with_send),
        client(
            SECTION,
            "typing/put: who is not joined gets SW_NOT_MEMBER",
            not_member,
        ),
        client(
            SECTION,
            "typing/put: an unknown room gets SW_ROOM_NOT_FOUND",
            unknown_room,
        ),
        client(
            SECTION,
            "typing/put: an archived room gets SW_ROOM_FROZEN",
            frozen,
        ),
        client(SECTION, "typing/put: is not in sync", not_stored),
    ]
}

async fn frame(t: Trial) -> Verdict {
    let [typist, viewer] = t.people().await?;
    let room = typist.group_with(&[&viewer]).await?;
    let socket = viewer.listens().await?;
    let request = json!({"room_id": room.id, "typing": true});
    typist.put("/v1/typing", request).await?.done()?;
    let frame = socket
        .wait_in(&room.id, "typing", |frame| frame["typing"] == true)
        .await?;
    shape(
        "frame",
        &frame,
        "type str, tenant_id id, ts time, room_id id, participant_id id, typing bool",
    )?;
    judge::equal(&frame, "/participant_id", typist.id())?;
    let request = json!({"room_id": room.id, "typing": false});
    typist.put("/v1/typing", request).await?.done()?;
    socket
        .wait_in(&room.id, "typing", |frame| frame["typing"] == false)
        .await
        .map(drop)
}

async fn ends(t: Trial) -> Verdict {
    let [typist, viewer] = t.people().await?;
    let room = typist.group_with(&[&viewer]).await?;
    let socket = viewer.listens().await?;
    let begin = std::time::Instant::now();
    let request = json!({"room_id": room.id, "typing": true});
    typist.put("/v1/typing", request).await?.done()?;
    socket
        .wait_in(&room.id, "typing", |frame| frame["typing"] == false)
        .await?;
    let after = begin.elapsed().as_secs_f32();
    must((3.0..7.0).contains(&after), || {
        format!("it ended after {after} s")
    })
}

async fn ends_with_send(t: Trial) -> Verdict {
    let [typist, viewer] = t.people().await?;
    let room = typist.group_with(&[&viewer]).await?;
    let socket = viewer.listens().await?;
    let request = json!({"room_id": room.id, "typing": true});
    typist.put("/v1/typing", request).await?.done()?;
    socket
        .wait_in(&room.id, "typing", |frame| frame["typing"] == true)
        .await?;
    let begin = std::time::Instant::now();
    typist.says(&room, "done").await?;
    socket
        .wait_in(&room.id, "typing", |frame| frame["typing"] == false)
        .await?;
    must(begin.elapsed().as_secs_f32() < 3.0, || {
        "it ended only by itself".to_owned()
    })
}

async fn not_member(t: Trial) -> Verdict {
    let [owner, other] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let request = json!({"room_id": room.id, "typing": true});
    other
        .put("/v1/typing", request)
        .await?
        .refused("SW_NOT_MEMBER")
        .map(drop)
}

async fn unknown_room(t: Trial) -> Verdict {
    let person = t.person().await?;
    let request = json!({"room_id": "00000000-0000-8000-8000-000000000000", "typing": true});
    person
        .put("/v1/typing", request)
        .await?
        .refused("SW_ROOM_NOT_FOUND")
        .map(drop)
}

async fn frozen(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    person.post(room.at("/archive"), json!({})).await?.ok()?;
    let request = json!({"room_id": room.id, "typing": true});
    person
        .put("/v1/typing", request)
        .await?
        .refused("SW_ROOM_FROZEN")
        .map(drop)
}

async fn not_stored(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let end = person.sync_end().await?;
    let request = json!({"room_id": room.id, "typing": true});
    person.put("/v1/typing", request).await?.done()?;
    let data = person
        .get(format!("/v1/sync?since={end}&timeout=0"))
        .await?
        .ok()?;
    let events = judge::list(&data, "/events")?;
    judge::no_row(&events, "/room_id", room.id.as_str())
}
