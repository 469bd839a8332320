//! `GET /v1/sync`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cast::person::{Person, text_content};
use crate::check::{Check, Stop, Verdict, client};
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 9";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(SECTION, "sync/get: events have every field", fields),
        client(
            SECTION,
            "sync/get: since=latest answers at once with the end",
            latest,
        ),
        client(
            SECTION,
            "sync/get: since=0 and limit page through everything, ascending, each event once",
            pages,
        ),
        client(
            SECTION,
            "sync/get: nothing new answers an empty list at the timeout",
            timeout,
        ),
        client(
            SECTION,
            "sync/get: a waiting sync wakes for an event of a visible room",
            wakes,
        ),
        client(
            SECTION,
            "sync/get: a waiting sync does not wake for others' rooms",
            sleeps_on,
        ),
        client(
            SECTION,
            "sync/get: others' rooms are not shown, and next_cursor passes them",
            others_rooms,
        ),
        client(
            SECTION,
            "sync/get: own kick, ban and invitation arrive",
            about_caller,
        ),
        client(
            SECTION,
            "sync/get: after a leave nothing more of the room arrives",
            after_leave,
        ),
        client(
            SECTION,
            "sync/get: joining replays nothing",
            join_replays_nothing,
        ),
        client(
            SECTION,
            "sync/get: content is the present one",
            present_content,
        ),
        client(
            SECTION,
            "sync/get: since beyond the end gets SW_VALIDATION_ERROR",
            beyond,
        ),
        client(
            SECTION,
            "sync/get: bad numbers get SW_VALIDATION_ERROR",
            bad_numbers,
        ),
        client(
            SECTION,
            "sync/get: two readers get the same events in the same order",
            same_order,
        ),
        client(
            "client-core 1, Rate limits",
            "sync/get: over 10 open long polls get SW_RATE_LIMIT_EXCEEDED",
            many_polls,
        ),
    ]
}

async fn sync(person: &Person, query: &str) -> Result<Value, Stop> {
    person.get(format!("/v1/sync?{query}")).await?.ok()
}

async fn fields(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let end = person.sync_end().await?;
    let uuid = crate::cast::random_uuid();
    let request = json!({"content": text_content("hello"), "event_uuid": uuid});
    let sent = person.post(room.at("/send"), request).await?.ok()?;
    let data = sync(&person, &format!("since={end}")).await?;
    shape(
        "sync",
        &data,
        "events [obj], next_cursor int, has_more bool",
    )?;
    let events = judge::list(&data, "/events")?;
    let event = judge::row(&events, "/id", sent["id"].clone())?;
    shape("event", event, shapes::SYNC_EVENT)?;
    for field in [
        "stream_position",
        "room_id",
        "event_type",
        "content",
        "sender_id",
        "origin_ts",
        "event_uuid",
    ] {
        judge::equal(event, &format!("/{field}"), sent[field].clone())?;
    }
    must(
        judge::int(&data, "/next_cursor")? >= judge::int(event, "/stream_position")?,
        || "next_cursor is before the last event".to_owned(),
    )
}

async fn latest(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let sent = person.says(&room, "before").await?;
    let begin = Instant::now();
    let data = sync(&person, "since=latest&timeout=30000").await?;
    must(begin.elapsed() < Duration::from_secs(5), || {
        "it waited".to_owned()
    })?;
    judge::equal(&data, "/events", json!([]))?;
    judge::equal(&data, "/has_more", false)?;
    must(
        judge::int(&data, "/next_cursor")? >= judge::int(&sent, "/stream_position")?,
        || "the end is before the last event".to_owned(),
    )
}

async fn pages(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let room = person.group_with(&[]).await?;
    let mut sent = Vec::new();
    for number in 0..9 {
        sent.push(judge::int(
            &person.says(&room, &number.to_string()).await?,
            "/stream_position",
        )?);
    }
    let (mut since, mut seen) = (0, Vec::new());
    for _ in 0..1_000 {
        let data = sync(&person, &format!("since={since}&limit=4&timeout=0")).await?;
        let events = judge::list(&data, "/events")?;
        must(events.len() <= 4, || {
            format!("limit=4 gave {}", events.len())
        })?;
        for event in &events {
            seen.push(judge::int(event, "/stream_position")?);
        }
        let next = judge::int(&data, "/next_cursor")?;
        must(next >= since, || {
            format!("the cursor went from {since} to {next}")
        })?;
        since = next;
        if data["has_more"] == false {
            break;
        }
    }
    must(
        seen.windows(2).all(|pair| matches!(pair, [a, b] if a < b)),
        || format!("not ascending, or twice: {seen:?}"),
    )?;
    for position in sent {
        must(seen.contains(&position), || {
            format!("{position} is missing")
        })?;
    }
    Ok(())
}

