//! Inviting, listing, accepting, declining, withdrawing.

use serde_json::{Value, json};

use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 6.1, 6.5";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "rooms/invite: answers an Invitation with every field",
            fields,
        ),
        client(
            SECTION,
            "rooms/invite: takes an FQID instead of an id",
            by_fqid,
        ),
        client(
            SECTION,
            "rooms/invite: needs exactly one of participant_id and fqid",
            exactly_one,
        ),
        client(
            SECTION,
            "rooms/invite: /invitations is the same operation",
            second_path,
        ),
        client(SECTION, "rooms/invite: again is harmless", again),
        client(
            SECTION,
            "rooms/invite: an unknown participant gets SW_NOT_FOUND",
            unknown,
        ),
        client(
            SECTION,
            "rooms/invite: a banned target gets SW_ROOM_FORBIDDEN",
            banned,
        ),
        client(
            SECTION,
            "rooms/invite: below the invite level gets SW_ROOM_FORBIDDEN",
            below_level,
        ),
        client(
            SECTION,
            "rooms/invite: who is outside gets SW_NOT_MEMBER",
            outside,
        ),
        client(
            SECTION,
            "rooms/invitations: the room's list and the own list show it",
            lists,
        ),
        client(SECTION, "rooms/invitations: accept is join", accept),
        client(
            SECTION,
            "rooms/invitations: accept without one gets SW_NOT_FOUND",
            accept_none,
        ),
        client(
            SECTION,
            "rooms/invitations: decline is leave, and takes it off the lists",
            decline,
        ),
        client(
            SECTION,
            "rooms/invitations: decline without one gets SW_NOT_FOUND",
            decline_none,
        ),
        client(
            SECTION,
            "rooms/invitations: the inviter withdraws it",
            withdraw,
        ),
        client(
            SECTION,
            "rooms/invitations: who neither invited nor may kick gets SW_ROOM_FORBIDDEN",
            withdraw_forbidden,
        ),
        client(
            SECTION,
            "rooms/invitations: withdrawing what is not there gets SW_NOT_FOUND",
            withdraw_none,
        ),
        client(
            SECTION,
            "rooms/invitations: an invitation arrives in sync and as a frame",
            arrives,
        ),
    ]
}

async fn fields(t: Trial) -> Verdict {
    let [owner, guest] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let request = json!({"participant_id": guest.id(), "reason": "please"});
    let invitation = owner.post(room.at("/invite"), request).await?.ok()?;
    shape("invitation", &invitation, shapes::INVITATION)?;
    judge::equal(&invitation, "/room_id", room.id.as_str())?;
    judge::equal(&invitation, "/room/room_type", "group")?;
    judge::equal(&invitation, "/participant_id", guest.id())?;
    judge::equal(&invitation, "/invited_by/id", owner.id())?;
    judge::equal(&invitation, "/reason", "please")
}

async fn by_fqid(t: Trial) -> Verdict {
    let [owner, guest] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let request = json!({"fqid": guest.fqid()});
    let invitation = owner.post(room.at("/invite"), request).await?.ok()?;
    judge::equal(&invitation, "/participant_id", guest.id())
}

async fn exactly_one(t: Trial) -> Verdict {
    let [owner, guest] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    for request in [
        json!({}),
        json!({"participant_id": guest.id(), "fqid": guest.fqid()}),
    ] {
        let answer = owner.post(room.at("/invite"), request).await?;
        answer.refused("SW_VALIDATION_ERROR")?;
    }
    Ok(())
}

async fn second_path(t: Trial) -> Verdict {
    let [owner, guest] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let request = json!({"fqid": guest.fqid()});
    let invitation = owner.post(room.at("/invitations"), request).await?.ok()?;
    shape("invitation", &invitation, shapes::INVITATION)?;
    guest
        .post(room.at("/join"), json!({}))
        .await?
        .ok()
        .map(drop)
}

async fn again(t: Trial) -> Verdict {
    let [owner, guest] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let request = json!({"participant_id": guest.id()});
    for _ in 0..2 {
        owner
            .post(room.at("/invite"), request.clone())
            .await?
            .ok()?;
    }
    let (rows, _) = owner.get(room.at("/invitations")).await?.list()?;
    must(rows.len() == 1, || {
        format!("{} invitations are open", rows.len())
    })
}

async fn unknown(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    let request = json!({"participant_id": "00000000-0000-8000-8000-000000000000"});
    owner
        .post(room.at("/invite"), request)
        .await?
        .refused("SW_NOT_FOUND")
        .map(drop)
}

async fn banned(t: Trial) -> Verdict {
    let [owner, target] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let request = json!({"participant_id": target.id()});
    owner.post(room.at("/ban"), request.clone()).await?.ok()?;
    owner
        .post(room.at("/invite"), request)
        .await?
        .refused("SW_ROOM_FORBIDDEN")
        .map(drop)
}

async fn below_level(t: Trial) -> Verdict {
    let [owner, member, guest] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    owner
        .put(room.at("/power-levels"), json!({"invite": 50}))
        .await?
        .ok()?;
    let request = json!({"participant_id": guest.id()});
    member
        .post(room.at("/invite"), request)
        .await?
        .refused("SW_ROOM_FORBIDDEN")
        .map(drop)
}

