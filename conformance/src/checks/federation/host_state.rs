//! What people of the peer ask of the host, and what nobody but the host may write.

use serde_json::{Value, json};

use super::stage::{Stage, new_guest, rejected};
use crate::check::{Check, Stop, Verdict, failed, federation};
use crate::judge::{self, must};
use crate::protocol::{event, ids};
use crate::trial::Trial;

const SECTION: &str = "federation 5; requests, actions";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "host-state/request: who has the power changes name, topic and settings",
            with_power,
        ),
        federation(
            SECTION,
            "host-state/request: a guest pins a message, and one that is not there gets SW_EVENT_NOT_FOUND",
            pin,
        ),
        federation(
            SECTION,
            "host-state/request: who lacks the power gets SW_ROOM_FORBIDDEN",
            without_power,
        ),
        federation(
            SECTION,
            "host-state/request: a guest with level 50 kicks somebody",
            kick,
        ),
        federation(
            SECTION,
            "host-state/request: a guest invites somebody of their server",
            invite,
        ),
        federation(
            SECTION,
            "host-state/request: in an archived room gets SW_ROOM_FROZEN",
            frozen,
        ),
        federation(
            SECTION,
            "host-state/request: an unknown action gets SW_VALIDATION_ERROR",
            unknown_action,
        ),
        federation(
            SECTION,
            "host-state/request: who is no member gets SW_NOT_MEMBER",
            not_member,
        ),
        federation(
            SECTION,
            "host-state/events: state events of a server that is not the host are refused",
            not_the_host,
        ),
        federation(
            SECTION,
            "host-state/kick: reaches the peer with the last event that counts, later ones are refused",
            kicked,
        ),
        federation(
            SECTION,
            "host-state/chain: state events form a chain of their own",
            chain,
        ),
    ]
}

/// Gives the guest a level.
async fn promote(stage: &Stage, level: i64) -> Result<(), Stop> {
    let id = ids::participant_id(&stage.guest);
    let path = stage.room.at(&format!("/members/{id}/power-level"));
    stage
        .owner
        .put(path, json!({"power_level": level}))
        .await?
        .ok()?;
    Ok(())
}

async fn with_power(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    promote(&stage, 100).await?;
    for (action, content, kind) in [
        ("name", json!({"name": "Named by a guest"}), "swp.room.name"),
        (
            "topic",
            json!({"topic": "Set by a guest"}),
            "swp.room.topic",
        ),
        (
            "settings",
            json!({"edit_window_seconds": 60}),
            "swp.room.settings",
        ),
        (
            "power_levels",
            json!({"power_levels": {"pin": 10}}),
            "swp.room.power_levels",
        ),
    ] {
        let document = stage
            .peer
            .ask(&stage.room.id, &stage.guest, action, content);
        let events = stage.asks(&document).await?;
        let event = events
            .first()
            .ok_or_else(|| failed(format!("{action} caused no event")))?;
        judge::equal(event, "/type", kind)?;
        judge::equal(event, "/sender", stage.guest.as_str())?;
        judge::equal(event, "/content/request", document)?;
    }
    let room = stage.owner.get(stage.room.at("")).await?.ok()?;
    judge::equal(&room, "/name", "Named by a guest")?;
    judge::equal(&room, "/topic", "Set by a guest")?;
    judge::equal(&room, "/edit_window_seconds", 60)
}

async fn pin(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let asks = |message: &Value, action: &str| {
        let content = json!({"event_id": message, "action": action});
        stage.peer.ask(&stage.room.id, &stage.guest, "pin", content)
    };
    let sent = stage.owner.says(&stage.room, "to be kept").await?;
    for (action, pinned) in [("add", true), ("remove", false)] {
        let events = stage.asks(&asks(&sent["id"], action)).await?;
        let event = events
            .first()
            .ok_or_else(|| failed(format!("{action} caused no event")))?;
        judge::equal(event, "/type", "swp.room.pin")?;
        judge::equal(event, "/content/event_id", sent["id"].clone())?;
        judge::equal(event, "/content/action", action)?;
        let shown = stage.owner.get(stage.room.event(&sent, "")).await?.ok()?;
        judge::equal(&shown, "/pinned", pinned)?;
    }
    let nothing = json!("00000000-0000-7000-8000-000000000000");
    let refused = stage.posts(&asks(&nothing, "add")).await?;
    refused.refused("SW_EVENT_NOT_FOUND").map(drop)
}

async fn without_power(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    for (action, content) in [
        ("name", json!({"name": "Mine"})),
        ("kick", json!({"participant": stage.owner.fqid()})),
        ("settings", json!({"edit_window_seconds": 0})),
        (
            "member_level",
            json!({"participant": stage.guest, "power_level": 100}),
        ),
        ("close", json!({})),
    ] {
        let document = stage
            .peer
            .ask(&stage.room.id, &stage.guest, action, content);
        stage.posts(&document).await?.refused("SW_ROOM_FORBIDDEN")?;
    }
    Ok(())
}

