//! The server under test as a guest in a room that the peer hosts.

use serde_json::{Value, json};

use super::stage::{body, new_guest};
use crate::cast::person::{Person, text_content};
use crate::check::{Check, Stop, Verdict, failed, federation};
use crate::judge::{self, must, shape::shape, shapes};
use crate::peer::Peer;
use crate::peer::people::is_signed;
use crate::protocol::event;
use crate::trial::Trial;

const SECTION: &str = "federation 4, 5 as a guest";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "guest/invite: the invited person sees the invitation with the room's name",
            invitation,
        ),
        federation(
            SECTION,
            "guest/invite: with a summary or event that is not signed by the host is refused",
            bad_invitation,
        ),
        federation(
            SECTION,
            "guest/join: asks the host, and signs exactly what its own user asked for",
            join,
        ),
        federation(
            SECTION,
            "guest/join: the room is there with the host's name and state",
            room,
        ),
        federation(
            SECTION,
            "guest/messages: the host's messages are shown, the own ones reach the host",
            messages,
        ),
        federation(
            SECTION,
            "guest/state: a change is asked of the host",
            asks_host,
        ),
        federation(
            SECTION,
            "guest/state: the host's changes are shown",
            host_changes,
        ),
        federation(
            SECTION,
            "guest/state: a change that comes without its content is asked for, and the next ones follow it",
            bare_change,
        ),
        federation(
            SECTION,
            "guest/leave: is the own server's word and reaches the host",
            leave,
        ),
        federation(
            SECTION,
            "guest/decline: is done at once and takes the invitation away",
            decline,
        ),
        federation(
            SECTION,
            "guest/host-down: joining gets SW_SERVICE_UNAVAILABLE",
            join_while_down,
        )
        .alone(),
        federation(
            SECTION,
            "guest/host-down: state changes get SW_SERVICE_UNAVAILABLE, messages are taken at once",
            write_while_down,
        )
        .alone(),
    ]
}

/// A room on the peer to which somebody of the server under test is invited.
struct Visit {
    peer: Peer,
    person: Person,
    creator: String,
    room_id: String,
}

impl Visit {
    async fn invited(t: &Trial) -> Result<Self, Stop> {
        let (peer, person) = (t.peer()?, t.person().await?);
        let creator = new_guest(&peer);
        let room_id = peer.creates_room(&creator, "A room elsewhere");
        let invite = peer
            .invites(&room_id, &creator, person.fqid())
            .ok_or_else(|| failed("the suite has lost its room"))?;
        let answer = peer.post(&t.stranger(), "/invite", &invite).await?;
        judge::equal(&body(&answer)?, "/ok", true)?;
        Ok(Self {
            peer,
            person,
            creator,
            room_id,
        })
    }

    async fn joined(t: &Trial) -> Result<Self, Stop> {
        let visit = Self::invited(t).await?;
        let path = format!("/v1/me/invitations/{}/accept", visit.room_id);
        visit.person.post(path, json!({})).await?.ok()?;
        Ok(visit)
    }

    fn at(&self, path: &str) -> String {
        format!("/v1/rooms/{}{path}", self.room_id)
    }

    /// Appends an event of the host's creator and delivers it.
    async fn host_says(&self, t: &Trial, kind: &str, content: Value) -> Result<Value, Stop> {
        let is_state = kind != "swp.room.message";
        let event = if is_state {
            self.peer
                .appends_state(&self.room_id, &self.creator, kind, content)
        } else {
            self.peer.with_room(&self.room_id, |room| {
                room.append(&room.draft(&self.creator, kind, content), self.peer.key())
            })
        };
        let event = event.ok_or_else(|| failed("the suite has lost its room"))?;
        // Whatever the host has written before goes along: a batch may repeat what is known.
        let host = self.peer.name().to_owned();
        let log = self
            .peer
            .with_room(&self.room_id, |room| room.after(&host, 0));
        let request = json!({"events": log.unwrap_or_default()});
        let answer = self.peer.post(&t.stranger(), "/send", &request).await?;
        let results = judge::list(&body(&answer)?, "/results")?;
        let last = results.last().cloned().unwrap_or_default();
        // The server may have fetched it by itself in the meantime.
        let taken = last["status"] == "accepted" || last["status"] == "duplicate";
        must(taken, || format!("the host's event got {last}"))?;
        Ok(event)
    }

