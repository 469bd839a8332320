//! People of the peer come into a room of the server under test, and go.

use serde_json::{Value, json};

use super::stage::{Stage, new_guest, rejected};
use crate::cast::person::Person;
use crate::cast::room::Room;
use crate::check::{Check, Stop, Verdict, failed, federation};
use crate::judge::{self, must, shape::shape};
use crate::peer::people::is_signed;
use crate::peer::room::RoomCopy;
use crate::protocol::{event, ids};
use crate::trial::Trial;

const SECTION: &str = "federation 4, 5; requests, actions";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "joining/invite: the peer gets the host's event, a signed summary and the key",
            invite,
        ),
        federation(
            SECTION,
            "joining/invite: taken back, the peer gets the leave",
            invite_withdrawn,
        ),
        federation(
            SECTION,
            "joining/invite: somebody of a server that is not allowed is refused",
            invite_stranger,
        ),
        federation(
            SECTION,
            "joining/incognito: such a room takes nobody of another server, and is missing there",
            incognito,
        ),
        federation(
            SECTION,
            "joining/join: an invited person joins, and the event has after, key, profile and request",
            join,
        ),
        federation(
            SECTION,
            "joining/join: the members see who came, by name, as federated",
            seen_by_members,
        ),
        federation(
            SECTION,
            "joining/join: a repeated request_id answers the first events",
            repeated,
        ),
        federation(
            SECTION,
            "joining/join: without an invitation gets SW_ROOM_FORBIDDEN",
            uninvited,
        ),
        federation(
            SECTION,
            "joining/join: a public room needs no invitation",
            public,
        ),
        federation(
            SECTION,
            "joining/join: a banned person gets SW_ROOM_FORBIDDEN",
            banned,
        ),
        federation(
            SECTION,
            "joining/join: an unknown room gets SW_ROOM_NOT_FOUND",
            unknown_room,
        ),
        federation(
            SECTION,
            "joining/join: a document with a wrong signature, or for another room or actor, is refused",
            bad_documents,
        ),
        federation(SECTION, "joining/decline: ends the invitation", decline),
        federation(
            SECTION,
            "joining/leave: the own leave counts at once and ends the right to write",
            leave,
        ),
        federation(
            SECTION,
            "joining/leave: who returns joins anew after their leave",
            returns,
        ),
    ]
}

async fn membership(owner: &Person, room: &Room, fqid: &str) -> Result<Option<Value>, Stop> {
    let path = room.at("/members?membership=all&limit=500");
    let (rows, _) = owner.get(path).await?.list()?;
    Ok(rows
        .into_iter()
        .find(|row| row["participant"]["fqid"] == fqid))
}

async fn becomes(t: &Trial, stage: &Stage, wanted: &str) -> Result<Value, Stop> {
    t.until(&format!("the guest's membership is {wanted}"), || async {
        let row = membership(&stage.owner, &stage.room, &stage.guest).await?;
        Ok(row.filter(|row| row["membership"] == wanted))
    })
    .await
}

async fn invite(t: Trial) -> Verdict {
    let (stage, invite) = Stage::invited(&t).await?;
    let summary = &invite["room"];
    shape(
        "summary",
        summary,
        "room_id id, host str, room_type str, name str~, topic str~, avatar_url str~, member_count int, created_at int, \
         creator str, history_visibility str, edit_window_seconds int, power_levels obj, ts int, key_id str, signature str",
    )?;
    judge::equal(summary, "/room_id", stage.room.id.as_str())?;
    judge::equal(summary, "/host", stage.peer.subject_name())?;
    must(
        is_signed("scaiwave-summary-v1", summary, stage.peer.subject_key()),
        || "the summary is not signed by the host".to_owned(),
    )?;
    judge::equal(&invite, "/key/key_id", stage.peer.subject_key().key_id())?;
    let event = &invite["event"];
    event::judge(event, stage.peer.subject_key(), None).map_err(failed)?;
    judge::equal(event, "/type", "swp.room.member")?;
    judge::equal(event, "/content/membership", "invite")?;
    judge::equal(event, "/sender", stage.owner.fqid())
}

