//! What the room's state allows a sender (check 8), and content that no server may show.

use serde_json::{Value, json};

use super::stage::{Stage, message, rejected};
use crate::check::{Check, Verdict, federation};
use crate::judge::{self, must};
use crate::protocol::hash_text;
use crate::trial::Trial;

const SECTION: &str = "federation 4 (check 8), 5";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "judgement/edit: of another's message gets SW_ROOM_FORBIDDEN",
            edit_of_another,
        ),
        federation(
            SECTION,
            "judgement/edit: after the room's window gets SW_EVENT_TOO_OLD_TO_EDIT",
            late_edit,
        ),
        federation(
            SECTION,
            "judgement/redact: another's message below 50 gets SW_REDACT_FORBIDDEN",
            redact_another,
        ),
        federation(
            SECTION,
            "judgement/level: below the room's send level gets SW_ROOM_FORBIDDEN",
            below_level,
        ),
        federation(
            SECTION,
            "judgement/frozen: in an archived room gets SW_ROOM_FROZEN",
            archived,
        ),
        federation(
            SECTION,
            "judgement/cut-off: what claims an older state cannot evade a right taken away",
            old_state,
        ),
        federation(
            SECTION,
            "judgement/wait: an event that claims a later state than the host's waits",
            later_state,
        ),
        federation(
            SECTION,
            "judgement/wait: an event that claims another state than the host's waits",
            other_state,
        ),
        federation(
            SECTION,
            "judgement/content: a malformed edit, redaction or reaction gets SW_VALIDATION_ERROR",
            malformed,
        ),
        federation(
            SECTION,
            "judgement/content: over 73728 bytes get SW_CONTENT_TOO_LARGE",
            too_large,
        ),
        federation(
            SECTION,
            "judgement/content: more than a client may send is taken from a server",
            larger_than_clients,
        ),
        federation(
            SECTION,
            "judgement/sender: a sender of another server than the origin is refused",
            other_server,
        ),
        federation(
            SECTION,
            "judgement/local: a server's own edit window does not bind others",
            own_settings,
        ),
    ]
}

async fn edit_of_another(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let sent = stage.owner.says(&stage.room, "mine").await?;
    let edit = json!({"event_id": sent["id"], "content": message("yours")});
    let event = stage.append("swp.room.message.edit", edit);
    rejected(&stage.send_one(&event).await?, "SW_ROOM_FORBIDDEN", true)?;
    let seen = stage.owner.get(stage.room.event(&sent, "")).await?.ok()?;
    judge::equal(&seen, "/content/body", "mine")
}

async fn late_edit(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let request = json!({"edit_window_seconds": 0});
    stage
        .owner
        .put(stage.room.at("/settings"), request)
        .await?
        .ok()?;
    stage.catch_up().await?;
    let sent = stage.says("fixed").await?;
    let edit = json!({"event_id": sent["event_id"], "content": message("changed")});
    let event = stage.append("swp.room.message.edit", edit);
    rejected(
        &stage.send_one(&event).await?,
        "SW_EVENT_TOO_OLD_TO_EDIT",
        true,
    )
}

async fn redact_another(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let sent = stage.owner.says(&stage.room, "mine").await?;
    let event = stage.append(
        "swp.room.redaction",
        json!({"event_id": sent["id"], "reason": null}),
    );
    rejected(&stage.send_one(&event).await?, "SW_REDACT_FORBIDDEN", true)?;
    let seen = stage.owner.get(stage.room.event(&sent, "")).await?.ok()?;
    judge::equal(&seen, "/content/body", "mine")
}

async fn below_level(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    stage
        .owner
        .put(stage.room.at("/power-levels"), json!({"send": 50}))
        .await?
        .ok()?;
    stage.catch_up().await?;
    let event = stage.append_message("too low");
    rejected(&stage.send_one(&event).await?, "SW_ROOM_FORBIDDEN", true)
}

