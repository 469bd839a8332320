//! Gaps that nobody fills, and events by the hundred that cannot be judged: they are bounded, and cost nobody else anything.

use serde_json::{Value, json};

use super::super::stage::{Stage, message, rejected};
use super::goes_on;
use crate::check::{Check, Stop, Verdict, failed, federation};
use crate::judge::{self, must};
use crate::peer::mischief::Ill;
use crate::protocol::event::Log;
use crate::protocol::hash_text;
use crate::trial::Trial;

const SECTION: &str = "federation checks, placing an event; delivery, comparing and fetching";
/// Events of one flood, in requests of a hundred.
const FLOOD: usize = 500;
/// How often a server may ask for pages that bring nothing.
const PATIENT: u64 = 20;

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "hostile/pending: 500 events behind a gap that nobody fills are pending, others go on, and the gap heals",
            gap,
        ),
        federation(
            SECTION,
            "hostile/pending: 500 events each far beyond the log's end are pending, and the log goes on",
            far,
        ),
        federation(
            SECTION,
            "hostile/pending: 500 events of the far future are pending, others go on",
            future,
        ),
        federation(
            SECTION,
            "hostile/pending: events of epochs that nobody admitted are refused",
            epochs,
        ),
        federation(
            SECTION,
            "hostile/pending: pages that say there is more and bring nothing are not asked for without end",
            empty_pages,
        ),
        federation(
            SECTION,
            "hostile/pending: heads of logs that nobody has cost no request each",
            many_heads,
        ),
        federation(
            SECTION,
            "hostile/pending: a host whose log never gets on ends the join with SW_SERVICE_UNAVAILABLE",
            endless_log,
        ),
    ]
}

/// Sends them a hundred at a time; every result must be pending.
async fn all_pending(stage: &Stage, events: &[Value]) -> Verdict {
    for batch in events.chunks(100) {
        for result in stage.send(batch).await? {
            judge::equal(&result, "/status", "pending")?;
        }
    }
    Ok(())
}

/// The event has its place, by this delivery or by one before.
fn taken(result: &Value) -> Verdict {
    let status = &result["status"];
    must(status == "accepted" || status == "duplicate", || {
        format!("a good event got {result}")
    })
}

/// Nobody finds the room's logs at the peer while this is held.
fn hides(stage: &Stage) -> crate::peer::mischief::Mischief {
    let path = format!("/rooms/{}/backfill", stage.room.id);
    let nothing = json!({"events": [], "has_more": false});
    stage
        .peer
        .misbehaves(Ill::Json(nothing), move |request| request.path == path)
}

async fn gap(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    stage.says("before the gap").await?;
    let hidden = hides(&stage);
    let missing = stage.append_message("the gap");
    let flood: Vec<Value> = (0..FLOOD)
        .map(|number| stage.append_message(&number.to_string()))
        .collect();
    all_pending(&stage, &flood).await?;
    goes_on(&t).await?;
    stage.owner.says(&stage.room, "here too").await?;
    drop(hidden);
    // What was pending may have been kept or not; a sender that tries again loses nothing.
    let mut again = vec![missing];
    again.extend(flood.iter().cloned());
    for batch in again.chunks(100) {
        for result in stage.send(batch).await? {
            taken(&result)?;
        }
    }
    let last = flood.last().ok_or_else(|| failed("no flood"))?;
    stage.shown(last, |_| true).await?;
    stage.says("after the gap").await.map(drop)
}

/// An event at a place of the peer's log that nothing leads to.
fn floating(stage: &Stage, epoch: i64, seq: i64) -> Result<Value, Stop> {
    let draft = stage.draft("swp.room.message", message("from nowhere"));
    let log = Log {
        room_id: stage.room.id.clone(),
        origin: stage.peer.name().to_owned(),
        epoch,
        seq: seq - 1,
        hash: (seq > 1).then(|| hash_text(b"the event before")),
        ts: 0,
    };
    let event = log.compose(&draft, stage.peer.key());
    must(event["seq"] == seq, || "the suite lost count".to_owned())?;
    Ok(event)
}

async fn far(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    stage.says("the end").await?;
    let hidden = hides(&stage);
    const LAST: i64 = 9_007_199_254_740_991;
    let mut flood = Vec::new();
    for number in 0..FLOOD as i64 {
        let seq = match number % 3 {
            0 => LAST - number,
            1 => (1 << 31) + number,
            _ => 1_000_000 + number * 1_000,
        };
        flood.push(floating(&stage, 1, seq)?);
    }
    all_pending(&stage, &flood).await?;
    stage.says("the log goes on").await?;
    drop(hidden);
    goes_on(&t).await
}

