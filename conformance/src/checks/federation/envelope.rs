//! Single events whose envelope is wrong, late, doubled or forked (check 7).

use serde_json::{Value, json};

use super::stage::{Stage, message, rejected};
use crate::check::{Check, Verdict, federation};
use crate::clock;
use crate::judge::{self, must};
use crate::protocol::{event, hash_text};
use crate::trial::Trial;

const SECTION: &str = "federation 3, 4 (check 7), 6";

pub(super) fn checks() -> Vec<Check> {
    vec![
        federation(
            SECTION,
            "envelope/keys: an unknown key is refused",
            unknown_key,
        ),
        federation(
            SECTION,
            "envelope/keys: a missing key is refused",
            missing_key,
        ),
        federation(
            SECTION,
            "envelope/id: an event_id that does not follow is refused",
            wrong_id,
        ),
        federation(
            SECTION,
            "envelope/signature: another key than the log's is refused",
            other_key,
        ),
        federation(
            SECTION,
            "envelope/chain: a wrong prev is refused",
            wrong_prev,
        ),
        federation(
            SECTION,
            "envelope/chain: a ts before the event before is refused",
            earlier_ts,
        ),
        federation(
            SECTION,
            "envelope/chain: missing events are fetched from the peer, then all are shown",
            gap,
        ),
        federation(
            SECTION,
            "envelope/content: a content that does not match its hash is not shown, the right one heals it",
            wrong_content,
        ),
        federation(
            SECTION,
            "envelope/content: a content that is missing is asked for from the origin",
            bare,
        ),
        federation(
            SECTION,
            "envelope/duplicate: the same event again is a duplicate",
            duplicate,
        ),
        federation(
            SECTION,
            "envelope/time: over 60 s ahead is pending, 50 s ahead is accepted",
            ahead,
        ),
        federation(
            SECTION,
            "envelope/fork: other bytes at a known position are no duplicate, and both branches are hidden",
            fork,
        ),
        federation(
            SECTION,
            "envelope/fork: after it the log is frozen, other logs go on",
            frozen,
        ),
        federation(
            SECTION,
            "envelope/batch: one bad event does not block the good ones",
            one_bad,
        ),
        federation(
            SECTION,
            "envelope/batch: events of several rooms in one request get a result each, in order",
            several_rooms,
        ),
    ]
}

/// Refused with this code, as a request or as one event.
async fn refused(stage: &Stage, event: &Value, code: &str) -> Verdict {
    let request = json!({"events": [event]});
    let answer = stage
        .peer
        .post(&stage.trial.stranger(), "/send", &request)
        .await?;
    let refusal = answer.body()?;
    let given = refusal
        .pointer("/error/code")
        .or(refusal.pointer("/results/0/error/code"));
    must(given == Some(&Value::from(code)), || {
        format!("expected {code}, got {refusal}")
    })?;
    stage.not_shown(event).await?;
    // The log is where it was: the event that belongs there is taken.
    stage.says("the log goes on").await.map(drop)
}

async fn unknown_key(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let mut event = stage.compose("swp.room.message", message("x"));
    event["extra"] = json!(1);
    event::sign(&mut event, stage.peer.key());
    refused(&stage, &event, "SW_VALIDATION_ERROR").await
}

async fn missing_key(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let mut event = stage.compose("swp.room.message", message("x"));
    if let Some(members) = event.as_object_mut() {
        members.remove("state_seq");
    }
    event::sign(&mut event, stage.peer.key());
    refused(&stage, &event, "SW_VALIDATION_ERROR").await
}

async fn wrong_id(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let other = stage.compose("swp.room.message", message("other"));
    let mut event = stage.compose("swp.room.message", message("x"));
    event["event_id"] = other["event_id"].clone();
    event::sign(&mut event, stage.peer.key());
    refused(&stage, &event, "SW_FED_SIGNATURE_MISMATCH").await
}

async fn other_key(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let mut event = stage.compose("swp.room.message", message("x"));
    event::sign(&mut event, &crate::protocol::key::Key::random());
    refused(&stage, &event, "SW_FED_SIGNATURE_MISMATCH").await
}

async fn wrong_prev(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    stage.says("first").await?;
    let draft = stage.draft("swp.room.message", message("x"));
    let forged = stage.copy(|room| {
        let mut log = room.own.clone();
        log.hash = Some(hash_text(b"something else"));
        log.compose(&draft, stage.peer.key())
    });
    let result = stage.send_one(&forged.unwrap_or_default()).await?;
    // The event before it is known: it cannot follow, whatever comes later.
    must(
        result["status"] == "rejected" && result["placed"] == false,
        || format!("expected a refusal that stalls nothing else, got {result}"),
    )
}

async fn earlier_ts(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    stage.says("first").await?;
    let mut draft = stage.draft("swp.room.message", message("x"));
    draft.ts -= 3_600_000;
    let backdated = stage.copy(|room| {
        let mut log = room.own.clone();
        log.ts = 0;
        log.compose(&draft, stage.peer.key())
    });
    refused(
        &stage,
        &backdated.unwrap_or_default(),
        "SW_FED_SIGNATURE_MISMATCH",
    )
    .await
}