    async fn gets(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Result<Value, Stop> {
        let mine = |event: &Value| event["room_id"] == self.room_id.as_str() && fits(event);
        let request = self
            .peer
            .gets(what, |request| {
                !request.refused && request.events().iter().any(&mine)
            })
            .await?;
        request
            .events()
            .into_iter()
            .find(&mine)
            .ok_or_else(|| failed("the event is gone"))
    }
}

async fn invitation(t: Trial) -> Verdict {
    let visit = Visit::invited(&t).await?;
    let row = t
        .until("the invitation is listed", || async {
            let (rows, _) = visit.person.get("/v1/me/invitations").await?.list()?;
            Ok(rows
                .into_iter()
                .find(|row| row["room_id"] == visit.room_id.as_str()))
        })
        .await?;
    shape("invitation", &row, shapes::INVITATION)?;
    judge::equal(&row, "/room/display_name", "A room elsewhere")?;
    judge::equal(&row, "/invited_by/fqid", visit.creator.as_str())
}

async fn bad_invitation(t: Trial) -> Verdict {
    let (peer, person) = (t.peer()?, t.person().await?);
    let creator = new_guest(&peer);
    let room_id = peer.creates_room(&creator, "A forged room");
    let invite = peer
        .invites(&room_id, &creator, person.fqid())
        .ok_or_else(|| failed("the suite has lost its room"))?;
    for (pointer, value) in [
        (
            "/event/content/participant",
            json!(person.fqid().replace('@', "@x")),
        ),
        ("/event/ts", json!(1)),
        ("/room/name", json!("Another name")),
        (
            "/room/room_id",
            json!("00000000-0000-8000-8000-000000000000"),
        ),
    ] {
        let mut forged = invite.clone();
        if let Some(member) = forged.pointer_mut(pointer) {
            *member = value;
        }
        let answer = peer.post(&t.stranger(), "/invite", &forged).await?;
        must((400..500).contains(&answer.status), || {
            format!(
                "an invitation with a forged `{pointer}` got {}",
                answer.outline()
            )
        })?;
    }
    let (rows, _) = person.get("/v1/me/invitations").await?.list()?;
    judge::no_row(&rows, "/room_id", room_id)
}

async fn join(t: Trial) -> Verdict {
    let visit = Visit::joined(&t).await?;
    let path = format!("/rooms/{}/join", visit.room_id);
    let request = visit
        .peer
        .gets("the join", |request| request.path == path)
        .await?;
    must(request.fault.is_none(), || {
        format!("the request: {:?}", request.fault)
    })?;
    let document = &request.body;
    must(
        is_signed("scaiwave-request-v1", document, visit.peer.subject_key()),
        || "the request document is not signed".to_owned(),
    )?;
    for (member, value) in [
        ("/room_id", visit.room_id.as_str()),
        ("/host", visit.peer.name()),
        ("/actor", visit.person.fqid()),
        ("/action", "join"),
    ] {
        judge::equal(document, member, value)?;
    }
    shape(
        "content",
        &document["content"],
        "profile obj, key {key_id str, public_key str}, after {epoch int, seq int, hash str~}",
    )?;
    judge::equal(document, "/content/profile/fqid", visit.person.fqid())
}

async fn room(t: Trial) -> Verdict {
    let visit = Visit::joined(&t).await?;
    let room = visit.person.get(visit.at("")).await?.ok()?;
    shape("room", &room, shapes::ROOM)?;
    judge::equal(&room, "/name", "A room elsewhere")?;
    judge::equal(&room, "/server_name", visit.peer.name())?;
    judge::equal(&room, "/membership", "join")?;
    judge::equal(&room, "/federated", true)?;
    judge::equal(&room, "/member_count", 2)
}

async fn messages(t: Trial) -> Verdict {
    let visit = Visit::joined(&t).await?;
    let event = visit
        .host_says(&t, "swp.room.message", json!({"body": "welcome"}))
        .await?;
    t.until("the host's message is shown", || async {
        let (rows, _) = visit.person.get(visit.at("/messages")).await?.list()?;
        Ok(rows.into_iter().find(|row| row["id"] == event["event_id"]))
    })
    .await?;
    let request = json!({"content": text_content("thank you")});
    let sent = visit.person.post(visit.at("/send"), request).await?.ok()?;
    let event = visit
        .gets("the guest's message", |event| {
            event["event_id"] == sent["id"]
        })
        .await?;
    event::judge(&event, visit.peer.subject_key(), None).map_err(failed)?;
    judge::equal(&event, "/origin", visit.peer.subject_name())?;
    judge::equal(&event, "/seq", 1)?;
    let state = visit
        .peer
        .with_room(&visit.room_id, |room| room.state.clone())
        .unwrap_or_default();
    judge::equal(&event, "/state_seq", state.0)?;
    judge::equal(&event, "/state_hash", state.1)
}

async fn asks_host(t: Trial) -> Verdict {
    let visit = Visit::joined(&t).await?;
    let request = json!({"topic": "Asked of the host"});
    let room = visit.person.put(visit.at("/topic"), request).await?.ok()?;
    judge::equal(&room, "/topic", "Asked of the host")?;
    let path = format!("/rooms/{}/request", visit.room_id);
    let request = visit
        .peer
        .gets("the request", |request| request.path == path)
        .await?;
    judge::equal(&request.body, "/action", "topic")?;
    judge::equal(
        &request.body,
        "/content",
        json!({"topic": "Asked of the host"}),
    )?;
    judge::equal(&request.body, "/actor", visit.person.fqid())
}

async fn host_changes(t: Trial) -> Verdict {
    let visit = Visit::joined(&t).await?;
    visit
        .host_says(&t, "swp.room.name", json!({"name": "Renamed by the host"}))
        .await?;
    t.until("the new name is shown", || async {
        let room = visit.person.get(visit.at("")).await?.ok()?;
        Ok((room["name"] == "Renamed by the host").then_some(()))
    })
    .await
}

async fn bare_change(t: Trial) -> Verdict {
    let visit = Visit::joined(&t).await?;
    let mut appended = Vec::new();
    for (kind, content) in [
        ("swp.room.name", json!({"name": "The late name"})),
        ("swp.room.topic", json!({"topic": "Behind it"})),
    ] {
        let event = visit
            .peer
            .appends_state(&visit.room_id, &visit.creator, kind, content);
        appended.push(event.ok_or_else(|| failed("the suite has lost its room"))?);
    }
    if let Some(members) = appended.first_mut().and_then(Value::as_object_mut) {
        members.remove("content");
        members.remove("salt");
    }
    let request = json!({"events": appended});
    body(&visit.peer.post(&t.stranger(), "/send", &request).await?)?;
    t.until("both changes are shown", || async {
        let shown = visit.person.get(visit.at("")).await?.ok()?;
        let both = shown["name"] == "The late name" && shown["topic"] == "Behind it";
        Ok(both.then_some(()))
    })
    .await
}

async fn leave(t: Trial) -> Verdict {
    let visit = Visit::joined(&t).await?;
    visit
        .person
        .post(visit.at("/leave"), json!({}))
        .await?
        .done()?;
    let event = visit
        .gets("the leave", |event| event["type"] == "swp.room.leave")
        .await?;
    judge::equal(&event, "/sender", visit.person.fqid())?;
    judge::equal(&event, "/origin", visit.peer.subject_name())
}

async fn decline(t: Trial) -> Verdict {
    let visit = Visit::invited(&t).await?;
    let path = format!("/v1/me/invitations/{}/decline", visit.room_id);
    visit.person.post(path, json!({})).await?.done()?;
    let (rows, _) = visit.person.get("/v1/me/invitations").await?.list()?;
    judge::no_row(&rows, "/room_id", visit.room_id.as_str())?;
    let path = format!("/rooms/{}/request", visit.room_id);
    let request = visit
        .peer
        .gets("the decline", |request| request.path == path)
        .await?;
    judge::equal(&request.body, "/action", "decline")
}

async fn join_while_down(t: Trial) -> Verdict {
    let visit = Visit::invited(&t).await?;
    visit.peer.set_down(true);
    let path = format!("/v1/me/invitations/{}/accept", visit.room_id);
    let answer = visit.person.post(path.clone(), json!({})).await;
    visit.peer.set_down(false);
    answer?.refused("SW_SERVICE_UNAVAILABLE")?;
    visit.person.post(path, json!({})).await?.ok().map(drop)
}

async fn write_while_down(t: Trial) -> Verdict {
    let visit = Visit::joined(&t).await?;
    visit.peer.set_down(true);
    let topic = visit
        .person
        .put(visit.at("/topic"), json!({"topic": "x"}))
        .await;
    let request = json!({"content": text_content("never waits")});
    let sent = visit.person.post(visit.at("/send"), request).await;
    visit.peer.set_down(false);
    topic?.refused("SW_SERVICE_UNAVAILABLE")?;
    sent?.ok().map(drop)
}
