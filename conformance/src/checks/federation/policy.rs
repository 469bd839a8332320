//! The tenant's federation policy, and what it does to callers. These run alone and put the policy back.

use serde_json::{Value, json};

use super::stage::{Stage, body, message, new_guest, rejected};
use crate::check::{Check, Stop, Verdict, federation};
use crate::client::Agent;
use crate::judge::{self, must, shape::shape};
use crate::peer::policy::PATH;
use crate::trial::Trial;

const SECTION: &str = "federation 4, policy";
const HEADS: &str = "/rooms/00000000-0000-8000-8000-000000000000/heads";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(SECTION, "policy/get: answers all keys", fields),
        federation(SECTION, "policy/put: merges and answers all keys", merge).alone(),
        federation(
            SECTION,
            "policy/put: bad values get SW_VALIDATION_ERROR and change nothing",
            bad_values,
        )
        .alone(),
        federation(
            SECTION,
            "policy/put: without federation.manage gets SW_AUTH_INSUFFICIENT_PERMISSION",
            permission,
        ),
        federation(
            SECTION,
            "policy/closed: everybody gets SW_FED_REFUSED, before the caller is looked at and after the version",
            closed,
        )
        .alone(),
        federation(
            SECTION,
            "policy/invite_only: who is not in allowed_peers gets SW_FED_PEER_UNKNOWN",
            not_allowed,
        )
        .alone(),
        federation(SECTION, "policy/open: who is not listed may call", open).alone(),
        federation(
            SECTION,
            "policy/denied: denied_peers is stronger than allowed_peers and open",
            denied,
        )
        .alone(),
        federation(
            SECTION,
            "policy/denied: a change counts at once for a peer that was allowed",
            denied_at_once,
        )
        .alone(),
        federation(
            SECTION,
            "policy/backfill: max_backfill_events_per_request caps a page, 0 answers an empty one",
            backfill,
        )
        .alone(),
        federation(
            SECTION,
            "policy/places: an invitation beyond max_foreign_participants_per_room gets SW_ROOM_CAPACITY",
            places,
        )
        .alone(),
        federation(
            SECTION,
            "policy/origin: an event of a server that is not allowed is refused, whoever delivers it",
            origin,
        ),
    ]
}

/// Sets keys of the policy and answers what they were.
async fn set(admin: &Agent, change: Value) -> Result<Value, Stop> {
    let before = admin.get(PATH).await?.ok()?;
    admin.put(PATH, change).await?.ok()?;
    Ok(before)
}

async fn fields(t: Trial) -> Verdict {
    let policy = t.admin()?.get(PATH).await?.ok()?;
    shape(
        "policy",
        &policy,
        "default_mode str, allowed_peers [str], denied_peers [str], max_foreign_participants_per_room int, \
         max_backfill_events_per_request int",
    )
}

async fn merge(t: Trial) -> Verdict {
    let admin = t.admin()?;
    let before = set(&admin, json!({"max_foreign_participants_per_room": 7})).await?;
    let after = admin
        .put(PATH, json!({"max_backfill_events_per_request": 9}))
        .await?
        .ok();
    admin.put(PATH, before.clone()).await?.ok()?;
    let after = after?;
    judge::equal(&after, "/max_foreign_participants_per_room", 7)?;
    judge::equal(&after, "/max_backfill_events_per_request", 9)?;
    judge::equal(&after, "/allowed_peers", before["allowed_peers"].clone())?;
    judge::equal(&after, "/default_mode", before["default_mode"].clone())
}

async fn bad_values(t: Trial) -> Verdict {
    let admin = t.admin()?;
    let before = admin.get(PATH).await?.ok()?;
    for change in [
        json!({"default_mode": "friends"}),
        json!({"allowed_peers": ["not a name"]}),
        json!({"denied_peers": "b.example"}),
        json!({"max_foreign_participants_per_room": -1}),
        json!({"max_backfill_events_per_request": 1001}),
    ] {
        admin
            .put(PATH, change)
            .await?
            .refused("SW_VALIDATION_ERROR")?;
    }
    let after = admin.get(PATH).await?.ok()?;
    must(before == after, || format!("{before} became {after}"))
}

async fn permission(t: Trial) -> Verdict {
    let person = t.person().await?;
    for answer in [person.get(PATH).await?, person.put(PATH, json!({})).await?] {
        let error = answer.refused("SW_AUTH_INSUFFICIENT_PERMISSION")?;
        judge::equal(&error, "/details/permission", "federation.manage")?;
    }
    Ok(())
}

