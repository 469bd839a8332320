//! `GET /v1/directory/groups` and their members.

use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 3";
const PATH: &str = "/v1/directory/groups";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "directory/groups: rows are groups by name, counted, with members that are Participants",
            fields,
        ),
        client(
            SECTION,
            "directory/groups: q that nothing contains finds nothing",
            search,
        ),
        client(
            SECTION,
            "directory/groups: members of an unknown group get SW_NOT_FOUND",
            unknown,
        ),
        client(
            SECTION,
            "directory/groups: a limit below 1 gets SW_VALIDATION_ERROR",
            limit,
        ),
    ]
}

async fn fields(t: Trial) -> Verdict {
    let viewer = t.person().await?;
    let (rows, meta) = viewer.get(PATH).await?.list()?;
    must(judge::int(&meta, "/total")? >= 0, || {
        "meta.total is negative".to_owned()
    })?;
    for row in &rows {
        let form = "id id, name str, role_slugs [str], member_count int";
        shape("group", row, form)?;
        let path = format!("{PATH}/{}/members", judge::text(row, "/id")?);
        let (members, meta) = viewer.get(path).await?.list()?;
        judge::equal(&meta, "/total", row["member_count"].clone())?;
        for member in &members {
            shape("member", member, shapes::PARTICIPANT)?;
        }
    }
    Ok(())
}

async fn search(t: Trial) -> Verdict {
    let viewer = t.person().await?;
    let mark = crate::cast::random_suffix();
    let (rows, meta) = viewer.get(format!("{PATH}?q={mark}%25")).await?.list()?;
    must(rows.is_empty(), || "a group was found".to_owned())?;
    judge::equal(&meta, "/total", 0)
}

async fn unknown(t: Trial) -> Verdict {
    let viewer = t.person().await?;
    for id in ["00000000-0000-8000-8000-000000000000", "nonsense"] {
        let answer = viewer.get(format!("{PATH}/{id}/members")).await?;
        answer.refused("SW_NOT_FOUND")?;
    }
    Ok(())
}

async fn limit(t: Trial) -> Verdict {
    let viewer = t.person().await?;
    let answer = viewer.get(format!("{PATH}?limit=0")).await?;
    answer.invalid("query.limit", Some("range"))
}
