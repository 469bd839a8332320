//! Incognito rooms, and how they end with their creator.

use serde_json::{Value, json};

use crate::check::{Check, Verdict, client, failed};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 6.1, 6.2, 6.3";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "rooms/incognito: the type needs no name, sets the scope and closes with its creator",
            type_defaults,
        ),
        client(
            SECTION,
            "rooms/incognito: the scope goes with group and public, and closes only where it is said",
            scope_defaults,
        ),
        client(
            SECTION,
            "rooms/incognito: auto_close without the scope, and is_public with the type, get SW_VALIDATION_ERROR",
            conflicts,
        ),
        client(
            SECTION,
            "rooms/incognito: each event has do_not_index true",
            marked,
        ),
        client(
            SECTION,
            "rooms/incognito: may be restricted; nobody knocks at one that is not",
            knocking,
        ),
        client(
            SECTION,
            "rooms/incognito: somebody of another server is refused",
            foreign,
        ),
        client(
            SECTION,
            "rooms/settings: auto_close is for incognito rooms, others get SW_ROOM_TYPE_INVARIANT",
            settings,
        ),
        client(
            SECTION,
            "rooms/incognito: closes for good when its creator leaves, and tells everybody so",
            closes,
        ),
        client(
            SECTION,
            "rooms/incognito: without auto_close it goes on when its creator leaves",
            goes_on,
        ),
    ]
}

async fn type_defaults(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.creates(json!({"room_type": "incognito"})).await?;
    shape("room", &room.data, shapes::ROOM)?;
    for (field, value) in [
        ("/room_type", json!("incognito")),
        ("/scope_kind", json!("incognito")),
        ("/auto_close", json!(true)),
        ("/is_public", json!(false)),
        ("/federated", json!(false)),
        ("/name", Value::Null),
        ("/room_alias", Value::Null),
    ] {
        judge::equal(&room.data, field, value)?;
    }
    let request = json!({"room_type": "incognito", "name": "Named", "auto_close": false});
    let room = person.creates(request).await?;
    judge::equal(&room.data, "/name", "Named")?;
    judge::equal(&room.data, "/auto_close", false)
}

async fn scope_defaults(t: Trial) -> Verdict {
    let person = t.person().await?;
    for kind in ["group", "public"] {
        let request = json!({"name": "Room", "room_type": kind, "scope_kind": "incognito"});
        let room = person.creates(request).await?;
        judge::equal(&room.data, "/room_type", kind)?;
        judge::equal(&room.data, "/scope_kind", "incognito")?;
        judge::equal(&room.data, "/auto_close", false)?;
    }
    Ok(())
}

async fn conflicts(t: Trial) -> Verdict {
    let person = t.person().await?;
    let request = json!({"name": "Room", "auto_close": true});
    let answer = person.post("/v1/rooms", request).await?;
    answer.invalid("body.auto_close", Some("conflict"))?;
    let request = json!({"room_type": "incognito", "is_public": true});
    let answer = person.post("/v1/rooms", request).await?;
    answer.invalid("body.is_public", Some("conflict"))?;
    let request = json!({"scope_kind": "incognito"});
    let answer = person.post("/v1/rooms", request).await?;
    answer.invalid("body.name", Some("missing"))
}

async fn marked(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let since = owner.sync_end().await?;
    let room = owner.creates(json!({"room_type": "incognito"})).await?;
    room.admit(&owner, &member).await?;
    let content = json!({"body": "hello", "do_not_index": false});
    let request = json!({"content": content});
    let message = owner.post(room.at("/send"), request).await?.ok()?;
    judge::equal(&message, "/content/do_not_index", true)?;
    let request = json!({"content": {"body": "changed"}});
    let path = room.event(&message, "/edit");
    let edited = owner.post(path, request).await?.ok()?;
    judge::equal(&edited, "/content/do_not_index", true)?;
    owner
        .put(room.at("/topic"), json!({"topic": "Talk"}))
        .await?
        .ok()?;
    let path = format!("/v1/sync?since={since}&timeout=0&limit=500");
    let synced = owner.get(path).await?.ok()?;
    let synced = judge::list(&synced, "/events")?;
    let events = room.history(&owner).await?.into_iter().chain(synced);
    for event in events.filter(|event| event["room_id"] == room.id.as_str()) {
        judge::equal(&event, "/content/do_not_index", true)?;
    }
    Ok(())
}