async fn incognito(t: Trial) -> Verdict {
    let (peer, owner) = (t.peer()?, t.person().await?);
    let guest = new_guest(&peer);
    let request = json!({"room_type": "incognito"});
    let room = owner.creates(request).await?;
    let request = json!({"fqid": guest});
    let answer = owner.post(room.at("/invite"), request).await?;
    answer.refused("SW_FED_REFUSED")?;
    // Neither does one that is public, where nobody needs an invitation.
    let request = json!({"name": "Seen by all", "is_public": true, "scope_kind": "incognito"});
    let room = owner.creates(request).await?;
    let document = peer.ask_to_join(&room.id, &guest);
    let path = format!("/rooms/{}/join", room.id);
    let answer = peer.post(&t.stranger(), &path, &document).await?;
    answer.refused("SW_ROOM_NOT_FOUND").map(drop)
}

async fn invite_withdrawn(t: Trial) -> Verdict {
    let (stage, _) = Stage::invited(&t).await?;
    let path = stage.room.at(&format!(
        "/invitations/{}",
        ids::participant_id(&stage.guest)
    ));
    stage.owner.delete(path).await?.done()?;
    let leave = stage.peer.gets("withdrawal", |request| {
        let content = &request.body["event"]["content"];
        request.path == "/invite"
            && content["participant"] == stage.guest
            && content["membership"] == "leave"
    });
    leave.await?;
    let answer = stage
        .posts(&stage.peer.ask_to_join(&stage.room.id, &stage.guest))
        .await?;
    answer.refused("SW_ROOM_FORBIDDEN").map(drop)
}

async fn invite_stranger(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    let request = json!({"fqid": "@somebody:stranger.invalid"});
    let answer = owner.post(room.at("/invite"), request).await?;
    let refused = answer
        .refused("SW_FED_PEER_UNKNOWN")
        .or_else(|_| answer.refused("SW_FED_REFUSED"));
    refused.map(drop)
}

async fn join(t: Trial) -> Verdict {
    let (stage, _) = Stage::invited(&t).await?;
    let document = stage.peer.ask_to_join(&stage.room.id, &stage.guest);
    let events = stage.asks(&document).await?;
    let event = events
        .first()
        .ok_or_else(|| failed("the join caused no event"))?;
    event::judge(event, stage.peer.subject_key(), None).map_err(failed)?;
    judge::equal(event, "/type", "swp.room.member")?;
    judge::equal(event, "/sender", stage.guest.as_str())?;
    judge::equal(event, "/content/participant", stage.guest.as_str())?;
    judge::equal(event, "/content/membership", "join")?;
    judge::equal(event, "/content/power_level", 0)?;
    judge::equal(
        event,
        "/content/after",
        document["content"]["after"].clone(),
    )?;
    judge::equal(event, "/content/key", stage.peer.key_document())?;
    judge::equal(
        event,
        "/content/profile",
        document["content"]["profile"].clone(),
    )?;
    judge::equal(event, "/content/request", document)
}

async fn seen_by_members(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let row = becomes(&t, &stage, "join").await?;
    judge::equal(&row, "/participant_id", ids::participant_id(&stage.guest))?;
    judge::equal(&row, "/participant/participant_type", "federated")?;
    judge::equal(&row, "/participant/server_name", stage.peer.name())?;
    judge::equal(
        &row,
        "/participant/display_name",
        format!("Guest {}", stage.guest),
    )?;
    let room = stage.owner.get(stage.room.at("")).await?.ok()?;
    judge::equal(&room, "/federated", true)?;
    judge::equal(&room, "/member_count", 2)
}

async fn repeated(t: Trial) -> Verdict {
    let (stage, _) = Stage::invited(&t).await?;
    let document = stage.peer.ask_to_join(&stage.room.id, &stage.guest);
    let first = stage.asks(&document).await?;
    let second = stage.asks(&document).await?;
    must(first == second, || {
        format!("the repeat answered {second:?}")
    })
}

async fn uninvited(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let document = stage
        .peer
        .ask_to_join(&stage.room.id, &new_guest(&stage.peer));
    stage
        .posts(&document)
        .await?
        .refused("SW_ROOM_FORBIDDEN")
        .map(drop)
}

