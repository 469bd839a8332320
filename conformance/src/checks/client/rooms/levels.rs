//! Power: members' levels and the room's thresholds.

use serde_json::json;

use crate::check::{Check, Verdict, client};
use crate::judge::{self, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 7";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "rooms/power-level: the owner gives a level, and the answer is the Member",
            give,
        ),
        client(
            SECTION,
            "rooms/power-level: below the power level gets SW_ROOM_FORBIDDEN",
            below_level,
        ),
        client(
            SECTION,
            "rooms/power-level: at most the caller's own level",
            above_own,
        ),
        client(
            SECTION,
            "rooms/power-level: an equal target gets SW_ROOM_FORBIDDEN",
            equal_target,
        ),
        client(
            SECTION,
            "rooms/power-level: oneself may go down, but not the last one at 100",
            going_down,
        ),
        client(
            SECTION,
            "rooms/power-level: 0 to 100, else SW_VALIDATION_ERROR",
            range,
        ),
        client(
            SECTION,
            "rooms/power-level: who is no member gets SW_NOT_FOUND",
            no_member,
        ),
        client(
            SECTION,
            "rooms/power-levels: GET has every key with its default",
            defaults,
        ),
        client(
            SECTION,
            "rooms/power-levels: a public room needs 50 for pin and topic",
            public_defaults,
        ),
        client(
            SECTION,
            "rooms/power-levels: PUT merges and answers all keys",
            merge,
        ),
        client(
            SECTION,
            "rooms/power-levels: below the power level gets SW_ROOM_FORBIDDEN",
            thresholds_below,
        ),
        client(
            SECTION,
            "rooms/power-levels: neither the old nor the new value may be above the caller",
            above_caller,
        ),
        client(
            SECTION,
            "rooms/power-levels: 0 to 100, else SW_VALIDATION_ERROR",
            thresholds_range,
        ),
        client(
            SECTION,
            "rooms/power-levels: a raised send level binds sending",
            binds_sending,
        ),
        client(
            SECTION,
            "rooms/power-levels: `default` is the level of who joins",
            default_level,
        ),
        client(
            SECTION,
            "rooms/power-levels: frames tell of levels and thresholds",
            frames,
        ),
    ]
}

async fn give(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let path = room.at(&format!("/members/{}/power-level", member.id()));
    let row = owner.put(path, json!({"power_level": 50})).await?.ok()?;
    shape("member", &row, shapes::MEMBER)?;
    judge::equal(&row, "/power_level", 50)
}

async fn below_level(t: Trial) -> Verdict {
    let [owner, member, target] = t.people().await?;
    let room = owner.group_with(&[&member, &target]).await?;
    room.promote(&owner, &member, 99).await?;
    let path = room.at(&format!("/members/{}/power-level", target.id()));
    let answer = member.put(path, json!({"power_level": 10})).await?;
    answer.refused("SW_ROOM_FORBIDDEN").map(drop)
}

async fn above_own(t: Trial) -> Verdict {
    let [owner, member, target] = t.people().await?;
    let room = owner.group_with(&[&member, &target]).await?;
    owner
        .put(room.at("/power-levels"), json!({"power": 50}))
        .await?
        .ok()?;
    room.promote(&owner, &member, 60).await?;
    let path = room.at(&format!("/members/{}/power-level", target.id()));
    let answer = member.put(path.clone(), json!({"power_level": 61})).await?;
    answer.refused("SW_ROOM_FORBIDDEN")?;
    member
        .put(path, json!({"power_level": 60}))
        .await?
        .ok()
        .map(drop)
}

async fn equal_target(t: Trial) -> Verdict {
    let [owner, other] = t.people().await?;
    let room = owner.group_with(&[&other]).await?;
    room.promote(&owner, &other, 100).await?;
    let path = room.at(&format!("/members/{}/power-level", other.id()));
    let answer = owner.put(path, json!({"power_level": 0})).await?;
    answer.refused("SW_ROOM_FORBIDDEN").map(drop)
}

async fn going_down(t: Trial) -> Verdict {
    let [owner, other] = t.people().await?;
    let room = owner.group_with(&[&other]).await?;
    let path = room.at(&format!("/members/{}/power-level", owner.id()));
    let answer = owner.put(path.clone(), json!({"power_level": 50})).await?;
    answer.refused("SW_ROOM_FORBIDDEN")?;
    room.promote(&owner, &other, 100).await?;
    let row = owner.put(path, json!({"power_level": 50})).await?.ok()?;
    judge::equal(&row, "/power_level", 50)
}

