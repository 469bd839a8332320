//! Kick, ban, unban.

use serde_json::json;

use crate::check::{Check, Verdict, client};
use crate::judge::{self, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 6.1, 6.5, 7";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(SECTION, "rooms/kick: answers the Member, now leave", kick),
        client(
            SECTION,
            "rooms/kick: a member below 50 gets SW_ROOM_FORBIDDEN",
            kick_below_50,
        ),
        client(
            SECTION,
            "rooms/kick: a target that is not below the caller gets SW_ROOM_FORBIDDEN",
            kick_equal,
        ),
        client(
            SECTION,
            "rooms/kick: who was never there gets SW_NOT_FOUND",
            kick_nobody,
        ),
        client(
            SECTION,
            "rooms/kick: also withdraws an invitation",
            kick_invited,
        ),
        client(SECTION, "rooms/kick: again is harmless", kick_again),
        client(
            SECTION,
            "rooms/kick: a public room can be joined again",
            kick_rejoin,
        ),
        client(
            SECTION,
            "rooms/kick: history stays readable up to it",
            kick_history,
        ),
        client(
            SECTION,
            "rooms/kick: who is outside gets SW_NOT_MEMBER",
            kick_outside,
        ),
        client(
            SECTION,
            "rooms/kick: an unknown room gets SW_ROOM_NOT_FOUND",
            kick_unknown_room,
        ),
        client(
            SECTION,
            "rooms/ban: answers the Member, now ban, and ends reading",
            ban,
        ),
        client(SECTION, "rooms/ban: works on non-members too", ban_outsider),
        client(
            SECTION,
            "rooms/ban: a member below 50 gets SW_ROOM_FORBIDDEN",
            ban_below_50,
        ),
        client(
            SECTION,
            "rooms/ban: an unknown participant gets SW_NOT_FOUND",
            ban_unknown,
        ),
        client(
            SECTION,
            "rooms/unban: answers the Member, now leave, who may be invited again",
            unban,
        ),
        client(
            SECTION,
            "rooms/unban: a member below 50 gets SW_ROOM_FORBIDDEN",
            unban_below_50,
        ),
        client(
            SECTION,
            "rooms/kick: the frame names who, by whom and why",
            frame,
        ),
    ]
}

async fn kick(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let request = json!({"participant_id": member.id(), "reason": "enough"});
    let row = owner.post(room.at("/kick"), request).await?.ok()?;
    shape("member", &row, shapes::MEMBER)?;
    judge::equal(&row, "/membership", "leave")?;
    let request = json!({"content": {"body": "x"}});
    member
        .post(room.at("/send"), request)
        .await?
        .refused("SW_NOT_MEMBER")
        .map(drop)
}

async fn kick_below_50(t: Trial) -> Verdict {
    let [owner, member, target] = t.people().await?;
    let room = owner.group_with(&[&member, &target]).await?;
    let request = json!({"participant_id": target.id()});
    member
        .post(room.at("/kick"), request.clone())
        .await?
        .refused("SW_ROOM_FORBIDDEN")?;
    room.promote(&owner, &member, 49).await?;
    member
        .post(room.at("/kick"), request.clone())
        .await?
        .refused("SW_ROOM_FORBIDDEN")?;
    room.promote(&owner, &member, 50).await?;
    member.post(room.at("/kick"), request).await?.ok().map(drop)
}

async fn kick_equal(t: Trial) -> Verdict {
    let [owner, a, b] = t.people().await?;
    let room = owner.group_with(&[&a, &b]).await?;
    room.promote(&owner, &a, 50).await?;
    room.promote(&owner, &b, 50).await?;
    for target in [&b, &owner] {
        let request = json!({"participant_id": target.id()});
        a.post(room.at("/kick"), request)
            .await?
            .refused("SW_ROOM_FORBIDDEN")?;
    }
    Ok(())
}

async fn kick_nobody(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    for id in [outsider.id(), "00000000-0000-8000-8000-000000000000"] {
        let answer = owner
            .post(room.at("/kick"), json!({"participant_id": id}))
            .await?;
        answer.refused("SW_NOT_FOUND")?;
    }
    Ok(())
}

async fn kick_invited(t: Trial) -> Verdict {
    let [owner, guest] = t.people().await?;
    let room = owner
        .creates(json!({"name": "Room", "invite": [guest.id()]}))
        .await?;
    let request = json!({"participant_id": guest.id()});
    let row = owner.post(room.at("/kick"), request).await?.ok()?;
    judge::equal(&row, "/membership", "leave")?;
    let (rows, _) = guest.get("/v1/me/invitations").await?.list()?;
    judge::no_row(&rows, "/room_id", room.id.as_str())
}