async fn knocking(t: Trial) -> Verdict {
    let [owner, other] = t.people().await?;
    let room = owner.creates(json!({"room_type": "incognito"})).await?;
    let answer = other.post(room.at("/knock"), json!({})).await?;
    answer.refused("SW_ROOM_TYPE_INVARIANT")?;
    let request = json!({
        "room_type": "incognito", "visibility": "restricted", "read_role_slugs": ["no-such-role"],
    });
    let answer = owner.post("/v1/rooms", request).await?;
    answer.invalid("body.read_role_slugs", Some("conflict"))
}

async fn foreign(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let request = json!({"fqid": "@somebody:elsewhere.invalid"});
    for room in [
        json!({"room_type": "incognito"}),
        json!({"name": "Room", "scope_kind": "incognito"}),
    ] {
        let room = owner.creates(room).await?;
        for path in ["/invite", "/invitations"] {
            let answer = owner.post(room.at(path), request.clone()).await?;
            answer.refused("SW_FED_REFUSED")?;
        }
    }
    Ok(())
}

async fn settings(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    let (on, off) = (json!({"auto_close": true}), json!({"auto_close": false}));
    let answer = owner.put(room.at("/settings"), on.clone()).await?;
    answer.refused("SW_ROOM_TYPE_INVARIANT")?;
    let room = owner.creates(json!({"room_type": "incognito"})).await?;
    for (request, now) in [(off, false), (on, true)] {
        let changed = owner.put(room.at("/settings"), request).await?.ok()?;
        judge::equal(&changed, "/auto_close", now)?;
    }
    Ok(())
}

async fn closes(t: Trial) -> Verdict {
    let [owner, member, invited] = t.people().await?;
    let room = owner.creates(json!({"room_type": "incognito"})).await?;
    room.admit(&owner, &member).await?;
    let request = json!({"participant_id": invited.id()});
    owner.post(room.at("/invite"), request).await?.ok()?;
    let message = owner.says(&room, "between us").await?;
    let since = member.sync_end().await?;
    let socket = member.listens().await?;
    owner.post(room.at("/leave"), json!({})).await?.done()?;
    let frame = socket
        .wait_in(&room.id, "swp.room.member", |frame| {
            frame["participant_id"] == member.id()
        })
        .await?;
    shape("frame", &frame, shapes::DURABLE_FRAME)?;
    judge::equal(&frame, "/membership", "leave")?;
    for person in [&owner, &member, &invited] {
        let path = format!("/v1/sync?since={since}&timeout=0&limit=500");
        let synced = person.get(path).await?.ok()?;
        let synced = judge::list(&synced, "/events")?;
        let mut of_room = synced.iter().filter(|at| at["room_id"] == room.id.as_str());
        let told = of_room
            .next()
            .ok_or_else(|| failed("sync does not tell of the leave"))?;
        shape("event", told, shapes::SYNC_EVENT)?;
        judge::equal(told, "/event_type", "swp.room.member")?;
        judge::equal(told, "/content/participant_id", person.id())?;
        judge::equal(told, "/content/membership", "leave")?;
        must(of_room.next().is_none(), || {
            "sync tells more of the room than the leave".to_owned()
        })?;
        let shown = person.get(room.at("")).await?.ok()?;
        shape("room", &shown, shapes::ROOM)?;
        judge::equal(&shown, "/state", "closed")?;
        judge::equal(&shown, "/membership", "leave")?;
        judge::equal(&shown, "/name", Value::Null)?;
        must(room.history(person).await?.is_empty(), || {
            "the history is still there".to_owned()
        })?;
    }
    let answer = member.get(room.event(&message, "")).await?;
    answer.refused("SW_EVENT_NOT_FOUND")?;
    let request = json!({"content": {"body": "x"}});
    let answer = member.post(room.at("/send"), request).await?;
    answer.refused("SW_NOT_MEMBER")?;
    for person in [&owner, &member] {
        let answer = person.post(room.at("/rejoin"), json!({})).await?;
        answer.refused("SW_ROOM_FROZEN")?;
    }
    owner.post(room.at("/leave"), json!({})).await?.done()
}

async fn goes_on(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let request = json!({"room_type": "incognito", "auto_close": false});
    let room = owner.creates(request).await?;
    room.admit(&owner, &member).await?;
    let message = owner.says(&room, "stays").await?;
    owner.post(room.at("/leave"), json!({})).await?.done()?;
    member.get(room.event(&message, "")).await?.ok()?;
    let shown = member.get(room.at("")).await?.ok()?;
    judge::equal(&shown, "/state", "open")
}