async fn archived(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    stage
        .owner
        .post(stage.room.at("/archive"), json!({}))
        .await?
        .ok()?;
    stage.catch_up().await?;
    let event = stage.append_message("too late");
    rejected(&stage.send_one(&event).await?, "SW_ROOM_FROZEN", true)
}

async fn old_state(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    stage.says("before").await?;
    let before = stage.copy(|room| room.state.clone()).unwrap_or_default();
    stage
        .owner
        .put(stage.room.at("/power-levels"), json!({"send": 50}))
        .await?
        .ok()?;
    let mut draft = stage.draft("swp.room.message", message("as if nothing had happened"));
    draft.state = before;
    let event = stage.append_draft(&draft);
    rejected(&stage.send_one(&event).await?, "SW_ROOM_FORBIDDEN", true)?;
    stage.not_shown(&event).await
}

async fn later_state(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let mut draft = stage.draft("swp.room.message", message("from the future"));
    draft.state = (
        draft.state.0 + 1_000,
        Some(hash_text(b"a state that is not there")),
    );
    let event = stage.append_draft(&draft);
    judge::equal(&stage.send_one(&event).await?, "/status", "pending")?;
    stage.not_shown(&event).await
}

async fn other_state(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let mut draft = stage.draft("swp.room.message", message("from another world"));
    draft.state.1 = Some(hash_text(b"another state"));
    let event = stage.append_draft(&draft);
    judge::equal(&stage.send_one(&event).await?, "/status", "pending")?;
    stage.not_shown(&event).await
}

async fn malformed(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let sent = stage.says("target").await?;
    let id = &sent["event_id"];
    for (kind, content) in [
        ("swp.room.message.edit", json!({"event_id": id})),
        (
            "swp.room.message.edit",
            json!({"event_id": "x", "content": {}}),
        ),
        ("swp.room.redaction", json!({"event_id": 5})),
        (
            "swp.room.reaction",
            json!({"event_id": id, "emoji": "", "action": "add"}),
        ),
        (
            "swp.room.reaction",
            json!({"event_id": id, "emoji": "👍", "action": "dance"}),
        ),
    ] {
        let event = stage.append(kind, content);
        rejected(&stage.send_one(&event).await?, "SW_VALIDATION_ERROR", true)?;
    }
    stage.says("the log goes on").await.map(drop)
}

/// A message content of exactly so many canonical bytes.
fn content_of(bytes: usize) -> Value {
    let frame = json!({"body": ""}).to_string().len();
    json!({"body": "x".repeat(bytes.saturating_sub(frame))})
}

async fn too_large(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let event = stage.append("swp.room.message", content_of(73_729));
    rejected(&stage.send_one(&event).await?, "SW_CONTENT_TOO_LARGE", true)?;
    stage.says("the log goes on").await.map(drop)
}

async fn larger_than_clients(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let event = stage
        .delivers("swp.room.message", content_of(70_000))
        .await?;
    stage.shown(&event, |_| true).await.map(drop)
}

async fn other_server(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let mut draft = stage.draft("swp.room.message", message("in another's name"));
    draft.sender = json!(stage.owner.fqid());
    let event = stage.append_draft(&draft);
    let request = json!({"events": [event]});
    let answer = stage.peer.post(&t.stranger(), "/send", &request).await?;
    let body = answer.body()?;
    let accepted = body.pointer("/results/0/status") == Some(&json!("accepted"));
    must(!accepted, || {
        "a message in the name of another server's user was accepted".to_owned()
    })?;
    stage.not_shown(&event).await
}

async fn own_settings(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let sent = stage.says("first").await?;
    let edit = json!({"event_id": sent["event_id"], "content": message("second")});
    stage.delivers("swp.room.message.edit", edit).await?;
    stage
        .shown(&sent, |seen| seen["content"] == message("second"))
        .await
        .map(drop)
}
