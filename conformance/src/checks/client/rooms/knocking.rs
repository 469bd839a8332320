//! Asking to be let in.

use serde_json::json;

use crate::cast::person::Person;
use crate::cast::room::Room;
use crate::check::{Check, Stop, Verdict, client};
use crate::judge;
use crate::trial::Trial;

const SECTION: &str = "client-core 6.1, 6.3, 6.5";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "rooms/knock: members of a restricted room are told who asks to be let in, and why",
            told,
        ),
        client(
            SECTION,
            "rooms/knock: inviting who knocks joins them",
            invited,
        ),
        client(
            SECTION,
            "rooms/knock: leaving takes it back, a kick refuses it",
            ended,
        ),
        client(
            "client-core 3, 6.2",
            "directory/rooms: shows a restricted room to who holds its role, and to nobody else",
            listed,
        ),
        client(SECTION, "rooms/knock: again is harmless", again),
        client(
            SECTION,
            "rooms/knock: a room that is not restricted gets SW_ROOM_TYPE_INVARIANT",
            types,
        ),
        client(
            SECTION,
            "rooms/knock: who lacks the role gets SW_ROOM_FORBIDDEN",
            without_role,
        ),
        client(
            SECTION,
            "rooms/knock: banned gets SW_ROOM_FORBIDDEN",
            banned,
        ),
        client(
            SECTION,
            "rooms/knock: an archived room gets SW_ROOM_FROZEN",
            archived,
        ),
        client(
            SECTION,
            "rooms/knock: an unknown room gets SW_ROOM_NOT_FOUND",
            unknown,
        ),
    ]
}

const ROLE: &str = "auditor";

/// A room for who holds a role, its owner, and somebody else who holds it.
async fn restricted(t: &Trial) -> Result<(Room, Person, Person), Stop> {
    let admin = t.admin()?;
    let holders = [t.newcomer().await?, t.newcomer().await?];
    for person in &holders {
        let path = format!("/v1/admin/users/{}/roles", person.id());
        admin.put(path, json!({"roles": [ROLE]})).await?.ok()?;
    }
    let [owner, other] = holders;
    let name = format!("Restricted by {}", owner.account().local_id);
    let request = json!({"name": name, "visibility": "restricted", "read_role_slugs": [ROLE]});
    let room = owner.creates(request).await?;
    Ok((room, owner, other))
}

/// Whether the room's owner sees somebody in this relation to it.
async fn is(owner: &Person, room: &Room, person: &Person, membership: &str) -> Verdict {
    let path = room.at("/members?membership=all");
    let rows = owner.get(path).await?.ok()?;
    let rows = judge::list(&rows, "")?;
    let row = judge::row(&rows, "/participant_id", person.id())?;
    judge::equal(row, "/membership", membership)
}

async fn listed(t: Trial) -> Verdict {
    let (room, owner, other) = restricted(&t).await?;
    let outsider = t.person().await?;
    let path = format!("/v1/directory/rooms?q={}", owner.account().local_id);
    let rooms = other.get(&path).await?.ok()?;
    judge::row(&judge::list(&rooms, "")?, "/id", room.id.as_str())?;
    let rooms = outsider.get(&path).await?.ok()?;
    judge::no_row(&judge::list(&rooms, "")?, "/id", room.id.as_str())
}

async fn told(t: Trial) -> Verdict {
    let (room, owner, other) = restricted(&t).await?;
    let socket = owner.listens().await?;
    let request = json!({"reason": "I would like to read along"});
    other.post(room.at("/knock"), request).await?.done()?;
    let frame = socket
        .wait_in(&room.id, "swp.room.member", |frame| {
            frame["participant_id"] == other.id()
        })
        .await?;
    judge::equal(&frame, "/membership", "knock")?;
    judge::equal(&frame, "/reason", "I would like to read along")?;
    is(&owner, &room, &other, "knock").await?;
    let answer = other.get(room.at("/messages")).await?;
    answer.refused("SW_NOT_MEMBER").map(drop)
}

async fn invited(t: Trial) -> Verdict {
    let (room, owner, other) = restricted(&t).await?;
    other.post(room.at("/knock"), json!({})).await?.done()?;
    let request = json!({"participant_id": other.id()});
    owner.post(room.at("/invite"), request).await?.ok()?;
    is(&owner, &room, &other, "join").await?;
    other.says(&room, "thank you").await.map(drop)
}

async fn ended(t: Trial) -> Verdict {
    let (room, owner, other) = restricted(&t).await?;
    other.post(room.at("/knock"), json!({})).await?.done()?;
    other.post(room.at("/leave"), json!({})).await?.done()?;
    is(&owner, &room, &other, "leave").await?;
    other.post(room.at("/knock"), json!({})).await?.done()?;
    let request = json!({"participant_id": other.id()});
    owner.post(room.at("/kick"), request).await?.ok()?;
    is(&owner, &room, &other, "leave").await
}

async fn again(t: Trial) -> Verdict {
    let (room, owner, other) = restricted(&t).await?;
    other.post(room.at("/knock"), json!({})).await?.done()?;
    let end = owner.sync_end().await?;
    other.post(room.at("/knock"), json!({})).await?.done()?;
    owner.post(room.at("/knock"), json!({})).await?.done()?;
    let data = owner
        .get(format!("/v1/sync?since={end}&timeout=0"))
        .await?
        .ok()?;
    judge::no_row(
        &judge::list(&data, "/events")?,
        "/room_id",
        room.id.as_str(),
    )
}

async fn types(t: Trial) -> Verdict {
    let [owner, other] = t.people().await?;
    for room in [
        owner.group_with(&[]).await?,
        owner.public_with(&[]).await?,
        owner.dm_with(&other).await?,
    ] {
        let answer = other.post(room.at("/knock"), json!({})).await?;
        answer.refused("SW_ROOM_TYPE_INVARIANT")?;
    }
    Ok(())
}

async fn without_role(t: Trial) -> Verdict {
    let (room, ..) = restricted(&t).await?;
    let outsider = t.person().await?;
    let answer = outsider.post(room.at("/knock"), json!({})).await?;
    answer.refused("SW_ROOM_FORBIDDEN").map(drop)
}

async fn banned(t: Trial) -> Verdict {
    let (room, owner, other) = restricted(&t).await?;
    let request = json!({"participant_id": other.id()});
    owner.post(room.at("/ban"), request).await?.ok()?;
    let answer = other.post(room.at("/knock"), json!({})).await?;
    answer.refused("SW_ROOM_FORBIDDEN").map(drop)
}

async fn archived(t: Trial) -> Verdict {
    let (room, owner, other) = restricted(&t).await?;
    owner.post(room.at("/archive"), json!({})).await?.ok()?;
    let answer = other.post(room.at("/knock"), json!({})).await?;
    answer.refused("SW_ROOM_FROZEN").map(drop)
}

async fn unknown(t: Trial) -> Verdict {
    let person = t.person().await?;
    let path = "/v1/rooms/00000000-0000-8000-8000-000000000000/knock";
    person
        .post(path, json!({}))
        .await?
        .refused("SW_ROOM_NOT_FOUND")
        .map(drop)
}
