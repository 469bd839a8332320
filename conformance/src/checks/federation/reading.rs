//! What the peer may read: heads, backfill, state, members; and rooms that it must not know of.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::stage::{Stage, body, new_guest};
use crate::check::{Check, Stop, Verdict, failed, federation};
use crate::judge::{self, must, shape::shape};
use crate::peer::Peer;
use crate::protocol::{event, ids};
use crate::trial::Trial;

const SECTION: &str = "federation 4, who may read a room";
/// How often each of two answers is timed.
const SAMPLES: usize = 31;
/// How often that is repeated.
const ROUNDS: usize = 3;
/// By how much they may differ.
const TIME_STEP: Duration = Duration::from_millis(5);

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "reading/heads: names the end of each log by epoch, seq and hash",
            heads,
        ),
        federation(
            SECTION,
            "reading/backfill: pages tile, ascending, rightly signed and chained",
            backfill,
        ),
        federation(
            SECTION,
            "reading/backfill: serves the peer's own log too",
            backfill_own,
        ),
        federation(
            SECTION,
            "reading/backfill: limit is 1 to 1000, other values get SW_VALIDATION_ERROR",
            backfill_limits,
        ),
        federation(
            SECTION,
            "reading/backfill: a redacted message has no content, and its chain still holds",
            backfill_redacted,
        ),
        federation(
            SECTION,
            "reading/state: the host's state events from the first on, and the heads",
            state,
        ),
        federation(
            SECTION,
            "reading/members: who is in the room, at which level",
            members,
        ),
        federation(
            SECTION,
            "reading/profile: of a local person, signed, to a server that shares a room",
            profile,
        ),
        federation(
            SECTION,
            "reading/hidden: a room without members of the peer answers like a missing one",
            hidden,
        ),
        federation(
            SECTION,
            "reading/hidden: nor does the time that the answer takes tell it from one",
            hidden_in_time,
        ),
        federation(SECTION, "reading/hidden: writing to it too", hidden_writing),
        federation(
            SECTION,
            "reading/media: a file that no message names is not there",
            media,
        ),
        federation(
            SECTION,
            "reading/hidden: after the last member was removed nothing new is read",
            after_removal,
        ),
        federation(
            SECTION,
            "reading/invited: an invited server reads nothing but the summary",
            invited,
        ),
    ]
}

async fn fetch(stage: &Stage, path: &str) -> Result<Value, Stop> {
    body(&stage.get(path).await?)
}

/// All events of a log after a position, page by page.
async fn walk(stage: &Stage, origin: &str, limit: usize) -> Result<Vec<Value>, Stop> {
    let (mut all, mut after): (Vec<Value>, i64) = (Vec::new(), 0);
    for _ in 0..100 {
        let path = format!("/backfill?origin={origin}&epoch=1&after_seq={after}&limit={limit}");
        let page = fetch(stage, &path).await?;
        let events = judge::list(&page, "/events")?;
        must(events.len() <= limit, || {
            format!("limit={limit} gave {} events", events.len())
        })?;
        after = events
            .last()
            .map_or(after, |event| event["seq"].as_i64().unwrap_or(after));
        all.extend(events);
        if page["has_more"] == false {
            return Ok(all);
        }
    }
    Err(failed("has_more never becomes false"))
}

async fn heads(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let own = stage.says("own").await?;
    let sent = stage.owner.says(&stage.room, "theirs").await?;
    let heads = fetch(&stage, "/heads").await?;
    let position = &heads["heads"][stage.peer.name()];
    let expected = json!({"epoch": 1, "seq": own["seq"], "hash": event::hash(&own)});
    must(*position == expected, || {
        format!("the peer's head is {position}, expected {expected}")
    })?;
    let theirs = stage
        .gets("the message", |event| event["event_id"] == sent["id"])
        .await?;
    let position = &heads["heads"][stage.peer.subject_name()];
    shape("position", position, "epoch int, seq int, hash str")?;
    must(
        judge::int(position, "/seq")? >= judge::int(&theirs, "/seq")?,
        || {
            format!(
                "the host's head is {position}, its last event {}",
                theirs["seq"]
            )
        },
    )
}

async fn backfill(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    for number in 0..4 {
        stage.owner.says(&stage.room, &number.to_string()).await?;
    }
    let small = walk(&stage, stage.peer.subject_name(), 3).await?;
    let large = walk(&stage, stage.peer.subject_name(), 1000).await?;
    must(small == large, || {
        "pages of 3 and of 1000 differ".to_owned()
    })?;
    let mut before = None;
    for event in &large {
        event::judge(event, stage.peer.subject_key(), before).map_err(failed)?;
        before = Some(event);
    }
    let first = large.first().ok_or_else(|| failed("no event"))?;
    judge::equal(first, "/seq", 1)?;
    judge::equal(first, "/type", "swp.room.create")
}