/// A public room of the server under test that the peer has heard of.
async fn public_stage(t: &Trial) -> Result<Stage, Stop> {
    let mut stage = Stage::empty(t).await?;
    stage.room = stage.owner.public_with(&[]).await?;
    let copy = RoomCopy::new(&stage.room.id, stage.peer.subject_name(), stage.peer.name());
    stage.peer.keep_room(copy);
    Ok(stage)
}

async fn public(t: Trial) -> Verdict {
    let stage = public_stage(&t).await?;
    stage.join(&stage.guest).await?;
    becomes(&t, &stage, "join").await.map(drop)
}

async fn banned(t: Trial) -> Verdict {
    let stage = public_stage(&t).await?;
    stage.join(&stage.guest).await?;
    let request = json!({"participant_id": ids::participant_id(&stage.guest)});
    stage
        .owner
        .post(stage.room.at("/ban"), request)
        .await?
        .ok()?;
    let document = stage.peer.ask_to_join(&stage.room.id, &stage.guest);
    stage
        .posts(&document)
        .await?
        .refused("SW_ROOM_FORBIDDEN")
        .map(drop)
}

async fn unknown_room(t: Trial) -> Verdict {
    let peer = t.peer()?;
    let room_id = "00000000-0000-8000-8000-000000000000";
    let document = peer.ask_to_join(room_id, &new_guest(&peer));
    let path = format!("/rooms/{room_id}/join");
    let answer = peer.post(&t.stranger(), &path, &document).await?;
    answer.refused("SW_ROOM_NOT_FOUND").map(drop)
}

async fn bad_documents(t: Trial) -> Verdict {
    let (stage, _) = Stage::invited(&t).await?;
    let document = stage.peer.ask_to_join(&stage.room.id, &stage.guest);
    let mut unsigned = document.clone();
    unsigned["request_id"] = json!("00000000-0000-4000-8000-000000000000");
    stage
        .posts(&unsigned)
        .await?
        .refused("SW_FED_SIGNATURE_MISMATCH")?;
    for (member, value) in [
        ("room_id", json!("00000000-0000-8000-8000-000000000000")),
        ("host", json!("other.invalid")),
        ("actor", json!("@somebody:stranger.invalid")),
        ("ts", json!(0)),
    ] {
        let mut changed = document.clone();
        changed[member] = value;
        stage.peer.sign_request(&mut changed);
        let answer = stage.posts(&changed).await?;
        must((400..500).contains(&answer.status), || {
            format!("a changed `{member}` got {}", answer.outline())
        })?;
    }
    becomes(&t, &stage, "invite").await.map(drop)
}

async fn decline(t: Trial) -> Verdict {
    let (stage, _) = Stage::invited(&t).await?;
    let document = stage
        .peer
        .ask(&stage.room.id, &stage.guest, "decline", json!({}));
    stage.asks(&document).await?;
    becomes(&t, &stage, "leave").await?;
    let (rows, _) = stage
        .owner
        .get(stage.room.at("/invitations"))
        .await?
        .list()?;
    judge::no_row(&rows, "/participant_id", ids::participant_id(&stage.guest))
}

async fn leave(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    // Somebody else of the peer stays, so that its log goes on.
    let other = new_guest(&stage.peer);
    let request = json!({"fqid": other});
    stage
        .owner
        .post(stage.room.at("/invite"), request)
        .await?
        .ok()?;
    stage.join(&other).await?;
    stage
        .delivers("swp.room.leave", json!({"reason": "bye"}))
        .await?;
    becomes(&t, &stage, "leave").await?;
    let event = stage.append_message("still here");
    rejected(&stage.send_one(&event).await?, "SW_NOT_MEMBER", true)
}

async fn returns(t: Trial) -> Verdict {
    let stage = public_stage(&t).await?;
    stage.join(&stage.guest).await?;
    stage.says("before").await?;
    stage.delivers("swp.room.leave", json!({})).await?;
    becomes(&t, &stage, "leave").await?;
    stage.join(&stage.guest).await?;
    becomes(&t, &stage, "join").await?;
    let event = stage.says("after").await?;
    stage.shown(&event, |_| true).await.map(drop)
}
