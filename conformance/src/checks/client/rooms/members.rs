//! `GET {r}/members`.

use serde_json::json;

use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 5, 6.1";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(SECTION, "rooms/members: rows have every field", fields),
        client(
            SECTION,
            "rooms/members: others' notification mode and mute are null",
            others_modes,
        ),
        client(
            SECTION,
            "rooms/members: only `join` by default, `all` on request",
            memberships,
        ),
        client(
            SECTION,
            "rooms/members: an unknown membership gets SW_VALIDATION_ERROR",
            bad_membership,
        ),
        client(
            SECTION,
            "rooms/members: `ban` rows below the ban level get SW_ROOM_FORBIDDEN, and `all` lacks them",
            bans,
        ),
        client(
            SECTION,
            "rooms/members: who is outside gets SW_NOT_MEMBER",
            outside,
        ),
    ]
}

async fn fields(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let (rows, meta) = owner.get(room.at("/members")).await?.list()?;
    judge::equal(&meta, "/total", 2)?;
    for row in &rows {
        shape("member", row, shapes::MEMBER)?;
        judge::equal(row, "/participant/id", row["participant_id"].clone())?;
    }
    let row = judge::row(&rows, "/participant_id", member.id())?;
    judge::equal(row, "/power_level", 0)
}

async fn others_modes(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let (rows, _) = owner.get(room.at("/members")).await?.list()?;
    let own = judge::row(&rows, "/participant_id", owner.id())?;
    judge::equal(own, "/notification_mode", "mentions")?;
    let other = judge::row(&rows, "/participant_id", member.id())?;
    judge::equal(other, "/notification_mode", serde_json::Value::Null)?;
    judge::equal(other, "/muted_until", serde_json::Value::Null)
}

async fn memberships(t: Trial) -> Verdict {
    let [owner, joined, invited, left] = t.people().await?;
    let room = owner.group_with(&[&joined, &left]).await?;
    let request = json!({"participant_id": invited.id()});
    owner.post(room.at("/invite"), request).await?.ok()?;
    left.post(room.at("/leave"), json!({})).await?.done()?;
    let (rows, _) = owner.get(room.at("/members")).await?.list()?;
    must(rows.len() == 2, || {
        format!("{} rows are joined", rows.len())
    })?;
    let (rows, _) = owner
        .get(room.at("/members?membership=all"))
        .await?
        .list()?;
    for (person, membership) in [(&joined, "join"), (&invited, "invite"), (&left, "leave")] {
        let row = judge::row(&rows, "/participant_id", person.id())?;
        judge::equal(row, "/membership", membership)?;
    }
    let (rows, _) = owner
        .get(room.at("/members?membership=invite"))
        .await?
        .list()?;
    must(rows.len() == 1, || {
        format!("{} rows are invited", rows.len())
    })
}

async fn bad_membership(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    let answer = owner.get(room.at("/members?membership=ghost")).await?;
    answer.invalid("query.membership", Some("enum"))
}

async fn bans(t: Trial) -> Verdict {
    let [owner, member, banned] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let request = json!({"participant_id": banned.id()});
    owner.post(room.at("/ban"), request).await?.ok()?;
    let (rows, _) = owner
        .get(room.at("/members?membership=ban"))
        .await?
        .list()?;
    judge::row(&rows, "/participant_id", banned.id())?;
    let answer = member.get(room.at("/members?membership=ban")).await?;
    answer.refused("SW_ROOM_FORBIDDEN")?;
    let all = room.at("/members?membership=all");
    let (rows, meta) = member.get(all.clone()).await?.list()?;
    judge::equal(&meta, "/total", 2)?;
    must(
        judge::row(&rows, "/participant_id", banned.id()).is_err(),
        || "`all` shows who is banned to a member without the level".to_owned(),
    )?;
    let (rows, meta) = owner.get(all).await?.list()?;
    judge::equal(&meta, "/total", 3)?;
    judge::row(&rows, "/participant_id", banned.id()).map(drop)
}

async fn outside(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    outsider
        .get(room.at("/members"))
        .await?
        .refused("SW_NOT_MEMBER")
        .map(drop)
}