async fn kick_again(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let request = json!({"participant_id": member.id()});
    for _ in 0..2 {
        let row = owner.post(room.at("/kick"), request.clone()).await?.ok()?;
        judge::equal(&row, "/membership", "leave")?;
    }
    Ok(())
}

async fn kick_rejoin(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.public_with(&[&member]).await?;
    let request = json!({"participant_id": member.id()});
    owner.post(room.at("/kick"), request).await?.ok()?;
    member
        .post(room.at("/join"), json!({}))
        .await?
        .ok()
        .map(drop)
}

async fn kick_history(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let before = owner.says(&room, "before").await?;
    let request = json!({"participant_id": member.id()});
    owner.post(room.at("/kick"), request).await?.ok()?;
    let after = owner.says(&room, "after").await?;
    let history = room.history(&member).await?;
    judge::row(&history, "/id", before["id"].clone())?;
    judge::no_row(&history, "/id", after["id"].clone())
}

async fn kick_outside(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let request = json!({"participant_id": owner.id()});
    outsider
        .post(room.at("/kick"), request)
        .await?
        .refused("SW_NOT_MEMBER")
        .map(drop)
}

async fn kick_unknown_room(t: Trial) -> Verdict {
    let person = t.person().await?;
    let path = "/v1/rooms/00000000-0000-8000-8000-000000000000/kick";
    let request = json!({"participant_id": person.id()});
    person
        .post(path, request)
        .await?
        .refused("SW_ROOM_NOT_FOUND")
        .map(drop)
}

async fn ban(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let request = json!({"participant_id": member.id(), "reason": "spam"});
    let row = owner.post(room.at("/ban"), request).await?.ok()?;
    shape("member", &row, shapes::MEMBER)?;
    judge::equal(&row, "/membership", "ban")?;
    member
        .get(room.at("/messages"))
        .await?
        .refused("SW_NOT_MEMBER")
        .map(drop)
}

async fn ban_outsider(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.public_with(&[]).await?;
    let request = json!({"participant_id": outsider.id()});
    let row = owner.post(room.at("/ban"), request).await?.ok()?;
    judge::equal(&row, "/membership", "ban")
}

async fn ban_below_50(t: Trial) -> Verdict {
    let [owner, member, target] = t.people().await?;
    let room = owner.group_with(&[&member, &target]).await?;
    let request = json!({"participant_id": target.id()});
    member
        .post(room.at("/ban"), request)
        .await?
        .refused("SW_ROOM_FORBIDDEN")
        .map(drop)
}

async fn ban_unknown(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    let request = json!({"participant_id": "00000000-0000-8000-8000-000000000000"});
    owner
        .post(room.at("/ban"), request)
        .await?
        .refused("SW_NOT_FOUND")
        .map(drop)
}

async fn unban(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let request = json!({"participant_id": member.id()});
    owner.post(room.at("/ban"), request.clone()).await?.ok()?;
    let row = owner.post(room.at("/unban"), request.clone()).await?.ok()?;
    judge::equal(&row, "/membership", "leave")?;
    owner.post(room.at("/invite"), request).await?.ok()?;
    member
        .post(room.at("/join"), json!({}))
        .await?
        .ok()
        .map(drop)
}

async fn unban_below_50(t: Trial) -> Verdict {
    let [owner, member, target] = t.people().await?;
    let room = owner.group_with(&[&member, &target]).await?;
    let request = json!({"participant_id": target.id()});
    owner.post(room.at("/ban"), request.clone()).await?.ok()?;
    member
        .post(room.at("/unban"), request)
        .await?
        .refused("SW_ROOM_FORBIDDEN")
        .map(drop)
}

async fn frame(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let socket = member.listens().await?;
    let request = json!({"participant_id": member.id(), "reason": "enough"});
    owner.post(room.at("/kick"), request).await?.ok()?;
    let frame = socket
        .wait_in(&room.id, "swp.room.member", |frame| {
            frame["membership"] == "leave"
        })
        .await?;
    judge::equal(&frame, "/participant_id", member.id())?;
    judge::equal(&frame, "/changed_by", owner.id())?;
    judge::equal(&frame, "/reason", "enough")
}