async fn timeout(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let end = person.sync_end().await?;
    let begin = Instant::now();
    let data = sync(&person, &format!("since={end}&timeout=700")).await?;
    let took = begin.elapsed();
    judge::equal(&data, "/events", json!([]))?;
    must(
        took >= Duration::from_millis(600) && took < Duration::from_secs(5),
        || format!("timeout=700 took {took:?}"),
    )?;
    let begin = Instant::now();
    sync(&person, &format!("since={end}&timeout=0")).await?;
    must(begin.elapsed() < Duration::from_secs(2), || {
        "timeout=0 waited".to_owned()
    })
}

async fn wakes(t: Trial) -> Verdict {
    let [reader, writer] = t.people().await?;
    let room = writer.group_with(&[&reader]).await?;
    let end = reader.sync_end().await?;
    let begin = Instant::now();
    let query = format!("since={end}&timeout=20000");
    let waiting = sync(&reader, &query);
    let writing = async {
        // Time for the long poll to be open; it passes either way.
        tokio::time::sleep(Duration::from_millis(300)).await;
        writer.says(&room, "wake up").await
    };
    let (data, sent) = tokio::join!(waiting, writing);
    let events = judge::list(&data?, "/events")?;
    judge::row(&events, "/id", sent?["id"].clone())?;
    must(begin.elapsed() < Duration::from_secs(10), || {
        "it woke at the timeout only".to_owned()
    })
}

async fn sleeps_on(t: Trial) -> Verdict {
    let (reader, writer) = (t.newcomer().await?, t.person().await?);
    let room = writer.group_with(&[]).await?;
    let end = reader.sync_end().await?;
    let query = format!("since={end}&timeout=1500");
    let begin = Instant::now();
    let writing = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        writer.says(&room, "not for the reader").await
    };
    let (data, sent) = tokio::join!(sync(&reader, &query), writing);
    sent?;
    judge::equal(&data?, "/events", json!([]))?;
    must(begin.elapsed() >= Duration::from_millis(1_400), || {
        format!("it woke after {:?}", begin.elapsed())
    })
}

async fn others_rooms(t: Trial) -> Verdict {
    let (reader, writer) = (t.newcomer().await?, t.person().await?);
    let end = reader.sync_end().await?;
    let room = writer.public_with(&[]).await?;
    let sent = writer.says(&room, "not for the reader").await?;
    let data = sync(&reader, &format!("since={end}&timeout=0")).await?;
    judge::equal(&data, "/events", json!([]))?;
    must(
        judge::int(&data, "/next_cursor")? >= judge::int(&sent, "/stream_position")?,
        || "next_cursor does not pass what the caller cannot see".to_owned(),
    )
}

async fn about_caller(t: Trial) -> Verdict {
    let [owner, target] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let end = target.sync_end().await?;
    let request = json!({"participant_id": target.id()});
    owner
        .post(room.at("/invite"), request.clone())
        .await?
        .ok()?;
    target.post(room.at("/join"), json!({})).await?.ok()?;
    owner.post(room.at("/kick"), request.clone()).await?.ok()?;
    owner.says(&room, "unseen").await?;
    owner.post(room.at("/ban"), request).await?.ok()?;
    let data = sync(&target, &format!("since={end}&timeout=0")).await?;
    let events = judge::list(&data, "/events")?;
    let own: Vec<&str> = events
        .iter()
        .filter(|event| event["room_id"] == room.id.as_str())
        .filter_map(|event| event["content"]["membership"].as_str())
        .collect();
    must(own == ["invite", "join", "leave", "ban"], || {
        format!("memberships seen: {own:?}")
    })
}

