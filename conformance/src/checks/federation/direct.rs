//! DMs between a person of the server under test and one of the peer, hosted on either.

use serde_json::{Value, json};

use super::stage::{Stage, body, message, new_guest};
use crate::cast::person::Person;
use crate::cast::room::Room;
use crate::check::{Check, Stop, Verdict, failed, federation};
use crate::judge::{self, must, shape::shape, shapes};
use crate::peer::Peer;
use crate::peer::policy::PATH as POLICY;
use crate::peer::room::RoomCopy;
use crate::protocol::ids;
use crate::trial::Trial;

const SECTION: &str = "client-core 6.6, federation 5, DMs";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "dm/create: federated-dms answers a DM and invites the named person as an owner",
            create,
        ),
        federation(
            SECTION,
            "dm/create: rooms/dm with the known person answers the same room",
            one_per_pair,
        ),
        federation(
            SECTION,
            "dm/create: a closed federation gets SW_FED_REFUSED",
            closed,
        )
        .alone(),
        federation(SECTION, "dm/join: the guest comes in at level 100", join),
        federation(
            SECTION,
            "dm: the guest, too, gets SW_ROOM_TYPE_INVARIANT for what a DM forbids",
            invariants,
        ),
        federation(
            SECTION,
            "dm: a message brings back the guest who left, by the host's own event",
            brings_back_guest,
        ),
        federation(
            SECTION,
            "dm: the guest's message brings back the owner who left",
            brings_back_owner,
        ),
        federation(
            SECTION,
            "dm/guest: an invitation to a DM shows who made it, and asking for a DM accepts it",
            as_guest,
        ),
        federation(
            SECTION,
            "dm/twice: of two DMs made at the same moment the older one counts, on the peer too",
            older_elsewhere,
        ),
        federation(
            SECTION,
            "dm/twice: the older one here goes on, the owner comes into the other as well",
            older_here,
        ),
    ]
}

/// A DM of somebody with a guest whom nobody has heard of, and the invitation that reached the peer.
async fn invited(t: &Trial) -> Result<(Stage, Value), Stop> {
    let (peer, owner) = (t.peer()?, t.person().await?);
    let guest = new_guest(&peer);
    let stage = made_with(t, peer, owner, guest).await?;
    let invite = stage.peer.gets("invitation", |request| {
        request.path == "/invite" && request.body["event"]["room_id"] == stage.room.id.as_str()
    });
    let invite = invite.await?.body;
    stage.learn(&invite["event"]);
    Ok((stage, invite))
}

async fn made_with(t: &Trial, peer: Peer, owner: Person, guest: String) -> Result<Stage, Stop> {
    let request = json!({ "fqid": guest });
    let data = owner.post("/v1/me/federated-dms", request).await?.ok()?;
    let room = Room::from_data(data)?;
    peer.keep_room(RoomCopy::new(&room.id, peer.subject_name(), peer.name()));
    Ok(Stage {
        trial: t.clone(),
        peer,
        owner,
        room,
        guest,
    })
}

/// The same with the guest in it.
async fn open(t: &Trial) -> Result<Stage, Stop> {
    let (stage, _) = invited(t).await?;
    stage.join(&stage.guest).await?;
    Ok(stage)
}

/// The guest's row, as the owner sees it.
async fn row(stage: &Stage, id: &str) -> Result<Value, Stop> {
    let path = stage.room.at("/members?membership=all");
    let (rows, _) = stage.owner.get(path).await?.list()?;
    judge::row(&rows, "/participant_id", id).cloned()
}

async fn create(t: Trial) -> Verdict {
    let (stage, invite) = invited(&t).await?;
    let data = &stage.room.data;
    shape("room", data, shapes::ROOM)?;
    for (field, value) in [
        ("/room_type", json!("dm")),
        ("/name", Value::Null),
        ("/room_alias", Value::Null),
        ("/federated", json!(true)),
        ("/membership", json!("join")),
        ("/power_level", json!(100)),
        ("/notification_mode", json!("all")),
        ("/display_name", json!(format!("Guest {}", stage.guest))),
    ] {
        judge::equal(data, field, value)?;
    }
    for (member, value) in [
        ("/event/content/participant", json!(stage.guest)),
        ("/event/content/membership", json!("invite")),
        ("/event/content/power_level", json!(100)),
        ("/room/room_type", json!("dm")),
        ("/room/creator", json!(stage.owner.fqid())),
    ] {
        judge::equal(&invite, member, value)?;
    }
    let row = row(&stage, &ids::participant_id(&stage.guest)).await?;
    judge::equal(&row, "/membership", "invite")?;
    judge::equal(&row, "/power_level", 100)
}

