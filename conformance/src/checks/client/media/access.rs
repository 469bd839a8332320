//! Who may read a file.

use serde_json::json;

use super::SECTION;
use crate::cast::person::Person;
use crate::check::{Check, Verdict, client};
use crate::judge::{self, must};
use crate::trial::Trial;

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "media/access: a file that nothing names is its uploader's alone",
            alone,
        ),
        client(
            SECTION,
            "media/access: who may read the message reads the file, until it is redacted",
            message,
        ),
        client(
            SECTION,
            "media/access: an edit that names it no more takes it away",
            edit,
        ),
        client(
            SECTION,
            "media/access: a file that the sender may not read cannot be sent: SW_NOT_FOUND",
            sending,
        ),
        client(
            SECTION,
            "media/access: tenant_scope opens a file to the whole tenant",
            tenant_scope,
        ),
        client(
            SECTION,
            "media/access: a file becomes a person's picture, which all of the tenant read",
            avatar,
        ),
        client(
            SECTION,
            "media/access: who left before the message does not read the file",
            left,
        ),
    ]
}

async fn reads(person: &Person, media_id: &str, text: &str) -> Verdict {
    let answer = person.downloads(media_id).await?;
    must(answer.status == 200 && answer.text == text, || {
        format!("expected {text:?}, got {}", answer.outline())
    })
}

async fn does_not_read(person: &Person, media_id: &str) -> Verdict {
    let info = person.get(format!("/v1/media/{media_id}/info")).await?;
    info.refused("SW_NOT_FOUND")?;
    let download = person.downloads(media_id).await?;
    download.refused("SW_NOT_FOUND").map(drop)
}

async fn alone(t: Trial) -> Verdict {
    let [owner, other] = t.people().await?;
    let id = owner.uploads("a.txt", b"mine alone").await?;
    reads(&owner, &id, "mine alone").await?;
    does_not_read(&other, &id).await
}

async fn message(t: Trial) -> Verdict {
    let [owner, member, outsider] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let id = owner.uploads("a.txt", b"for the room").await?;
    let event = owner.attaches(&room, &id).await?;
    judge::equal(&event, "/content/media_id", id.as_str())?;
    reads(&member, &id, "for the room").await?;
    does_not_read(&outsider, &id).await?;
    owner
        .post(room.event(&event, "/redact"), json!({}))
        .await?
        .ok()?;
    does_not_read(&member, &id).await?;
    reads(&owner, &id, "for the room").await
}

async fn edit(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let id = owner.uploads("a.txt", b"for a moment").await?;
    let event = owner.attaches(&room, &id).await?;
    reads(&member, &id, "for a moment").await?;
    let request = json!({"content": {"msgtype": "swp.text", "body": "never mind"}});
    owner
        .post(room.event(&event, "/edit"), request)
        .await?
        .ok()?;
    does_not_read(&member, &id).await
}

async fn sending(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let id = owner.uploads("a.txt", b"mine, still").await?;
    for key in ["media_id", "thumbnail_id"] {
        let request = json!({"content": {"msgtype": "swp.media", key: id}});
        let answer = member.post(room.at("/send"), request).await?;
        answer.refused("SW_NOT_FOUND")?;
    }
    does_not_read(&member, &id).await
}

async fn tenant_scope(t: Trial) -> Verdict {
    let [owner, other] = t.people().await?;
    let fields = [("tenant_scope", "true")];
    let media = owner.sends_file("a.txt", b"for all of us", &fields);
    let media = media.await?.ok()?;
    let id = judge::text(&media, "/media_id")?;
    reads(&other, &id, "for all of us").await?;
    let wrong = [("tenant_scope", "perhaps")];
    let answer = owner.sends_file("a.txt", b"for some of us", &wrong).await?;
    answer.invalid("body.tenant_scope", None)
}

async fn avatar(t: Trial) -> Verdict {
    let [owner, other] = t.people().await?;
    let id = owner.uploads("me.png", b"a portrait in words").await?;
    let url = format!("/v1/media/download/{id}");
    let stolen = other.put("/v1/me", json!({"avatar_url": url})).await?;
    stolen.refused("SW_NOT_FOUND")?;
    let me = owner
        .put("/v1/me", json!({"avatar_url": url}))
        .await?
        .ok()?;
    judge::equal(&me, "/avatar_url", url.as_str())?;
    reads(&other, &id, "a portrait in words").await?;
    let back = owner.put("/v1/me", json!({"avatar_url": null})).await?;
    back.ok()?;
    does_not_read(&other, &id).await
}

async fn left(t: Trial) -> Verdict {
    let [owner, leaver] = t.people().await?;
    let room = owner.group_with(&[&leaver]).await?;
    let before = owner.uploads("a.txt", b"before the leave").await?;
    owner.attaches(&room, &before).await?;
    leaver.post(room.at("/leave"), json!({})).await?.ok()?;
    let after = owner.uploads("b.txt", b"after the leave").await?;
    owner.attaches(&room, &after).await?;
    reads(&leaver, &before, "before the leave").await?;
    does_not_read(&leaver, &after).await
}