async fn closed(t: Trial) -> Verdict {
    let (admin, peer) = (t.admin()?, t.peer()?);
    let before = set(&admin, json!({"default_mode": "closed"})).await?;
    let known = peer.get(&t.stranger(), HEADS).await;
    let unknown = peer.request("GET", HEADS, None).manner(|manner| {
        manner.key_id = "stranger.invalid#ed25519:0011223344556677".to_owned();
    });
    let unknown = unknown.send(&t.stranger()).await;
    let other_version = peer.request("GET", HEADS, None).manner(|manner| {
        manner.protocol = "v999".to_owned();
    });
    let other_version = other_version.send(&t.stranger()).await;
    admin.put(PATH, before).await?.ok()?;
    other_version?.refused("SW_FED_PROTOCOL_VERSION")?;
    known?.refused("SW_FED_REFUSED")?;
    unknown?.refused("SW_FED_REFUSED").map(drop)
}

async fn not_allowed(t: Trial) -> Verdict {
    let (admin, peer) = (t.admin()?, t.peer()?);
    let before = set(
        &admin,
        json!({"default_mode": "invite_only", "allowed_peers": []}),
    )
    .await?;
    let answer = peer.get(&t.stranger(), HEADS).await;
    admin.put(PATH, before).await?.ok()?;
    answer?.refused("SW_FED_PEER_UNKNOWN").map(drop)
}

async fn open(t: Trial) -> Verdict {
    let (admin, peer) = (t.admin()?, t.peer()?);
    let before = set(&admin, json!({"default_mode": "open", "allowed_peers": []})).await?;
    let answer = peer.get(&t.stranger(), HEADS).await;
    admin.put(PATH, before).await?.ok()?;
    // Past check 4 and 5: only the room is missing.
    answer?.refused("SW_ROOM_NOT_FOUND").map(drop)
}

async fn denied(t: Trial) -> Verdict {
    let (admin, peer) = (t.admin()?, t.peer()?);
    for mode in ["invite_only", "open"] {
        let change = json!({"default_mode": mode, "denied_peers": [peer.name()]});
        let before = set(&admin, change).await?;
        let answer = peer.get(&t.stranger(), HEADS).await;
        admin.put(PATH, before).await?.ok()?;
        answer?.refused("SW_FED_PEER_UNKNOWN")?;
    }
    Ok(())
}

async fn denied_at_once(t: Trial) -> Verdict {
    let admin = t.admin()?;
    let stage = Stage::open(&t).await?;
    stage.says("allowed").await?;
    let before = set(&admin, json!({"denied_peers": [stage.peer.name()]})).await?;
    let event = stage.compose("swp.room.message", message("denied"));
    let request = json!({"events": [event]});
    let answer = stage.peer.post(&t.stranger(), "/send", &request).await;
    admin.put(PATH, before).await?.ok()?;
    answer?.refused("SW_FED_PEER_UNKNOWN").map(drop)
}

async fn backfill(t: Trial) -> Verdict {
    let admin = t.admin()?;
    let stage = Stage::open(&t).await?;
    for number in 0..3 {
        stage.owner.says(&stage.room, &number.to_string()).await?;
    }
    let path = format!(
        "/backfill?origin={}&epoch=1&after_seq=0&limit=50",
        stage.peer.subject_name()
    );
    let mut pages = Vec::new();
    for cap in [2, 0] {
        let before = set(&admin, json!({"max_backfill_events_per_request": cap})).await?;
        let answer = stage.get(&path).await;
        admin.put(PATH, before).await?.ok()?;
        pages.push(judge::list(&body(&answer?)?, "/events")?.len());
    }
    must(pages == [2, 0], || {
        format!("caps of 2 and 0 gave {pages:?} events")
    })
}

async fn places(t: Trial) -> Verdict {
    let admin = t.admin()?;
    let (stage, _) = Stage::invited(&t).await?;
    let request = json!({"fqid": new_guest(&stage.peer)});
    let before = set(&admin, json!({"max_foreign_participants_per_room": 1})).await?;
    let full = stage
        .owner
        .post(stage.room.at("/invite"), request.clone())
        .await;
    admin.put(PATH, before).await?.ok()?;
    full?.refused("SW_ROOM_CAPACITY")?;
    stage
        .owner
        .post(stage.room.at("/invite"), request)
        .await?
        .ok()
        .map(drop)
}

async fn origin(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let mut event = stage.compose("swp.room.message", message("x"));
    event["origin"] = json!("stranger.invalid");
    event["sender"] = json!("@somebody:stranger.invalid");
    rejected(&stage.send_one(&event).await?, "SW_FED_PEER_UNKNOWN", false)
}
