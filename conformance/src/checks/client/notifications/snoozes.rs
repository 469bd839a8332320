//! `/v1/messages/{event_id}/snooze` and `/v1/me/snoozes`.

use serde_json::{Value, json};

use crate::cast::person::Person;
use crate::check::{Check, Stop, Verdict, client};
use crate::client::answer::Answer;
use crate::clock;
use crate::judge::{self, must, shape::shape, shapes};
use crate::trial::Trial;

const SECTION: &str = "client-core 11";
const LIST: &str = "/v1/me/snoozes";
const HOUR_MS: i64 = 3_600_000;
const YEAR_MS: i64 = 365 * 24 * HOUR_MS;

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "snoozes/add: is answered, listed and part of the room's state",
            add,
        ),
        client(SECTION, "snoozes/add: again replaces", again),
        client(
            SECTION,
            "snoozes/add: the time is in the future, at most 365 days ahead",
            times,
        ),
        client(
            SECTION,
            "snoozes/add: unknown messages and rooms one is not in get SW_EVENT_NOT_FOUND",
            unseen,
        ),
        client(
            SECTION,
            "snoozes/delete: takes it back; an unknown one gets SW_NOT_FOUND",
            delete,
        ),
        client(
            SECTION,
            "snoozes/due: tells the message once more, and is gone then",
            due,
        ),
        client(
            SECTION,
            "snoozes/due: waits for a device that listens",
            due_unheard,
        ),
        client(SECTION, "snoozes/redact: go with the message", redacted),
    ]
}

async fn snooze(person: &Person, event: &Value, until: &str) -> Result<Answer, Stop> {
    let id = event["id"].as_str().unwrap_or_default();
    person
        .post(
            format!("/v1/messages/{id}/snooze"),
            json!({ "until": until }),
        )
        .await
}

fn after(ms: i64) -> String {
    clock::iso(clock::now_ms() + ms)
}

async fn listed(person: &Person) -> Result<Vec<Value>, Stop> {
    Ok(person.get(LIST).await?.list()?.0)
}

async fn add(t: Trial) -> Verdict {
    let (teller, told) = (t.person().await?, t.newcomer().await?);
    let room = teller.group_with(&[&told]).await?;
    let sent = teller.says(&room, "think of it").await?;
    let until = after(HOUR_MS);
    let data = snooze(&told, &sent, &until).await?.ok()?;
    shape("snooze", &data, shapes::SNOOZE)?;
    judge::equal(&data, "/event_id", sent["id"].clone())?;
    judge::equal(&data, "/room_id", room.id.as_str())?;
    judge::equal(&data, "/until", until)?;
    let rows = listed(&told).await?;
    let row = judge::row(&rows, "/task_id", data["task_id"].clone())?;
    shape("row", row, shapes::SNOOZE)?;
    shape("row", row, "snippet str, created_at time")?;
    judge::equal(row, "/snippet", "think of it")?;
    let state = told.get(room.at("/state")).await?.ok()?;
    judge::equal(&state, "/snoozed_event_ids", json!([sent["id"]]))?;
    let others = teller.get(room.at("/state")).await?.ok()?;
    judge::equal(&others, "/snoozed_event_ids", json!([]))
}

async fn again(t: Trial) -> Verdict {
    let (teller, told) = (t.person().await?, t.newcomer().await?);
    let room = teller.group_with(&[&told]).await?;
    let sent = teller.says(&room, "x").await?;
    snooze(&told, &sent, &after(HOUR_MS)).await?.ok()?;
    let until = after(2 * HOUR_MS);
    let data = snooze(&told, &sent, &until).await?.ok()?;
    let rows = listed(&told).await?;
    must(rows.len() == 1, || format!("{} snoozes", rows.len()))?;
    let row = judge::row(&rows, "/task_id", data["task_id"].clone())?;
    judge::equal(row, "/until", until)
}