async fn outside(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let request = json!({"participant_id": outsider.id()});
    outsider
        .post(room.at("/invite"), request)
        .await?
        .refused("SW_NOT_MEMBER")
        .map(drop)
}

async fn lists(t: Trial) -> Verdict {
    let [owner, guest] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let request = json!({"participant_id": guest.id()});
    owner.post(room.at("/invite"), request).await?.ok()?;
    let (rows, meta) = owner.get(room.at("/invitations")).await?.list()?;
    shape("meta", &meta, "has_more bool, next_cursor str~")?;
    shape(
        "invitation",
        judge::row(&rows, "/participant_id", guest.id())?,
        shapes::INVITATION,
    )?;
    let (rows, meta) = guest.get("/v1/me/invitations").await?.list()?;
    shape("meta", &meta, "has_more bool, next_cursor str~")?;
    shape(
        "invitation",
        judge::row(&rows, "/room_id", room.id.as_str())?,
        shapes::INVITATION,
    )
}

async fn accept(t: Trial) -> Verdict {
    let [owner, guest] = t.people().await?;
    let room = owner
        .creates(json!({"name": "Room", "invite": [guest.id()]}))
        .await?;
    let path = format!("/v1/me/invitations/{}/accept", room.id);
    let data = guest.post(path, json!({})).await?.ok()?;
    shape("room", &data, shapes::ROOM)?;
    judge::equal(&data, "/membership", "join")?;
    let (rows, _) = guest.get("/v1/me/invitations").await?.list()?;
    judge::no_row(&rows, "/room_id", room.id.as_str())
}

async fn accept_none(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    for id in [room.id.as_str(), "00000000-0000-8000-8000-000000000000"] {
        let path = format!("/v1/me/invitations/{id}/accept");
        outsider
            .post(path, json!({}))
            .await?
            .refused("SW_NOT_FOUND")?;
    }
    Ok(())
}

async fn decline(t: Trial) -> Verdict {
    let [owner, guest] = t.people().await?;
    let room = owner
        .creates(json!({"name": "Room", "invite": [guest.id()]}))
        .await?;
    let path = format!("/v1/me/invitations/{}/decline", room.id);
    guest.post(path, json!({})).await?.done()?;
    let row = room.member(&owner, &guest).await?;
    judge::equal(&row, "/membership", "leave")?;
    let (rows, _) = owner.get(room.at("/invitations")).await?.list()?;
    judge::no_row(&rows, "/participant_id", guest.id())?;
    let answer = guest.post(room.at("/join"), json!({})).await?;
    answer.refused("SW_ROOM_FORBIDDEN").map(drop)
}

async fn decline_none(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let path = format!("/v1/me/invitations/{}/decline", room.id);
    outsider
        .post(path, json!({}))
        .await?
        .refused("SW_NOT_FOUND")
        .map(drop)
}

async fn withdraw(t: Trial) -> Verdict {
    let [owner, inviter, guest] = t.people().await?;
    let room = owner.group_with(&[&inviter]).await?;
    let request = json!({"participant_id": guest.id()});
    inviter.post(room.at("/invite"), request).await?.ok()?;
    let path = room.at(&format!("/invitations/{}", guest.id()));
    inviter.delete(path).await?.done()?;
    let (rows, _) = guest.get("/v1/me/invitations").await?.list()?;
    judge::no_row(&rows, "/room_id", room.id.as_str())?;
    let answer = guest.post(room.at("/join"), json!({})).await?;
    answer.refused("SW_ROOM_FORBIDDEN").map(drop)
}

async fn withdraw_forbidden(t: Trial) -> Verdict {
    let [owner, member, guest] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let request = json!({"participant_id": guest.id()});
    owner.post(room.at("/invite"), request).await?.ok()?;
    let path = room.at(&format!("/invitations/{}", guest.id()));
    member
        .delete(path)
        .await?
        .refused("SW_ROOM_FORBIDDEN")
        .map(drop)
}

async fn withdraw_none(t: Trial) -> Verdict {
    let [owner, nobody] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let path = room.at(&format!("/invitations/{}", nobody.id()));
    owner.delete(path).await?.refused("SW_NOT_FOUND").map(drop)
}

async fn arrives(t: Trial) -> Verdict {
    let [owner, guest] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let end = guest.sync_end().await?;
    let socket = guest.listens().await?;
    let request = json!({"participant_id": guest.id()});
    owner.post(room.at("/invite"), request).await?.ok()?;
    socket
        .wait_in(&room.id, "swp.room.member", |frame| {
            frame["membership"] == "invite"
        })
        .await?;
    let data = guest.get(format!("/v1/sync?since={end}")).await?.ok()?;
    let events = judge::list(&data, "/events")?;
    let own: Vec<&Value> = events
        .iter()
        .filter(|event| event["room_id"] == room.id.as_str())
        .collect();
    must(own.len() == 1, || {
        format!("{} events of the room instead of one", own.len())
    })?;
    let event = judge::row(&events, "/room_id", room.id.as_str())?;
    judge::equal(event, "/event_type", "swp.room.member")?;
    judge::equal(event, "/content/participant_id", guest.id())?;
    judge::equal(event, "/content/membership", "invite")
}