async fn future(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let other = Stage::open(&t).await?;
    let mut flood = Vec::new();
    for number in 0..FLOOD as i64 {
        let mut draft = stage.draft("swp.room.message", message("tomorrow"));
        draft.ts = match number % 2 {
            0 => (1 << 48) - 1_000 + number,
            _ => draft.ts + 86_400_000,
        };
        flood.push(stage.compose_draft(&draft));
    }
    all_pending(&stage, &flood).await?;
    other.says("another room goes on").await?;
    stage.says("today").await?;
    goes_on(&t).await
}

async fn epochs(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    for epoch in [2, 3, 1 << 31, 9_007_199_254_740_991] {
        // The next one in a row, and one behind a gap.
        for seq in [1, 7] {
            let event = floating(&stage, epoch, seq)?;
            let result = stage.send_one(&event).await?;
            if seq == 1 {
                rejected(&result, "SW_FED_SIGNATURE_MISMATCH", false)?;
            } else {
                must(result["status"] != "accepted", || {
                    format!("an event of epoch {epoch} got {result}")
                })?;
            }
            stage.not_shown(&event).await?;
        }
    }
    stage.says("epoch 1 goes on").await.map(drop)
}

async fn empty_pages(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let first = stage.says("the first").await?;
    // Nothing at all, and what the server has already, for ever.
    for events in [json!([]), json!([first])] {
        let path = format!("/rooms/{}/backfill", stage.room.id);
        let page = json!({"events": events, "has_more": true});
        let mischief = stage
            .peer
            .misbehaves(Ill::Json(page), move |request| request.path == path);
        let missing = stage.append_message("the gap");
        let late = stage.append_message("behind it");
        judge::equal(&stage.send_one(&late).await?, "/status", "pending")?;
        t.until("the server asks for the gap", || async {
            Ok((mischief.times() > 0).then_some(()))
        })
        .await?;
        goes_on(&t).await?;
        must(mischief.times() <= PATIENT, || {
            format!(
                "pages without end were asked for {} times",
                mischief.times()
            )
        })?;
        drop(mischief);
        for event in [&missing, &late] {
            taken(&stage.send_one(event).await?)?;
        }
        stage.shown(&late, |_| true).await?;
    }
    Ok(())
}

async fn many_heads(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    stage.says("the first").await?;
    let position = json!({"epoch": 1, "seq": 5, "hash": hash_text(b"a head")});
    let heads = (0..FLOOD).map(|number| (format!("x{number}.example"), position.clone()));
    let heads: serde_json::Map<String, Value> = heads.collect();
    let path = format!("/rooms/{}/heads", stage.room.id);
    let many = stage
        .peer
        .misbehaves(Ill::Json(json!({"heads": heads})), move |request| {
            request.path == path
        });
    let path = format!("/rooms/{}/backfill", stage.room.id);
    let nothing = json!({"events": [], "has_more": false});
    let pages = stage
        .peer
        .misbehaves(Ill::Json(nothing), move |request| request.path == path);
    stage.append_message("the gap");
    let late = stage.append_message("behind it");
    judge::equal(&stage.send_one(&late).await?, "/status", "pending")?;
    t.until("the server asks for heads", || async {
        Ok((many.times() > 0).then_some(()))
    })
    .await?;
    goes_on(&t).await?;
    goes_on(&t).await?;
    must(pages.times() <= PATIENT, || {
        format!(
            "logs that nobody has were asked for {} times",
            pages.times()
        )
    })
}

async fn endless_log(t: Trial) -> Verdict {
    let (peer, person) = (t.peer()?, t.person().await?);
    let creator = super::super::stage::new_guest(&peer);
    let room_id = peer.creates_room(&creator, "A room without an end");
    let invite = peer
        .invites(&room_id, &creator, person.fqid())
        .ok_or_else(|| failed("the suite has lost its room"))?;
    let answer = peer.post(&t.stranger(), "/invite", &invite).await?;
    super::super::stage::body(&answer)?;
    let accept = format!("/v1/me/invitations/{room_id}/accept");
    let first = peer.with_room(&room_id, |room| room.at(peer.name(), 1).cloned());
    for events in [json!([]), json!([first])] {
        let path = format!("/rooms/{room_id}/backfill");
        let page = json!({"events": events, "has_more": true});
        let mischief = peer.misbehaves(Ill::Json(page), move |request| request.path == path);
        let answer = person.post(accept.clone(), json!({})).await?;
        answer.refused("SW_SERVICE_UNAVAILABLE")?;
        must(mischief.times() <= PATIENT, || {
            format!("a log without end was asked for {} times", mischief.times())
        })?;
    }
    person.post(accept, json!({})).await?.ok()?;
    goes_on(&t).await
}