async fn range(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let path = room.at(&format!("/members/{}/power-level", member.id()));
    for level in [-1, 101] {
        let answer = owner
            .put(path.clone(), json!({"power_level": level}))
            .await?;
        answer.invalid("body.power_level", Some("range"))?;
    }
    let answer = owner.put(path, json!({"power_level": "50"})).await?;
    answer.invalid("body.power_level", Some("type"))
}

async fn no_member(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let path = room.at(&format!("/members/{}/power-level", outsider.id()));
    let answer = owner.put(path, json!({"power_level": 10})).await?;
    answer.refused("SW_NOT_FOUND").map(drop)
}

async fn defaults(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    let levels = owner.get(room.at("/power-levels")).await?.ok()?;
    shape("levels", &levels, shapes::POWER_LEVELS)?;
    for (level, keys) in [
        (
            0,
            &[
                "send",
                "react",
                "upload",
                "call_start",
                "invite",
                "pin",
                "topic",
                "default",
            ][..],
        ),
        (10, &["artifacts_write"]),
        (
            50,
            &[
                "redact",
                "kick",
                "ban",
                "call_end",
                "call_record",
                "name",
                "archive",
            ],
        ),
        (100, &["settings", "power", "workspace"]),
    ] {
        for key in keys {
            judge::equal(&levels, &format!("/{key}"), level)?;
        }
    }
    Ok(())
}

async fn public_defaults(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.public_with(&[]).await?;
    let levels = owner.get(room.at("/power-levels")).await?.ok()?;
    judge::equal(&levels, "/pin", 50)?;
    judge::equal(&levels, "/topic", 50)
}

async fn merge(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    let levels = owner
        .put(room.at("/power-levels"), json!({"send": 5}))
        .await?
        .ok()?;
    shape("levels", &levels, shapes::POWER_LEVELS)?;
    judge::equal(&levels, "/send", 5)?;
    let levels = owner
        .put(room.at("/power-levels"), json!({"react": 7}))
        .await?
        .ok()?;
    judge::equal(&levels, "/send", 5)?;
    judge::equal(&levels, "/react", 7)
}

async fn thresholds_below(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    room.promote(&owner, &member, 99).await?;
    let answer = member
        .put(room.at("/power-levels"), json!({"send": 5}))
        .await?;
    answer.refused("SW_ROOM_FORBIDDEN").map(drop)
}

async fn above_caller(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let request = json!({"power": 50, "kick": 70});
    owner.put(room.at("/power-levels"), request).await?.ok()?;
    room.promote(&owner, &member, 60).await?;
    for request in [json!({"ban": 61}), json!({"kick": 10})] {
        let answer = member.put(room.at("/power-levels"), request).await?;
        answer.refused("SW_ROOM_FORBIDDEN")?;
    }
    member
        .put(room.at("/power-levels"), json!({"ban": 60}))
        .await?
        .ok()
        .map(drop)
}

async fn thresholds_range(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    for level in [-1, 101] {
        let answer = owner
            .put(room.at("/power-levels"), json!({"send": level}))
            .await?;
        answer.invalid("body.send", Some("range"))?;
    }
    Ok(())
}

async fn binds_sending(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let message = owner.says(&room, "hello").await?;
    owner
        .put(room.at("/power-levels"), json!({"send": 20, "react": 20}))
        .await?
        .ok()?;
    let request = json!({"content": {"body": "x"}});
    member
        .post(room.at("/send"), request)
        .await?
        .refused("SW_ROOM_FORBIDDEN")?;
    let path = room.event(&message, "/reaction");
    member
        .post(path, json!({"emoji": "👍"}))
        .await?
        .refused("SW_ROOM_FORBIDDEN")?;
    room.promote(&owner, &member, 20).await?;
    member.says(&room, "now").await.map(drop)
}

async fn default_level(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.public_with(&[]).await?;
    owner
        .put(room.at("/power-levels"), json!({"default": 10}))
        .await?
        .ok()?;
    let data = member.post(room.at("/join"), json!({})).await?.ok()?;
    judge::equal(&data, "/power_level", 10)
}

async fn frames(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let socket = member.listens().await?;
    room.promote(&owner, &member, 50).await?;
    let frame = socket
        .wait_in(&room.id, "swp.room.member", |frame| {
            frame["power_level"] == 50
        })
        .await?;
    judge::equal(&frame, "/membership", "join")?;
    judge::equal(&frame, "/changed_by", owner.id())?;
    owner
        .put(room.at("/power-levels"), json!({"send": 5}))
        .await?
        .ok()?;
    let frame = socket
        .wait_in(&room.id, "swp.room.power_levels", |_| true)
        .await?;
    shape("frame", &frame, shapes::DURABLE_FRAME)?;
    judge::equal(&frame, "/power_levels/send", 5)
}