async fn one_per_pair(t: Trial) -> Verdict {
    let (stage, _) = invited(&t).await?;
    for (path, request) in [
        (
            "/v1/rooms/dm",
            json!({"participant_id": ids::participant_id(&stage.guest)}),
        ),
        ("/v1/me/federated-dms", json!({"fqid": stage.guest})),
    ] {
        let again = stage.owner.post(path, request).await?.ok()?;
        judge::equal(&again, "/id", stage.room.id.as_str())?;
    }
    Ok(())
}

async fn closed(t: Trial) -> Verdict {
    let (stage, _) = invited(&t).await?;
    let admin = t.admin()?;
    let before = admin.get(POLICY).await?.ok()?;
    let change = json!({"default_mode": "closed"});
    admin.put(POLICY, change).await?.ok()?;
    let known = json!({"participant_id": ids::participant_id(&stage.guest)});
    let known = stage.owner.post("/v1/rooms/dm", known).await;
    let unknown = json!({"fqid": new_guest(&stage.peer)});
    let unknown = stage.owner.post("/v1/me/federated-dms", unknown).await;
    admin.put(POLICY, before).await?.ok()?;
    known?.refused("SW_FED_REFUSED")?;
    unknown?.refused("SW_FED_REFUSED").map(drop)
}

async fn join(t: Trial) -> Verdict {
    let (stage, _) = invited(&t).await?;
    let events = stage.join(&stage.guest).await?;
    let event = events.first().cloned().unwrap_or_default();
    judge::equal(&event, "/content/membership", "join")?;
    judge::equal(&event, "/content/power_level", 100)?;
    stage.says("hello from the other side").await.map(drop)
}

async fn invariants(t: Trial) -> Verdict {
    let stage = open(&t).await?;
    let owner = json!({"participant": stage.owner.fqid()});
    for (action, content) in [
        ("invite", json!({"participant": new_guest(&stage.peer)})),
        ("kick", owner.clone()),
        ("ban", owner.clone()),
        ("unban", owner),
        ("name", json!({"name": "A name"})),
        ("topic", json!({"topic": "A topic"})),
        ("settings", json!({"edit_window_seconds": 5})),
        (
            "member_level",
            json!({"participant": stage.guest, "power_level": 0}),
        ),
        ("power_levels", json!({"power_levels": {"send": 10}})),
        ("archive", json!({})),
    ] {
        let asked = stage
            .peer
            .ask(&stage.room.id, &stage.guest, action, content);
        stage
            .posts(&asked)
            .await?
            .refused("SW_ROOM_TYPE_INVARIANT")?;
    }
    let third = stage
        .peer
        .ask_to_join(&stage.room.id, &new_guest(&stage.peer));
    stage
        .posts(&third)
        .await?
        .refused("SW_ROOM_TYPE_INVARIANT")
        .map(drop)
}

async fn brings_back_guest(t: Trial) -> Verdict {
    let stage = open(&t).await?;
    stage.delivers("swp.room.leave", json!({})).await?;
    let sent = stage.owner.says(&stage.room, "come back").await?;
    let back = stage
        .gets("the event that brings the guest back", |event| {
            event["type"] == "swp.room.member"
                && event["content"]["membership"] == "join"
                && event["content"]["participant"] == stage.guest.as_str()
                && event["sender"].is_null()
        })
        .await?;
    judge::equal(&back, "/content/power_level", 100)?;
    judge::equal(&back, "/content/after/seq", 1)?;
    stage
        .gets("the message", |event| event["event_id"] == sent["id"])
        .await?;
    stage.catch_up().await?;
    stage.says("here I am").await.map(drop)
}

async fn brings_back_owner(t: Trial) -> Verdict {
    let stage = open(&t).await?;
    stage
        .owner
        .post(stage.room.at("/leave"), json!({}))
        .await?
        .done()?;
    stage.catch_up().await?;
    let sent = stage.says("come back").await?;
    stage.shown(&sent, |_| true).await?;
    let room = stage.owner.get(stage.room.at("")).await?.ok()?;
    judge::equal(&room, "/membership", "join")
}

