//! Direct messages: `POST /v1/rooms/dm` and what a DM refuses.

use serde_json::{Value, json};

use crate::check::{Check, Verdict, client};
use crate::judge::{self, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 6.1, 6.3, 6.6";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "rooms/dm: answers a Room of type dm with both joined at level 100",
            create,
        ),
        client(
            SECTION,
            "rooms/dm: display_name is the other's name",
            display_name,
        ),
        client(
            SECTION,
            "rooms/dm: the existing one comes back, from either side",
            one_per_pair,
        ),
        client(
            SECTION,
            "rooms/dm: an unknown participant gets SW_NOT_FOUND",
            unknown,
        ),
        client(
            SECTION,
            "rooms/dm: with oneself gets SW_VALIDATION_ERROR",
            oneself,
        ),
        client(
            SECTION,
            "rooms/dm: a third cannot join: SW_ROOM_TYPE_INVARIANT",
            third,
        ),
        client(
            SECTION,
            "rooms/dm: what the type forbids gets SW_ROOM_TYPE_INVARIANT",
            invariants,
        ),
        client(
            SECTION,
            "rooms/dm: nobody redacts the other's message",
            redact_other,
        ),
        client(
            SECTION,
            "rooms/dm: close is leave for the caller",
            close_is_leave,
        ),
        client(
            SECTION,
            "rooms/dm: one gone, a message brings them back",
            message_brings_back,
        ),
        client(
            SECTION,
            "rooms/dm: both gone archives it, either may rejoin",
            both_gone,
        ),
        client(
            SECTION,
            "rooms/dm: asking again reopens an archived one",
            asking_reopens,
        ),
    ]
}

async fn create(t: Trial) -> Verdict {
    let (a, b) = (t.newcomer().await?, t.person().await?);
    let room = a.dm_with(&b).await?;
    shape("room", &room.data, shapes::ROOM)?;
    for (field, value) in [
        ("/room_type", json!("dm")),
        ("/name", Value::Null),
        ("/room_alias", Value::Null),
        ("/is_public", json!(false)),
        ("/member_count", json!(2)),
        ("/notification_mode", json!("all")),
    ] {
        judge::equal(&room.data, field, value)?;
    }
    for person in [&a, &b] {
        let row = room.member(&a, person).await?;
        judge::equal(&row, "/membership", "join")?;
        judge::equal(&row, "/power_level", 100)?;
    }
    Ok(())
}

async fn display_name(t: Trial) -> Verdict {
    let (a, b) = (t.newcomer().await?, t.person().await?);
    let room = a.dm_with(&b).await?;
    for (viewer, other) in [(&a, &b), (&b, &a)] {
        let data = viewer.get(room.at("")).await?.ok()?;
        let other = other.get("/v1/me").await?.ok()?;
        judge::equal(&data, "/display_name", other["display_name"].clone())?;
    }
    Ok(())
}

async fn one_per_pair(t: Trial) -> Verdict {
    let (a, b) = (t.newcomer().await?, t.person().await?);
    let room = a.dm_with(&b).await?;
    for again in [a.dm_with(&b).await?, b.dm_with(&a).await?] {
        judge::equal(&again.data, "/id", room.id.as_str())?;
    }
    Ok(())
}

async fn unknown(t: Trial) -> Verdict {
    let person = t.person().await?;
    let request = json!({"participant_id": "00000000-0000-8000-8000-000000000000"});
    person
        .post("/v1/rooms/dm", request)
        .await?
        .refused("SW_NOT_FOUND")
        .map(drop)
}

async fn oneself(t: Trial) -> Verdict {
    let person = t.person().await?;
    let answer = person
        .post("/v1/rooms/dm", json!({"participant_id": person.id()}))
        .await?;
    answer.invalid("body.participant_id", None)
}

