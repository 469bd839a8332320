//! What `content` may hold, and how large it may be.

use serde_json::{Value, json};

use crate::check::{Check, Verdict, client};
use crate::judge::{self, must};
use crate::trial::Trial;

const SECTION: &str = "client-core 8";
/// The largest canonical `content`.
const LARGEST: usize = 65_536;

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "messages/content: free JSON comes back as it was sent",
            kept,
        ),
        client(
            SECTION,
            "messages/content: an unknown msgtype is kept and passed on",
            unknown_msgtype,
        ),
        client(
            SECTION,
            "messages/content: 65536 canonical bytes pass, one more gets SW_CONTENT_TOO_LARGE",
            size,
        ),
        client(
            SECTION,
            "messages/content: spaces between the tokens do not count",
            canonical_size,
        ),
        client(
            SECTION,
            "messages/content: swp.system from a client gets SW_VALIDATION_ERROR for `reserved`",
            system,
        ),
        client(
            SECTION,
            "messages/content: _imported_sender from a client gets SW_VALIDATION_ERROR for `reserved`",
            imported,
        ),
        client(
            SECTION,
            "messages/content: over 500 mentions get SW_VALIDATION_ERROR",
            mentions,
        ),
        client(
            SECTION,
            "messages/content: a mention of somebody not joined is ignored",
            foreign_mention,
        ),
        client(
            SECTION,
            "messages/content: an unknown media_id gets SW_NOT_FOUND",
            media,
        ),
        client(
            SECTION,
            "messages/content: reply_to_event_id counts in the parent's thread",
            thread,
        ),
        client(
            SECTION,
            "messages/content: as_participant_id below 100 or of a person gets SW_ROOM_FORBIDDEN",
            send_as,
        ),
    ]
}

async fn kept(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let content = json!({
        "msgtype": "swp.text", "body": "Grüße 🦀 \u{202e}\n\t", "n": [0, -1, 1.5, 9_007_199_254_740_991_i64],
        "null": null, "deep": {"a": {"b": [{}, [], ""]}}, "": "empty key", "ключ": true
    });
    let sent = owner
        .post(room.at("/send"), json!({"content": content}))
        .await?
        .ok()?;
    judge::equal(&sent, "/content", content.clone())?;
    let event = member.get(room.event(&sent, "")).await?.ok()?;
    judge::equal(&event, "/content", content)
}

async fn unknown_msgtype(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let content = json!({"msgtype": "com.example.poll", "options": ["a", "b"]});
    let event = person
        .post(room.at("/send"), json!({"content": content}))
        .await?
        .ok()?;
    judge::equal(&event, "/content", content)
}

/// A content whose canonical form has exactly `bytes` bytes.
fn content_of(bytes: usize) -> Value {
    let frame = json!({"body": ""}).to_string().len();
    json!({"body": "x".repeat(bytes.saturating_sub(frame))})
}

async fn size(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let request = json!({"content": content_of(LARGEST)});
    person.post(room.at("/send"), request).await?.ok()?;
    let request = json!({"content": content_of(LARGEST + 1)});
    let answer = person.post(room.at("/send"), request).await?;
    answer.refused("SW_CONTENT_TOO_LARGE").map(drop)
}

async fn canonical_size(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let spaces = " ".repeat(LARGEST);
    let body = format!("{{\"content\": {{\"body\":{spaces}\"short\"}}}}");
    let call = person.call("POST", room.at("/send"));
    call.raw("application/json", body)
        .send()
        .await?
        .ok()
        .map(drop)
}

async fn system(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let request = json!({"content": {"msgtype": "swp.system", "body": "x"}});
    let answer = person.post(room.at("/send"), request).await?;
    answer.invalid("body.content.msgtype", Some("reserved"))
}

async fn imported(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let request = json!({"content": {"body": "x", "_imported_sender": {"name": "Somebody"}}});
    let answer = person.post(room.at("/send"), request).await?;
    answer.invalid("body.content._imported_sender", Some("reserved"))
}

async fn mentions(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let ids = vec![person.id(); 501];
    let request = json!({"content": {"body": "x", "mentions": ids}});
    let answer = person.post(room.at("/send"), request).await?;
    answer.invalid("body.content.mentions", None)
}

async fn foreign_mention(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let request = json!({"content": {"body": "x", "mentions": [outsider.id()]}});
    owner.post(room.at("/send"), request).await?.ok().map(drop)
}

async fn media(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let request = json!({"content": {
        "msgtype": "swp.media", "body": "x", "media_id": "00000000-0000-4000-8000-000000000000"
    }});
    person
        .post(room.at("/send"), request)
        .await?
        .refused("SW_NOT_FOUND")
        .map(drop)
}

async fn thread(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let parent = person.says(&room, "parent").await?;
    let request = json!({"content": {"body": "reply", "reply_to_event_id": parent["id"]}});
    person.post(room.at("/send"), request).await?.ok()?;
    let parent = person.get(room.event(&parent, "")).await?.ok()?;
    judge::equal(&parent, "/thread/reply_count", 1)?;
    must(parent["thread"]["last_reply_at"].is_string(), || {
        "last_reply_at is missing".to_owned()
    })
}

async fn send_as(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let as_owner = json!({"content": {"body": "x"}, "as_participant_id": owner.id()});
    member
        .post(room.at("/send"), as_owner)
        .await?
        .refused("SW_ROOM_FORBIDDEN")?;
    let as_member = json!({"content": {"body": "x"}, "as_participant_id": member.id()});
    owner
        .post(room.at("/send"), as_member)
        .await?
        .refused("SW_ROOM_FORBIDDEN")
        .map(drop)
}