async fn after_leave(t: Trial) -> Verdict {
    let [owner, member] = t.people().await?;
    let room = owner.group_with(&[&member]).await?;
    let end = member.sync_end().await?;
    let before = owner.says(&room, "before").await?;
    member.post(room.at("/leave"), json!({})).await?.done()?;
    let after = owner.says(&room, "after").await?;
    let data = sync(&member, &format!("since={end}&timeout=0")).await?;
    let events = judge::list(&data, "/events")?;
    judge::row(&events, "/id", before["id"].clone())?;
    judge::no_row(&events, "/id", after["id"].clone())
}

async fn join_replays_nothing(t: Trial) -> Verdict {
    let [owner, newcomer] = t.people().await?;
    let room = owner.public_with(&[]).await?;
    let before = owner.says(&room, "before").await?;
    let end = newcomer.sync_end().await?;
    newcomer.post(room.at("/join"), json!({})).await?.ok()?;
    let after = owner.says(&room, "after").await?;
    let data = sync(&newcomer, &format!("since={end}&timeout=0")).await?;
    let events = judge::list(&data, "/events")?;
    judge::no_row(&events, "/id", before["id"].clone())?;
    judge::row(&events, "/id", after["id"].clone()).map(drop)
}

async fn present_content(t: Trial) -> Verdict {
    let person = t.person().await?;
    let room = person.group_with(&[]).await?;
    let end = person.sync_end().await?;
    let sent = person.says(&room, "first").await?;
    let request = json!({"content": text_content("second")});
    person
        .post(room.event(&sent, "/edit"), request)
        .await?
        .ok()?;
    let data = sync(&person, &format!("since={end}&timeout=0")).await?;
    let events = judge::list(&data, "/events")?;
    let event = judge::row(&events, "/id", sent["id"].clone())?;
    judge::equal(event, "/content", text_content("second"))?;
    shape("event", event, "edited_at time")
}

async fn beyond(t: Trial) -> Verdict {
    let person = t.person().await?;
    let end = person.sync_end().await?;
    let path = format!("/v1/sync?since={}&timeout=0", end + 1_000_000_000);
    person.get(path).await?.invalid("query.since", None)
}

async fn bad_numbers(t: Trial) -> Verdict {
    let person = t.person().await?;
    for (field, values) in [
        ("since", &["-1", "abc", "1.5", ""][..]),
        ("limit", &["0", "-1", "abc"]),
        ("timeout", &["-1", "abc"]),
    ] {
        for value in values {
            let answer = person.get(format!("/v1/sync?{field}={value}")).await?;
            answer.invalid(&format!("query.{field}"), None)?;
        }
    }
    Ok(())
}

async fn same_order(t: Trial) -> Verdict {
    let [a, b] = t.people().await?;
    let room = a.group_with(&[&b]).await?;
    let end = a.sync_end().await?;
    let sends = (0..12).map(|number| {
        let (person, room) = (if number % 2 == 0 { &a } else { &b }, &room);
        async move { person.says(room, &number.to_string()).await }
    });
    for sent in futures::future::join_all(sends).await {
        sent?;
    }
    let mut orders = Vec::new();
    for person in [&a, &b] {
        let data = sync(person, &format!("since={end}&timeout=0")).await?;
        let events = judge::list(&data, "/events")?;
        let own = events
            .iter()
            .filter(|event| event["room_id"] == room.id.as_str());
        orders.push(own.map(|event| event["id"].clone()).collect::<Vec<_>>());
    }
    must(
        orders.first().is_some_and(|order| order.len() == 12),
        || {
            format!(
                "{} events instead of 12",
                orders.first().map_or(0, Vec::len)
            )
        },
    )?;
    must(orders.first() == orders.last(), || {
        "the orders differ".to_owned()
    })
}

async fn many_polls(t: Trial) -> Verdict {
    let person = t.newcomer().await?;
    let end = person.sync_end().await?;
    let polls = (0..12).map(|_| {
        let call = person.call("GET", format!("/v1/sync?since={end}&timeout=3000"));
        call.impatient().send()
    });
    let mut refused = 0;
    for answer in futures::future::join_all(polls).await {
        let answer = answer?;
        if answer.status != 200 {
            answer.refused("SW_RATE_LIMIT_EXCEEDED")?;
            refused += 1;
        }
    }
    must(refused == 2, || {
        format!("of 12 open polls {refused} were refused, expected 2")
    })
}
