//! `GET /v1/directory/participants`.

use serde_json::json;

use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 3";
const PATH: &str = "/v1/directory/participants";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "directory/participants: rows are Participants, counted, and never show the e-mail",
            fields,
        ),
        client(
            SECTION,
            "directory/participants: q looks into local_id, name and e-mail, in any case",
            search,
        ),
        client(
            SECTION,
            "directory/participants: type chooses, one that is none gets SW_VALIDATION_ERROR",
            by_type,
        ),
        client(
            SECTION,
            "directory/participants: pages do not overlap",
            pages,
        ),
    ]
}

async fn fields(t: Trial) -> Verdict {
    let [viewer, other] = t.people().await?;
    let path = format!("{PATH}?q={}", other.account().local_id);
    let (rows, meta) = viewer.get(path).await?.list()?;
    for row in &rows {
        shape("participant", row, shapes::PARTICIPANT)?;
        must(row.get("email").is_none(), || {
            "the e-mail is shown".to_owned()
        })?;
    }
    let row = judge::row(&rows, "/id", other.id())?;
    judge::equal(row, "/fqid", other.fqid())?;
    must(judge::int(&meta, "/total")? >= 1, || {
        "meta.total is 0".to_owned()
    })
}

async fn search(t: Trial) -> Verdict {
    let (viewer, admin) = (t.person().await?, t.admin()?);
    let local_id = t.subject().cast.new_local_id();
    let mark = crate::cast::random_suffix();
    let request = json!({
        "local_id": local_id, "display_name": format!("Name {mark}"),
        "email": format!("mail-{mark}@mail.example"), "password": "some password",
    });
    let made = admin.post("/v1/admin/users", request).await?.ok()?;
    for q in [
        local_id.to_uppercase(),
        format!("name%20{mark}"),
        format!("MAIL-{mark}%40mail"),
    ] {
        let (rows, _) = viewer.get(format!("{PATH}?q={q}")).await?.list()?;
        judge::row(&rows, "/id", made["id"].clone())?;
    }
    // Wildcards of a database are plain characters here.
    let (rows, _) = viewer.get(format!("{PATH}?q={mark}%25_")).await?.list()?;
    must(rows.is_empty(), || "a wildcard found somebody".to_owned())
}

async fn by_type(t: Trial) -> Verdict {
    let [viewer, other] = t.people().await?;
    let q = &other.account().local_id;
    let (rows, _) = viewer
        .get(format!("{PATH}?type=human&q={q}"))
        .await?
        .list()?;
    judge::row(&rows, "/id", other.id())?;
    let (rows, _) = viewer
        .get(format!("{PATH}?type=bridge&q={q}"))
        .await?
        .list()?;
    judge::no_row(&rows, "/id", other.id())?;
    let answer = viewer.get(format!("{PATH}?type=robot")).await?;
    answer.invalid("query.type", Some("enum"))
}

async fn pages(t: Trial) -> Verdict {
    let [viewer, _] = t.people().await?;
    let (first, _) = viewer
        .get(format!("{PATH}?limit=1&offset=0"))
        .await?
        .list()?;
    let (second, _) = viewer
        .get(format!("{PATH}?limit=1&offset=1"))
        .await?
        .list()?;
    must(first.len() == 1 && second.len() == 1, || {
        format!("limit=1 gave {} and {} rows", first.len(), second.len())
    })?;
    judge::no_row(&second, "/id", first[0]["id"].clone())
}
