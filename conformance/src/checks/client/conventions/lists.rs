//! Limits, offsets and cursors of lists.

use serde_json::json;

use crate::check::{Check, Verdict, client};
use crate::judge::{self, must};
use crate::trial::Trial;

const SECTION: &str = "client-core 1, Lists";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "conventions/lists: an offset list has meta.total and pages without overlap",
            offset_list,
        ),
        client(
            SECTION,
            "conventions/lists: limit below 1 or not a number gets SW_VALIDATION_ERROR",
            bad_limit,
        ),
        client(
            SECTION,
            "conventions/lists: a limit over the largest is lowered",
            large_limit,
        ),
        client(
            SECTION,
            "conventions/lists: an offset over 10000 or below 0 gets SW_VALIDATION_ERROR",
            bad_offset,
        ),
        client(
            SECTION,
            "conventions/lists: a cursor list has has_more and next_cursor",
            cursor_list,
        ),
        client(
            SECTION,
            "conventions/lists: a cursor that nobody gave out gets SW_VALIDATION_ERROR",
            bad_cursor,
        ),
    ]
}

async fn offset_list(t: Trial) -> Verdict {
    let [owner, a, b] = t.people().await?;
    let room = owner.group_with(&[&a, &b]).await?;
    let mut seen = Vec::new();
    for offset in 0..3 {
        let path = room.at(&format!("/members?limit=1&offset={offset}"));
        let (rows, meta) = owner.get(path).await?.list()?;
        judge::equal(&meta, "/total", 3)?;
        must(rows.len() == 1, || {
            format!("limit=1 gave {} rows", rows.len())
        })?;
        seen.extend(rows.iter().map(|row| row["participant_id"].to_string()));
    }
    seen.sort();
    seen.dedup();
    must(seen.len() == 3, || {
        format!("three pages held only {seen:?}")
    })
}

async fn bad_limit(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    for limit in ["0", "-1", "abc", "1.5"] {
        let answer = person
            .get(room.at(&format!("/messages?limit={limit}")))
            .await?;
        answer.invalid("query.limit", None)?;
        let answer = person
            .get(format!("/v1/directory/rooms?limit={limit}"))
            .await?;
        answer.invalid("query.limit", None)?;
    }
    Ok(())
}

async fn large_limit(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    person.get(room.at("/messages?limit=201")).await?.list()?;
    person.get(room.at("/members?limit=501")).await?.list()?;
    person
        .get("/v1/directory/rooms?limit=100000")
        .await?
        .list()?;
    person
        .get("/v1/sync?since=0&limit=501&timeout=0")
        .await?
        .ok()?;
    Ok(())
}

async fn bad_offset(t: Trial) -> Verdict {
    let person = t.person().await?;
    for offset in ["10001", "-1", "x"] {
        let answer = person
            .get(format!("/v1/directory/rooms?offset={offset}"))
            .await?;
        answer.invalid("query.offset", None)?;
    }
    person
        .get("/v1/directory/rooms?offset=10000")
        .await?
        .list()?;
    Ok(())
}

async fn cursor_list(t: Trial) -> Verdict {
    let [owner, a, b] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    for target in [&a, &b] {
        let request = json!({"participant_id": target.id()});
        owner.post(room.at("/invite"), request).await?.ok()?;
    }
    let (rows, meta) = owner.get(room.at("/invitations?limit=1")).await?.list()?;
    must(rows.len() == 1, || {
        format!("limit=1 gave {} rows", rows.len())
    })?;
    judge::equal(&meta, "/has_more", true)?;
    let next = judge::text(&meta, "/next_cursor")?;
    let path = room.at(&format!("/invitations?limit=1&from={next}"));
    let (more, meta) = owner.get(path).await?.list()?;
    must(more.len() == 1, || {
        format!("the second page has {} rows", more.len())
    })?;
    must(more.first() != rows.first(), || {
        "both pages are equal".to_owned()
    })?;
    judge::equal(&meta, "/has_more", false)
}

async fn bad_cursor(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    for from in ["abc", "-1"] {
        let answer = person
            .get(room.at(&format!("/messages?from={from}")))
            .await?;
        answer.invalid("query.from", None)?;
    }
    Ok(())
}
