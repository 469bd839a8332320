//! After the peer was down: what was missed arrives, in both directions, each event once. These run alone.

use std::time::Duration;

use serde_json::Value;

use super::stage::{Stage, body};
use crate::check::{Check, Stop, Verdict, failed, federation};
use crate::judge::{self, must};
use crate::protocol::event;
use crate::trial::Trial;

const SECTION: &str = "federation 7";
/// The other server may be backing off when the peer comes up, and compares heads only from time to time.
const RECOVERY: Duration = Duration::from_secs(75);

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(SECTION, "recovery/outbox: messages never wait for a peer that is down", never_waits).alone(),
        federation(SECTION, "recovery/outbox: what the peer missed arrives once it is up, in order, each event once", outbox).alone(),
        federation(SECTION, "recovery/anti-entropy: events that the peer never sent are fetched after a reconnect", anti_entropy).alone(),
        federation(SECTION, "recovery/anti-entropy: the peer's copy and the server's agree in the end", same_heads).alone(),
        federation(SECTION, "recovery/requests: every request of the server was rightly signed", all_signed).alone(),
    ]
}

/// The owner says some things while the peer is down.
async fn says_while_down(stage: &Stage, texts: &[&str]) -> Result<Vec<Value>, Stop> {
    stage.peer.set_down(true);
    let mut sent = Vec::new();
    for text in texts {
        match stage.owner.says(&stage.room, text).await {
            Ok(event) => sent.push(event),
            Err(stop) => {
                stage.peer.set_down(false);
                return Err(stop);
            }
        }
    }
    // The server must have noticed: a delivery was refused.
    let refused = stage.peer.gets("delivery while it is down", |request| {
        request.refused
            && request
                .events()
                .iter()
                .any(|event| event["room_id"] == stage.room.id.as_str())
    });
    let refused = refused.await;
    stage.peer.set_down(false);
    refused?;
    Ok(sent)
}

/// Any valid request of the peer ends the server's waiting.
async fn calls(stage: &Stage) -> Verdict {
    body(&stage.get("/heads").await?).map(drop)
}

async fn arrives(stage: &Stage, event: &Value) -> Result<Value, Stop> {
    let is_it = |candidate: &Value| candidate["event_id"] == event["id"];
    let request = stage
        .peer
        .wait(RECOVERY, "missed message", |request| {
            !request.refused && request.events().iter().any(is_it)
        })
        .await?;
    request
        .events()
        .into_iter()
        .find(is_it)
        .ok_or_else(|| failed("the event is gone"))
}

async fn never_waits(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let begin = std::time::Instant::now();
    let sent = says_while_down(&stage, &["one", "two", "three"]).await?;
    must(begin.elapsed() < Duration::from_secs(8), || {
        format!("three messages took {:?}", begin.elapsed())
    })?;
    calls(&stage).await?;
    let last = sent.last().ok_or_else(|| failed("nothing was sent"))?;
    arrives(&stage, last).await.map(drop)
}

async fn outbox(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let first = stage.owner.says(&stage.room, "before").await?;
    arrives(&stage, &first).await?;
    let sent = says_while_down(&stage, &["missed 1", "missed 2", "missed 3"]).await?;
    calls(&stage).await?;
    for event in &sent {
        arrives(&stage, event).await?;
    }
    let delivered: Vec<Value> = stage
        .peer
        .requests()
        .iter()
        .filter(|request| !request.refused)
        .flat_map(|request| request.events())
        .filter(|event| {
            event["room_id"] == stage.room.id.as_str() && event["type"] == "swp.room.message"
        })
        .collect();
    for pair in delivered.windows(2) {
        let [before, after] = pair else { continue };
        event::judge(after, stage.peer.subject_key(), Some(before)).map_err(failed)?;
    }
    must(delivered.len() == 4, || {
        format!("{} messages came instead of 4", delivered.len())
    })
}

async fn anti_entropy(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    stage.says("known").await?;
    // Appended, and never sent: only a comparison of heads can find them.
    let unsent = [
        stage.append_message("unsent 1"),
        stage.append_message("unsent 2"),
    ];
    let sent = says_while_down(&stage, &["while down"]).await?;
    calls(&stage).await?;
    for event in &sent {
        arrives(&stage, event).await?;
    }
    for event in &unsent {
        let id = judge::text(event, "/event_id")?;
        let path = stage.room.at(&format!("/events/{id}"));
        t.within(RECOVERY, "the unsent event is shown", || async {
            let answer = stage.owner.get(path.clone()).await?;
            Ok((answer.status == 200).then_some(()))
        })
        .await?;
    }
    Ok(())
}

async fn same_heads(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    stage.says("from b").await?;
    let sent = says_while_down(&stage, &["from a 1", "from a 2"]).await?;
    calls(&stage).await?;
    for event in &sent {
        arrives(&stage, event).await?;
    }
    t.within(RECOVERY, "both have the same heads", || async {
        let theirs = body(&stage.get("/heads").await?)?["heads"].clone();
        let ours = Value::Object(stage.copy(|room| room.heads()).unwrap_or_default());
        Ok((theirs == ours).then_some(()))
    })
    .await
}

async fn all_signed(t: Trial) -> Verdict {
    let peer = t.peer()?;
    let faults: Vec<String> = peer
        .requests()
        .iter()
        .filter_map(|request| {
            let fault = request.fault.as_ref()?;
            Some(format!("{} {}: {fault}", request.method, request.path))
        })
        .chain(peer.complaints())
        .collect();
    must(faults.is_empty(), || {
        format!(
            "{} requests or events were not lawful, such as {}",
            faults.len(),
            faults.first().map_or("", String::as_str)
        )
    })
}
