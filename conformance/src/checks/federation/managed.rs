//! What administrators do about shared rooms and people of other servers; and inviting who was there before.

use serde_json::json;

use super::stage::{Stage, new_guest};
use crate::check::{Check, Stop, Verdict, federation};
use crate::judge::{self, must, shape::shape, shapes};
use crate::protocol::ids;
use crate::trial::Trial;

const SECTION: &str = "federation, admin.md; connections-and-operations 7";
const NO_ID: &str = "00000000-0000-8000-8000-000000000000";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "managed/federate: off, nobody of another server is invited or joins; who is there stays",
            federate_off,
        ),
        federation(
            SECTION,
            "managed/federate: on again, people of other servers are invited as before",
            federate_on,
        ),
        federation(
            SECTION,
            "managed/federate: a room that is never federated gets SW_ROOM_TYPE_INVARIANT",
            never_federated,
        ),
        federation(
            SECTION,
            "managed/invite: the invitation goes out in the name of the room's creator",
            invite,
        ),
        federation(
            SECTION,
            "managed/backfill: the logs are compared with the peer's at once",
            backfill,
        ),
        federation(
            SECTION,
            "managed/refresh: asks the peer for the profile",
            refresh,
        ),
        federation(
            SECTION,
            "managed: what is unknown gets SW_ROOM_NOT_FOUND or SW_NOT_FOUND",
            unknown,
        ),
        federation(
            SECTION,
            "managed: who lacks federation.manage gets SW_AUTH_INSUFFICIENT_PERMISSION",
            permission,
        ),
        federation(
            "federation 4, invite",
            "invite/again: the peer of a guest who left is told of a new invitation, and of its end",
            again,
        ),
        federation(
            "federation 4, policy",
            "invite/third: a guest invites nobody of a server that is not allowed",
            third,
        ),
    ]
}

fn managed(room: &str, what: &str) -> String {
    format!("/v1/admin/rooms/{room}/{what}")
}

async fn federate(stage: &Stage, enabled: bool) -> Result<serde_json::Value, Stop> {
    let path = managed(&stage.room.id, "federate");
    let request = json!({ "enabled": enabled });
    stage.trial.admin()?.post(path, request).await?.ok()
}

async fn federate_off(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let invited = new_guest(&stage.peer);
    let invite = |fqid: &str| {
        stage
            .owner
            .post(stage.room.at("/invite"), json!({ "fqid": fqid }))
    };
    invite(&invited).await?.ok()?;
    let room = federate(&stage, false).await?;
    shape("room", &room, shapes::ROOM)?;
    judge::equal(&room, "/id", stage.room.id.as_str())?;
    invite(&new_guest(&stage.peer))
        .await?
        .refused("SW_FED_REFUSED")?;
    let join = stage.peer.ask_to_join(&stage.room.id, &invited);
    stage.posts(&join).await?.refused("SW_FED_REFUSED")?;
    let sent = stage.says("still here").await?;
    stage.shown(&sent, |_| true).await.map(drop)
}

async fn federate_on(t: Trial) -> Verdict {
    let stage = Stage::empty(&t).await?;
    federate(&stage, false).await?;
    federate(&stage, true).await?;
    let request = json!({ "fqid": stage.guest });
    let answer = stage.owner.post(stage.room.at("/invite"), request).await?;
    answer.ok().map(drop)
}

async fn invite(t: Trial) -> Verdict {
    let stage = Stage::empty(&t).await?;
    let request = json!({"fqid": stage.guest, "reason": "the admin says so"});
    let path = managed(&stage.room.id, "federation/invite");
    let invitation = t.admin()?.post(path, request).await?.ok()?;
    shape("invitation", &invitation, shapes::INVITATION)?;
    judge::equal(
        &invitation,
        "/participant_id",
        ids::participant_id(&stage.guest),
    )?;
    let invite = stage.peer.gets("invitation", |request| {
        request.path == "/invite"
            && request.body["event"]["content"]["participant"] == stage.guest.as_str()
    });
    judge::equal(&invite.await?.body, "/event/sender", stage.owner.fqid())
}

async fn backfill(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    // Appended and not sent: only who asks gets it.
    let event = stage.append_message("fetched");
    let path = managed(&stage.room.id, "federation/backfill");
    let request = json!({"server_name": stage.peer.name()});
    t.admin()?.post(path, request).await?.done()?;
    stage.shown(&event, |_| true).await.map(drop)
}