async fn third(t: Trial) -> Verdict {
    let (a, b, c) = (t.newcomer().await?, t.person().await?, t.newcomer().await?);
    let room = a.dm_with(&b).await?;
    c.post(room.at("/join"), json!({}))
        .await?
        .refused("SW_ROOM_TYPE_INVARIANT")
        .map(drop)
}

async fn invariants(t: Trial) -> Verdict {
    let (a, b, c) = (t.newcomer().await?, t.person().await?, t.newcomer().await?);
    let room = a.dm_with(&b).await?;
    let (other, third) = (
        json!({"participant_id": b.id()}),
        json!({"participant_id": c.id()}),
    );
    for (method, path, body) in [
        ("POST", "/invite".to_owned(), third.clone()),
        ("POST", "/invitations".to_owned(), third),
        ("POST", "/kick".to_owned(), other.clone()),
        ("POST", "/ban".to_owned(), other.clone()),
        ("POST", "/unban".to_owned(), other),
        ("PUT", "/name".to_owned(), json!({"name": "A name"})),
        ("PUT", "/topic".to_owned(), json!({"topic": "A topic"})),
        (
            "PUT",
            "/settings".to_owned(),
            json!({"edit_window_seconds": 5}),
        ),
        (
            "PUT",
            format!("/members/{}/power-level", b.id()),
            json!({"power_level": 50}),
        ),
        ("PUT", "/power-levels".to_owned(), json!({"send": 10})),
        ("POST", "/archive".to_owned(), json!({})),
    ] {
        let answer = a.call(method, room.at(&path)).json(body).send().await?;
        answer.refused("SW_ROOM_TYPE_INVARIANT")?;
    }
    Ok(())
}

async fn redact_other(t: Trial) -> Verdict {
    let (a, b) = (t.newcomer().await?, t.person().await?);
    let room = a.dm_with(&b).await?;
    let message = b.says(&room, "mine").await?;
    let answer = a.post(room.event(&message, "/redact"), json!({})).await?;
    answer.refused("SW_REDACT_FORBIDDEN").map(drop)
}

async fn close_is_leave(t: Trial) -> Verdict {
    let (a, b) = (t.newcomer().await?, t.person().await?);
    let room = a.dm_with(&b).await?;
    a.post(room.at("/close"), json!({})).await?.ok()?;
    let row = room.member(&b, &a).await?;
    judge::equal(&row, "/membership", "leave")?;
    let data = b.get(room.at("")).await?.ok()?;
    judge::equal(&data, "/state", "open")
}

async fn message_brings_back(t: Trial) -> Verdict {
    let (a, b) = (t.newcomer().await?, t.person().await?);
    let room = a.dm_with(&b).await?;
    a.post(room.at("/leave"), json!({})).await?.done()?;
    b.says(&room, "come back").await?;
    let row = room.member(&b, &a).await?;
    judge::equal(&row, "/membership", "join")
}

async fn both_gone(t: Trial) -> Verdict {
    let (a, b) = (t.newcomer().await?, t.person().await?);
    let room = a.dm_with(&b).await?;
    for person in [&a, &b] {
        person.post(room.at("/leave"), json!({})).await?.done()?;
    }
    let data = b.get(room.at("")).await?.ok()?;
    judge::equal(&data, "/state", "archived")?;
    let data = b.post(room.at("/rejoin"), json!({})).await?.ok()?;
    judge::equal(&data, "/state", "open")?;
    judge::equal(&data, "/membership", "join")
}

async fn asking_reopens(t: Trial) -> Verdict {
    let (a, b) = (t.newcomer().await?, t.person().await?);
    let room = a.dm_with(&b).await?;
    for person in [&a, &b] {
        person.post(room.at("/leave"), json!({})).await?.done()?;
    }
    let again = a.dm_with(&b).await?;
    judge::equal(&again.data, "/id", room.id.as_str())?;
    judge::equal(&again.data, "/state", "open")?;
    judge::equal(&again.data, "/membership", "join")
}