async fn times(t: Trial) -> Verdict {
    let (teller, told) = (t.person().await?, t.newcomer().await?);
    let room = teller.group_with(&[&told]).await?;
    let sent = teller.says(&room, "x").await?;
    for until in [
        after(-HOUR_MS),
        after(YEAR_MS + HOUR_MS),
        "tomorrow".to_owned(),
    ] {
        let answer = snooze(&told, &sent, &until).await?;
        answer.invalid("body.until", None)?;
    }
    snooze(&told, &sent, &after(YEAR_MS - HOUR_MS))
        .await?
        .ok()
        .map(drop)
}

async fn unseen(t: Trial) -> Verdict {
    let [owner, outsider] = t.people().await?;
    let room = owner.group_with(&[]).await?;
    let sent = owner.says(&room, "x").await?;
    let until = after(HOUR_MS);
    let answer = snooze(&outsider, &sent, &until).await?;
    answer.refused("SW_EVENT_NOT_FOUND")?;
    for id in ["00000000-0000-7000-8000-000000000000", "none"] {
        let answer = snooze(&owner, &json!({ "id": id }), &until).await?;
        answer.refused("SW_EVENT_NOT_FOUND")?;
    }
    Ok(())
}

async fn delete(t: Trial) -> Verdict {
    let (teller, told) = (t.person().await?, t.newcomer().await?);
    let room = teller.group_with(&[&told]).await?;
    let sent = teller.says(&room, "x").await?;
    let data = snooze(&told, &sent, &after(HOUR_MS)).await?.ok()?;
    let path = format!("{LIST}/{}", judge::text(&data, "/task_id")?);
    teller.delete(&path).await?.refused("SW_NOT_FOUND")?;
    told.delete(&path).await?.done()?;
    judge::no_row(&listed(&told).await?, "/event_id", sent["id"].clone())?;
    told.delete(&path).await?.refused("SW_NOT_FOUND").map(drop)
}

async fn due(t: Trial) -> Verdict {
    let (teller, told) = (t.person().await?, t.newcomer().await?);
    let room = teller.group_with(&[&told]).await?;
    let sent = teller.says(&room, "think of it").await?;
    let socket = told.listens().await?;
    snooze(&told, &sent, &after(1_000)).await?.ok()?;
    let is_it = |frame: &Value| frame["reason"] == "snooze";
    let frame = socket.wait_in(&room.id, "swp.notification", is_it).await?;
    shape("frame", &frame, shapes::NOTIFICATION)?;
    judge::equal(&frame, "/event_id", sent["id"].clone())?;
    judge::equal(&frame, "/sender_id", teller.id())?;
    judge::equal(&frame, "/snippet", "think of it")?;
    judge::no_row(&listed(&told).await?, "/event_id", sent["id"].clone())
}

async fn due_unheard(t: Trial) -> Verdict {
    let (teller, told) = (t.person().await?, t.newcomer().await?);
    let room = teller.group_with(&[&told]).await?;
    let sent = teller.says(&room, "think of it").await?;
    let at = clock::now_ms() + 1_000;
    snooze(&told, &sent, &clock::iso(at)).await?.ok()?;
    t.until("the time of the snooze", || async move {
        Ok((clock::now_ms() > at + 500).then_some(()))
    })
    .await?;
    judge::row(&listed(&told).await?, "/event_id", sent["id"].clone())?;
    let socket = told.listens().await?;
    socket
        .wait_in(&room.id, "swp.notification", |frame| {
            frame["reason"] == "snooze"
        })
        .await
        .map(drop)
}

async fn redacted(t: Trial) -> Verdict {
    let (teller, told) = (t.person().await?, t.newcomer().await?);
    let room = teller.group_with(&[&told]).await?;
    let sent = teller.says(&room, "x").await?;
    snooze(&told, &sent, &after(HOUR_MS)).await?.ok()?;
    let path = room.event(&sent, "/redact");
    teller.post(path, json!({})).await?.ok()?;
    judge::no_row(&listed(&told).await?, "/event_id", sent["id"].clone())
}
