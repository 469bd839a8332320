//! Name, topic and settings.

use serde_json::{Value, json};

use crate::check::{Check, Verdict, client};
use crate::judge::{self, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 6.1, 6.3";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(SECTION, "rooms/name: renames and answers the Room", rename),
        client(
            SECTION,
            "rooms/name: below 50 gets SW_ROOM_FORBIDDEN",
            rename_below,
        ),
        client(SECTION, "rooms/name: has 1 to 200 characters", name_lengths),
        client(SECTION, "rooms/topic: sets and clears the topic", topic),
        client(
            SECTION,
            "rooms/topic: below 50 in a public room gets SW_ROOM_FORBIDDEN",
            topic_below,
        ),
        client(
            SECTION,
            "rooms/topic: has at most 2000 characters",
            topic_lengths,
        ),
        client(
            SECTION,
            "rooms/settings: history_visibility and edit_window_seconds change, the rest stays",
            change,
        ),
        client(
            SECTION,
            "rooms/settings: below 100 gets SW_ROOM_FORBIDDEN",
            settings_below,
        ),
        client(
            SECTION,
            "rooms/settings: bad values get SW_VALIDATION_ERROR",
            bad_settings,
        ),
        client(
            SECTION,
            "rooms/settings: frames tell of name, topic and settings",
            frames,
        ),
        client(
            SECTION,
            "rooms/settings: history shows them as system messages",
            system_messages,
        ),
    ]
}

async fn rename(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    let data = owner
        .put(room.at("/name"), json!({"name": "Renamed"}))
        .await?
        .ok()?;
    shape("room", &data, shapes::ROOM)?;
    judge::equal(&data, "/name", "Renamed")?;
    judge::equal(&data, "/display_name", "Renamed")?;
    // The alias stays: it is made from the first name.
    judge::equal(&data, "/room_alias", room.data["room_alias"].clone())
}

async fn rename_below(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    room.promote(&owner, &member, 49).await?;
    let answer = member
        .put(room.at("/name"), json!({"name": "Mine"}))
        .await?;
    answer.refused("SW_ROOM_FORBIDDEN").map(drop)
}

async fn name_lengths(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    for name in [String::new(), "x".repeat(201)] {
        let answer = owner.put(room.at("/name"), json!({"name": name})).await?;
        answer.invalid("body.name", Some("length"))?;
    }
    Ok(())
}

async fn topic(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let data = member
        .put(room.at("/topic"), json!({"topic": "Anything"}))
        .await?
        .ok()?;
    judge::equal(&data, "/topic", "Anything")?;
    let data = member
        .put(room.at("/topic"), json!({"topic": null}))
        .await?
        .ok()?;
    judge::equal(&data, "/topic", Value::Null)
}

async fn topic_below(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.public_with(&[&member]).await?;
    let answer = member
        .put(room.at("/topic"), json!({"topic": "Mine"}))
        .await?;
    answer.refused("SW_ROOM_FORBIDDEN").map(drop)
}

async fn topic_lengths(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    let answer = owner
        .put(room.at("/topic"), json!({"topic": "x".repeat(2001)}))
        .await?;
    answer.invalid("body.topic", Some("length"))
}

async fn change(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    let request = json!({"history_visibility": "joined", "edit_window_seconds": 60});
    let data = owner.put(room.at("/settings"), request).await?.ok()?;
    judge::equal(&data, "/history_visibility", "joined")?;
    judge::equal(&data, "/edit_window_seconds", 60)?;
    let request = json!({"edit_window_seconds": 0});
    let data = owner.put(room.at("/settings"), request).await?.ok()?;
    judge::equal(&data, "/history_visibility", "joined")?;
    judge::equal(&data, "/edit_window_seconds", 0)
}

async fn settings_below(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    room.promote(&owner, &member, 99).await?;
    let answer = member
        .put(room.at("/settings"), json!({"edit_window_seconds": 5}))
        .await?;
    answer.refused("SW_ROOM_FORBIDDEN").map(drop)
}

async fn bad_settings(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    for (field, value) in [
        ("history_visibility", json!("world")),
        ("edit_window_seconds", json!(-1)),
        ("edit_window_seconds", json!(2_592_001)),
        ("visibility", json!("secret")),
    ] {
        let answer = owner
            .put(room.at("/settings"), json!({field: value}))
            .await?;
        answer.invalid(&format!("body.{field}"), None)?;
    }
    Ok(())
}

async fn frames(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let socket = member.listens().await?;
    owner
        .put(room.at("/name"), json!({"name": "Framed"}))
        .await?
        .ok()?;
    owner
        .put(room.at("/topic"), json!({"topic": "On frames"}))
        .await?
        .ok()?;
    owner
        .put(room.at("/settings"), json!({"edit_window_seconds": 60}))
        .await?
        .ok()?;
    let name = socket.wait_in(&room.id, "swp.room.name", |_| true).await?;
    judge::equal(&name, "/name", "Framed")?;
    let topic = socket.wait_in(&room.id, "swp.room.topic", |_| true).await?;
    judge::equal(&topic, "/topic", "On frames")?;
    let settings = socket
        .wait_in(&room.id, "swp.room.settings", |_| true)
        .await?;
    judge::equal(&settings, "/edit_window_seconds", 60)?;
    for frame in [&name, &topic, &settings] {
        shape("frame", frame, shapes::DURABLE_FRAME)?;
        judge::equal(frame, "/sender_id", owner.id())?;
    }
    Ok(())
}

async fn system_messages(t: Trial) -> Verdict {
    let owner = t.person().await?;
    let room = owner.group_with(&[]).await?;
    owner
        .put(room.at("/name"), json!({"name": "Shown"}))
        .await?
        .ok()?;
    let history = room.history(&owner).await?;
    let event = judge::row(&history, "/event_type", "swp.room.name")?;
    shape("event", event, shapes::EVENT)?;
    judge::equal(event, "/content/name", "Shown")?;
    judge::equal(event, "/content/msgtype", "swp.system")?;
    judge::text(event, "/content/body").map(drop)
}
