//! `GET` and `HEAD /v1/media/download/{media_id}`.

use super::SECTION;
use crate::check::{Check, Stop, Verdict, client};
use crate::client::answer::Answer;
use crate::judge::must;
use crate::trial::Trial;

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "media/download: the bytes come back with headers that let a browser run nothing",
            headers,
        ),
        client(
            SECTION,
            "media/download: pages, SVG and PDF are attachments, text is inline",
            dispositions,
        ),
        client(
            SECTION,
            "media/download: HEAD answers the same headers without a body",
            head,
        ),
        client(
            SECTION,
            "media/download: one range gets 206, several 200, one beyond the end 416 without body",
            ranges,
        ),
        client(
            SECTION,
            "media/download: If-None-Match with the ETag gets 304, If-Range with another gets all",
            conditions,
        ),
    ]
}

fn has(answer: &Answer, name: &str, value: &str) -> Verdict {
    let found = answer.must_header(name)?;
    must(found == value, || {
        format!("{name} is {found:?}, not {value:?}")
    })
}

fn is(answer: &Answer, status: u16, body: &str) -> Verdict {
    must(answer.status == status && answer.text == body, || {
        format!("expected {status} with {body:?}, got {}", answer.outline())
    })
}

async fn headers(t: Trial) -> Verdict {
    let person = t.person().await?;
    let id = person.uploads("words.txt", b"some words").await?;
    let answer = person.downloads(&id).await?;
    is(&answer, 200, "some words")?;
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cross-origin-resource-policy", "same-site"),
        ("cache-control", "private, max-age=3600"),
        ("accept-ranges", "bytes"),
        ("content-length", "10"),
    ] {
        has(&answer, name, value)?;
    }
    Ok(())
}

async fn dispositions(t: Trial) -> Verdict {
    let person = t.person().await?;
    for (bytes, how) in [
        (
            &b"<!DOCTYPE html><script>alert(1)</script>"[..],
            "attachment",
        ),
        (
            b"<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>",
            "attachment",
        ),
        (b"%PDF-1.7\n%", "attachment"),
        (b"words", "inline"),
    ] {
        let id = person.uploads("a.png", bytes).await?;
        let answer = person.downloads(&id).await?;
        let found = answer.must_header("content-disposition")?;
        must(found.starts_with(how), || {
            format!("{} is {found:?}", String::from_utf8_lossy(bytes))
        })?;
    }
    Ok(())
}

async fn head(t: Trial) -> Verdict {
    let person = t.person().await?;
    let id = person.uploads("words.txt", b"some words").await?;
    let call = person.call("HEAD", format!("/v1/media/download/{id}"));
    let answer = call.send().await?;
    is(&answer, 200, "")?;
    has(&answer, "content-length", "10")?;
    answer.must_header("etag").map(drop)
}

async fn ranges(t: Trial) -> Verdict {
    let person = t.person().await?;
    let id = person.uploads("digits.txt", b"0123456789").await?;
    let ask = async |range: &str| -> Result<Answer, Stop> {
        let call = person.call("GET", format!("/v1/media/download/{id}"));
        call.header("Range", range).send().await
    };
    let part = ask("bytes=2-4").await?;
    is(&part, 206, "234")?;
    has(&part, "content-range", "bytes 2-4/10")?;
    is(&ask("bytes=-3").await?, 206, "789")?;
    is(&ask("bytes=0-1,4-5").await?, 200, "0123456789")?;
    let beyond = ask("bytes=10-").await?;
    is(&beyond, 416, "")?;
    has(&beyond, "content-range", "bytes */10")
}

async fn conditions(t: Trial) -> Verdict {
    let person = t.person().await?;
    let id = person.uploads("digits.txt", b"0123456789").await?;
    let tag = person.downloads(&id).await?;
    let tag = tag.must_header("etag")?.to_owned();
    let call = || person.call("GET", format!("/v1/media/download/{id}"));
    let known = call().header("If-None-Match", tag.as_str()).send().await?;
    is(&known, 304, "")?;
    let ranged = |tag: &str| call().header("Range", "bytes=0-0").header("If-Range", tag);
    is(&ranged(&tag).send().await?, 206, "0")?;
    is(&ranged("\"other\"").send().await?, 200, "0123456789")
}
