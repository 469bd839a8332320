//! `GET {r}/messages`: directions, pages, types.

use serde_json::{Value, json};

use crate::cast::person::Person;
use crate::cast::room::Room;
use crate::check::{Check, Stop, Verdict, client, failed};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 8";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(SECTION, "messages/history: rows have every field", fields),
        client(
            SECTION,
            "messages/history: back is newest first and the default, forward oldest first",
            directions,
        ),
        client(
            SECTION,
            "messages/history: pages tile in both directions, has_more is false only at the end",
            tiling,
        ),
        client(
            SECTION,
            "messages/history: pages of redacted events tile too",
            tiling_redacted,
        ),
        client(
            SECTION,
            "messages/history: `from` is a stream position, exclusive",
            from,
        ),
        client(
            SECTION,
            "messages/history: it begins with the create event and the creator's join",
            beginning,
        ),
        client(
            SECTION,
            "messages/history: `types` chooses event types",
            types,
        ),
        client(
            SECTION,
            "messages/history: edits, redactions and reactions are folded into their targets",
            folded,
        ),
        client(
            SECTION,
            "messages/history: limit=201 gives 200 rows",
            largest_page,
        ),
        client(
            SECTION,
            "messages/history: an unknown direction gets SW_VALIDATION_ERROR",
            bad_direction,
        ),
        client(
            SECTION,
            "messages/history: without membership gets SW_NOT_MEMBER",
            outside,
        ),
        client(
            SECTION,
            "messages/history: a newcomer sees what was before, where history is `shared`",
            shared,
        ),
    ]
}

async fn says_many(person: &Person, room: &Room, count: usize) -> Result<Vec<Value>, Stop> {
    let mut events = Vec::new();
    for number in 0..count {
        events.push(person.says(room, &format!("message {number}")).await?);
    }
    Ok(events)
}

/// All events of the room, page by page.
async fn walk(
    person: &Person,
    room: &Room,
    direction: &str,
    limit: usize,
) -> Result<Vec<Value>, Stop> {
    let mut all = Vec::new();
    let mut from = String::new();
    for _ in 0..200 {
        let path = room.at(&format!(
            "/messages?direction={direction}&limit={limit}{from}"
        ));
        let (rows, meta) = person.get(path).await?.list()?;
        must(rows.len() <= limit, || {
            format!("limit={limit} gave {} rows", rows.len())
        })?;
        all.extend(rows);
        if meta["has_more"] == false {
            return Ok(all);
        }
        from = format!("&from={}", judge::text(&meta, "/next_cursor")?);
    }
    Err(failed("has_more never becomes false"))
}

fn positions(events: &[Value]) -> Result<Vec<i64>, Stop> {
    events
        .iter()
        .map(|event| judge::int(event, "/stream_position"))
        .collect()
}

async fn fields(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    person.says(&room, "hello").await?;
    let (rows, meta) = person.get(room.at("/messages")).await?.list()?;
    for row in &rows {
        shape("event", row, shapes::EVENT)?;
    }
    shape("meta", &meta, "has_more bool, next_cursor str~")
}

async fn directions(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = says_many(&person, &room, 3).await?;
    let newest = sent.last().map(|event| event["id"].clone());
    for path in ["/messages", "/messages?direction=back"] {
        let (rows, _) = person.get(room.at(path)).await?.list()?;
        must(rows.first().map(|row| row["id"].clone()) == newest, || {
            "the newest is not first".to_owned()
        })?;
    }
    let (rows, _) = person
        .get(room.at("/messages?direction=forward"))
        .await?
        .list()?;
    must(rows.last().map(|row| row["id"].clone()) == newest, || {
        "forward, the newest is not last".to_owned()
    })
}

async fn tiling(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = says_many(&person, &room, 12).await?;
    let mut back = positions(&walk(&person, &room, "back", 5).await?)?;
    let forward = positions(&walk(&person, &room, "forward", 4).await?)?;
    back.reverse();
    must(back == forward, || {
        format!("back {back:?}, forward {forward:?}")
    })?;
    must(
        forward
            .windows(2)
            .all(|pair| matches!(pair, [a, b] if a < b)),
        || format!("positions do not rise: {forward:?}"),
    )?;
    for position in positions(&sent)? {
        must(forward.contains(&position), || {
            format!("{position} is missing")
        })?;
    }
    Ok(())
}

async fn tiling_redacted(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = says_many(&person, &room, 9).await?;
    for event in sent.iter().skip(1).take(7) {
        person
            .post(room.event(event, "/redact"), json!({}))
            .await?
            .ok()?;
    }
    let back = walk(&person, &room, "back", 3).await?;
    for event in &sent {
        let count = back.iter().filter(|row| row["id"] == event["id"]).count();
        must(count == 1, || {
            format!("{} is there {count} times", event["id"])
        })?;
    }
    Ok(())
}