async fn gap(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    stage.says("first").await?;
    let missing = [
        stage.append_message("second"),
        stage.append_message("third"),
    ];
    let fourth = stage.append_message("fourth");
    stage.send_one(&fourth).await?;
    for event in missing.iter().chain([&fourth]) {
        stage.shown(event, |_| true).await?;
    }
    Ok(())
}

async fn wrong_content(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let event = stage.append_message("the right text");
    let mut forged = event.clone();
    forged["content"] = message("a forged text");
    stage.send_one(&forged).await?;
    let history = stage.owner.get(stage.room.at("/messages")).await?;
    must(!history.text.contains("a forged text"), || {
        "the forged text is shown".to_owned()
    })?;
    stage.send_one(&event).await?;
    stage
        .shown(&event, |seen| seen["content"] == message("the right text"))
        .await
        .map(drop)
}

async fn bare(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let event = stage.append_message("the late text");
    let mut bare = event.clone();
    if let Some(members) = bare.as_object_mut() {
        members.remove("content");
        members.remove("salt");
    }
    judge::equal(&stage.send_one(&bare).await?, "/status", "accepted")?;
    stage
        .shown(&event, |seen| seen["content"] == message("the late text"))
        .await
        .map(drop)
}

async fn duplicate(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let event = stage.says("once").await?;
    let result = stage.send_one(&event).await?;
    judge::equal(&result, "/status", "duplicate")
}

async fn ahead(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let mut draft = stage.draft("swp.room.message", message("a little ahead"));
    draft.ts = clock::now_ms() + 45_000;
    let event = stage.append_draft(&draft);
    judge::equal(&stage.send_one(&event).await?, "/status", "accepted")?;
    let mut draft = stage.draft("swp.room.message", message("far ahead"));
    draft.ts = clock::now_ms() + 600_000;
    let event = stage.append_draft(&draft);
    judge::equal(&stage.send_one(&event).await?, "/status", "pending")?;
    stage.not_shown(&event).await
}

/// Sends two events for one position.
async fn forks(stage: &Stage) -> Result<(Value, Value), crate::check::Stop> {
    let other = stage.compose("swp.room.message", message("the other branch"));
    let first = stage.says("one branch").await?;
    stage.shown(&first, |_| true).await?;
    let result = stage.send_one(&other).await?;
    must(
        result["status"] != "accepted" && result["status"] != "duplicate",
        || format!("a fork got {result}"),
    )?;
    Ok((first, other))
}

async fn fork(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    let (first, other) = forks(&stage).await?;
    t.until("both branches are hidden", || async {
        let answer = stage.owner.get(stage.room.at("/messages")).await?;
        let shows = |event: &Value| {
            event["content"]["body"]
                .as_str()
                .is_some_and(|body| answer.text.contains(body))
        };
        Ok((!shows(&first) && !shows(&other)).then_some(()))
    })
    .await
}

async fn frozen(t: Trial) -> Verdict {
    let stage = Stage::open(&t).await?;
    forks(&stage).await?;
    let event = stage.append_message("after the fork");
    let result = stage.send_one(&event).await?;
    must(result["status"] != "accepted", || {
        "an event after a fork was accepted".to_owned()
    })?;
    stage.not_shown(&event).await?;
    stage.owner.says(&stage.room, "goes on").await.map(drop)
}

async fn one_bad(t: Trial) -> Verdict {
    let (one, two) = (Stage::open(&t).await?, Stage::open(&t).await?);
    let (five, six) = (one.append_message("five"), one.append_message("six"));
    // 2^53 cannot be hashed: rightly signed all the same, it takes its place as a stub.
    let nine = two.append(
        "swp.room.message",
        json!({"msgtype": "swp.text", "body": "x", "n": 9_007_199_254_740_992_i64}),
    );
    let results = one.send(&[five.clone(), nine.clone(), six.clone()]).await?;
    let [first, second, third] = results.as_slice() else {
        return Err(crate::check::failed("a wrong number of results"));
    };
    judge::equal(first, "/status", "accepted")?;
    rejected(second, "SW_VALIDATION_ERROR", true)?;
    judge::equal(third, "/status", "accepted")?;
    let ten = two.append_message("ten");
    judge::equal(&two.send_one(&ten).await?, "/status", "accepted")?;
    for (stage, event) in [(&one, &five), (&one, &six), (&two, &ten)] {
        stage.shown(event, |_| true).await?;
    }
    two.not_shown(&nine).await
}

async fn several_rooms(t: Trial) -> Verdict {
    let (one, two) = (Stage::open(&t).await?, Stage::open(&t).await?);
    let events = [
        one.append_message("a"),
        two.append_message("b"),
        one.append_message("c"),
    ];
    let results = one.send(&events).await?;
    for (event, result) in events.iter().zip(&results) {
        judge::equal(result, "/event_id", event["event_id"].clone())?;
        judge::equal(result, "/status", "accepted")?;
    }
    Ok(())
}
