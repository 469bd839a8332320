//! Joining and leaving.

use serde_json::json;

use crate::check::{Check, Verdict, client};
use crate::judge::{self, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 6.1, 6.5";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "rooms/join: anybody joins a public room, at level 0",
            public,
        ),
        client(
            SECTION,
            "rooms/join: an invited person joins a group",
            invited,
        ),
        client(
            SECTION,
            "rooms/join: without an invitation gets SW_ROOM_FORBIDDEN",
            uninvited,
        ),
        client(
            SECTION,
            "rooms/join: banned gets SW_ROOM_FORBIDDEN, in a public room too",
            banned,
        ),
        client(SECTION, "rooms/join: again is harmless", again),
        client(
            SECTION,
            "rooms/join: an unknown room gets SW_ROOM_NOT_FOUND",
            unknown,
        ),
        client(
            SECTION,
            "rooms/join: an archived room gets SW_ROOM_FROZEN",
            archived,
        ),
        client(
            SECTION,
            "rooms/join: a frame and an event tell the members",
            told,
        ),
        client(
            SECTION,
            "rooms/join: who returns has the default level again",
            returning_level,
        ),
        client(
            SECTION,
            "rooms/leave: history stays readable up to the own leave",
            history_after_leave,
        ),
        client(
            SECTION,
            "rooms/leave: afterwards sending gets SW_NOT_MEMBER",
            send_after_leave,
        ),
        client(SECTION, "rooms/leave: again is harmless", leave_again),
        client(
            SECTION,
            "rooms/leave: who never was there gets SW_NOT_MEMBER",
            never_there,
        ),
        client(
            SECTION,
            "rooms/leave: the last to leave archives the room",
            last_leaves,
        ),
        client(
            SECTION,
            "rooms/leave: when the last at 100 goes, the highest, then longest joined gets 100",
            succession,
        ),
    ]
}

async fn public(t: Trial) -> Verdict {
    let [owner, other] = t.people().await?;
    let room = owner.public_with(&[]).await?;
    let data = other.post(room.at("/join"), json!({})).await?.ok()?;
    shape("room", &data, shapes::ROOM)?;
    judge::equal(&data, "/membership", "join")?;
    judge::equal(&data, "/power_level", 0)?;
    judge::equal(&data, "/member_count", 2)
}

async fn invited(t: Trial) -> Verdict {
    let [owner, guest] = t.people().await?;
    let room = owner
        .creates(json!({"name": "Room", "invite": [guest.id()]}))
        .await?;
    let data = guest.post(room.at("/join"), json!({})).await?.ok()?;
    judge::equal(&data, "/membership", "join")
}

async fn uninvited(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let answer = outsider.post(room.at("/join"), json!({})).await?;
    answer.refused("SW_ROOM_FORBIDDEN").map(drop)
}

async fn banned(t: Trial) -> Verdict {
    let [owner, target] = t.people().await?;
    let room = owner.public_with(&[]).await?;
    let request = json!({"participant_id": target.id()});
    owner.post(room.at("/ban"), request).await?.ok()?;
    let answer = target.post(room.at("/join"), json!({})).await?;
    answer.refused("SW_ROOM_FORBIDDEN").map(drop)
}

async fn again(t: Trial) -> Verdict {
    let [owner, other] = t.people().await?;
    let room = owner.public_with(&[&other]).await?;
    let end = owner.sync_end().await?;
    other.post(room.at("/join"), json!({})).await?.ok()?;
    let data = owner
        .get(format!("/v1/sync?since={end}&timeout=0"))
        .await?
        .ok()?;
    judge::no_row(
        &judge::list(&data, "/events")?,
        "/room_id",
        room.id.as_str(),
    )
}

async fn unknown(t: Trial) -> Verdict {
    let person = t.person().await?;
    let path = "/v1/rooms/00000000-0000-8000-8000-000000000000/join";
    person
        .post(path, json!({}))
        .await?
        .refused("SW_ROOM_NOT_FOUND")
        .map(drop)
}

async fn archived(t: Trial) -> Verdict {
    let [owner, other] = t.people().await?;
    let room = owner.public_with(&[]).await?;
    owner.post(room.at("/archive"), json!({})).await?.ok()?;
    other
        .post(room.at("/join"), json!({}))
        .await?
        .refused("SW_ROOM_FROZEN")
        .map(drop)
}

async fn told(t: Trial) -> Verdict {
    let [owner, other] = t.people().await?;
    let room = owner.public_with(&[]).await?;
    let socket = owner.listens().await?;
    other.post(room.at("/join"), json!({})).await?.ok()?;
    let frame = socket
        .wait_in(&room.id, "swp.room.member", |frame| {
            frame["participant_id"] == other.id()
        })
        .await?;
    shape("frame", &frame, shapes::DURABLE_FRAME)?;
    shape(
        "frame",
        &frame,
        "participant_id id, membership str, changed_by id, reason str~, power_level int",
    )?;
    judge::equal(&frame, "/membership", "join")?;
    judge::equal(&frame, "/changed_by", other.id())?;
    let history = room.history(&owner).await?;
    let event = judge::row(&history, "/id", frame["id"].clone());
    // The frame's id is the event's: clients drop doubles by it.
    let event = event?;
    judge::equal(event, "/event_type", "swp.room.member")?;
    judge::equal(event, "/content/msgtype", "swp.system")?;
    judge::text(event, "/content/body").map(drop)
}

async fn returning_level(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.public_with(&[&member]).await?;
    room.promote(&owner, &member, 50).await?;
    member.post(room.at("/leave"), json!({})).await?.done()?;
    let data = member.post(room.at("/join"), json!({})).await?.ok()?;
    judge::equal(&data, "/power_level", 0)
}

async fn history_after_leave(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let before = owner.says(&room, "before").await?;
    member
        .post(room.at("/leave"), json!({"reason": "bye"}))
        .await?
        .done()?;
    let after = owner.says(&room, "after").await?;
    let history = room.history(&member).await?;
    judge::row(&history, "/id", before["id"].clone())?;
    judge::no_row(&history, "/id", after["id"].clone())?;
    let answer = member.get(room.event(&after, "")).await?;
    answer.refused("SW_EVENT_NOT_FOUND").map(drop)
}

async fn send_after_leave(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    member.post(room.at("/leave"), json!({})).await?.done()?;
    let request = json!({"content": {"body": "still here"}});
    member
        .post(room.at("/send"), request)
        .await?
        .refused("SW_NOT_MEMBER")
        .map(drop)
}

async fn leave_again(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    for _ in 0..2 {
        member.post(room.at("/leave"), json!({})).await?.done()?;
    }
    Ok(())
}

async fn never_there(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let answer = outsider.post(room.at("/leave"), json!({})).await?;
    answer.refused("SW_NOT_MEMBER").map(drop)
}

async fn last_leaves(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    for person in [&member, &owner] {
        person.post(room.at("/leave"), json!({})).await?.done()?;
    }
    let data = owner.get(room.at("")).await?.ok()?;
    judge::equal(&data, "/state", "archived")?;
    judge::equal(&data, "/member_count", 0)
}

async fn succession(t: Trial) -> Verdict {
    let [owner, first, second, third] = t.people().await?;
    let room = owner.group_with(&[&first, &second, &third]).await?;
    room.promote(&owner, &second, 50).await?;
    room.promote(&owner, &third, 50).await?;
    owner.post(room.at("/leave"), json!({})).await?.done()?;
    let row = room.member(&first, &second).await?;
    judge::equal(&row, "/power_level", 100)?;
    let row = room.member(&first, &third).await?;
    judge::equal(&row, "/power_level", 50)
}