async fn backfill_own(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let sent = [stage.says("one").await?, stage.says("two").await?];
    let events = walk(&stage, stage.peer.name(), 100).await?;
    must(events == sent, || {
        format!("the peer's log comes back as {events:?}")
    })
}

async fn backfill_limits(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let path = |limit: &str| {
        format!(
            "/backfill?origin={}&epoch=1&after_seq=0&limit={limit}",
            stage.peer.subject_name()
        )
    };
    for limit in ["0", "1001", "-1", "x"] {
        stage
            .get(&path(limit))
            .await?
            .refused("SW_VALIDATION_ERROR")?;
    }
    fetch(&stage, &path("1000")).await.map(drop)
}

async fn backfill_redacted(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let sent = stage.owner.says(&stage.room, "a secret text").await?;
    stage
        .owner
        .post(stage.room.event(&sent, "/redact"), json!({}))
        .await?
        .ok()?;
    let events = walk(&stage, stage.peer.subject_name(), 100).await?;
    let event = judge::row(&events, "/event_id", sent["id"].clone())?;
    must(
        event.get("content").is_none() && event.get("salt").is_none(),
        || format!("content or salt is still there: {event}"),
    )?;
    let mut before: Option<Value> = None;
    for event in &events {
        let mut bare = event.clone();
        if let Some(members) = bare.as_object_mut() {
            // A page item says why its content is absent; that is no part of the event.
            for hint in ["redacted_by", "void", "withheld"] {
                members.remove(hint);
            }
        }
        event::judge(&bare, stage.peer.subject_key(), before.as_ref()).map_err(failed)?;
        before = Some(bare);
    }
    Ok(())
}

async fn state(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    stage
        .owner
        .put(stage.room.at("/name"), json!({"name": "Stated"}))
        .await?
        .ok()?;
    let answer = fetch(&stage, "/state").await?;
    shape("state", &answer, "state [obj], leaves obj, heads obj")?;
    let events = judge::list(&answer, "/state")?;
    let first = events.first().ok_or_else(|| failed("no state"))?;
    judge::equal(first, "/type", "swp.room.create")?;
    let last = events.last().ok_or_else(|| failed("no state"))?;
    judge::equal(last, "/content/name", "Stated")?;
    for event in &events {
        event::judge(event, stage.peer.subject_key(), None).map_err(failed)?;
        must(event["content"]["seen"].is_object(), || {
            format!("no `seen` in {event}")
        })?;
    }
    must(
        events
            .windows(2)
            .all(|pair| matches!(pair, [a, b] if a["seq"].as_i64() < b["seq"].as_i64())),
        || "the state is not ascending".to_owned(),
    )
}

async fn members(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let answer = fetch(&stage, "/members").await?;
    let rows = judge::list(&answer, "/members")?;
    for (fqid, level) in [(stage.owner.fqid(), 100), (stage.guest.as_str(), 0)] {
        let row = judge::row(&rows, "/participant", fqid)?;
        judge::equal(row, "/membership", "join")?;
        judge::equal(row, "/power_level", level)?;
    }
    Ok(())
}

async fn profile(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let path = format!("/profile/{}", stage.owner.account().local_id);
    let answer = body(&stage.peer.get(&t.stranger(), &path).await?)?;
    let profile = &answer["profile"];
    judge::equal(profile, "/fqid", stage.owner.fqid())?;
    judge::equal(profile, "/participant_type", "human")?;
    judge::equal(&answer, "/key/key_id", stage.peer.subject_key().key_id())?;
    let right =
        crate::peer::people::is_signed("scaiwave-profile-v1", profile, stage.peer.subject_key());
    must(right, || {
        "the profile is not signed by its server".to_owned()
    })
}

/// The answer without what differs by nature.
fn bare(mut answer: Value) -> Value {
    if let Some(error) = answer.get_mut("error").and_then(Value::as_object_mut) {
        error.remove("request_id");
    }
    answer
}

/// What is read of a room.
const OF_A_ROOM: [&str; 5] = [
    "heads",
    "state",
    "members",
    "media/00000000-0000-4000-8000-000000000000",
    "backfill?origin=a.example&epoch=1&after_seq=0&limit=5",
];
/// A room that does not exist.
const MISSING: &str = "00000000-0000-8000-8000-000000000000";

