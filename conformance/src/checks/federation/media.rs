//! Files that messages name, both ways.

use serde_json::{Value, json};

use super::stage::Stage;
use crate::cast::random_suffix;
use crate::check::{Check, Verdict, federation};
use crate::judge::{self, must, shape::shape, shapes};
use crate::peer::mischief::{Ill, Mischief};
use crate::protocol::{hash_text, ids};
use crate::trial::Trial;

const SECTION: &str = "federation 4, 8; content 5";
const TEXT: &str = "a file of another server";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "media/in: a guest's file is fetched once from the guest's server and comes back byte for byte",
            fetched,
        ),
        federation(
            SECTION,
            "media/in: what the message does not describe, or cannot truly, is not fetched",
            undescribed,
        ),
        federation(
            SECTION,
            "media/in: other bytes than the message names get SW_SERVICE_UNAVAILABLE",
            wrong_bytes,
        ),
        federation(
            SECTION,
            "media/in: a redaction takes the file away, copy and all",
            redacted_in,
        ),
        federation(
            SECTION,
            "media/out: a file of a member's message is served with its digest, until it is redacted",
            served,
        ),
        federation(
            SECTION,
            "media/out: what only the peer's own message names is not served",
            own_naming,
        ),
    ]
}

fn digits(text: &str) -> String {
    hash_text(text.as_bytes()).replace("sha256:", "")
}

/// A content that names a file with this text, uploaded by that participant; and the file's id.
fn naming(uploader: &str, text: &str) -> (Value, String) {
    let id = ids::media_id(uploader, &digits(text));
    let content = json!({
        "msgtype": "swp.media", "body": "a file", "media_id": id,
        "_media": {&id: {
            "uploader": uploader, "sha256": digits(text), "size": text.len(),
            "mime_type": "text/plain", "filename": "far.txt",
        }},
    });
    (content, id)
}

/// The peer gives this text for the file.
fn gives(stage: &Stage, media_id: &str, text: &str) -> Mischief {
    let path = format!("/rooms/{}/media/{media_id}", stage.room.id);
    let answer = Ill::Text(text.to_owned());
    stage
        .peer
        .misbehaves(answer, move |request| request.path == path)
}

/// A text that no other check has had: a server may keep one copy of what several messages name.
fn fresh_text() -> String {
    format!("{TEXT} {}", random_suffix())
}

async fn fetched(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let text = fresh_text();
    let (content, id) = naming(&stage.guest, &text);
    let giving = gives(&stage, &id, &text);
    stage.delivers("swp.room.message", content).await?;
    let info = stage
        .owner
        .get(format!("/v1/media/{id}/info"))
        .await?
        .ok()?;
    shape("media", &info, shapes::MEDIA)?;
    judge::equal(&info, "/filename", "far.txt")?;
    judge::equal(&info, "/uploader_id", ids::participant_id(&stage.guest))?;
    for _ in 0..2 {
        let answer = stage.owner.downloads(&id).await?;
        must(answer.status == 200 && answer.text == text, || {
            format!("expected the file, got {}", answer.outline())
        })?;
    }
    must(giving.times() == 1, || {
        format!("the file was fetched {} times", giving.times())
    })
}

async fn undescribed(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let (mut bare, id) = naming(&stage.guest, TEXT);
    let giving = gives(&stage, &id, TEXT);
    if let Some(members) = bare.as_object_mut() {
        members.remove("_media");
    }
    let (mut swapped, _) = naming(&stage.guest, TEXT);
    swapped["_media"][&id]["sha256"] = json!(digits("another text"));
    for content in [bare, swapped] {
        stage.delivers("swp.room.message", content).await?;
        let answer = stage.owner.downloads(&id).await?;
        answer.refused("SW_NOT_FOUND")?;
    }
    must(giving.times() == 0, || "the file was asked for".to_owned())
}

async fn wrong_bytes(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let text = fresh_text();
    let (content, id) = naming(&stage.guest, &text);
    stage.delivers("swp.room.message", content).await?;
    let (other, longer) = (text.to_uppercase(), format!("{text}, and more"));
    for wrong in [other.as_str(), "a file", longer.as_str()] {
        let _giving = gives(&stage, &id, wrong);
        let answer = stage.owner.downloads(&id).await?;
        answer.refused("SW_SERVICE_UNAVAILABLE")?;
        answer.must_header("retry-after")?;
    }
    Ok(())
}

async fn redacted_in(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let (content, id) = naming(&stage.guest, TEXT);
    let _giving = gives(&stage, &id, TEXT);
    let event = stage.delivers("swp.room.message", content).await?;
    must(stage.owner.downloads(&id).await?.status == 200, || {
        "the file did not come".to_owned()
    })?;
    let redaction = json!({"event_id": event["event_id"], "reason": null});
    stage.delivers("swp.room.redaction", redaction).await?;
    stage
        .shown(&event, |seen| seen["content"] == json!({}))
        .await?;
    let answer = stage.owner.downloads(&id).await?;
    answer.refused("SW_NOT_FOUND").map(drop)
}

async fn served(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let id = stage.owner.uploads("near.txt", TEXT.as_bytes()).await?;
    let path = format!("/media/{id}");
    stage.get(&path).await?.refused("SW_NOT_FOUND")?;
    let event = stage.owner.attaches(&stage.room, &id).await?;
    let sent = stage.gets("the message with the file", |sent| {
        sent["event_id"] == event["id"]
    });
    let sent = sent.await?;
    judge::equal(&sent, &format!("/content/_media/{id}/sha256"), digits(TEXT))?;
    judge::equal(&sent, &format!("/content/_media/{id}/size"), TEXT.len())?;
    let uploader = format!("/content/_media/{id}/uploader");
    judge::equal(&sent, &uploader, stage.owner.fqid())?;
    let answer = stage.get(&path).await?;
    must(answer.status == 200 && answer.text == TEXT, || {
        format!("expected the file, got {}", answer.outline())
    })?;
    let digest = answer.must_header("content-digest")?;
    must(digest.starts_with("sha-256=:"), || digest.to_owned())?;
    let disposition = answer.must_header("content-disposition")?;
    must(disposition.starts_with("attachment"), || {
        disposition.to_owned()
    })?;
    let redact = stage.room.event(&event, "/redact");
    stage.owner.post(redact, json!({})).await?.ok()?;
    stage.get(&path).await?.refused("SW_NOT_FOUND").map(drop)
}

async fn own_naming(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let secret = "the owner's alone";
    let id = stage.owner.uploads("secret.txt", secret.as_bytes()).await?;
    let (content, named) = naming(stage.owner.fqid(), secret);
    must(named == id, || format!("the id is {id}, not {named}"))?;
    stage.delivers("swp.room.message", content).await?;
    let answer = stage.get(&format!("/media/{id}")).await?;
    answer.refused("SW_NOT_FOUND").map(drop)
}