async fn never_federated(t: Trial) -> Verdict {
    let (admin, person) = (t.admin()?, t.person().await?);
    for request in [
        json!({"room_type": "incognito"}),
        json!({"name": "Seen by all", "is_public": true, "scope_kind": "incognito"}),
    ] {
        let room = person.creates(request).await?;
        for enabled in [true, false] {
            let request = json!({"enabled": enabled});
            let answer = admin.post(managed(&room.id, "federate"), request).await?;
            answer.refused("SW_ROOM_TYPE_INVARIANT")?;
        }
        let request = json!({"fqid": "@somebody:b.invalid"});
        let answer = admin.post(managed(&room.id, "federation/invite"), request);
        answer.await?.refused("SW_ROOM_TYPE_INVARIANT")?;
    }
    Ok(())
}

async fn refresh(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let id = ids::participant_id(&stage.guest);
    let path = format!("/v1/admin/federation/foreign/{id}/refresh");
    let person = t.admin()?.post(path, json!({})).await?.ok()?;
    shape("participant", &person, shapes::PARTICIPANT)?;
    judge::equal(&person, "/fqid", stage.guest.as_str())?;
    let local_id = stage.guest.trim_start_matches('@');
    let local_id = local_id.split(':').next().unwrap_or("").to_owned();
    let asked = stage.peer.requests().into_iter().filter(|request| {
        request.method == "GET" && request.path == format!("/profile/{local_id}")
    });
    // Once for the invitation, once more now.
    must(asked.count() >= 2, || "the peer was not asked".to_owned())
}

async fn unknown(t: Trial) -> Verdict {
    let (admin, person) = (t.admin()?, t.person().await?);
    for (what, request) in [
        ("federate", json!({"enabled": false})),
        ("federation/invite", json!({"fqid": "@somebody:b.invalid"})),
        ("federation/backfill", json!({})),
    ] {
        let answer = admin.post(managed(NO_ID, what), request).await?;
        answer.refused("SW_ROOM_NOT_FOUND")?;
    }
    let room = person.group_with(&[]).await?;
    let request = json!({"server_name": "nobody.invalid"});
    let path = managed(&room.id, "federation/backfill");
    admin.post(path, request).await?.refused("SW_NOT_FOUND")?;
    for id in [NO_ID, person.id()] {
        let path = format!("/v1/admin/federation/foreign/{id}/refresh");
        admin.post(path, json!({})).await?.refused("SW_NOT_FOUND")?;
    }
    Ok(())
}

async fn permission(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    for (path, request) in [
        (managed(&room.id, "federate"), json!({"enabled": false})),
        (
            managed(&room.id, "federation/invite"),
            json!({"fqid": "@somebody:b.invalid"}),
        ),
        (managed(&room.id, "federation/backfill"), json!({})),
        (
            format!("/v1/admin/federation/foreign/{NO_ID}/refresh"),
            json!({}),
        ),
    ] {
        let answer = person.post(path, request).await?;
        answer.refused("SW_AUTH_INSUFFICIENT_PERMISSION")?;
    }
    Ok(())
}

async fn again(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    stage.says("I was here").await?;
    stage.delivers("swp.room.leave", json!({})).await?;
    stage.owner.says(&stage.room, "not for the peer").await?;
    let told = async |membership: &str| {
        let request = stage
            .peer
            .gets("word about the invitation", |request| {
                request.path == "/invite"
                    && request.body["event"]["content"]["participant"] == stage.guest.as_str()
                    && request.body["event"]["content"]["membership"] == membership
                    && request.body["event"]["seq"].as_i64() > Some(4)
            })
            .await?;
        Ok::<_, Stop>(request)
    };
    let request = json!({ "fqid": stage.guest });
    let invite = stage.owner.post(stage.room.at("/invite"), request).await?;
    invite.ok()?;
    told("invite").await?;
    let id = ids::participant_id(&stage.guest);
    let path = stage.room.at(&format!("/invitations/{id}"));
    stage.owner.call("DELETE", path).send().await?.done()?;
    told("leave").await.map(drop)
}

async fn third(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let somebody = json!({"participant": "@somebody:c.invalid"});
    let asked = stage
        .peer
        .ask(&stage.room.id, &stage.guest, "invite", somebody);
    stage
        .posts(&asked)
        .await?
        .refused("SW_FED_PEER_UNKNOWN")
        .map(drop)
}
