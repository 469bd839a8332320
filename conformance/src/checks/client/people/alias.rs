//! `GET /v1/directory/alias/{alias}`.

use serde_json::json;

use crate::check::{Check, Verdict, client};
use crate::judge::{self, shape::shape};
use crate::trial::Trial;

const SECTION: &str = "client-core 3, directory/alias";
const SHAPE: &str = "kind str, note_id id~, fqid str~, room_id id~";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "directory/alias: a name with @ leads to a person, with and without the server",
            person,
        ),
        client(
            SECTION,
            "directory/alias: an alias with # leads to a room that the caller may see",
            room,
        ),
        client(
            SECTION,
            "directory/alias: what nothing is called gets SW_NOT_FOUND",
            nothing,
        ),
    ]
}

fn path(name: &str) -> String {
    format!("/v1/directory/alias/{}", name.replace('#', "%23"))
}

async fn person(t: Trial) -> Verdict {
    let [viewer, other] = t.people().await?;
    let short = format!("@{}", other.account().local_id);
    for name in [short.as_str(), other.fqid()] {
        let data = viewer.get(path(name)).await?.ok()?;
        shape("alias", &data, SHAPE)?;
        judge::equal(&data, "/kind", "participant")?;
        judge::equal(&data, "/fqid", other.fqid())?;
    }
    Ok(())
}

async fn room(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let alias = judge::text(&room.data, "/room_alias")?;
    let data = owner.get(path(&alias)).await?.ok()?;
    shape("alias", &data, SHAPE)?;
    judge::equal(&data, "/kind", "room")?;
    judge::equal(&data, "/room_id", room.id.as_str())?;
    let answer = outsider.get(path(&alias)).await?;
    answer.refused("SW_NOT_FOUND")?;
    let public = owner
        .creates(json!({"name": "Found by name", "is_public": true}))
        .await?;
    let alias = judge::text(&public.data, "/room_alias")?;
    let data = outsider.get(path(&alias)).await?.ok()?;
    judge::equal(&data, "/room_id", public.id.as_str())
}

async fn nothing(t: Trial) -> Verdict {
    let viewer = t.person().await?;
    for name in [
        "@nobody-is-called-so",
        "#no-room-is-called-so",
        "#none:elsewhere.invalid",
        "a/note/that/is/not/there",
    ] {
        viewer.get(path(name)).await?.refused("SW_NOT_FOUND")?;
    }
    Ok(())
}
