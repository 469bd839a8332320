//! Two words for one place: by the hundred, within one request, in the server's own name, and by a room's host.

use serde_json::{Value, json};

use super::super::stage::{Stage, message, rejected};
use super::goes_on;
use crate::check::{Check, Verdict, failed, federation};
use crate::judge::{self, must};
use crate::protocol::event::{self, Log};
use crate::protocol::key::Key;
use crate::trial::Trial;

const SECTION: &str = "federation logs, forks";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "hostile/forks: of both branches in one request the first is taken, the other refused, and the log freezes",
            in_one_request,
        ),
        federation(
            SECTION,
            "hostile/forks: a hundred branches at one place are refused one by one, and other logs go on",
            hundred,
        ),
        federation(
            SECTION,
            "hostile/forks: a forged event in the server's own log is refused, and its log goes on",
            own_log,
        ),
        federation(
            SECTION,
            "hostile/forks: a duplicate's id with other bytes is no duplicate",
            known_id,
        ),
    ]
}

async fn in_one_request(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let other = stage.compose("swp.room.message", message("the other branch"));
    let first = stage.append_message("one branch");
    let results = stage.send(&[first.clone(), other.clone()]).await?;
    let [one, two] = results.as_slice() else {
        return Err(failed("a wrong number of results"));
    };
    judge::equal(one, "/status", "accepted")?;
    rejected(two, "SW_FED_SIGNATURE_MISMATCH", false)?;
    stage.not_shown(&other).await?;
    let next = stage.append_message("after it");
    rejected(
        &stage.send_one(&next).await?,
        "SW_FED_SIGNATURE_MISMATCH",
        false,
    )?;
    goes_on(&t).await
}

async fn hundred(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let branches: Vec<Value> = (0..100)
        .map(|number| stage.compose("swp.room.message", message(&number.to_string())))
        .collect();
    stage.says("the branch that was first").await?;
    for result in stage.send(&branches).await? {
        rejected(&result, "SW_FED_SIGNATURE_MISMATCH", false)?;
    }
    let sent = stage.owner.says(&stage.room, "another log goes on").await?;
    stage
        .gets("the owner's message", |event| {
            event["event_id"] == sent["id"]
        })
        .await?;
    // Nobody's right is touched: the peer still reads the room.
    stage.catch_up().await?;
    goes_on(&t).await
}

async fn own_log(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let sent = stage.owner.says(&stage.room, "the server's own").await?;
    let own = stage
        .gets("the owner's message", |event| {
            event["event_id"] == sent["id"]
        })
        .await?;
    let mut draft = stage.draft("swp.room.message", message("never said"));
    draft.sender = json!(stage.owner.fqid());
    draft.ts = own["ts"].as_i64().unwrap_or(0);
    let seq = own["seq"].as_i64().unwrap_or(0);
    let before = own["prev"].as_str().map(str::to_owned);
    for (seq, hash) in [(seq - 1, before), (seq, Some(event::hash(&own)))] {
        let log = Log {
            room_id: stage.room.id.clone(),
            origin: stage.peer.subject_name().to_owned(),
            epoch: 1,
            seq,
            hash,
            ts: 0,
        };
        for key in [stage.peer.key().clone(), Key::random()] {
            let forged = log.compose(&draft, &key);
            let mut disguised = forged.clone();
            disguised["key_id"] = own["key_id"].clone();
            for event in [forged, disguised] {
                rejected(
                    &stage.send_one(&event).await?,
                    "SW_FED_SIGNATURE_MISMATCH",
                    false,
                )?;
                stage.not_shown(&event).await?;
            }
        }
    }
    stage.owner.says(&stage.room, "goes on").await?;
    stage.says("the peer, too").await.map(drop)
}

async fn known_id(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let first = stage.says("once").await?;
    stage.shown(&first, |_| true).await?;
    let mut other = first.clone();
    other["sender"] = json!(stage.peer.fqid("nobody"));
    event::sign(&mut other, stage.peer.key());
    let result = stage.send_one(&other).await?;
    must(result["status"] == "rejected", || {
        format!("other bytes under a known id got {result}")
    })?;
    judge::equal(&result, "/placed", false)?;
    judge::equal(&result, "/error/code", "SW_FED_SIGNATURE_MISMATCH")
}
