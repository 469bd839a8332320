//! `POST /v1/media/upload` and `GET /v1/media/{media_id}/info`.

use serde_json::json;

use super::SECTION;
use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::protocol::{hash_text, ids};
use crate::trial::Trial;

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "media/upload: answers Media with every field, as info does",
            fields,
        ),
        client(
            SECTION,
            "media/upload: the type is that of the content, not what the client claims",
            kinds,
        ),
        client(
            SECTION,
            "media/upload: the file's name loses its path",
            names,
        ),
        client(
            SECTION,
            "media/upload: the same bytes of the same person have the same media_id, another's have another",
            same_bytes,
        ),
        client(
            SECTION,
            "media/upload: no file, an empty one and no form get SW_VALIDATION_ERROR",
            no_file,
        ),
        client(
            SECTION,
            "media/upload: without a token SW_AUTH_INVALID_TOKEN",
            stranger,
        ),
        client(
            SECTION,
            "media/info: an unknown id and one that is none get SW_NOT_FOUND",
            unknown,
        ),
    ]
}

async fn fields(t: Trial) -> Verdict {
    let person = t.person().await?;
    let bytes = b"some text for a check";
    let media = person.sends_file("a.txt", bytes, &[]).await?.ok()?;
    shape("media", &media, shapes::MEDIA)?;
    let hash = hash_text(bytes).replace("sha256:", "");
    judge::equal(&media, "/sha256", hash.as_str())?;
    judge::equal(&media, "/size", bytes.len())?;
    judge::equal(&media, "/filename", "a.txt")?;
    judge::equal(&media, "/scan_status", "clean")?;
    judge::equal(&media, "/uploader_id", person.id())?;
    judge::equal(&media, "/media_id", ids::media_id(person.fqid(), &hash))?;
    let id = judge::text(&media, "/media_id")?;
    let info = person.get(format!("/v1/media/{id}/info")).await?.ok()?;
    judge::equal(&info, "", media)
}

async fn kinds(t: Trial) -> Verdict {
    let person = t.person().await?;
    for (bytes, kind) in [
        (&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], "image/png"),
        (b"plain words", "text/plain"),
        (b"<!DOCTYPE html><p>a page", "text/html"),
        (b"\x01\x02\x03\x04\x05", "application/octet-stream"),
    ] {
        let media = person.sends_file("a.gif", bytes, &[]).await?.ok()?;
        judge::equal(&media, "/mime_type", kind)?;
    }
    Ok(())
}

async fn names(t: Trial) -> Verdict {
    let person = t.person().await?;
    for (given, kept) in [("../../up.txt", "up.txt"), ("C:\\x\\down.txt", "down.txt")] {
        let media = person
            .sends_file(given, given.as_bytes(), &[])
            .await?
            .ok()?;
        judge::equal(&media, "/filename", kept)?;
    }
    Ok(())
}

async fn same_bytes(t: Trial) -> Verdict {
    let [one, other] = t.people().await?;
    let bytes = b"the same for both";
    let first = one.uploads("a.txt", bytes).await?;
    must(one.uploads("b.txt", bytes).await? == first, || {
        "the second upload has another id".to_owned()
    })?;
    must(other.uploads("a.txt", bytes).await? != first, || {
        "another person's upload has the same id".to_owned()
    })
}

async fn no_file(t: Trial) -> Verdict {
    let person = t.person().await?;
    let empty = person.sends_file("a.txt", b"", &[]).await?;
    empty.invalid("body.file", Some("length"))?;
    let form = "--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nvalue\r\n--x--\r\n";
    let call = person.call("POST", "/v1/media/upload");
    let missing = call.raw("multipart/form-data; boundary=x", form).send();
    missing.await?.invalid("body.file", Some("missing"))?;
    let no_form = person
        .post("/v1/media/upload", json!({"file": "x"}))
        .await?;
    no_form.refused("SW_VALIDATION_ERROR").map(drop)
}

async fn stranger(t: Trial) -> Verdict {
    let call = t.stranger().call("POST", "/v1/media/upload");
    let form = "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nvalue\r\n--x--\r\n";
    let answer = call.raw("multipart/form-data; boundary=x", form).send();
    answer.await?.refused("SW_AUTH_INVALID_TOKEN").map(drop)
}

async fn unknown(t: Trial) -> Verdict {
    let person = t.person().await?;
    for id in ["00000000-0000-4000-8000-000000000000", "none"] {
        let info = person.get(format!("/v1/media/{id}/info")).await?;
        info.refused("SW_NOT_FOUND")?;
        person.downloads(id).await?.refused("SW_NOT_FOUND")?;
    }
    Ok(())
}