async fn kick(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let target = t.person().await?;
    stage.room.admit(&stage.owner, &target).await?;
    promote(&stage, 50).await?;
    let content = json!({"participant": target.fqid(), "reason": "enough"});
    let document = stage
        .peer
        .ask(&stage.room.id, &stage.guest, "kick", content);
    let events = stage.asks(&document).await?;
    let event = events
        .first()
        .ok_or_else(|| failed("the kick caused no event"))?;
    judge::equal(event, "/content/membership", "leave")?;
    judge::equal(event, "/content/reason", "enough")?;
    let row = stage.room.member(&stage.owner, &target).await?;
    judge::equal(&row, "/membership", "leave")
}

async fn invite(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let other = new_guest(&stage.peer);
    let content = json!({"participant": other, "profile": stage.peer.profile(&other, "Other")});
    let document = stage
        .peer
        .ask(&stage.room.id, &stage.guest, "invite", content);
    let events = stage.asks(&document).await?;
    let event = events
        .first()
        .ok_or_else(|| failed("the invitation caused no event"))?;
    judge::equal(event, "/content/membership", "invite")?;
    stage.join(&other).await.map(drop)
}

async fn frozen(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    promote(&stage, 100).await?;
    stage
        .owner
        .post(stage.room.at("/archive"), json!({}))
        .await?
        .ok()?;
    let content = json!({"name": "Too late"});
    let document = stage
        .peer
        .ask(&stage.room.id, &stage.guest, "name", content);
    stage
        .posts(&document)
        .await?
        .refused("SW_ROOM_FROZEN")
        .map(drop)
}

async fn unknown_action(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let document = stage
        .peer
        .ask(&stage.room.id, &stage.guest, "dance", json!({}));
    stage
        .posts(&document)
        .await?
        .refused("SW_VALIDATION_ERROR")
        .map(drop)
}

async fn not_member(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let outsider = new_guest(&stage.peer);
    let document = stage
        .peer
        .ask(&stage.room.id, &outsider, "topic", json!({"topic": "x"}));
    stage
        .posts(&document)
        .await?
        .refused("SW_NOT_MEMBER")
        .map(drop)
}

async fn not_the_host(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let ban = json!({"participant": stage.owner.fqid(), "membership": "ban", "power_level": 0, "seen": {}});
    for (kind, content) in [
        ("swp.room.member", ban),
        ("swp.room.name", json!({"name": "Taken over", "seen": {}})),
    ] {
        let event = stage.append(kind, content);
        let result = stage.send_one(&event).await?;
        judge::equal(&result, "/status", "rejected")?;
        judge::equal(&result, "/error/code", "SW_ROOM_FORBIDDEN")?;
    }
    let room = stage.owner.get(stage.room.at("")).await?.ok()?;
    judge::equal(&room, "/name", stage.room.data["name"].clone())?;
    judge::equal(&room, "/membership", "join")
}

async fn kicked(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let other = new_guest(&stage.peer);
    stage
        .owner
        .post(stage.room.at("/invite"), json!({"fqid": other}))
        .await?
        .ok()?;
    stage.join(&other).await?;
    let last = stage.says("the last that counts").await?;
    let request = json!({"participant_id": ids::participant_id(&stage.guest)});
    stage
        .owner
        .post(stage.room.at("/kick"), request)
        .await?
        .ok()?;
    let kick = stage.gets("kick", |event| {
        event["content"]["participant"] == stage.guest && event["content"]["membership"] == "leave"
    });
    let kick = kick.await?;
    let position = &kick["content"]["cutoff"][stage.peer.name()];
    judge::equal(position, "/seq", last["seq"].clone())?;
    judge::equal(position, "/hash", event::hash(&last))?;
    let event = stage.append_message("too late");
    rejected(&stage.send_one(&event).await?, "SW_NOT_MEMBER", true)?;
    stage.shown(&last, |_| true).await?;
    stage.not_shown(&event).await
}

async fn chain(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    stage.owner.says(&stage.room, "between").await?;
    stage
        .owner
        .put(stage.room.at("/name"), json!({"name": "Chained"}))
        .await?
        .ok()?;
    stage.catch_up().await?;
    let events = stage.copy(|room| room.state_events()).unwrap_or_default();
    must(events.len() >= 5, || {
        format!("only {} state events", events.len())
    })?;
    for pair in events.windows(2) {
        let [before, after] = pair else { continue };
        judge::equal(after, "/state_seq", before["seq"].clone())?;
        judge::equal(after, "/state_hash", event::hash(before))?;
    }
    let first = events.first().cloned().unwrap_or_default();
    judge::equal(&first, "/type", "swp.room.create")?;
    let nonce = judge::text(&first, "/content/nonce")?;
    let room_id = ids::room_id(stage.peer.subject_name(), &nonce);
    must(room_id == stage.room.id, || {
        format!("the room's id does not follow from host and nonce: {room_id}")
    })
}