async fn from(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = says_many(&person, &room, 3).await?;
    let [first, second, third] = sent.as_slice() else {
        return Err(failed("the suite sent a wrong number of messages"));
    };
    let position = judge::int(second, "/stream_position")?;
    let path = room.at(&format!("/messages?from={position}&limit=1"));
    let (rows, _) = person.get(path).await?.list()?;
    judge::row(&rows, "/id", first["id"].clone())?;
    let path = room.at(&format!(
        "/messages?direction=forward&from={position}&limit=1"
    ));
    let (rows, _) = person.get(path).await?.list()?;
    judge::row(&rows, "/id", third["id"].clone()).map(drop)
}

async fn beginning(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let (rows, _) = person
        .get(room.at("/messages?direction=forward"))
        .await?
        .list()?;
    let first = rows.first().cloned().unwrap_or(Value::Null);
    judge::equal(&first, "/event_type", "swp.room.create")?;
    judge::equal(&first, "/content/room_type", "group")?;
    judge::equal(&first, "/content/creator_id", person.id())?;
    let join = judge::row(&rows, "/event_type", "swp.room.member")?;
    judge::equal(join, "/content/membership", "join")?;
    judge::equal(join, "/content/participant_id", person.id())
}

async fn types(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    person.says(&room, "hello").await?;
    person
        .put(room.at("/name"), json!({"name": "Named"}))
        .await?
        .ok()?;
    for (types, wanted) in [
        ("swp.room.message", vec!["swp.room.message"]),
        (
            "swp.room.name,swp.room.message",
            vec!["swp.room.name", "swp.room.message"],
        ),
    ] {
        let (rows, _) = person
            .get(room.at(&format!("/messages?types={types}")))
            .await?
            .list()?;
        let mut found: Vec<&str> = rows
            .iter()
            .filter_map(|row| row["event_type"].as_str())
            .collect();
        found.dedup();
        must(found == wanted, || format!("types={types} gave {found:?}"))?;
    }
    Ok(())
}

async fn folded(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let kept = person.says(&room, "kept").await?;
    let gone = person.says(&room, "gone").await?;
    let request = json!({"content": {"body": "changed"}});
    person
        .post(room.event(&kept, "/edit"), request)
        .await?
        .ok()?;
    person
        .post(room.event(&kept, "/reaction"), json!({"emoji": "👍"}))
        .await?
        .ok()?;
    person
        .post(room.event(&gone, "/redact"), json!({}))
        .await?
        .ok()?;
    let history = room.history(&person).await?;
    for hidden in [
        "swp.room.message.edit",
        "swp.room.redaction",
        "swp.room.reaction",
    ] {
        judge::no_row(&history, "/event_type", hidden)?;
    }
    let row = judge::row(&history, "/id", kept["id"].clone())?;
    judge::equal(row, "/content/body", "changed")?;
    judge::equal(row, "/reactions/0/emoji", "👍")?;
    let row = judge::row(&history, "/id", gone["id"].clone())?;
    judge::equal(row, "/content", json!({}))
}

async fn largest_page(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let room = person.group_with(&[]).await?;
    let sends = (0..205).map(|number| {
        let request = json!({"content": {"body": format!("{number}")}});
        person.post(room.at("/send"), request)
    });
    let sends: Vec<_> = sends.collect();
    let answers = futures::stream::StreamExt::buffer_unordered(futures::stream::iter(sends), 8);
    let answers: Vec<_> = futures::StreamExt::collect(answers).await;
    for answer in answers {
        answer?.ok()?;
    }
    let (rows, meta) = person.get(room.at("/messages?limit=201")).await?.list()?;
    must(rows.len() == 200, || format!("{} rows", rows.len()))?;
    judge::equal(&meta, "/has_more", true)
}

async fn bad_direction(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let answer = person.get(room.at("/messages?direction=sideways")).await?;
    answer.invalid("query.direction", Some("enum"))
}

async fn outside(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    for room in [owner.group_with(&[]).await?, owner.public_with(&[]).await?] {
        outsider
            .get(room.at("/messages"))
            .await?
            .refused("SW_NOT_MEMBER")?;
    }
    Ok(())
}

async fn shared(t: Trial) -> Verdict {
    let [owner, newcomer] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let before = owner.says(&room, "before").await?;
    room.admit(&owner, &newcomer).await?;
    let history = room.history(&newcomer).await?;
    judge::row(&history, "/id", before["id"].clone()).map(drop)
}