/// A DM that the peer hosts, not told to anybody yet.
struct Elsewhere {
    peer: Peer,
    person: Person,
    creator: String,
    room_id: String,
}

impl Elsewhere {
    async fn made(t: &Trial) -> Result<Self, Stop> {
        let (peer, person) = (t.peer()?, t.person().await?);
        let creator = new_guest(&peer);
        let room_id = peer.creates_dm(&creator);
        Ok(Self {
            peer,
            person,
            creator,
            room_id,
        })
    }

    async fn tells(&self, t: &Trial) -> Verdict {
        let invite = self
            .peer
            .invites(&self.room_id, &self.creator, self.person.fqid())
            .ok_or_else(|| failed("the suite has lost its room"))?;
        let answer = self.peer.post(&t.stranger(), "/invite", &invite).await?;
        judge::equal(&body(&answer)?, "/ok", true)
    }

    async fn room(&self, room_id: &str) -> Result<Value, Stop> {
        let path = format!("/v1/rooms/{room_id}");
        self.person.get(path).await?.ok()
    }

    /// The DM that the person gets.
    async fn dm(&self) -> Result<Value, Stop> {
        let request = json!({"participant_id": ids::participant_id(&self.creator)});
        self.person.post("/v1/rooms/dm", request).await?.ok()
    }

    /// Waits until the server has brought its person into the room here by itself.
    async fn comes(&self, t: &Trial) -> Verdict {
        let path = format!("/rooms/{}/join", self.room_id);
        let request = self
            .peer
            .gets("the join", |request| request.path == path)
            .await?;
        judge::equal(&request.body, "/actor", self.person.fqid())?;
        t.until("the person is in the other DM", || async {
            let room = self.room(&self.room_id).await?;
            Ok((room["membership"] == "join").then_some(()))
        })
        .await
    }
}

async fn as_guest(t: Trial) -> Verdict {
    let elsewhere = Elsewhere::made(&t).await?;
    elsewhere.tells(&t).await?;
    let room = elsewhere.room(&elsewhere.room_id).await?;
    judge::equal(&room, "/room_type", "dm")?;
    judge::equal(&room, "/membership", "invite")?;
    let local_id = elsewhere.creator.trim_start_matches('@');
    let local_id = local_id.split(':').next().unwrap_or("");
    let shown = judge::text(&room, "/display_name")?;
    must(shown.contains(local_id), || {
        format!("the DM is shown as {shown:?}")
    })?;
    let same = elsewhere.dm().await?;
    judge::equal(&same, "/id", elsewhere.room_id.as_str())?;
    judge::equal(&same, "/membership", "join")?;
    judge::equal(&same, "/power_level", 100)
}

async fn older_elsewhere(t: Trial) -> Verdict {
    let elsewhere = Elsewhere::made(&t).await?;
    let (peer, person, guest) = (
        elsewhere.peer.clone(),
        elsewhere.person.clone(),
        elsewhere.creator.clone(),
    );
    let stage = made_with(&t, peer, person, guest).await?;
    elsewhere.tells(&t).await?;
    elsewhere.comes(&t).await?;
    judge::equal(&elsewhere.dm().await?, "/id", elsewhere.room_id.as_str())?;
    // Nothing of the other one is lost: it ends only when both are in it.
    let room = elsewhere.room(&stage.room.id).await?;
    judge::equal(&room, "/state", "open")?;
    stage.join(&stage.guest).await?;
    let archived = stage
        .gets("the end of the other DM", |event| {
            event["type"] == "swp.room.state"
        })
        .await?;
    judge::equal(&archived, "/content/state", "archived")?;
    judge::equal(&archived, "/sender", Value::Null)
}

async fn older_here(t: Trial) -> Verdict {
    let (stage, _) = invited(&t).await?;
    let elsewhere = Elsewhere {
        peer: stage.peer.clone(),
        person: stage.owner.clone(),
        creator: stage.guest.clone(),
        room_id: stage.peer.creates_dm(&stage.guest),
    };
    elsewhere.tells(&t).await?;
    elsewhere.comes(&t).await?;
    stage.join(&stage.guest).await?;
    judge::equal(&elsewhere.dm().await?, "/id", stage.room.id.as_str())?;
    let sent = stage.says("it goes on here").await?;
    let seen = stage.shown(&sent, |_| true).await?;
    judge::equal(&seen, "/content", message("it goes on here"))
}
