//! `GET /v1/directory/rooms`.

use serde_json::json;

use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 3, directory/rooms";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "directory/rooms: shows own, invited and public rooms, and no other",
            visible,
        ),
        client(
            SECTION,
            "directory/rooms: rows are Rooms, counted in meta.total",
            fields,
        ),
        client(
            SECTION,
            "directory/rooms: membership=join lists the own rooms",
            own_rooms,
        ),
        client(
            SECTION,
            "directory/rooms: q looks into name and topic, in any case",
            search,
        ),
        client(SECTION, "directory/rooms: room_type chooses", by_type),
        client(
            SECTION,
            "directory/rooms: only open rooms unless `state` says otherwise",
            by_state,
        ),
        client(
            SECTION,
            "directory/rooms: bad filters get SW_VALIDATION_ERROR",
            bad_filters,
        ),
    ]
}

/// A text that only one check's rooms have in their names.
fn mark() -> String {
    format!("mark{}", crate::cast::random_suffix())
}

async fn visible(t: Trial) -> Verdict {
    let [owner, viewer] = t.people().await?;
    let mark = mark();
    let hidden = owner
        .creates(json!({"name": format!("{mark} hidden")}))
        .await?;
    let public = owner
        .creates(json!({"name": format!("{mark} public"), "is_public": true}))
        .await?;
    let request = json!({"name": format!("{mark} invited"), "invite": [viewer.id()]});
    let invited = owner.creates(request).await?;
    let (rows, _) = viewer
        .get(format!("/v1/directory/rooms?q={mark}"))
        .await?
        .list()?;
    judge::no_row(&rows, "/id", hidden.id.as_str())?;
    judge::row(&rows, "/id", public.id.as_str())?;
    let row = judge::row(&rows, "/id", invited.id.as_str())?;
    judge::equal(row, "/membership", "invite")
}

async fn fields(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let mark = mark();
    owner.creates(json!({"name": format!("{mark} a")})).await?;
    owner.creates(json!({"name": format!("{mark} b")})).await?;
    let (rows, meta) = owner
        .get(format!("/v1/directory/rooms?q={mark}&limit=1"))
        .await?
        .list()?;
    judge::equal(&meta, "/total", 2)?;
    must(rows.len() == 1, || {
        format!("limit=1 gave {} rows", rows.len())
    })?;
    for row in &rows {
        shape("room", row, shapes::ROOM)?;
    }
    Ok(())
}

async fn own_rooms(t: Trial) -> Verdict {
    let [owner, viewer] = t.people().await?;
    let mark = mark();
    let joined = viewer
        .creates(json!({"name": format!("{mark} own")}))
        .await?;
    let public = owner
        .creates(json!({"name": format!("{mark} public"), "is_public": true}))
        .await?;
    let path = format!("/v1/directory/rooms?membership=join&q={mark}");
    let (rows, _) = viewer.get(path).await?.list()?;
    judge::row(&rows, "/id", joined.id.as_str())?;
    judge::no_row(&rows, "/id", public.id.as_str())
}

async fn search(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let mark = mark();
    let by_name = owner
        .creates(json!({"name": format!("About {mark}")}))
        .await?;
    let by_topic = owner
        .creates(json!({"name": "Other", "topic": format!("on {mark}")}))
        .await?;
    let path = format!("/v1/directory/rooms?q={}", mark.to_uppercase());
    let (rows, _) = owner.get(path).await?.list()?;
    judge::row(&rows, "/id", by_name.id.as_str())?;
    judge::row(&rows, "/id", by_topic.id.as_str())?;
    // Wildcards of a database are plain characters here.
    let (rows, _) = owner
        .get(format!("/v1/directory/rooms?q={mark}%25_"))
        .await?
        .list()?;
    must(rows.is_empty(), || "a wildcard found something".to_owned())
}

async fn by_type(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let mark = mark();
    let group = owner.creates(json!({"name": format!("{mark} g")})).await?;
    let public = owner
        .creates(json!({"name": format!("{mark} p"), "is_public": true}))
        .await?;
    let path = format!("/v1/directory/rooms?room_type=public&q={mark}");
    let (rows, _) = owner.get(path).await?.list()?;
    judge::row(&rows, "/id", public.id.as_str())?;
    judge::no_row(&rows, "/id", group.id.as_str())
}

async fn by_state(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let mark = mark();
    let room = owner.creates(json!({"name": format!("{mark} a")})).await?;
    owner.post(room.at("/archive"), json!({})).await?.ok()?;
    let (rows, _) = owner
        .get(format!("/v1/directory/rooms?q={mark}"))
        .await?
        .list()?;
    judge::no_row(&rows, "/id", room.id.as_str())?;
    let path = format!("/v1/directory/rooms?state=archived&q={mark}");
    let (rows, _) = owner.get(path).await?.list()?;
    judge::row(&rows, "/id", room.id.as_str()).map(drop)
}

async fn bad_filters(t: Trial) -> Verdict {
    let person = t.person().await?;
    for field in ["room_type", "membership", "state"] {
        let answer = person
            .get(format!("/v1/directory/rooms?{field}=nonsense"))
            .await?;
        answer.invalid(&format!("query.{field}"), Some("enum"))?;
    }
    Ok(())
}
