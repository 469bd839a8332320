//! The eight checks in their order: each has its code, and one that fails earlier answers first.

use serde_json::json;

use super::stage::{Stage, message, rejected};
use crate::check::{Check, Verdict, federation};
use crate::protocol::event;
use crate::protocol::key::Key;
use crate::trial::Trial;

const SECTION: &str = "federation 4, checks";
const HEADS: &str = "/rooms/00000000-0000-8000-8000-000000000000/heads";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "checks/1: a body that is not JSON gets SW_VALIDATION_ERROR, before its version is looked at",
            json_before_version,
        ),
        federation(
            SECTION,
            "checks/1: a body that is too large gets SW_CONTENT_TOO_LARGE, before its version is looked at",
            size_before_version,
        ),
        federation(
            SECTION,
            "checks/1: no event, over 100 events or no list get SW_VALIDATION_ERROR",
            batch_shape,
        ),
        federation(
            SECTION,
            "checks/2: an unknown version gets SW_FED_PROTOCOL_VERSION, before the caller is looked at",
            version_before_peer,
        ),
        federation(
            SECTION,
            "checks/2: no version gets SW_FED_PROTOCOL_VERSION",
            no_version,
        ),
        federation(
            SECTION,
            "checks/4: a server that is not allowed gets SW_FED_PEER_UNKNOWN, before its signature is looked at",
            peer_before_signature,
        ),
        federation(
            SECTION,
            "checks/5: a wrong signature gets SW_FED_SIGNATURE_MISMATCH, before the room is looked at",
            signature_before_room,
        ),
        federation(
            SECTION,
            "checks/6: an unknown room gets SW_ROOM_NOT_FOUND, before the event's signature is looked at",
            room_before_event,
        ),
        federation(
            SECTION,
            "checks/7: a wrong event signature gets SW_FED_SIGNATURE_MISMATCH, before its content is judged",
            envelope_before_content,
        ),
        federation(
            SECTION,
            "checks/8: a sender who is no member gets SW_NOT_MEMBER, and the event takes its place",
            judged_last,
        ),
    ]
}

async fn json_before_version(t: Trial) -> Verdict {
    let peer = t.peer()?;
    let request = peer.request_raw("POST", "/send", b"{broken".to_vec());
    let request = request.manner(|manner| manner.protocol = "v999".to_owned());
    request
        .send(&t.stranger())
        .await?
        .refused("SW_VALIDATION_ERROR")
        .map(drop)
}

async fn size_before_version(t: Trial) -> Verdict {
    let peer = t.peer()?;
    let filling = json!({"events": [], "filling": "x".repeat(3 << 20)});
    let request = peer.request("POST", "/send", Some(&filling));
    let request = request.manner(|manner| manner.protocol = "v999".to_owned());
    request
        .send(&t.stranger())
        .await?
        .refused("SW_CONTENT_TOO_LARGE")
        .map(drop)
}

async fn batch_shape(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let event = stage.compose("swp.room.message", message("x"));
    for request in [
        json!({"events": []}),
        json!({"events": vec![event; 101]}),
        json!({"events": {"0": 1}}),
        json!([]),
    ] {
        let answer = stage.peer.post(&t.stranger(), "/send", &request).await?;
        answer.refused("SW_VALIDATION_ERROR")?;
    }
    Ok(())
}

async fn version_before_peer(t: Trial) -> Verdict {
    let request = t.peer()?.request("GET", HEADS, None);
    let request = request.manner(|manner| {
        manner.protocol = "v999".to_owned();
        manner.key_id = format!("stranger.invalid#{}", Key::random().key_id());
    });
    request
        .send(&t.stranger())
        .await?
        .refused("SW_FED_PROTOCOL_VERSION")
        .map(drop)
}

async fn no_version(t: Trial) -> Verdict {
    let request = t
        .peer()?
        .request("GET", HEADS, None)
        .without("X-ScaiWave-Protocol");
    request
        .send(&t.stranger())
        .await?
        .refused("SW_FED_PROTOCOL_VERSION")
        .map(drop)
}

async fn peer_before_signature(t: Trial) -> Verdict {
    let key = Key::random();
    let request = t.peer()?.request("GET", HEADS, None);
    let request = request.manner(|manner| {
        manner.key_id = format!("stranger.invalid#{}", key.key_id());
        manner.created = 0;
    });
    request
        .send(&t.stranger())
        .await?
        .refused("SW_FED_PEER_UNKNOWN")
        .map(drop)
}

async fn signature_before_room(t: Trial) -> Verdict {
    let request = t
        .peer()?
        .request("GET", HEADS, None)
        .with_key(Key::random());
    request
        .send(&t.stranger())
        .await?
        .refused("SW_FED_SIGNATURE_MISMATCH")
        .map(drop)
}

async fn room_before_event(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let mut event = stage.compose("swp.room.message", message("x"));
    event["room_id"] = json!("00000000-0000-8000-8000-000000000000");
    rejected(&stage.send_one(&event).await?, "SW_ROOM_NOT_FOUND", false)
}

async fn envelope_before_content(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let mut draft = stage.draft("swp.room.message", message("x"));
    draft.sender = json!(stage.peer.fqid("nobody"));
    let mut event = stage.compose_draft(&draft);
    event::sign(&mut event, &Key::random());
    event["key_id"] = json!(stage.peer.key().key_id());
    rejected(
        &stage.send_one(&event).await?,
        "SW_FED_SIGNATURE_MISMATCH",
        false,
    )
}

async fn judged_last(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let mut draft = stage.draft("swp.room.message", message("x"));
    draft.sender = json!(stage.peer.fqid("nobody"));
    let event = stage.append_draft(&draft);
    rejected(&stage.send_one(&event).await?, "SW_NOT_MEMBER", true)?;
    stage.not_shown(&event).await?;
    // The log goes on after an event that is void.
    stage.says("next").await.map(drop)
}
