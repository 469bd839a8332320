//! `PUT {r}/notification-mode` and `PUT {r}/mute`: what a member alone decides.

use serde_json::{Value, json};

use crate::check::{Check, Verdict, client};
use crate::judge::{self, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 6.1, 11";
const FOREVER: &str = "9999-12-31T23:59:59.000Z";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "rooms/notification-mode: each mode is kept and answered as the own Member",
            modes,
        ),
        client(
            SECTION,
            "rooms/notification-mode: a mode that is none gets SW_VALIDATION_ERROR",
            bad_mode,
        ),
        client(
            SECTION,
            "rooms/mute: until a time, forever, and null unmutes",
            mute,
        ),
        client(
            SECTION,
            "rooms/mute: without `until`, or with no time, gets SW_VALIDATION_ERROR",
            bad_mute,
        ),
        client(
            SECTION,
            "rooms/mute: it and the mode go on in an archived room, and are the own affair",
            own_affair,
        ),
        client(
            SECTION,
            "rooms/mute: it and the mode of a room one is not in get SW_NOT_MEMBER, of an unknown one SW_ROOM_NOT_FOUND",
            outside,
        ),
    ]
}

async fn modes(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    for mode in ["all", "none", "inherit", "mentions"] {
        let member = person
            .put(room.at("/notification-mode"), json!({"mode": mode}))
            .await?
            .ok()?;
        shape("member", &member, shapes::MEMBER)?;
        judge::equal(&member, "/participant_id", person.id())?;
        judge::equal(&member, "/notification_mode", mode)?;
        let seen = person.get(room.at("")).await?.ok()?;
        judge::equal(&seen, "/notification_mode", mode)?;
    }
    Ok(())
}

async fn bad_mode(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let answer = person
        .put(room.at("/notification-mode"), json!({"mode": "loud"}))
        .await?;
    answer.invalid("body.mode", Some("enum"))
}

async fn mute(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    for (until, shown) in [
        (
            json!("2098-01-31T12:00:00+02:00"),
            json!("2098-01-31T10:00:00.000Z"),
        ),
        (json!("forever"), json!(FOREVER)),
        (Value::Null, Value::Null),
    ] {
        let member = person
            .put(room.at("/mute"), json!({"until": until}))
            .await?
            .ok()?;
        shape("member", &member, shapes::MEMBER)?;
        judge::equal(&member, "/muted_until", shown.clone())?;
        let seen = person.get(room.at("")).await?.ok()?;
        judge::equal(&seen, "/muted_until", shown)?;
    }
    Ok(())
}

async fn bad_mute(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    for request in [json!({}), json!({"until": "later"}), json!({"until": 5})] {
        let answer = person.put(room.at("/mute"), request).await?;
        answer.invalid("body.until", None)?;
    }
    Ok(())
}

async fn own_affair(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    owner.post(room.at("/archive"), json!({})).await?.ok()?;
    let request = json!({"until": "forever"});
    owner.put(room.at("/mute"), request).await?.ok()?;
    let request = json!({"mode": "none"});
    let path = room.at("/notification-mode");
    owner.put(path, request).await?.ok()?;
    let seen = member.get(room.at("")).await?.ok()?;
    judge::equal(&seen, "/muted_until", Value::Null)?;
    judge::equal(&seen, "/notification_mode", "mentions")
}

async fn outside(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let unknown = "/v1/rooms/00000000-0000-8000-8000-000000000000";
    for (path, request) in [
        ("/notification-mode", json!({"mode": "all"})),
        ("/mute", json!({"until": null})),
    ] {
        outsider
            .put(room.at(path), request.clone())
            .await?
            .refused("SW_NOT_MEMBER")?;
        outsider
            .put(format!("{unknown}{path}"), request)
            .await?
            .refused("SW_ROOM_NOT_FOUND")?;
    }
    Ok(())
}