async fn hidden(t: Trial) -> Verdict {
    let (peer, owner) = (t.peer()?, t.person().await?);
    for room in [owner.group_with(&[]).await?, owner.public_with(&[]).await?] {
        for path in OF_A_ROOM {
            let there = peer
                .get(&t.stranger(), &format!("/rooms/{}/{path}", room.id))
                .await?;
            let nowhere = peer
                .get(&t.stranger(), &format!("/rooms/{MISSING}/{path}"))
                .await?;
            nowhere.refused("SW_ROOM_NOT_FOUND")?;
            let (there_body, nowhere_body) =
                (bare(there.body()?.clone()), bare(nowhere.body()?.clone()));
            must(
                there.status == nowhere.status && there_body == nowhere_body,
                || format!("{path} tells the difference: {there_body} and {nowhere_body}"),
            )?;
        }
    }
    Ok(())
}

async fn hidden_in_time(t: Trial) -> Verdict {
    let (peer, owner) = (t.peer()?, t.person().await?);
    let room = owner.group_with(&[]).await?;
    for number in 0..50 {
        owner.says(&room, &format!("message {number}")).await?;
    }
    for path in OF_A_ROOM {
        // What else goes on in the machine may hide in one round; a difference of the server's stands in each.
        let mut steps = Vec::new();
        for _ in 0..ROUNDS {
            let [there, nowhere] = timed(&t, &peer, [&room.id, MISSING], path).await?;
            steps.push(there.abs_diff(nowhere));
        }
        must(steps.iter().any(|step| *step <= TIME_STEP), || {
            format!("{path} differs from that of a room that does not exist by {steps:?}")
        })?;
    }
    Ok(())
}

/// How long the answers about two rooms take, asked for in turn: the medians.
async fn timed(
    t: &Trial,
    peer: &Peer,
    rooms: [&str; 2],
    path: &str,
) -> Result<[Duration; 2], Stop> {
    let mut took = [Vec::new(), Vec::new()];
    for _ in 0..SAMPLES {
        for (room_id, took) in rooms.into_iter().zip(&mut took) {
            let begun = Instant::now();
            let path = format!("/rooms/{room_id}/{path}");
            let answer = peer.get(&t.stranger(), &path).await?;
            took.push(begun.elapsed());
            answer.refused("SW_ROOM_NOT_FOUND")?;
        }
    }
    Ok(took.map(|mut took| {
        took.sort_unstable();
        took[SAMPLES / 2]
    }))
}

async fn media(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let answer = stage
        .get("/media/00000000-0000-4000-8000-000000000000")
        .await?;
    answer.refused("SW_NOT_FOUND").map(drop)
}

async fn hidden_writing(t: Trial) -> Verdict {
    let stage = Stage::empty(&t).await?;
    let event = stage.compose("swp.room.message", json!({"body": "x"}));
    let there = stage.send_one(&event).await?;
    judge::equal(&there, "/error/code", "SW_ROOM_NOT_FOUND")?;
    let mut nowhere = event.clone();
    nowhere["room_id"] = json!("00000000-0000-8000-8000-000000000000");
    let nowhere = stage.send_one(&nowhere).await?;
    must(
        bare(there.clone())["error"] == bare(nowhere.clone())["error"],
        || format!("the answers differ: {there} and {nowhere}"),
    )?;
    let document = stage
        .peer
        .ask(&stage.room.id, &stage.guest, "topic", json!({"topic": "x"}));
    stage
        .posts(&document)
        .await?
        .refused("SW_ROOM_NOT_FOUND")
        .map(drop)
}

async fn after_removal(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let before = stage.owner.says(&stage.room, "before the kick").await?;
    stage
        .gets("the message", |event| event["event_id"] == before["id"])
        .await?;
    let request = json!({"participant_id": ids::participant_id(&stage.guest)});
    stage
        .owner
        .post(stage.room.at("/kick"), request)
        .await?
        .ok()?;
    let after = stage.owner.says(&stage.room, "after the kick").await?;
    let path = format!(
        "/backfill?origin={}&epoch=1&after_seq=0&limit=1000",
        stage.peer.subject_name()
    );
    let answer = stage.get(&path).await?;
    must(!answer.text.contains("after the kick"), || {
        format!("{} is read by a server without members", after["id"])
    })
}

async fn invited(t: Trial) -> Verdict {
    let (stage, _) = Stage::invited(&t).await?;
    let sent = stage.owner.says(&stage.room, "for members only").await?;
    for path in [
        "/heads",
        "/state",
        "/backfill?origin=a.example&epoch=1&after_seq=0&limit=5",
    ] {
        let answer = stage.get(path).await?;
        must(!answer.text.contains("for members only"), || {
            format!("{path} shows {} to an invited server", sent["id"])
        })?;
    }
    let stranger = new_guest(&stage.peer);
    let document = stage
        .peer
        .ask(&stage.room.id, &stranger, "topic", json!({"topic": "x"}));
    let answer = stage.posts(&document).await?;
    must((400..500).contains(&answer.status), || {
        format!("got {}", answer.outline())
    })
}
