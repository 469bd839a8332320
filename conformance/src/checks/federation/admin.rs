//! What administrators see of the federation: identity, peers, the journal of refusals.

use serde_json::json;

use super::stage::Stage;
use crate::check::{Check, Verdict, federation, skipped};
use crate::judge::{self, must, shape::shape};
use crate::protocol::key::Key;
use crate::trial::Trial;

const SECTION: &str = "federation 4, 7; connections-and-operations 7";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "admin/identity: the server's name and current key, as in its descriptor",
            identity,
        ),
        federation(
            SECTION,
            "admin/peers: the peer with when it was seen, its queue, lag, refusals and skew",
            peers,
        ),
        federation(
            SECTION,
            "admin/peers: paused, nothing is delivered; resumed, all of it",
            pause,
        )
        .alone(),
        federation(
            SECTION,
            "admin/peers: retry ends the waiting after failures",
            retry,
        )
        .alone(),
        federation(
            SECTION,
            "admin/peers: an unknown peer gets SW_NOT_FOUND",
            unknown_peer,
        ),
        federation(
            SECTION,
            "admin/peers: an admin confirms the key that the peer shows, and no other",
            confirm_key,
        ),
        federation(
            SECTION,
            "admin/rejected: a refused event is there with who, what and which check",
            journal,
        ),
        federation(
            SECTION,
            "admin/permission: who lacks federation.manage gets SW_AUTH_INSUFFICIENT_PERMISSION",
            permission,
        ),
    ]
}

async fn identity(t: Trial) -> Verdict {
    let peer = t.peer()?;
    let identity = t
        .admin()?
        .get("/v1/admin/federation/identity")
        .await?
        .ok()?;
    judge::equal(&identity, "/server_name", peer.subject_name())?;
    judge::equal(&identity, "/key_id", peer.subject_key().key_id())?;
    judge::text(&identity, "/public_key").map(drop)
}

async fn peers(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    stage.says("seen").await?;
    let (rows, _) = t
        .admin()?
        .get("/v1/admin/federation/peers?limit=200")
        .await?
        .list()?;
    let row = judge::row(&rows, "/server_name", stage.peer.name())?;
    shape(
        "peer",
        row,
        "server_name str, last_seen_at time, last_error str~, queue obj, lag_ms int, rejected int, skew_ms int~",
    )?;
    judge::equal(row, "/key_id", stage.peer.key().key_id())
}

async fn pause(t: Trial) -> Verdict {
    let admin = t.admin()?;
    let stage = Stage::open(&t).await?;
    let path = |action: &str| format!("/v1/admin/federation/peers/{}/{action}", stage.peer.name());
    admin.post(path("pause"), json!({})).await?.ok()?;
    let sent = stage.owner.says(&stage.room, "while paused").await;
    let delivered = |request: &crate::peer::received::Received| {
        request
            .events()
            .iter()
            .any(|event| event["content"]["body"] == "while paused")
    };
    // A request that the peer makes and the server answers shows that time has passed.
    let asked = stage.get("/heads").await;
    let early = stage.peer.requests().iter().any(delivered);
    admin.post(path("resume"), json!({})).await?.ok()?;
    asked?;
    let sent = sent?;
    must(!early, || "a paused peer got a delivery".to_owned())?;
    stage
        .gets("the message", |event| event["event_id"] == sent["id"])
        .await
        .map(drop)
}

async fn retry(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    stage.peer.set_down(true);
    let sent = stage.owner.says(&stage.room, "again please").await;
    let refused = stage.peer.gets("delivery while it is down", |request| {
        request.refused
            && request
                .events()
                .iter()
                .any(|event| event["content"]["body"] == "again please")
    });
    let refused = refused.await;
    stage.peer.set_down(false);
    refused?;
    let path = format!("/v1/admin/federation/peers/{}/retry", stage.peer.name());
    t.admin()?.post(path, json!({})).await?.ok()?;
    let sent = sent?;
    stage
        .gets("the message", |event| event["event_id"] == sent["id"])
        .await
        .map(drop)
}

async fn unknown_peer(t: Trial) -> Verdict {
    for action in ["pause", "resume", "retry"] {
        let path = format!("/v1/admin/federation/peers/nobody.invalid/{action}");
        t.admin()?
            .post(path, json!({}))
            .await?
            .refused("SW_NOT_FOUND")?;
    }
    Ok(())
}

async fn confirm_key(t: Trial) -> Verdict {
    let (admin, peer) = (t.admin()?, t.peer()?);
    let path = format!("/v1/admin/federation/peers/{}/confirm-key", peer.name());
    let other = json!({"key_id": Key::random().key_id()});
    let answer = admin.post(path.clone(), other).await?;
    if answer.status == 404 {
        return Err(skipped("the server has no endpoint that confirms keys"));
    }
    answer.refused("SW_VALIDATION_ERROR")?;
    let shown = json!({"key_id": peer.key().key_id()});
    let row = admin.post(path, shown).await?.ok()?;
    judge::equal(&row, "/key_id", peer.key().key_id())?;
    let answer = peer
        .get(
            &t.stranger(),
            "/rooms/00000000-0000-8000-8000-000000000000/heads",
        )
        .await?;
    answer.refused("SW_ROOM_NOT_FOUND").map(drop)
}

async fn journal(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let mut draft = stage.draft("swp.room.message", json!({"body": "x"}));
    draft.sender = json!(stage.peer.fqid("nobody"));
    let event = stage.append_draft(&draft);
    stage.send_one(&event).await?;
    let (rows, _) = t
        .admin()?
        .get("/v1/admin/federation/rejected?limit=200")
        .await?
        .list()?;
    let row = judge::row(&rows, "/event_id", event["event_id"].clone())?;
    judge::equal(row, "/peer", stage.peer.name())?;
    judge::equal(row, "/check", 8)?;
    judge::equal(row, "/code", "SW_NOT_MEMBER")?;
    judge::equal(row, "/room_id", stage.room.id.as_str())?;
    shape(
        "row",
        row,
        "message str, created_at time, origin str~, seq int~",
    )
}

async fn permission(t: Trial) -> Verdict {
    let person = t.person().await?;
    for path in ["identity", "policy", "peers", "rejected"] {
        let answer = person.get(format!("/v1/admin/federation/{path}")).await?;
        let error = answer.refused("SW_AUTH_INSUFFICIENT_PERMISSION")?;
        judge::equal(&error, "/details/permission", "federation.manage")?;
    }
    Ok(())
}
