//! What every endpoint of a room says of rooms that are not there, that one is not in, or that are archived.

use serde_json::{Value, json};

use crate::cast::person::{Person, text_content};
use crate::check::{Check, Stop, Verdict, client, failed};
use crate::client::answer::Answer;
use crate::trial::Trial;

const SECTION: &str = "client-core 1, 6.1, 6.4, 8";
const NO_ROOM: &str = "/v1/rooms/00000000-0000-8000-8000-000000000000";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "rooms/access: every endpoint of an unknown room gets SW_ROOM_NOT_FOUND",
            unknown_room,
        ),
        client(
            SECTION,
            "rooms/access: every endpoint of a room one is not in gets SW_NOT_MEMBER",
            outside,
        ),
        client(
            SECTION,
            "rooms/access: every write to an archived room gets SW_ROOM_FROZEN",
            archived,
        ),
        client(
            SECTION,
            "rooms/access: reading, markers, modes and leaving go on in an archived room",
            reading_goes_on,
        ),
    ]
}

/// A request below a room.
struct Request {
    method: &'static str,
    path: String,
    body: Option<Value>,
}

fn get(path: &str) -> Request {
    Request {
        method: "GET",
        path: path.to_owned(),
        body: None,
    }
}

fn delete(path: impl Into<String>) -> Request {
    Request {
        method: "DELETE",
        path: path.into(),
        body: None,
    }
}

fn post(path: impl Into<String>, body: Value) -> Request {
    Request {
        method: "POST",
        path: path.into(),
        body: Some(body),
    }
}

fn put(path: impl Into<String>, body: Value) -> Request {
    Request {
        method: "PUT",
        path: path.into(),
        body: Some(body),
    }
}

impl Request {
    async fn send(self, person: &Person, room: &str) -> Result<Answer, Stop> {
        let call = person.call(self.method, format!("{room}{}", self.path));
        match self.body {
            Some(body) => call.json(body).send().await,
            None => call.send().await,
        }
    }

    /// The request must be refused with this code.
    async fn refused(self, person: &Person, room: &str, code: &str) -> Verdict {
        let name = format!("{} {{r}}{}", self.method, self.path);
        let answer = self.send(person, room).await?;
        match answer.refused(code) {
            Ok(_) => Ok(()),
            Err(Stop::Failed(reason)) => Err(failed(format!("{name}: {reason}"))),
            Err(skip) => Err(skip),
        }
    }
}

/// What only reads, or is the own affair of who is in the room.
fn reads(event: &str) -> Vec<Request> {
    vec![
        get("/messages"),
        get("/members"),
        get("/state"),
        get("/power-levels"),
        get("/invitations"),
        get(&format!("/events/{event}")),
        get(&format!("/events/{event}/reactions")),
        put("/read-marker", json!({"event_id": event})),
        put("/notification-mode", json!({"mode": "all"})),
        put("/mute", json!({"until": null})),
    ]
}

/// Writes that concern the room and its messages.
fn writes(event: &str) -> Vec<Request> {
    vec![
        post("/send", json!({"content": text_content("x")})),
        post(
            format!("/events/{event}/edit"),
            json!({"content": text_content("y")}),
        ),
        post(format!("/events/{event}/reaction"), json!({"emoji": "👍"})),
        delete(format!("/events/{event}/reaction?emoji=%F0%9F%91%8D")),
        post(format!("/events/{event}/redact"), json!({})),
        put("/name", json!({"name": "Named anew"})),
        put("/topic", json!({"topic": "About"})),
        put("/settings", json!({"history_visibility": "joined"})),
        put("/power-levels", json!({"send": 1})),
    ]
}

/// Writes that concern people: somebody joined, somebody outside, somebody invited, somebody banned.
fn writes_about(joined: &str, outside: &str, invited: &str, banned: &str) -> Vec<Request> {
    let about = |id: &str| json!({"participant_id": id});
    vec![
        post("/invite", about(outside)),
        post("/invitations", about(outside)),
        delete(format!("/invitations/{invited}")),
        post("/kick", about(joined)),
        post("/ban", about(joined)),
        post("/unban", about(banned)),
        put(
            format!("/members/{joined}/power-level"),
            json!({"power_level": 1}),
        ),
    ]
}

/// What ends, or begins anew.
fn ends() -> Vec<Request> {
    ["/leave", "/archive", "/close", "/rejoin"]
        .map(|path| post(path, json!({})))
        .into()
}

async fn unknown_room(t: Trial) -> Verdict {
    let person = t.person().await?;
    let (event, id) = ("00000000-0000-7000-8000-000000000000", person.id());
    let others = [get(""), post("/join", json!({}))];
    let requests = reads(event)
        .into_iter()
        .chain(writes(event))
        .chain(writes_about(id, id, id, id))
        .chain(ends())
        .chain(others);
    for request in requests {
        request
            .refused(&person, NO_ROOM, "SW_ROOM_NOT_FOUND")
            .await?;
    }
    Ok(())
}

async fn outside(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let sent = owner.says(&room, "not for you").await?;
    let event = sent["id"].as_str().unwrap_or("");
    let id = owner.id();
    let requests = reads(event)
        .into_iter()
        .chain(writes(event))
        .chain(writes_about(id, id, id, id))
        .chain(ends())
        .chain([get("")]);
    for request in requests {
        request
            .refused(&outsider, &room.at(""), "SW_NOT_MEMBER")
            .await?;
    }
    Ok(())
}

async fn archived(t: Trial) -> Verdict {
    let [owner, member, invited, banned, outsider] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let about = |person: &Person| json!({"participant_id": person.id()});
    owner
        .post(room.at("/invite"), about(&invited))
        .await?
        .ok()?;
    owner.post(room.at("/ban"), about(&banned)).await?.ok()?;
    let sent = owner.says(&room, "before").await?;
    let event = sent["id"].as_str().unwrap_or("");
    owner.post(room.at("/archive"), json!({})).await?.ok()?;
    let people = writes_about(member.id(), outsider.id(), invited.id(), banned.id());
    for request in writes(event).into_iter().chain(people) {
        request
            .refused(&owner, &room.at(""), "SW_ROOM_FROZEN")
            .await?;
    }
    post("/join", json!({}))
        .refused(&invited, &room.at(""), "SW_ROOM_FROZEN")
        .await
}

async fn reading_goes_on(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let sent = owner.says(&room, "before").await?;
    let event = sent["id"].as_str().unwrap_or("");
    owner.post(room.at("/archive"), json!({})).await?.ok()?;
    let leave = post("/leave", json!({}));
    for request in reads(event).into_iter().chain([get(""), leave]) {
        let name = format!("{} {{r}}{}", request.method, request.path);
        let answer = request.send(&member, &room.at("")).await?;
        if answer.status != 200 {
            return Err(failed(format!("{name}: {}", answer.outline())));
        }
    }
    Ok(())
}
