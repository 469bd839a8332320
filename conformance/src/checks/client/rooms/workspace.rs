//! `PUT {r}/workspace`, and rooms by workspace.

use serde_json::{Value, json};

use crate::cast::person::Person;
use crate::check::{Check, Stop, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 6.1, 6.2";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "rooms/workspace: an owner moves the room to its own, and everybody is told",
            moved,
        ),
        client(
            SECTION,
            "rooms/workspace: a level too low gets SW_ROOM_FORBIDDEN, another's workspace SW_WORKSPACE_NOT_FOUND",
            refused,
        ),
        client(
            SECTION,
            "rooms/workspace: outsiders get SW_NOT_MEMBER, a DM SW_ROOM_TYPE_INVARIANT, an archived room SW_ROOM_FROZEN",
            states,
        ),
        client(
            "client-core 3, directory/rooms",
            "directory/rooms: workspace_id chooses",
            listed,
        ),
    ]
}

async fn own(person: &Person) -> Result<Value, Stop> {
    let me = person.get("/v1/me").await?.ok()?;
    Ok(json!({"workspace_id": me["personal_workspace_id"]}))
}

async fn moved(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    room.promote(&owner, &member, 100).await?;
    let target = own(&member).await?;
    let socket = owner.listens().await?;
    let data = member
        .put(room.at("/workspace"), target.clone())
        .await?
        .ok()?;
    shape("room", &data, shapes::ROOM)?;
    judge::equal(&data, "/workspace_id", target["workspace_id"].clone())?;
    let frame = socket
        .wait_in(&room.id, "swp.room.settings", |_| true)
        .await?;
    judge::equal(&frame, "/workspace_id", target["workspace_id"].clone())
}

async fn refused(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let target = own(&member).await?;
    let answer = member.put(room.at("/workspace"), target.clone()).await?;
    answer.refused("SW_ROOM_FORBIDDEN")?;
    let answer = owner.put(room.at("/workspace"), target).await?;
    answer.refused("SW_WORKSPACE_NOT_FOUND")?;
    let answer = owner.put(room.at("/workspace"), json!({})).await?;
    answer.invalid("body.workspace_id", Some("missing"))
}

async fn states(t: Trial) -> Verdict {
    let [owner, other] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let answer = other.put(room.at("/workspace"), own(&other).await?).await?;
    answer.refused("SW_NOT_MEMBER")?;
    let target = own(&owner).await?;
    let dm = owner.dm_with(&other).await?;
    let answer = owner.put(dm.at("/workspace"), target.clone()).await?;
    answer.refused("SW_ROOM_TYPE_INVARIANT")?;
    owner.post(room.at("/archive"), json!({})).await?.ok()?;
    let answer = owner.put(room.at("/workspace"), target).await?;
    answer.refused("SW_ROOM_FROZEN").map(drop)
}

async fn listed(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    for (person, is_there) in [(&owner, true), (&member, false)] {
        let workspace = own(person).await?;
        let id = judge::text(&workspace, "/workspace_id")?;
        let path = format!("/v1/directory/rooms?limit=200&membership=join&workspace_id={id}");
        let (rows, _) = member.get(path).await?.list()?;
        let found = rows.iter().any(|row| row["id"] == room.id.as_str());
        must(found == is_there, || format!("the room in {id}: {found}"))?;
    }
    Ok(())
}
