//! Adding, removing and listing reactions.

use serde_json::{Value, json};

use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 8";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "messages/reaction: POST answers the event's reactions",
            add,
        ),
        client(
            SECTION,
            "messages/reaction: adding twice is harmless",
            twice,
        ),
        client(
            SECTION,
            "messages/reaction: counts people and tells whether it is one's own",
            counts,
        ),
        client(
            SECTION,
            "messages/reaction: DELETE takes the emoji from query or body",
            remove,
        ),
        client(
            SECTION,
            "messages/reaction: DELETE of what is not there is fine",
            remove_absent,
        ),
        client(
            SECTION,
            "messages/reaction: an emoji has 1 to 64 bytes and no control characters",
            emoji_forms,
        ),
        client(
            SECTION,
            "messages/reaction: the 51st kind gets SW_VALIDATION_ERROR",
            kinds,
        ),
        client(
            SECTION,
            "messages/reaction: an unknown event gets SW_EVENT_NOT_FOUND",
            unknown,
        ),
        client(
            SECTION,
            "messages/reaction: without membership gets SW_NOT_MEMBER",
            outside,
        ),
        client(
            SECTION,
            "messages/reactions: the list has who and when, page by page",
            list,
        ),
        client(
            SECTION,
            "messages/reaction: frames tell of add and remove",
            frames,
        ),
    ]
}

async fn add(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "hello").await?;
    let (rows, _) = person
        .post(room.event(&sent, "/reaction"), json!({"emoji": "👍"}))
        .await?
        .list()?;
    let row = judge::row(&rows, "/emoji", "👍")?;
    shape("reaction", row, shapes::REACTION)?;
    judge::equal(row, "/count", 1)?;
    judge::equal(row, "/mine", true)?;
    judge::equal(row, "/participant_ids", json!([person.id()]))
}

async fn twice(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "hello").await?;
    for _ in 0..2 {
        let (rows, _) = person
            .post(room.event(&sent, "/reaction"), json!({"emoji": "👍"}))
            .await?
            .list()?;
        judge::equal(judge::row(&rows, "/emoji", "👍")?, "/count", 1)?;
    }
    Ok(())
}

async fn counts(t: Trial) -> Verdict {
    let [owner, member, viewer] = t.people().await?;
    let room = owner.group_with(&[&member, &viewer]).await?;
    let sent = owner.says(&room, "hello").await?;
    for person in [&owner, &member] {
        person
            .post(room.event(&sent, "/reaction"), json!({"emoji": "🎉"}))
            .await?
            .ok()?;
    }
    let event = viewer.get(room.event(&sent, "")).await?.ok()?;
    judge::equal(&event, "/reactions/0/count", 2)?;
    judge::equal(&event, "/reactions/0/mine", false)?;
    let event = member.get(room.event(&sent, "")).await?.ok()?;
    judge::equal(&event, "/reactions/0/mine", true)
}

async fn remove(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "hello").await?;
    let path = room.event(&sent, "/reaction");
    for emoji in ["👍", "🎉"] {
        person
            .post(path.clone(), json!({"emoji": emoji}))
            .await?
            .ok()?;
    }
    let (rows, _) = person
        .delete(format!("{path}?emoji=%F0%9F%91%8D"))
        .await?
        .list()?;
    judge::no_row(&rows, "/emoji", "👍")?;
    judge::row(&rows, "/emoji", "🎉")?;
    let call = person.call("DELETE", path).json(json!({"emoji": "🎉"}));
    let (rows, _) = call.send().await?.list()?;
    must(rows.is_empty(), || format!("{} kinds are left", rows.len()))
}

async fn remove_absent(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let sent = owner.says(&room, "hello").await?;
    let path = room.event(&sent, "/reaction");
    owner
        .post(path.clone(), json!({"emoji": "👍"}))
        .await?
        .ok()?;
    let call = member.call("DELETE", path).json(json!({"emoji": "👍"}));
    let (rows, _) = call.send().await?.list()?;
    // Only one's own is removed.
    judge::row(&rows, "/emoji", "👍").map(drop)
}

async fn emoji_forms(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "hello").await?;
    let path = room.event(&sent, "/reaction");
    for emoji in [String::new(), "a\nb".to_owned(), "x".repeat(65)] {
        let answer = person.post(path.clone(), json!({"emoji": emoji})).await?;
        answer.invalid("body.emoji", None)?;
    }
    person
        .post(path.clone(), json!({"emoji": "x".repeat(64)}))
        .await?
        .ok()?;
    person
        .post(path, json!({"emoji": "👩‍👩‍👧‍👦"}))
        .await?
        .ok()
        .map(drop)
}

async fn kinds(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "hello").await?;
    let path = room.event(&sent, "/reaction");
    for number in 0..50 {
        person
            .post(path.clone(), json!({"emoji": format!("k{number}")}))
            .await?
            .ok()?;
    }
    let answer = person.post(path.clone(), json!({"emoji": "k50"})).await?;
    answer.refused("SW_VALIDATION_ERROR")?;
    // A kind that is there already can still be added by others, and again.
    person
        .post(path, json!({"emoji": "k0"}))
        .await?
        .ok()
        .map(drop)
}

async fn unknown(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let path = room.at("/events/00000000-0000-7000-8000-000000000000/reaction");
    person
        .post(path, json!({"emoji": "👍"}))
        .await?
        .refused("SW_EVENT_NOT_FOUND")
        .map(drop)
}

async fn outside(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let sent = owner.says(&room, "hello").await?;
    let path = room.event(&sent, "/reaction");
    outsider
        .post(path, json!({"emoji": "👍"}))
        .await?
        .refused("SW_NOT_MEMBER")
        .map(drop)
}

async fn list(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let sent = owner.says(&room, "hello").await?;
    for person in [&owner, &member] {
        person
            .post(room.event(&sent, "/reaction"), json!({"emoji": "👍"}))
            .await?
            .ok()?;
    }
    let mut people = Vec::new();
    let mut from = String::new();
    for more in [true, false] {
        let path = room.event(&sent, &format!("/reactions?limit=1{from}"));
        let (rows, meta) = owner.get(path).await?.list()?;
        must(rows.len() == 1, || {
            format!("limit=1 gave {} rows", rows.len())
        })?;
        for row in &rows {
            shape(
                "reaction",
                row,
                "emoji str, participant_id id, created_at time",
            )?;
            people.push(row["participant_id"].clone());
        }
        judge::equal(&meta, "/has_more", more)?;
        from = format!("&from={}", meta["next_cursor"].as_str().unwrap_or(""));
    }
    must(people.first() != people.last(), || {
        "both pages are equal".to_owned()
    })
}

async fn frames(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let sent = owner.says(&room, "hello").await?;
    let socket = owner.listens().await?;
    let path = room.event(&sent, "/reaction");
    member
        .post(path.clone(), json!({"emoji": "👍"}))
        .await?
        .ok()?;
    member
        .call("DELETE", path)
        .json(json!({"emoji": "👍"}))
        .send()
        .await?
        .ok()?;
    for action in ["add", "remove"] {
        let frame = socket
            .wait_in(&room.id, "swp.room.reaction", |frame| {
                frame["action"] == action
            })
            .await?;
        shape("frame", &frame, shapes::DURABLE_FRAME)?;
        judge::equal(&frame, "/event_id", sent["id"].clone())?;
        judge::equal(&frame, "/emoji", Value::from("👍"))?;
        judge::equal(&frame, "/sender_id", member.id())?;
    }
    Ok(())
}
